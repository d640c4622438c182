"""The hooks for pre-commit, and the shells' completion, do what they say."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import typer
import yaml

from tape_migrate import cli
from tape_migrate.completion import script
from tests.test_cli import LOCAL, NOTHING, run

ROOT = Path(__file__).resolve().parent.parent
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
COMMANDS = {"": cli.app_of(cli.MAIN), **{name: cli.app_of(name) for name in cli.COMMANDS}}


@pytest.mark.parametrize("hook", HOOKS, ids=[hook["id"] for hook in HOOKS])
def test_hooks_run_on_the_files_they_are_given(hook: dict[str, str], tmp_path: Path) -> None:
    program, *arguments = shlex.split(hook["entry"])
    assert program == "tape-migrate"
    assert {"id", "name", "entry", "language"} <= set(hook)
    for name, data in (("a.py", LOCAL), ("b.py", NOTHING)):
        (tmp_path / name).write_bytes(data)
    assert run(*arguments, "b.py", cwd=tmp_path).returncode == 0
    done = run(*arguments, "a.py", "b.py", cwd=tmp_path)
    changed = b"Tape" in (tmp_path / "a.py").read_bytes()
    # pre-commit fails where the exit code is not zero or a file was changed.
    assert (done.returncode, changed) == ((0, True) if "--write" in arguments else (1, False))


def options(name: str) -> set[str]:
    command = typer.main.get_command(COMMANDS[name])
    return {
        option
        for parameter in command.params
        if parameter.param_type_name == "option"
        for option in (*parameter.opts, *parameter.secondary_opts)
    }


def complete(tmp_path: Path, *words: str) -> set[str]:
    """What bash offers after these words, the last of which is being typed."""
    file = tmp_path / "completion.bash"
    file.write_text(script("bash"), encoding="utf-8")
    quoted = " ".join(shlex.quote(word) for word in words)
    code = f"source {file}; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}\n"
    code += '_tape_migrate; printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(
        ["bash", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return set(done.stdout.split())


def test_bash_completes_commands_options_values_and_files(tmp_path: Path) -> None:
    (tmp_path / "umbrella.py").write_text("")
    assert complete(tmp_path, "tape-migrate", "u") == {"undo", "umbrella.py"}
    for name in COMMANDS:
        words = ["tape-migrate", *([name] if name else []), "--"]
        assert complete(tmp_path, *words) == options(name) | {"--help"}, name
    assert complete(tmp_path, "tape-migrate", "--format", "") == {
        "text", "json", "sarif", "github", "junit",
    }  # fmt: skip
    assert "TM101" in complete(tmp_path, "tape-migrate", "explain", "TM10")
    assert complete(tmp_path, "tape-migrate", "--write", "umb") == {"umbrella.py"}


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_scripts_of_other_shells_name_everything_and_parse(shell: str, tmp_path: Path) -> None:
    text = script(shell)
    for name in COMMANDS:
        assert name in text
        for option in options(name):
            assert (option if shell == "zsh" else f"-l {option[2:]}") in text
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"not run any further: no {shell}")
    file = tmp_path / "script"
    file.write_text(text, encoding="utf-8")
    subprocess.run([program, "-n", file], check=True)
