"""Files of a project that fail while others change with them: nothing is changed by halves."""

from __future__ import annotations

import pytest

from tape_migrate import api
from tape_migrate.guards import GuardError, check
from tape_migrate.linking import migrate_project
from tape_migrate.model import Migration, Options, Outcome, SiteResult, SourceError
from tests.test_loss_linking import FILES

HELPER = "import tensorflow as tf\n\n\ndef grad(y, x):\n    return tf.gradients(y, x)[0]\n"
CALLER = "from a import grad\n\n\ndef slope(x):\n    y = x * x\n    return grad(y, x)\n"
BETWEEN = "from a import grad\n\n\ndef twice(y, x):\n    return 2.0 * grad(y, x)\n"
OUTER = "from between import twice\n\n\ndef slope(x):\n    y = x * x\n    return twice(y, x)\n"
FAULT = "# fault\n"


@pytest.fixture(autouse=True)
def _faulty(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the engine wrote what does not compile into every file that says so."""

    def faulty(old: bytes, new: bytes, sites: tuple[SiteResult, ...]) -> None:
        if FAULT.encode() in old and new != old:
            raise GuardError("it does not compile")
        check(old, new, sites)

    monkeypatch.setattr(api, "check", faulty)


def migrated(**texts: str) -> dict[str, Migration | SourceError]:
    sources = {f"{name}.py": text.encode() for name, text in texts.items()}
    return migrate_project(sources, Options(assume_closed=True))


def said(found: dict[str, Migration | SourceError]) -> str:
    """What is said of the only call; no file has changed."""
    migrations = [one for one in found.values() if isinstance(one, Migration)]
    assert all(one.new == one.old for one in migrations)
    ((code, message),) = [(site.code, site.message) for one in migrations for site in one.sites]
    return f"{code} {message}"


def test_without_a_fault_all_change() -> None:
    for texts in ({"a": HELPER, "b": CALLER}, {"a": HELPER, "between": BETWEEN, "b": OUTER}):
        found = migrated(**texts)
        assert all(isinstance(one, Migration) and one.changed for one in found.values())


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"a": HELPER, "b": CALLER + FAULT}, "the caller in b.py is in the way: TM199 it does not"),
        ({"a": HELPER + FAULT, "b": CALLER}, "TM199 it does not compile"),
        (
            {"a": HELPER, "between": BETWEEN, "b": OUTER + FAULT},
            "between.py, line 5, is in the way: TM101 the target y is a parameter, and the caller "
            "in b.py is in the way: TM199 it does not compile",
        ),
        (
            {"a": HELPER, "between": BETWEEN + FAULT, "b": OUTER},
            "the caller in between.py is in the way: TM199 it does not compile",
        ),
        (
            {"a": HELPER, "b": CALLER, "c": CALLER + "grad(1,\n"},
            "the caller in c.py is in the way: TM115 syntax error",
        ),
        (
            {"a": HELPER, "b": CALLER, "c": "# coding: klingon\n" + CALLER},
            "the caller in c.py is in the way: TM115 unknown encoding: klingon",
        ),
    ],
)
def test_a_file_that_fails_leaves_all_as_they_are(texts: dict[str, str], message: str) -> None:
    assert message in said(migrated(**texts))


@pytest.mark.parametrize("name", sorted(FILES))
def test_of_a_loss_and_its_models_a_file_that_fails_leaves_all(name: str) -> None:
    texts = {path.removesuffix(".py"): text for path, text in FILES.items()}
    whole = migrated(**texts)
    changed = {path for path, one in whole.items() if isinstance(one, Migration) and one.changed}
    found = migrated(**{**texts, name.removesuffix(".py"): FILES[name] + FAULT})
    if name in changed:
        assert said(found).startswith("TM147")
    else:
        assert {p for p, o in found.items() if isinstance(o, Migration) and o.changed} == changed


@pytest.mark.parametrize("text", ["SHOWN = {'Model': 'build'}\n", "SHOWN = {'Model': 'build'\n"])
def test_a_module_that_names_a_method_in_a_text_changes_nothing(text: str) -> None:
    """It may be broken, too: then nothing is known of it."""
    lib = (
        "import tensorflow as tf\n\n\nclass Model:\n    def __init__(self, x):\n"
        "        self.x = x\n\n    def build(self):\n        return tf.sin(self.x)\n\n"
        "    def slope(self):\n        y = self.build() * self.x\n"
        "        return tf.gradients(y, self.x)[0]\n"
    )
    options = Options(assume_closed=True)
    alone = migrate_project({"lib.py": lib.encode()}, options)["lib.py"]
    beside = migrate_project({"lib.py": lib.encode(), "names.py": text.encode()}, options)
    assert isinstance(alone, Migration)
    assert [site.outcome for site in alone.sites] == [Outcome.MIGRATED]
    assert beside["lib.py"] == alone
