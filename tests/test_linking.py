"""Projects of several files: which change together, and that both sides give the same numbers.

A case is a folder under ``fixtures/projects`` with the files before (``before/``), what becomes of
those that change (``after/``, written by ``--force-regen``), and ``project.toml``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tape_migrate.linking import migrate_project
from tape_migrate.model import Migration, Options, Outcome

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECTS = Path(__file__).resolve().parent.parent / "fixtures" / "projects"
NAMES = sorted(path.parent.name for path in PROJECTS.glob("*/project.toml"))

WORKER = """
import contextlib, importlib, json, os, sys
PROJECTS, keras, jobs = json.loads(sys.stdin.read())
if keras:
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
import numpy as np
import tensorflow as tf
if keras:
    tf.compat.v1.disable_eager_execution()
    missing = importlib.import_module("tape_migrate.verify.worker_world").use_keras_2()
    assert not missing, missing

def load(folder):
    for name in [n for n, m in sys.modules.items()
                 if str(getattr(m, "__file__", "")).startswith(PROJECTS)]:
        del sys.modules[name]
    sys.path.insert(0, folder)
    try:
        return importlib.import_module("main")
    finally:
        sys.path.pop(0)

def values(folder, mode):
    x = np.linspace(0.5, 1.5, 5).astype("float32")
    tf.keras.utils.set_random_seed(7)
    if mode == "graph":
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            tf.compat.v1.set_random_seed(7)
            result = load(folder).run(tf.constant(x))
            session.run(tf.compat.v1.global_variables_initializer())
            found = session.run(tf.nest.flatten(result))
    elif mode.startswith("keras"):
        # Keras 3's training step is not the same in every run once its graph has been optimized.
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
        with tf.Graph().as_default() if keras else contextlib.nullcontext():
            found = load(folder).run(x)
    else:
        run = load(folder).run
        run = tf.function(run) if mode == "function" else run
        found = [value.numpy() for value in tf.nest.flatten(run(tf.constant(x)))]
    return [np.asarray(value).tolist() for value in found]

print("ANSWER" + json.dumps([values(folder, mode) for folder, mode in jobs]))
"""


def settings(name: str) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((PROJECTS / name / "project.toml").read_text("utf-8"))
    return found


@cache
def migrated(name: str) -> dict[str, Migration]:
    """The migrations of a case's files, by path inside it."""
    folder = PROJECTS / name / "before"
    sources = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.py")
    }
    options = Options(assume_closed=settings(name).get("assume_closed", False))
    found = migrate_project(dict(sorted(sources.items())), options)
    migrations = {p: m for p, m in found.items() if isinstance(m, Migration)}
    assert migrations.keys() == sources.keys()
    return migrations


@pytest.mark.parametrize("name", NAMES)
def test_which_files_change(name: str) -> None:
    case, found = settings(name), migrated(name)
    assert all(migration.internal_error is None for migration in found.values())
    assert sorted(p for p, m in found.items() if m.changed) == sorted(case["changed"])
    left = [s for m in found.values() for s in m.sites if s.outcome is not Outcome.MIGRATED]
    assert [s.code for s in left] == case["codes"], left


@pytest.mark.parametrize("name", NAMES)
def test_text(name: str, request: pytest.FixtureRequest) -> None:
    after = PROJECTS / name / "after"
    for path, migration in migrated(name).items():
        golden = after / path
        if not migration.changed:
            assert not golden.exists()
        elif request.config.getoption("force_regen") or request.config.getoption("regen_all"):
            golden.parent.mkdir(parents=True, exist_ok=True)
            golden.write_bytes(migration.new)
        else:
            assert golden.read_bytes() == migration.new


@pytest.mark.parametrize("name", NAMES)
def test_a_second_run_changes_nothing(name: str) -> None:
    case, found = settings(name), migrated(name)
    options = Options(assume_closed=case.get("assume_closed", False))
    again = migrate_project({path: m.new for path, m in found.items()}, options)
    assert not [path for path, m in again.items() if isinstance(m, Migration) and m.changed]


@pytest.fixture(scope="module")
def proofs(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Any]:
    """What ``main.run`` gives, by case and mode (``old``: the files before, in a graph)."""
    root = tmp_path_factory.mktemp("projects")
    jobs: dict[tuple[str, str], tuple[str, str]] = {}
    for name in NAMES:
        case, found = settings(name), migrated(name)
        for side in ("old", "new") if case["changed"] else ("old",):
            for path, migration in found.items():
                target = root / name / side / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(migration.old if side == "old" else migration.new)
            old = "keras-2" if case["modes"] == ["keras"] else "graph"
            for mode in (old,) if side == "old" else case["modes"]:
                jobs[name, mode if side == "new" else "old"] = (str(root / name / side), mode)
    # Keras 2 is chosen for a process as a whole.
    plain = {key: job for key, job in jobs.items() if job[1] != "keras-2"}
    keras = {key: job for key, job in jobs.items() if job[1] == "keras-2"}
    return {**_run(root, plain, keras=False), **_run(root, keras, keras=True)}


def _run(
    root: Path, jobs: dict[tuple[str, str], tuple[str, str]], *, keras: bool
) -> dict[tuple[str, str], Any]:
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment |= {"TF_ENABLE_ONEDNN_OPTS": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", WORKER],
        input=json.dumps([str(root), keras, list(jobs.values())]),
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answer = done.stdout.rpartition("ANSWER")[2]
    return dict(zip(jobs, json.loads(answer), strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_proof(name: str, proofs: dict[tuple[str, str], Any]) -> None:
    old = proofs[name, "old"]
    flat = [number for value in old for number in _numbers(value)]
    assert any(flat), "all-zero gradients prove nothing"
    case = settings(name)
    for mode in case["modes"] if case["changed"] else ():
        new = [number for value in proofs[name, mode] for number in _numbers(value)]
        assert len(new) == len(flat)
        scale = max(abs(number) for number in flat)
        assert max(abs(a - b) for a, b in zip(flat, new, strict=True)) <= 2e-5 * scale


def _numbers(value: Any) -> list[float]:
    if isinstance(value, list):
        return [number for item in value for number in _numbers(item)]
    return [float(value)]
