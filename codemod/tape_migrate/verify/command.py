"""What ``tape-migrate verify`` does, without the command line."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path

from tape_migrate.model import SourceError
from tape_migrate.verify.case import Case, CaseError, load_case, migrated
from tape_migrate.verify.inputs import InputError, parse_argument

EXIT_EQUAL = 0
EXIT_NOT_PROVEN = 1
EXIT_USAGE = 2
EXIT_FAILED = 3

MISSING = 'verify needs TensorFlow: pip install "tape-migrate[verify]"'


def run_cli(
    target: str,
    inputs: Sequence[str] = (),
    *,
    device: str = "all",
    json_path: str | None = None,
    old_python: str | None = None,
    new_python: str | None = None,
    tf_function: str = "auto",
    assume_closed: bool = False,
) -> tuple[str, int]:
    """Verify what `target` names; returns the report and the exit code.

    A target is ``module.py::function`` (with `inputs` such as ``x=float32[16,1]``), a folder that
    holds ``case.toml``, or a folder of such folders at any depth. `json_path` also gets the
    evidence as JSON (``-``: the report itself is the JSON). Exit codes: 0 every case is equal
    (or was left as it was), 1 some case is not proven, 2 wrong usage, 3 a side cannot be run.
    """
    try:
        cases = find_cases(target, inputs, tf_function, assume_closed=assume_closed)
    except (CaseError, InputError, SourceError) as error:
        return f"{error}\n", EXIT_USAGE
    if device not in ("cpu", "gpu", "all"):
        return f"device must be cpu, gpu or all, not {device!r}\n", EXIT_USAGE
    try:
        from tape_migrate.verify import harness, process, report  # noqa: PLC0415
        from tape_migrate.verify.compare import Verdict  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name != "numpy":
            raise
        return f"{MISSING}\n", EXIT_FAILED
    try:
        evidence = harness.verify_cases(cases, old_python, new_python, device)
    except process.TensorFlowMissingError as error:
        return f"{MISSING}\n({error})\n", EXIT_FAILED
    data = report.json_text(evidence)
    if json_path is not None and json_path != "-":
        Path(json_path).write_text(data, encoding="utf-8")
    compared = [item for item, case in zip(evidence, cases, strict=True) if case.after is not None]
    proven = compared and all(item.verdict is Verdict.EQUAL for item in compared)
    return (
        data if json_path == "-" else report.text_table(evidence),
        EXIT_EQUAL if proven else EXIT_NOT_PROVEN,
    )


def find_cases(
    target: str,
    inputs: Sequence[str] = (),
    tf_function: str = "auto",
    *,
    assume_closed: bool = False,
) -> list[Case]:
    """The cases that a target names, in order of their paths.

    Raises:
        CaseError: if there is nothing there, or a case cannot be read.
        InputError: for an input that cannot be read.
        SourceError: if the module is not Python.
    """
    file, separator, entry = target.partition("::")
    if separator:
        path = Path(file)
        return [module_case(path, entry, inputs, tf_function, assume_closed=assume_closed)]
    folder = Path(target)
    if not folder.is_dir():
        raise CaseError(f"{target}: neither module.py::function nor a folder with case.toml")
    if inputs or assume_closed:
        given = "inputs go" if inputs else "--assume-closed goes"
        raise CaseError(f"{given} with module.py::function; a case.toml has its own")
    found = sorted(path.parent for path in folder.rglob("case.toml"))
    if not found:
        raise CaseError(f"{target}: no case.toml in this folder or below")
    return [load_case(path) for path in found]


def module_case(
    path: Path,
    entry: str,
    inputs: Sequence[str] = (),
    tf_function: str = "auto",
    *,
    assume_closed: bool = False,
) -> Case:
    """A case from a module of any project: its source, and what the engine makes of it.

    The module's relative imports and its neighbours work as they do in place, unmigrated.
    """
    try:
        before = path.read_bytes()
    except OSError as error:
        raise CaseError(f"{path}: {error.strerror or error}") from None
    if not entry:
        raise CaseError(f"{path}: name the function after ::")
    arguments = tuple(parse_argument(text) for text in inputs)
    _check_entry(path, before, entry, {name for name, _ in arguments})
    after, left = migrated(before, {"tf_function": tf_function, "assume_closed": assume_closed})
    folder = path.resolve().parent
    parts: list[str] = []
    while (folder / "__init__.py").exists():
        parts.insert(0, folder.name)
        folder = folder.parent
    return Case(
        name=f"{path}::{entry}",
        before=before,
        after=after,
        not_run=f"nothing was migrated: {left}" if after is None else None,
        entry=entry,
        inputs=arguments,
        old_mode="auto",
        path=path.name,
        package=".".join(parts),
        sys_path=(str(folder),),
    )


def _check_entry(path: Path, source: bytes, entry: str, given: set[str]) -> None:
    """Say in a sentence what a run would show as a traceback.

    Raises:
        CaseError: if the module has no such function, or it needs inputs that are not given.
    """
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError):
        return  # the engine says it with the line
    first = entry.partition(".")[0]
    if any(
        isinstance(node, ast.Name) and node.id == first and isinstance(node.ctx, ast.Store)
        for stmt in body
        for node in ast.walk(stmt)
    ):
        return  # an assigned callable: only running it tells what it takes
    found: ast.stmt | None = None
    for part in entry.split("."):
        named = [
            node
            for node in body
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
            and node.name == part
        ]
        found = named[-1] if named else None
        if found is None:
            break
        body = found.body if isinstance(found, ast.ClassDef) else []
    if found is None:
        names = sorted(node.name for node in body if isinstance(node, ast.FunctionDef))
        there = f"; it has {', '.join(names)}" if names else ""
        raise CaseError(f"{path} has no function {entry}{there}")
    if isinstance(found, ast.FunctionDef) and "." not in entry:
        args = found.args
        positional = [*args.posonlyargs, *args.args]
        needed = [a.arg for a in positional[: len(positional) - len(args.defaults)]]
        missing = [name for name in needed if name not in given]
        if missing:
            raise CaseError(
                f"{entry} needs --input for {', '.join(missing)}, "
                f"for example --input {missing[0]}=float32[3]"
            )
