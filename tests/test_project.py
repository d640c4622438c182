"""Dotted names of files, and what modules know of each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from tape_migrate.api import migrate_source
from tape_migrate.linking import migrate_project
from tape_migrate.model import Migration, Options, Outcome
from tape_migrate.names import UNKNOWN
from tape_migrate.project import Project, build_project


class Recording(Mapping[str, bytes]):
    """Sources that remember which of them were read."""

    def __init__(self, sources: dict[str, bytes]) -> None:
        self._sources = sources
        self.read: list[str] = []

    def __getitem__(self, path: str) -> bytes:
        self.read.append(path)
        return self._sources[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)


FILES = {
    "root/script.py": b"",
    "root/pkg/__init__.py": b"from .backend import tf, missing\n",
    "root/pkg/backend.py": b"import tensorflow as tf\nfrom .other import K\n",
    "root/pkg/other.py": b"from keras import backend as K\nx = 1\n",
    "root/pkg/sub/__init__.py": b"",
    "root/pkg/sub/deep.py": b"",
    "root/loose/module.py": b"import tensorflow as tf\n",
}


@pytest.mark.parametrize(
    ("path", "package"),
    [
        ("root/script.py", ""),
        ("root/pkg/__init__.py", "pkg"),
        ("root/pkg/backend.py", "pkg"),
        ("root/pkg/sub/__init__.py", "pkg.sub"),
        ("root/pkg/sub/deep.py", "pkg.sub"),
        ("root/loose/module.py", ""),
        ("unknown.py", ""),
    ],
)
def test_package_of_a_path(path: str, package: str) -> None:
    assert build_project(FILES).package_of(path) == package


@pytest.mark.parametrize(
    ("module", "name", "meaning"),
    [
        ("pkg.backend", "tf", "tensorflow"),
        ("pkg.backend", "K", "keras.backend"),
        ("pkg", "tf", "tensorflow"),
        ("pkg", "missing", "pkg.backend.missing"),
        ("pkg.other", "x", UNKNOWN),
        ("pkg.other", "tf", UNKNOWN),
        ("pkg", "backend", UNKNOWN),
        ("nowhere", "tf", UNKNOWN),
        ("module", "tf", "tensorflow"),
    ],
)
def test_meaning(module: str, name: str, meaning: str) -> None:
    assert build_project(FILES).meaning(module, name) == meaning


def test_modules_are_read_only_when_asked_for() -> None:
    sources = Recording(FILES)
    project = build_project(sources)
    assert sources.read == []
    assert project.meaning("pkg.backend", "tf") == "tensorflow"
    assert project.meaning("pkg.backend", "tf") == "tensorflow"
    assert sources.read == ["root/pkg/backend.py"]


@pytest.mark.parametrize("text", [b"print 'x'", b"\xff\xfe", b"def f(:", b"import \x00"])
def test_a_module_that_cannot_be_read_means_nothing(text: bytes) -> None:
    project = build_project({"broken.py": text + b"\nimport tensorflow as tf\n"})
    assert project.meaning("broken", "tf") == UNKNOWN


def test_circles_of_imports_end() -> None:
    files = {
        "p/__init__.py": b"from .a import tf\n",
        "p/a.py": b"from .b import *\n",
        "p/b.py": b"from .a import *\nfrom . import tf\n",
    }
    assert not build_project(files).meaning("p", "tf").startswith("tensorflow")


def test_a_call_through_a_project_is_migrated() -> None:
    source = b"""from .backend import tf


def f(x):
    y = tf.sin(x)
    return tf.gradients(y, x)[0]
"""
    project = build_project({**FILES, "root/pkg/use.py": source})
    migration = migrate_source(source, path="root/pkg/use.py", project=project)
    assert [site.outcome for site in migration.sites] == [Outcome.MIGRATED]
    assert b"    with tf.GradientTape() as tape:\n        tape.watch(x)\n" in migration.new
    # Alone, the module cannot know what `tf` is.
    assert migrate_source(source).sites == ()


def test_a_module_that_turns_eager_execution_off_holds_for_the_whole_program() -> None:
    graph = (
        b"from tensorflow.keras import backend as K\n\n\ndef f(model):\n"
        b"    grads = K.gradients(K.sum(model.output), model.input)[0]\n"
        b"    return K.function([model.input], [grads])\n"
    )
    switch = b"import tensorflow as tf\n\ntf.compat.v1.disable_eager_execution()\n"
    packages = {"p/__init__.py": "p", "p/net.py": "p.net"}
    off = Project({"p/__init__.py": switch, "p/net.py": graph}, packages)
    (site,) = migrate_source(graph, path="p/net.py", project=off).sites
    assert (site.outcome, site.code) == (Outcome.REFUSED, "TM146")
    assert "p/__init__.py" in site.message
    on = Project({"p/__init__.py": b"", "p/net.py": graph}, packages)
    (site,) = migrate_source(graph, path="p/net.py", project=on).sites
    assert site.outcome is Outcome.MIGRATED


def test_what_a_function_of_another_module_returns() -> None:
    files = {
        "backend.py": b"import tensorflow as tf\n\n\ndef get():\n    return tf\n\n\n"
        b"def other(x):\n    if x:\n        return tf\n    return x\n",
        "broken.py": b"def get(:\n    return tf\n",
    }
    for number in range(12):
        files[f"m{number}.py"] = b"def get():\n    return 1\n"
    project = build_project(files)
    for number in range(12):  # more than are kept unparsed
        assert project.returned(f"m{number}.get") == UNKNOWN
    assert project.returned("backend.get") == "tensorflow"
    assert project.returned("backend.other") == UNKNOWN
    assert project.returned("broken.get") == project.returned("gone.get") == UNKNOWN


def test_a_class_of_another_module() -> None:
    files = {
        "nets.py": b"import keras\n\n\nclass Net:\n    pass\n\n\nOther = Net\n",
        "broken.py": b"import keras\n\n\nclass Net(:\n",
    }
    project = build_project(files)
    found = project.class_of("nets.Net")
    assert found is not None
    assert found[1].name == "Net"
    for dotted in ("nets.Other", "nets.Gone", "broken.Net", "gone.Net"):
        assert project.class_of(dotted) is None


@pytest.mark.parametrize(
    ("path", "text", "off"),
    [
        ("train.py", "tf.disable_v2_behavior()\n", True),
        ("train.py", "tf.disable_v2_behavior()\ntf.enable_resource_variables()\n", False),
        ("train_test.py", "tf.disable_v2_behavior()\n", False),
        ("tests/train.py", "tf.disable_v2_behavior()\n", False),
        ("latest/train.py", "tf.disable_v2_behavior()\n", True),
        ("latest/contest.py", "tf.disable_v2_behavior()\n", True),
    ],
)
def test_who_turns_the_behaviour_of_tensorflow_2_off(path: str, text: str, off: bool) -> None:
    project = build_project(
        {"net.py": b"x = 1\n", path: b"import tensorflow as tf\n" + text.encode()}
    )
    assert project.turns_v2_off("net.py") == (path if off else None)


_OFF = b"import tensorflow as tf\n\ntf.compat.v1.disable_v2_behavior()\nimport main\n"
_LOOP = b"""import tensorflow as tf


def main(x):
    y = tf.map_fn(lambda v: v * v, x)
    return tf.gradients(y, x)
"""


@pytest.mark.parametrize(
    ("path", "other", "code"),
    [
        ("main.py", "run.py", "TM121"),
        ("latest/main.py", "latest/run.py", "TM121"),
        ("contest/main.py", "contest/attestation.py", "TM121"),
        ("tests/main.py", "tests/run.py", "TM121"),
        ("main.py", "run_test.py", None),
        ("main.py", "test_run.py", None),
        ("main.py", "tests/run.py", None),
    ],
)
def test_only_tests_are_no_part_of_a_program(path: str, other: str, code: str | None) -> None:
    """A tape gives None there (``tests/shapes/tables/data/modes.txt``), whatever a folder's name
    holds."""
    found = migrate_project({path: _LOOP, other: _OFF}, Options())
    migration = found[path]
    assert isinstance(migration, Migration)
    assert [site.code for site in migration.sites] == [code]


def test_a_text_that_was_parsed_is_not_parsed_again() -> None:
    text = b"import keras\n\n\nclass Net:\n    pass\n"
    project = build_project({"nets.py": text})
    assert project.class_of("nets.Net") is not None
    module = project.module_at("nets.py")
    assert module is not None
    assert project.parsed("nets.py", text) is module.parsed
    assert project.parsed("nets.py", text + b"# more\n") is not module.parsed
