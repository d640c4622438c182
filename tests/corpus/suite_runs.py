"""Which suites there are, and one run of one of them."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.measure import run
from tests.corpus.fetch import fetch, unpack
from tests.corpus.releases import Release
from tests.corpus.tool import Report, migrate_tree

_PLUGIN = Path(__file__).parent / "plugin"
QUIET = {
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "-1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
}


@dataclass(frozen=True)
class Suite:
    """The tests of one release and how to run them."""

    release: str
    """Its name in the corpus."""
    mode: str
    """How TensorFlow 2 is set up for it; see ``plugin/suite_plugin.py``."""
    folder: str
    """Where inside the archive ``sys.path`` should point."""
    tests: tuple[str, ...]
    """Files and folders given to pytest, relative to ``folder``."""
    library: tuple[str, ...]
    """Folders that are migrated as the library, but for ``*_test.py``, relative to ``folder``."""
    passes: int
    """How many tests pass on the release as published."""
    migrate_tests: bool = False
    """Whether there are calls in the tests too, so that a second variant is worth running."""
    path: tuple[str, ...] = (".",)
    """Folders that ``sys.path`` needs, relative to ``folder``."""

    def search_path(self, tree: Path) -> list[str]:
        """The same as absolute paths, for the suite unpacked in ``tree``."""
        return [str(tree / folder) for folder in self.path]


_GPFLOW_TESTS = ("scaled_euclid_dist", "triang", "transforms", "hmc", "optimizers")
_SLIM_TESTS = ("layers/rev_block_lib", "layers/optimizers", "training/training")

SUITES = (
    Suite("trfl", "v1", ".", ("trfl",), ("trfl",), 306, migrate_tests=True),
    Suite(
        "gpflow",
        "alias",
        "gpflow-1.5.1",
        tuple(f"tests/test_{name}.py" for name in _GPFLOW_TESTS),
        ("gpflow",),
        97,
        migrate_tests=True,
    ),
    Suite(
        "tf-slim",
        "v1",
        ".",
        tuple(f"tf_slim/{name}_test.py" for name in _SLIM_TESTS),
        ("tf_slim",),
        52,
        migrate_tests=True,
    ),
    Suite(
        "tensorflow-privacy",
        "eager-off",
        "tensorflow_privacy-0.5.1",
        tuple(
            f"tensorflow_privacy/privacy/optimizers/dp_optimizer_{name}.py"
            for name in ("test", "vectorized_test")
        ),
        ("tensorflow_privacy",),
        58,
        migrate_tests=True,
    ),
    Suite("saliency", "v1", "saliency-0.2.1", ("saliency/tf1",), ("saliency/tf1",), 38, True),
    Suite("SciANN", "plain", "SciANN-0.7.0.1", ("tests/test_api.py",), ("sciann",), 33),
    Suite(
        "garage",
        "plain",
        "garage-2021.3.0",
        (
            *(f"tests/garage/tf/models/test_{name}.py" for name in ("gru", "lstm")),
            "tests/garage/tf/optimizers",
        ),
        ("src/garage",),
        112,
        migrate_tests=True,
        path=("src", "."),
    ),
)


class SuiteError(Exception):
    """A suite could not be run at all."""


@dataclass(frozen=True)
class SuiteRun:
    """One run of a suite."""

    outcomes: dict[str, str]
    """Outcome by test id."""
    failures: dict[str, str]
    """The end of what each failed test said."""
    reached: frozenset[tuple[str, int]]
    """File (relative to the suite's folder) and line of every call of a tape."""
    wall: float

    @property
    def passed(self) -> frozenset[str]:
        return frozenset(t for t, outcome in self.outcomes.items() if outcome == "passed")


@dataclass(frozen=True)
class Variant:
    """A suite run on a migrated copy of its release."""

    name: str
    report: Report
    run: SuiteRun

    @property
    def migrated(self) -> int:
        return sum(site.outcome == "migrated" for site in self.report.sites)

    @property
    def reached(self) -> int:
        """How many migrated calls ran: a tape was asked on one of the lines they became."""
        return sum(
            any(f == site.path and first <= n <= last for f, n in self.run.reached)
            for site in self.report.sites
            if site.new_lines is not None
            for first, last in [site.new_lines]
        )


def run_suite(suite: Suite, release: Release, cache: Path, python: Path) -> SuiteRun:
    """Run a suite on the release as published. Raises ``SuiteError`` if pytest gives nothing."""
    with tempfile.TemporaryDirectory(prefix="tape-migrate-suite-") as folder:
        return _pytest(suite, _unpack(suite, release, cache, Path(folder).resolve()), python)


def run_variants(suite: Suite, release: Release, cache: Path, python: Path) -> list[Variant]:
    """Migrate the release's library, then its tests too if they hold calls, and run each."""
    variants = []
    for name in ("library", "library and tests")[: 1 + suite.migrate_tests]:
        with tempfile.TemporaryDirectory(prefix="tape-migrate-suite-") as folder:
            tree = _unpack(suite, release, cache, Path(folder).resolve())
            paths = _library(suite, tree)
            if name != "library":
                paths = tuple(dict.fromkeys(suite.library + suite.tests))
            report = migrate_tree(tree, paths, write=True)
            variants.append(Variant(name, report, _pytest(suite, tree, python)))
    return variants


def _library(suite: Suite, tree: Path) -> tuple[str, ...]:
    """The library's folders if they hold no tests: given whole, modules know of each other."""
    files = [path for folder in suite.library for path in sorted((tree / folder).rglob("*.py"))]
    kept = [path for path in files if not path.name.endswith("_test.py")]
    if kept == files:
        return suite.library
    return tuple(path.relative_to(tree).as_posix() for path in kept)


def _unpack(suite: Suite, release: Release, cache: Path, folder: Path) -> Path:
    unpack(fetch(release, cache), folder, only_python=False)
    return folder / suite.folder


def _pytest(suite: Suite, tree: Path, python: Path) -> SuiteRun:
    program = shutil.which(python)
    if program is None:
        raise SuiteError(f"no such interpreter: {python}")
    with tempfile.TemporaryDirectory() as scratch:
        result = Path(scratch) / "result.json"
        command = [program, "-m", "pytest", "-q", "-p", "suite_plugin", "-p", "no:cacheprovider"]
        command += ["-o", "python_files=*_test.py test_*.py", "--tb=short", *suite.tests]
        env = {**QUIET, "TAPE_SUITE_MODE": suite.mode, "TAPE_SUITE_RESULT": str(result)}
        done = run(
            command,
            cwd=tree,
            env={**env, "PYTHONPATH": os.pathsep.join([str(_PLUGIN), *suite.search_path(tree)])},
        )
        if not result.exists():
            output = (done.stdout + done.stderr).decode("utf-8", "replace")
            raise SuiteError("pytest gave nothing:\n" + "\n".join(output.splitlines()[-20:]))
        found = json.loads(result.read_text(encoding="utf-8"))
    return SuiteRun(
        outcomes=found["outcomes"],
        failures=found["failures"],
        reached=frozenset(
            (Path(file).relative_to(tree).as_posix(), line)
            for file, line in found["reached"]
            if Path(file).is_relative_to(tree)
        ),
        wall=done.wall,
    )
