"""The hooks for pre-commit, and the shells' completion, do what they say."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shlex
import shutil
import signal
import struct
import subprocess
import termios
from collections.abc import Callable
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
    assert {"TM101", "TM102"} <= complete(tmp_path, "tape-migrate", "explain", "TM10")
    assert complete(tmp_path, "tape-migrate", "explain", "nes") == {"nested"}
    assert complete(tmp_path, "tape-migrate", "completion", "") == {"bash", "zsh", "fish"}
    assert complete(tmp_path, "tape-migrate", "--write", "umb") == {"umbrella.py"}


def in_fish(tmp_path: Path, line: str) -> set[str]:
    """What fish offers at the end of a line."""
    file = tmp_path / "completion.fish"
    file.write_text(script("fish"), encoding="utf-8")
    code = f"source {file}; complete -C {shlex.quote(line)}"
    done = subprocess.run(
        ["fish", "--no-config", "-c", code], cwd=tmp_path, capture_output=True, text=True,
        check=True, env={**os.environ, "HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.stderr == ""
    return {line.partition("\t")[0] for line in done.stdout.splitlines()}


def in_zsh(tmp_path: Path, line: str) -> set[str]:
    """What a zsh at a terminal lists when the tabulator is pressed at the end of a line."""
    functions = tmp_path / "functions"
    functions.mkdir(exist_ok=True)
    (functions / "_tape-migrate").write_text(script("zsh"), encoding="utf-8")
    set_up = "PS1='READY'; LISTMAX=9999; unset zle_bracketed_paste; fpath=(functions $fpath)\n"
    (tmp_path / ".zshrc").write_text(set_up + "autoload -U compinit; compinit -u -D\n")
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        home = {"HOME": str(tmp_path), "ZDOTDIR": str(tmp_path)}
        os.execvpe("zsh", ["zsh", "-d", "-i"], {**os.environ, **home, "TERM": "dumb"})
    try:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 900, 200, 0, 0))
        read_until(terminal, "READY")
        os.write(terminal, f"{line}\t\t".encode())
        # The list, and then the line once more.
        shown = read_until(terminal, None)
    finally:
        os.close(terminal)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return set(re.findall(r"[\w.-]+", shown.partition("\n")[2] or shown))


def read_until(terminal: int, text: str | None) -> str:
    """Read until ``text`` was seen; without one, until nothing comes for half a second."""
    seen = ""
    while text is None or text not in seen:
        wait = 20.0 if text is not None or not seen else 0.7
        if not select.select([terminal], [], [], wait)[0]:
            assert text is None, seen
            break
        seen += os.read(terminal, 65536).decode("utf-8", "replace").replace("\r\n", "\n")
    return seen


SHELLS = [
    pytest.param(
        offer,
        id=shell,
        marks=pytest.mark.skipif(shutil.which(shell) is None, reason=f"not run: no {shell}"),
    )
    for shell, offer in (("fish", in_fish), ("zsh", in_zsh))
]


@pytest.mark.parametrize("offer", SHELLS)
def test_other_shells_complete_the_same(
    offer: Callable[[Path, str], set[str]], tmp_path: Path
) -> None:
    (tmp_path / "umbrella.py").write_text("")
    (tmp_path / "upper.txt").write_text("")
    assert {"undo", "umbrella.py"} <= offer(tmp_path, "tape-migrate u")
    for name in ("", "undo", "batch", "verify"):
        found = offer(tmp_path, f"tape-migrate {name} --".replace("  ", " "))
        assert options(name) | {"--help"} <= found, name
        assert name != "undo" or "--write" not in found
    assert {"sarif", "junit"} <= offer(tmp_path, "tape-migrate --format ")
    assert {"TM101", "TM102"} <= offer(tmp_path, "tape-migrate explain TM10")
    assert {"bash", "zsh", "fish"} <= offer(tmp_path, "tape-migrate completion ")
    assert {"umbrella.py", "upper.txt"} <= offer(tmp_path, "tape-migrate --write u")
