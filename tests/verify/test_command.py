"""Targets, reports and exit codes of ``tape-migrate verify``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tape_migrate import verify
from tape_migrate.verify import Case, Verdict, Verifier, command, program
from tape_migrate.verify.command import find_cases, module_case, run_cli
from tape_migrate.verify.probe_command import run_probe
from tape_migrate.verify.program.command import ProgramOptions, run_program
from tape_migrate.verify.program.plan import Asked
from tape_migrate.verify.ways import run_verify
from tests.verify.program.programs import valid

BEFORE = """import tensorflow as tf


def f(x):
    y = x ** 3
    return tf.gradients(y, x)[0]
"""
AFTER = """import tensorflow as tf


def f(x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x ** 3
    return tape.gradient(y, x)
"""
TOML = 'entry = "f"\noutcome = "migrated"\n[inputs]\nx = "float32[4]"\n'


def write(folder: Path, after: str | None = AFTER, toml: str = TOML) -> Path:
    folder.mkdir(parents=True)
    (folder / "before.py").write_text(BEFORE, encoding="utf-8")
    (folder / "case.toml").write_text(toml, encoding="utf-8")
    if after is not None:
        (folder / "after.py").write_text(after, encoding="utf-8")
    return folder


def test_a_folder_of_cases(tmp_path: Path) -> None:
    opinion = '[finite_differences]\ntarget = "lambda x: x ** 3"\nsource = "x"\n'
    write(tmp_path / "local" / "right", toml=TOML + opinion)
    write(tmp_path / "local" / "wrong", AFTER.replace("** 3\n    return", "** 2\n    return"))
    write(tmp_path / "refused" / "left", None, 'entry = "f"\noutcome = "refused"\n')
    target = tmp_path / "evidence.json"
    report, code = run_cli(str(tmp_path), device="cpu", json_path=str(target))
    assert code == command.EXIT_NOT_PROVEN
    assert "local/right: EQUAL: eager and tf.function: bit-equal" in report
    assert "local/wrong: DIFFERENT: " in report
    assert "refused/left: NOT RUN: nothing was migrated" in report
    assert "local/right: finite differences: " in report
    assert "local/wrong: finite differences" not in report
    assert "3 cases: 1 equal, 1 not run, 1 different" in report
    data = json.loads(target.read_text(encoding="utf-8"))
    valid(data)
    assert data["version"] == 1
    assert data["summary"]["cases"] == 3
    assert [item["verdict"] for item in data["cases"]] == ["equal", "different", "not run"]


@pytest.mark.parametrize(
    ("target", "inputs", "complaint"),
    [
        ("nowhere", [], "neither module.py::function nor a folder"),
        (".", [], "no case.toml"),
        (".", ["x=float32[2]"], "a case.toml has its own"),
        ("gone.py::f", [], "gone.py"),
        ("here.py::", [], "name the function after ::"),
        ("here.py::f", ["x=float33[2]"], "unknown dtype"),
    ],
)
def test_wrong_usage(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    target: str,
    inputs: list[str],
    complaint: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "migrated", lambda *_: (AFTER.encode(), ""))
    (tmp_path / "here.py").write_text(BEFORE, encoding="utf-8")
    report, code = run_cli(target, inputs)
    assert code == command.EXIT_USAGE
    assert complaint in report


def test_missing_tensorflow_says_what_to_install(tmp_path: Path) -> None:
    wrapper = tmp_path / "python"
    wrapper.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S -I "$@"\n', encoding="utf-8")
    wrapper.chmod(0o755)
    folder = write(tmp_path / "local" / "right")
    report, code = run_cli(str(folder), old_python=str(wrapper), new_python=str(wrapper))
    assert code == command.EXIT_FAILED
    assert 'pip install "tape-migrate[verify]"' in report


def test_cases_come_in_order(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        write(tmp_path / "local" / name)
    names = [case.name for case in find_cases(str(tmp_path))]
    assert names == ["local/a", "local/b", "local/c"]


def test_a_module_in_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "nets" / "deep"
    package.mkdir(parents=True)
    for folder in (package, package.parent):
        (folder / "__init__.py").write_text("", encoding="utf-8")
    (package / "ops.py").write_text("def cube(x):\n    return x ** 3\n", encoding="utf-8")
    head = "import tensorflow as tf\nfrom .ops import cube\n\n\n"
    module = package / "model.py"
    module.write_text(
        head + "def f(x):\n    y = cube(x)\n    return tf.gradients(y, x)[0]\n", encoding="utf-8"
    )
    after = head + (
        "def f(x):\n    with tf.GradientTape() as tape:\n        tape.watch(x)\n"
        "        y = cube(x)\n    return tape.gradient(y, x)\n"
    )
    monkeypatch.setattr(command, "migrated", lambda *_: (after.encode(), ""))
    case = module_case(module, "f", ["x=float32[3]"])
    assert (case.package, case.sys_path) == ("nets.deep", (str(tmp_path),))
    report, code = run_cli(f"{module}::f", ["x=float32[3]"], device="cpu", json_path="-")
    assert code == command.EXIT_EQUAL, report
    assert json.loads(report)["summary"]["equal"] == 1


def test_a_refusal_is_told_with_its_reason(tmp_path: Path) -> None:
    module = tmp_path / "helper.py"
    module.write_text(
        "import tensorflow as tf\n\n\ndef grad(y, x):\n    return tf.gradients(y, x)[0]\n",
        encoding="utf-8",
    )
    report, code = run_cli(f"{module}::grad", ["y=float32[]", "x=float32[]"])
    assert code == command.EXIT_NOT_PROVEN
    assert "NOT RUN: nothing was migrated: line 5: TM1" in report


def test_a_closed_program_is_assumed_as_for_the_migration(tmp_path: Path) -> None:
    module = tmp_path / "helper.py"
    module.write_text(
        "import tensorflow as tf\n\n\n"
        "def grad(y, x):\n    return tf.gradients(y, x)[0]\n\n\n"
        "def slope(x):\n    y = tf.sin(x)\n    return grad(y, x)\n",
        encoding="utf-8",
    )
    arguments = (f"{module}::slope", ["x=float32[3]"])
    assert find_cases(*arguments)[0].after is None
    report, code = run_cli(*arguments, device="cpu", assume_closed=True)
    assert code == command.EXIT_EQUAL, report


@pytest.mark.parametrize(
    ("options", "asked", "sentence"),
    [
        ({"rtol": 1e-9}, {}, "--rtol is for programs"),
        ({"double": True, "seed": 3}, {}, "--float64, --seed are for programs"),
        ({}, {"against": "HEAD"}, "--against is for programs"),
    ],
)
def test_options_of_programs_are_not_ignored(
    options: dict[str, Any], asked: dict[str, Any], sentence: str
) -> None:
    report, code = run_verify(Asked(("m.py::f",), **asked), (), ProgramOptions(**options))
    assert (report, code) == (f"{sentence}\n", command.EXIT_USAGE)


@pytest.mark.parametrize(
    ("entry", "inputs", "sentence"),
    [
        ("nope", (), "has no function nope; it has slope"),
        ("slope", (), "slope needs --input for x"),
        ("Net.slope", (), "has no function Net.slope"),
    ],
)
def test_what_cannot_be_called_is_said_in_a_sentence(
    tmp_path: Path, entry: str, inputs: tuple[str, ...], sentence: str
) -> None:
    module = tmp_path / "module.py"
    module.write_text(
        "import tensorflow as tf\n\n\n"
        "def slope(x, scale=2.0):\n    y = tf.sin(x) * scale\n    return tf.gradients(y, x)[0]\n"
    )
    report, code = run_cli(f"{module}::{entry}", inputs)
    assert code == 2
    assert sentence in report
    assert "Traceback" not in report


def test_inputs_are_for_functions() -> None:
    asked = Asked(targets=("net.py",))
    said, code = run_verify(asked, ["x=float32[2]"], ProgramOptions())
    assert (said, code) == ("--input goes with module.py::function\n", 2)


def test_an_unknown_device(tmp_path: Path) -> None:
    said, code = run_cli(str(write(tmp_path / "case")), device="tpu")
    assert (said, code) == ("device must be cpu, gpu or all, not 'tpu'\n", 2)
    with pytest.raises(ValueError, match="devices must be one of cpu, gpu, all, not 'tpu'"):
        Verifier(devices="tpu")


def test_a_program_of_which_nothing_is_migrated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "net.py").write_text(
        "import tensorflow as tf\n\n\ndef f(x, n):\n    return tf.gradients(n, n)[0]\n"
    )
    monkeypatch.chdir(tmp_path)
    said, code = run_program(Asked(targets=("net.py",)), ProgramOptions())
    assert code == 1
    assert said.endswith("nothing was migrated: there is nothing to prove\n")


def test_a_case_that_names_nothing_to_run_is_not_run() -> None:
    with Verifier(devices="cpu") as verifier:
        evidence = verifier.verify(Case("c", b"", b""))
    assert evidence.verdict is Verdict.NOT_RUN
    assert evidence.sentence == "the case names neither an entry nor outputs"


WITHOUT_NUMPY = """
import sys
sys.modules["numpy"] = None
from tape_migrate.__main__ import main
main()
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["verify", "m.py::slope", "--input", "x=float32[2]"],
        ["verify", "m.py"],
        ["probe", "m.py"],
        ["--verify", "python m.py", "--write", "m.py"],
    ],
)
def test_without_numpy_it_is_said_what_to_install(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "m.py").write_text(BEFORE.replace("def f(", "def slope("), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_NUMPY, *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert command.MISSING in done.stdout
    assert "Traceback" not in done.stderr
    assert "tf.gradients" in (tmp_path / "m.py").read_text(encoding="utf-8")


def test_a_fault_of_ours_is_not_taken_for_a_package_that_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path / "local" / "right")
    for package, name in ((verify, "harness"), (program, "prove")):
        monkeypatch.setitem(sys.modules, f"{package.__name__}.{name}", None)
        monkeypatch.delattr(package, name, raising=False)
    with pytest.raises(ModuleNotFoundError, match="harness"):
        run_cli(str(folder))
    with pytest.raises(ModuleNotFoundError, match="harness"):
        run_probe([str(folder / "before.py")])
    with pytest.raises(ModuleNotFoundError, match="prove"):
        run_program(Asked((str(folder / "before.py"),)), ProgramOptions())


def test_what_is_assigned_may_be_called(tmp_path: Path) -> None:
    module = tmp_path / "m.py"
    module.write_text(BEFORE + "\n\ng = tf.function(f)\n", encoding="utf-8")
    (found,) = find_cases(f"{module}::g", ["x=float32[2]"])
    assert found.entry == "g"


def test_finite_differences_can_be_left_out_with_a_reason(tmp_path: Path) -> None:
    skipped = TOML + '[finite_differences]\nskip = "it is no function of one tensor"\n'
    (found,) = find_cases(str(write(tmp_path / "local" / "right", toml=skipped)))
    assert found.differences is not None
    assert found.differences.skip == "it is no function of one tensor"
