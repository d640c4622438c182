"""From what a person asks for to a program and the files that changed."""

from __future__ import annotations

import ast
import os
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tape_migrate.model import Migration, Options, TfFunction
from tape_migrate.verify.program.change import FileChange
from tape_migrate.verify.program.prepare import project_root

if TYPE_CHECKING:
    from tape_migrate.results import FileResult


class PlanError(Exception):
    """What was asked for cannot be made out; the message is for the person who asked."""


@dataclass(frozen=True)
class Asked:
    """The words of the command line."""

    targets: tuple[str, ...] = ()
    """Files and folders to migrate; a single file is also the program unless another is given."""
    tail: tuple[str, ...] = ()
    """``-m module arguments…``, or ``-- arguments…`` for the file."""
    run: str | None = None
    """The program as one text: ``python train.py --steps 3``."""
    old_file: str | None = None
    new_file: str | None = None
    against: str | None = None
    """A revision of git that holds the old side."""
    tf_function: str = "auto"
    assume_closed: bool = False


@dataclass(frozen=True)
class Program:
    """What to run: a module (``python -m``) or a script, and its arguments."""

    arguments: tuple[str, ...]
    """The script's path relative to the project's root comes first, unless there is a module."""
    module: str = ""
    folder: str = "."
    """The working directory, relative to the project's root."""

    def __str__(self) -> str:
        words = ["-m", self.module, *self.arguments] if self.module else list(self.arguments)
        return " ".join(["python", *words])


@dataclass(frozen=True)
class Plan:
    """What to run, and what changed."""

    root: Path
    program: Program
    changes: tuple[FileChange, ...]
    left: tuple[str, ...] = ()
    """What was not migrated, and why."""


def plan(asked: Asked) -> Plan:
    """Work out the program, the project it belongs to, and the files before and after.

    Raises:
        PlanError: if something is missing or does not fit together.
        SourceError: if a file is not Python.
        PathError: if a path cannot be looked at.
    """
    module, script, arguments = _program(asked)
    targets = list(asked.targets)
    if (asked.old_file is None) != (asked.new_file is None):
        raise PlanError("--old and --new go together")
    if asked.old_file is not None and asked.against is not None:
        raise PlanError("--against and --old exclude each other")
    if asked.old_file is not None and not targets:
        targets = [asked.old_file]
    if script is None and not module:
        if len(targets) != 1 or not targets[0].endswith(".py"):
            raise PlanError(
                "say what to run: a program.py, -m MODULE, or --run 'python program.py …'"
            )
        script = targets[0]
    if not targets:
        targets = [script] if script is not None else ["."]
    root = _root(script, targets)
    changes, left = _changes(asked, targets, script, root)
    return Plan(root, _run(module, script, arguments, root), changes, left)


def plan_of(asked: Asked, results: Sequence[FileResult]) -> Plan:
    """The plan for files that were migrated already, and the program that ``asked`` names.

    Raises:
        PlanError: if the program cannot be made out, or a file is not in its project.
    """
    module, script, arguments = _program(asked)
    if script is None and not module:
        raise PlanError("say what to run: 'python program.py …' or 'python -m module …'")
    root = _root(script, [result.path for result in results])
    changes = [
        FileChange(_name(result.path, root), m.old, m.new, m.sites)
        for result in results
        if (m := result.migration) is not None
    ]
    return Plan(root, _run(module, script, arguments, root), tuple(changes))


def _root(script: str | None, targets: Sequence[str]) -> Path:
    anchor = Path(script if script is not None else targets[0])
    if not anchor.exists():
        raise PlanError(f"{anchor}: no such file")
    return project_root(anchor, Path.cwd())


def _run(module: str, script: str | None, arguments: tuple[str, ...], root: Path) -> Program:
    here = Path.cwd()
    folder = os.path.relpath(here, root) if here.is_relative_to(root) else "."
    if script is None:
        return Program(arguments, module=module, folder=folder)
    relative = os.path.relpath(Path(script).resolve(), root)
    return Program((relative, *arguments), folder=folder)


def _program(asked: Asked) -> tuple[str, str | None, tuple[str, ...]]:
    """The module, or the script, and the arguments; both empty where a target is the program."""
    words = list(asked.tail)
    if asked.run is not None:
        if words:
            raise PlanError("--run and -m (or arguments after --) exclude each other")
        words = shlex.split(asked.run)
        if words and os.path.basename(words[0]).startswith("python"):
            words = words[1:]
        if not words:
            raise PlanError("--run needs a program: --run 'python train.py'")
        if words[0] != "-m":
            return "", words[0], tuple(words[1:])
    if words and words[0] == "-m":
        if len(words) < 2:
            raise PlanError("-m needs a module")
        return words[1], None, tuple(words[2:])
    return "", None, tuple(words[1:])


def _changes(
    asked: Asked, targets: list[str], script: str | None, root: Path
) -> tuple[tuple[FileChange, ...], tuple[str, ...]]:
    if asked.old_file is not None and asked.new_file is not None:
        if len(targets) != 1:
            raise PlanError("--old and --new are two texts of one file")
        old, new = _read(asked.old_file), _read(asked.new_file)
        return (FileChange(_name(targets[0], root), old, new, by_hand=True),), ()
    options = Options(TfFunction(asked.tf_function), assume_closed=asked.assume_closed)
    if asked.against is not None:
        return _since(asked.against, targets, root, options), ()
    if script is not None and targets == [script]:
        targets = [script, *imported(Path(script), root)]
    from tape_migrate.runner import run  # noqa: PLC0415

    changes, left = [], []
    for result in run(targets, options).results:
        migration = result.migration
        if result.status.value == "failed":
            raise PlanError(f"{result.path}: {result.message}")
        if migration is None:
            continue
        left += _left(migration)
        if migration.changed:
            name = _name(result.path, root)
            changes.append(FileChange(name, migration.old, migration.new, migration.sites))
    return tuple(changes), tuple(left)


def _left(migration: Migration) -> list[str]:
    return [
        f"{migration.path}:{result.site.line}: {result.code} {result.message}"
        for result in migration.sites
        if result.outcome.value != "migrated"
    ]


def _since(
    revision: str, targets: list[str], root: Path, options: Options
) -> tuple[FileChange, ...]:
    from tape_migrate.api import migrate_source  # noqa: PLC0415

    listed = _git(root, "diff", "--name-only", "--relative", revision, "--", *_absolute(targets))
    changes = []
    for name in listed.decode("utf-8", "surrogateescape").splitlines():
        path = root / name
        if not name.endswith(".py") or not path.exists():
            continue
        old, new = _git(root, "show", f"{revision}:./{name}"), path.read_bytes()
        migration = migrate_source(old, options)
        same = migration.new == new
        changes.append(
            FileChange(name, old, new, migration.sites if same else (), by_hand=not same)
        )
    return tuple(changes)


def _absolute(paths: Sequence[str]) -> list[str]:
    return [os.path.abspath(path) for path in paths]


def _git(root: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, check=False
        )
    except FileNotFoundError:
        raise PlanError("--against needs git") from None
    if done.returncode:
        raise PlanError(f"git: {done.stderr.decode('utf-8', 'replace').strip()}")
    return done.stdout


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise PlanError(f"{path}: {error.strerror or error}") from None


def _name(path: str, root: Path) -> str:
    real = Path(os.path.realpath(path))
    if not real.is_relative_to(root):
        raise PlanError(f"{path} is not in {root}")
    return real.relative_to(root).as_posix()


def imported(script: Path, root: Path) -> list[str]:
    """Files of the project that a script imports, directly or not, sorted.

    Modules are looked for beside the script and in the project's root, as a run of the script
    (with the root on ``PYTHONPATH``) would find them.
    """
    seen: set[Path] = set()
    waiting = [script.resolve()]
    bases = [script.resolve().parent, root]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        try:
            tree = ast.parse(path.read_bytes())
        except (OSError, SyntaxError, ValueError, RecursionError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    waiting += _files(alias.name, bases)
            elif isinstance(node, ast.ImportFrom):
                where = bases
                if node.level:
                    parents = list(path.parents)
                    where = parents[node.level - 1 : node.level]
                base = node.module or ""
                waiting += _files(base, where) if base else []
                for alias in node.names:
                    waiting += _files(f"{base}.{alias.name}".strip("."), where)
    own = script.resolve()
    return sorted(os.path.relpath(path) for path in seen if path != own)


def _files(module: str, bases: Sequence[Path]) -> list[Path]:
    """The files that importing a dotted module runs."""
    parts = module.split(".")
    for base in bases:
        found = []
        for depth in range(1, len(parts) + 1):
            stem = base.joinpath(*parts[:depth])
            options = (stem / "__init__.py", stem.with_name(stem.name + ".py"))
            found += [path.resolve() for path in options if path.is_file()]
        if found:
            return found
    return []
