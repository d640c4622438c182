"""Large trees against ruff and ripgrep, and how cost grows with the length of a file."""

from __future__ import annotations

import shutil
import sysconfig
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from tape_migrate.sources.discover import discover
from tape_migrate.sources.prefilter import find_hits, read_file
from tape_migrate.sources.spelled import may_spell_call
from tests.benchmarks.compare import Command, Row, interleave, ratio_row
from tests.benchmarks.setting import PYTHON, Setting, scratch, tool
from tests.benchmarks.trees import BARE_PARSE, BARE_SEARCH, WORDS
from tests.corpus.fetch import FetchError, fetch, unpack
from tests.corpus.releases import load_releases

_PATTERN = "|".join(word.decode() for word in WORDS)
_FILES_OF_THE_ERA = 3_000
_COUNTS = (10, 100, 1_000, 10_000)
_FUNCTION = """def f{n}(x):
    y = x * x + {n}.0
    return tf.gradients(y, x)[0]


"""
_CALLS = (40, 160)
_MANY_CALLS = {
    "apart": ("    y{n} = tf.sin(x * {n}.0)\n    g{n} = tf.gradients(y{n}, x)[0]\n", ""),
    "on one forward pass": (
        "    y{n} = tf.sin(h * {n}.0)\n",
        "    g{n} = tf.gradients(y{n}, x)[0]\n",
    ),
}
"""What is written for each call, and what after all of that."""
_OTHER = """def g{n}(a, b):
    c = a + b * {n}
    return [c, a, b]


"""


def _ruff(*words: str | Path) -> Command | None:
    program = shutil.which("ruff", path=str(Path(PYTHON).parent)) or shutil.which("ruff")
    if program is None:
        return None
    # It ends with 1 where it has something to say.
    command = [program, "check", "--no-cache", "--isolated", "--select", "UP", "--quiet", *words]
    return Command(command, codes=frozenset({0, 1, 2}))


def installed(setting: Setting) -> list[Row]:
    """The whole of site-packages: wall time against ruff, processor time against ripgrep."""
    tree = Path(sysconfig.get_paths()["purelib"])
    name = "site-packages with TensorFlow in it"
    if not (tree / "tensorflow").is_dir():
        return [Row(name, "ruff check --select UP", 0.3, None, not_run="no tensorflow")]
    with scratch() as folder:
        listed, empty = folder / "hits.txt", folder / "empty.txt"
        listed.write_text("\n".join(_that_may_hold_calls(tree)))
        empty.touch()
        commands = {
            "tool": tool(tree, "--no-diff"),
            "tool, nothing": tool(folder, "--no-diff"),
            "search": Command([PYTHON, "-c", BARE_SEARCH, tree]),
            "search, nothing": Command([PYTHON, "-c", BARE_SEARCH, folder]),
            "parse": Command([PYTHON, "-c", BARE_PARSE, listed]),
            "parse, nothing": Command([PYTHON, "-c", BARE_PARSE, empty]),
        }
        if (ruff := _ruff(tree)) is not None:
            commands["ruff"] = ruff
        if ripgrep := shutil.which("rg"):
            for label, path in (("rg", tree), ("rg, nothing", folder)):
                words = [ripgrep, "-l", "-j2", "--no-ignore", "-t", "py", _PATTERN, str(path)]
                commands[label] = Command(words, codes=frozenset({0, 1}))
        costs = interleave(commands, max(setting.rounds // 2, 2))
    ours = costs["tool"]
    rows = [
        ratio_row(name, "ruff check --select UP", 0.3, ours, costs["ruff"])
        if ruff is not None
        else Row(name, "ruff check --select UP", 0.3, None, not_run="no ruff")
    ]
    if not ripgrep:
        return [*rows, Row(f"{name}, CPU", "rg -l", 2.5, None, not_run="no ripgrep")]
    mine = ours.beyond(costs["tool, nothing"]).cpu
    theirs = costs["rg"].beyond(costs["rg, nothing"]).cpu
    searched = costs["search"].beyond(costs["search, nothing"]).cpu
    parsed = costs["parse"].beyond(costs["parse, nothing"]).cpu
    for what, target, cost in (
        (f"{name}, CPU beyond start-up", 2.5, mine),
        ("  the bare search in Python", None, searched),
        ("  parsing alone of what may hold a call", None, parsed),
    ):
        rows.append(
            Row(
                what,
                "rg -l",
                target,
                cost / max(theirs, 1e-9),
                ours=f"{cost * 1000:.0f} ms",
                theirs=f"{theirs * 1000:.0f} ms",
            )
        )
    return rows


def _that_may_hold_calls(tree: Path) -> list[str]:
    """The files that the tool parses for their own sake."""
    files = discover([str(tree)]).files
    hits = [files[index] for index in find_hits(files).hits]
    return [path for path in hits if may_spell_call(read_file(path))]


def of_the_era(setting: Setting) -> list[Row]:
    """Files of releases written for TensorFlow 1 against ruff, both giving their diff.

    ``batch`` with two workers writes a patch, and a page, for each release.
    """
    name = f"files for TensorFlow 1, {_FILES_OF_THE_ERA}"
    against = "ruff check --select UP --diff"
    with scratch() as folder:
        tree = folder / "tree"
        try:
            count = 0
            for release in load_releases():
                part = tree / f"{release.name}-{release.version}"
                for path in unpack(fetch(release, setting.cache), part):
                    count += 1
                    if count > _FILES_OF_THE_ERA:
                        (part / path).unlink()
        except FetchError as error:
            return [Row(name, against, 4.0, None, not_run=str(error).splitlines()[0])]
        name = f"files for TensorFlow 1, {min(count, _FILES_OF_THE_ERA)}"
        ruff = _ruff("--diff", tree)
        if ruff is None:
            return [Row(name, against, 4.0, None, not_run="no ruff")]
        out = folder / "out"
        batch = tool("batch", *sorted(tree.iterdir()), "--out", out, "--workers", "2")
        commands = {
            "2 workers": replace(batch, prepare=lambda: shutil.rmtree(out, ignore_errors=True)),
            "one process": tool(tree),
            "ruff": ruff,
        }
        costs = interleave(commands, max(setting.rounds // 2, 2))
        two, one, theirs = (costs[name] for name in ("2 workers", "one process", "ruff"))
        return [
            ratio_row(f"{name}, batch, 2 workers", against, 4.0, two, theirs),
            ratio_row(f"{name}, one tree, one process", against, None, one, theirs),
        ]


def _calls_in_one_function(setting: Setting, folder: Path) -> list[Row]:
    """Four times the calls of one function, each on a forward pass of its own or all on one."""
    rows: list[Row] = []
    commands = {"nothing": tool(folder / "nothing", "--no-diff")}
    for what, (text, last) in _MANY_CALLS.items():
        for count in _CALLS:
            path = folder / f"{what.split()[0]}_{count}.py"
            calls = "".join(text.format(n=n) for n in range(count))
            calls += "".join(last.format(n=n) for n in range(count))
            head = "import tensorflow as tf\n\n\ndef f(x):\n    h = tf.sin(x)\n"
            names = ", ".join(f"g{n}" for n in range(count))
            path.write_text(f"{head}{calls}    return {names}\n")
            commands[f"{what} {count}"] = tool(path, "--no-diff")
    costs = interleave(commands, max(setting.rounds // 3, 1))
    small, large = _CALLS
    for what in _MANY_CALLS:
        few, many = (costs[f"{what} {n}"].beyond(costs["nothing"]) for n in _CALLS)
        rows.append(
            Row(
                f"calls of one function, {what}, {small} to {large}",
                "four times as much",
                1.2,
                many.cpu / max(4 * few.cpu, 1e-9),
                ours=f"{many.cpu * 1000:.0f} ms",
                theirs=f"{few.cpu * 1000:.0f} ms",
            )
        )
    return rows


def growth(setting: Setting) -> list[Row]:
    """Ten times the functions of a file, ten times the files: at most ten times the cost.

    The ratio is that of the costs beyond start-up, divided by ten.
    """
    rows: list[Row] = []
    with scratch() as folder:
        for what, text in (("with a gradient", _FUNCTION), ("without", _OTHER)):
            commands = {"nothing": tool(folder / "nothing", "--no-diff")}
            (folder / "nothing").mkdir(exist_ok=True)
            for count in _COUNTS:
                path = folder / f"{what.split()[0]}_{count}.py"
                functions = "".join(text.format(n=n) for n in range(count))
                path.write_text(f"import tensorflow as tf\n\n\n{_FUNCTION.format(n='')}{functions}")
                commands[str(count)] = tool(path, "--no-diff")
            costs = interleave(commands, max(setting.rounds // 3, 1))
            # Ten functions cost less than what varies from run to run.
            for small, large in pairwise(_COUNTS[1:]):
                one, ten = (costs[str(n)].beyond(costs["nothing"]) for n in (small, large))
                rows.append(
                    Row(
                        f"functions {what} in one file, {small} to {large}",
                        "ten times as much",
                        1.2,
                        ten.cpu / max(10 * one.cpu, 1e-9),
                        ours=f"{ten.cpu * 1000:.0f} ms",
                        theirs=f"{one.cpu * 1000:.0f} ms",
                    )
                )
        rows += _calls_in_one_function(setting, folder)
        few, many = folder / "few", folder / "many"
        text = f"import tensorflow as tf\n\n\n{_FUNCTION.format(n=0)}" + "".join(
            _OTHER.format(n=n) for n in range(200)
        )
        for tree, count in ((few, 20), (many, 200)):
            tree.mkdir()
            for number in range(count):
                (tree / f"m{number}.py").write_text(text)
        trees = {"few": tool(few, "--no-diff"), "many": tool(many, "--no-diff")}
        trees["nothing"] = tool(folder / "nothing", "--no-diff")
        costs = interleave(trees, max(setting.rounds // 3, 1))
        one, ten = (costs[name].beyond(costs["nothing"]) for name in ("few", "many"))
        rows.append(
            Row("files, 20 to 200", "ten times as much", 1.2, ten.cpu / max(10 * one.cpu, 1e-9))
        )
        memory = (costs["many"].peak - costs["few"].peak) / 1e6
        rows.append(Row("memory of 180 more files, MB", "the largest file", 25.0, memory))
    return rows
