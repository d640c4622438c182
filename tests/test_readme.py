"""What README.md shows is what happens.

Console blocks and generated tables are compared with the real thing; ``--force-regen`` (or
``--regen-all``) writes them anew.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jsonschema
import pytest
import typer
import yaml

from tape_migrate import cli, exits, migrate_source
from tape_migrate.cli.migrate import Format
from tape_migrate.model import Outcome, Shape
from tape_migrate.refusals import all_refusals
from tape_migrate.reports.jsonreport import schema
from tape_migrate.review.command import PROMPT
from tape_migrate.settings.load import load
from tape_migrate.verify.compare import RTOL

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
COMMANDS = {
    "tape-migrate": cli.app_of(cli.MAIN),
    **{f"tape-migrate {name}": cli.app_of(name) for name in cli.COMMANDS},
}


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, its text, and where the text stands in README.md."""

    language: str
    text: str
    start: int

    @property
    def command(self) -> str:
        """The command of a console block, without its prompt."""
        return self.text.partition("\n")[0].removeprefix("$ ")

    @property
    def output(self) -> str:
        return self.text.partition("\n")[2]


def blocks(language: str) -> list[Block]:
    text = README.read_text(encoding="utf-8")
    found = re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [Block(m[1], m[2], m.start(2)) for m in found if m[1] == language]


CONSOLE = [block.command for block in blocks("console")]


@pytest.mark.parametrize("command", CONSOLE)
def test_console_blocks_show_what_is_printed(
    command: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    block = next(block for block in blocks("console") if block.command == command)
    printed = without_what_varies(run(command, tmp_path))
    if regenerating(request):
        text = README.read_text(encoding="utf-8")
        end = block.start + len(block.text)
        new = f"$ {command}\n{printed}"
        README.write_text(text[: block.start] + new + text[end:], encoding="utf-8")
        return
    assert without_what_varies(block.output) == printed


def run(command: str, folder: Path) -> str:
    """Run a command of this tool in a folder that holds copies of the fixtures it names."""
    program, *arguments = shlex.split(command)
    assert program == "tape-migrate"
    for argument in arguments:
        path = argument.partition("/before.")[0]
        if path.startswith("fixtures/"):
            shutil.copytree(ROOT / path, folder / path)
    done = subprocess.run(
        [sys.executable, "-m", "tape_migrate", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def without_what_varies(text: str) -> str:
    """Seconds and the release of TensorFlow are not the same everywhere."""
    text = re.sub(r"\bin \d+\.\d s$", "in 9.9 s", text, flags=re.MULTILINE)
    text = re.sub(r"TensorFlow 2\.\d+\.\d+", "TensorFlow 2.21.0", text)
    text = re.sub(r"Python 3\.\d+\.\d+", "Python 3.11.7", text)
    return re.sub(r"new: 2\.\d+\.\d+", "new: 2.21.0", text)


def regenerating(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("force_regen") or request.config.getoption("regen_all"))


def test_the_table_of_codes_is_the_catalogue(request: pytest.FixtureRequest) -> None:
    rows = [
        f"| {r.code} | {r.slug} | {cell(r.sentence)} | {cell(r.advice)} |" for r in all_refusals()
    ]
    table = "\n".join(["| code | name | why | what to do |", "|---|---|---|---|", *rows])
    text = README.read_text(encoding="utf-8")
    begin, end = "<!-- codes -->\n", "<!-- /codes -->"
    head, _, rest = text.partition(begin)
    old, _, tail = rest.partition(end)
    if regenerating(request):
        README.write_text(f"{head}{begin}\n{table}\n\n{end}{tail}", encoding="utf-8")
        return
    assert old.strip() == table


def cell(text: str) -> str:
    """A sentence as a table cell, with what Markdown would take for markup escaped."""
    return re.sub(r"[*|_]", r"\\\g<0>", text)


def test_the_table_of_shapes_lists_all_of_them() -> None:
    assert first_cells("shape") == [f"`{shape.value}`" for shape in Shape]


def first_cells(heading: str) -> list[str]:
    """The first column of the table that begins with ``heading``."""
    return [row[0] for row in table_rows(heading)]


def table_rows(heading: str) -> list[list[str]]:
    lines = README.read_text(encoding="utf-8").splitlines()
    (at,) = (i for i, line in enumerate(lines) if line.startswith(f"| {heading} |"))
    rows = []
    for line in lines[at + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([part.strip() for part in re.split(r"(?<!\\)\|", line)[1:-1]])
    return rows


@pytest.mark.parametrize(
    ("heading", "command"),
    [
        ("option", "tape-migrate"),
        ("option of `verify`", "tape-migrate verify"),
        ("option of `probe`", "tape-migrate probe"),
        ("option of `undo`", "tape-migrate undo"),
        ("option of `batch`", "tape-migrate batch"),
        ("option of `config`", "tape-migrate config"),
    ],
)
def test_every_option_is_listed_with_an_example_that_parses(heading: str, command: str) -> None:
    program = typer.main.get_command(COMMANDS[command])
    options = {
        name
        for parameter in program.params
        if parameter.param_type_name == "option"
        for name in (*parameter.opts, *parameter.secondary_opts)
    }
    listed = set()
    for names, _, example in table_rows(heading):
        found = re.findall(r"--[\w-]+", names)
        listed.update(found)
        arguments = shlex.split(example.strip("`").removeprefix("tape-migrate"))
        assert not found or set(found) & set(arguments), example
        if arguments and f"tape-migrate {arguments[0]}" in COMMANDS:
            accepted(f"tape-migrate {arguments[0]}", arguments[1:])
        else:
            accepted(command, arguments if command == "tape-migrate" else ["m.py", *arguments])
    assert listed - {"--help"} == options - {"--help"}
    assert "--help" in first_cells("option")[-1]


def accepted(command: str, arguments: list[str]) -> None:
    """Parse a command line without running it."""
    parser = typer.main.get_command(COMMANDS[command])
    if {"--help", "--version"} & set(arguments):
        with pytest.raises(typer.Exit):
            parser.make_context(command, arguments)
    else:
        parser.make_context(command, arguments)


def test_the_table_of_exit_codes_is_complete() -> None:
    codes = {value for name, value in vars(exits).items() if name.startswith("EXIT_")}
    assert [int(code) for code in first_cells("code | `tape-migrate`")] == sorted(codes)


def test_the_json_shown_fits_the_schema() -> None:
    shown = [block.output for block in blocks("console") if "--format json" in block.command]
    assert shown
    for text in shown:
        jsonschema.Draft202012Validator(schema()).validate(json.loads(text))


def test_the_settings_shown_are_settings(tmp_path: Path) -> None:
    (text,) = (block.text for block in blocks("toml"))
    file = tmp_path / "pyproject.toml"
    file.write_text(text, encoding="utf-8")
    settings = load([], config=str(file))
    shown = tomllib.loads(text)["tool"]["tape-migrate"]
    assert {key: settings.origins[key] for key in shown} == dict.fromkeys(shown, str(file))


def test_the_files_for_ci_are_what_their_readers_want() -> None:
    hooks, action = (yaml.safe_load(block.text) for block in blocks("yaml"))
    known = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert {hook["id"] for hook in hooks["repos"][0]["hooks"]} <= {hook["id"] for hook in known}
    assert action["runs"]["using"] == "composite"
    (command,) = (
        step["run"] for step in action["runs"]["steps"] if "run" in step and "sarif" in step["run"]
    )
    program, *arguments = shlex.split(command.replace("${{ inputs.paths }}", ".").split(" > ")[0])
    assert program == "tape-migrate"
    accepted("tape-migrate", arguments)


def test_the_keys_of_a_review_are_those_that_are_asked_for() -> None:
    shown = {key for cell in first_cells("key") for key in re.findall("`(.)`", cell)}
    assert shown == set(PROMPT.partition("[")[2].partition("]")[0].split(","))


def test_the_formats_are_all_told() -> None:
    shown = {word for cell in first_cells("format") for word in re.findall(r"--format (\w+)", cell)}
    assert shown | {"text"} == {member.value for member in Format}


def test_the_library_example_runs() -> None:
    examples = [block.text for block in blocks("python") if "import" in block.text]
    assert examples
    for text in examples:
        exec(compile(text, "README.md", "exec"), {})


def test_the_comment_that_leaves_a_call_alone_does() -> None:
    (line,) = (block.text for block in blocks("python") if "import" not in block.text)
    source = f"import tensorflow as tf\nx = tf.constant(1.0)\ny = x * x\n{line}".encode()
    migration = migrate_source(source)
    assert migration.new == source
    assert [result.outcome for result in migration.sites] == [Outcome.SKIPPED]


def test_tolerances_are_those_in_use() -> None:
    (shown,) = (block.text for block in blocks("") if block.text.startswith("TensorFlow"))
    rows = [line.split()[:2] for line in shown.splitlines()[3:]]
    assert {dtype: float(rtol) for dtype, rtol in rows} == {
        dtype: rtol for dtype, rtol in RTOL.items() if not dtype.startswith("complex")
    }


def test_tolerances_hold_where_they_are_measured() -> None:
    script = ROOT / "tests" / "verify" / "tolerances.py"
    done = subprocess.run(
        [sys.executable, script, "--seeds", "1"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_eager_calls_raise_what_is_quoted() -> None:
    script = ROOT / "tests" / "verify" / "eager_mode.py"
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    text = " ".join(README.read_text(encoding="utf-8").split())
    said = dict(line.split(": ", 1) for line in done.stdout.splitlines()[1:])
    functions = [row[0].strip("`") for row in table_rows("eagerly")]
    assert list(said) == functions
    for message in said.values():
        kind, _, sentence = message.partition(": ")
        assert kind == "RuntimeError"
        assert f"`{sentence}`" in text


def test_the_three_examples_give_what_their_cases_expect() -> None:
    for name, _, shown, shape in table_rows("program"):
        link = re.search(r"\((.*?)before\.py\)", name)
        assert link is not None
        case = tomllib.loads((ROOT / link[1] / "case.toml").read_text(encoding="utf-8"))
        (expected,) = case["expect"].values()
        values = expected if isinstance(expected, list) else [expected]
        assert shown == "`[" + ", ".join(map(str, values)) + "]`"
        assert shape == f"`{case['shape']}`"


def test_set_up_commands_name_what_exists() -> None:
    text = README.read_text(encoding="utf-8")
    extras = PYPROJECT["project"]["optional-dependencies"]
    named = {extra for group in re.findall(r"\.\[([\w,]+)\]", text) for extra in group.split(",")}
    assert named
    assert named <= set(extras)
    assert PYPROJECT["project"]["requires-python"] == ">=3.10,<3.14"


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_documents_name_what_exists(document: str) -> None:
    for path in sorted(set(paths_in((ROOT / document).read_text(encoding="utf-8")))):
        assert (ROOT / path).exists(), path


def test_the_rooms_are_all_listed() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rooms = text.partition("```\ncodemod/tape_migrate/\n")[2].partition("```")[0]
    package = ROOT / "codemod" / "tape_migrate"
    names = {path.name for path in package.glob("*.py")} - {"__init__.py", "__main__.py"}
    names |= {f"{path.parent.name}/" for path in package.glob("*/__init__.py")}
    assert names <= set(re.findall(r"[\w.]+/|\w+\.py", rooms)), rooms


def paths_in(text: str) -> Iterator[str]:
    """Files and folders of this repository that are mentioned or linked."""
    yield from re.findall(r"\b(?:fixtures|tests|codemod)/[\w./-]*\w(?![\w./-]*[<*])", text)
    yield from (link for link in re.findall(r"\]\(([\w./-]+)\)", text))


def test_ci_runs_the_test_command() -> None:
    (command,) = (block.text.strip() for block in blocks("sh") if ".venv-test" in block.text)
    assert command in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
