"""The benchmarks: which commands are compared, on what, and what ratio is wanted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.batches import batches
from tests.benchmarks.compare import Command, CommandError, Row, interleave, ratio_row
from tests.benchmarks.growth import growth, installed, of_the_era
from tests.benchmarks.measure import run
from tests.benchmarks.setting import HERE, PYTHON, Setting, scratch, tool
from tests.benchmarks.trees import BARE_SEARCH, WORDS, hit_file, no_hit_tree, word_files
from tests.corpus.fetch import FetchError, fetch, unpack
from tests.corpus.releases import load_releases, select

PATTERN = "|".join(word.decode() for word in WORDS)

_BARE_TYPER = """
import typer

app = typer.Typer()


@app.command()
def main(name: str, count: int = 1) -> None:
    for _ in range(count):
        print(name)


app()
"""


def noop_codemod(path: Path) -> Command:
    """libcst's command with a codemod that changes nothing, in one process, not formatting."""
    words = [PYTHON, "-m", "libcst.tool", "codemod", "-x", "noop_codemod.NoOp", "-j", "1"]
    return Command(
        [*words, "--no-format", "--hide-progress", str(path)],
        {"PYTHONPATH": str(HERE)},
        # Files that are Python 2 make it end with 1.
        codes=frozenset({0, 1}),
    )


def no_hits(setting: Setting) -> list[Row]:
    """A tree without any call: against ripgrep and against reading it in Python."""
    name = f"tree of {setting.files} files, no hit, beyond start-up"
    with scratch() as folder:
        tree, empty = folder / "tree", folder / "empty"
        empty.mkdir()
        size = no_hit_tree(tree, setting.files)
        _expect_scanned(tree, setting.files)
        search = [PYTHON, "-c", BARE_SEARCH]
        commands = {
            "tool": tool(tree, "--no-diff"),
            "tool, nothing": tool(empty, "--no-diff"),
            "python": Command([*search, tree]),
            "python, nothing": Command([*search, empty]),
        }
        if ripgrep := shutil.which("rg"):
            for label, path in (("rg", tree), ("rg, nothing", empty)):
                words = [ripgrep, "-l", "-j2", "-t", "py", PATTERN, str(path)]
                # It ends with 1 if nothing matches, and nothing may match.
                commands[label] = Command(words, codes=frozenset({1}))
        costs = interleave(commands, setting.rounds)
        ours = costs["tool"].beyond(costs["tool, nothing"])
        bare = costs["python"].beyond(costs["python, nothing"])
        rows = [ratio_row(name, f"read and search in Python ({size >> 20} MB)", None, ours, bare)]
        if ripgrep:
            theirs = costs["rg"].beyond(costs["rg, nothing"])
            rows.append(ratio_row(name, "rg -l -j2", 2.5, ours, theirs))
            rows.append(ratio_row("  the bare search in Python", "rg -l -j2", None, bare, theirs))
        else:
            rows.append(Row(name, "rg -l -j2", 2.5, None, not_run="no ripgrep"))
        return rows


def _expect_scanned(tree: Path, files: int) -> None:
    """A benchmark of a tool that looks at fewer files than the others would mean nothing."""
    command = tool(tree, "--format", "json")
    done = run(command.words, env=command.env)
    summary = json.loads(done.stdout)["summary"] if done.exit_code == 0 else {}
    if summary.get("files_scanned") != files or summary.get("sites") != 0:
        raise CommandError(f"the tool did not scan {files} files without a hit: {summary}")


def one_file(setting: Setting) -> list[Row]:
    """One file with calls: against libcst's command and against parsing and printing it."""
    name = "one file of 300 lines with calls"
    with scratch() as folder:
        path = folder / "physics.py"
        hit_file(path)
        code = "import sys, libcst; s = open(sys.argv[1], 'rb').read()\n"
        code += "sys.stdout.buffer.write(libcst.parse_module(s).bytes)"
        costs = interleave(
            {
                "tool": tool(path, "--no-diff"),
                "libcst.tool": noop_codemod(path),
                "libcst": Command([PYTHON, "-c", code, path]),
            },
            setting.rounds * 2,
        )
        ours = costs["tool"]
        return [
            ratio_row(name, "libcst.tool codemod, no-op", 0.8, ours, costs["libcst.tool"]),
            ratio_row(name, "libcst, parse and print", None, ours, costs["libcst"]),
        ]


def dense_tree(setting: Setting) -> list[Row]:
    """Code full of calls, in one process: time against two other tools, and memory."""
    name = "baselines + stable-baselines + edward"
    with scratch() as folder:
        tree, out = folder / "tree", folder / "out"
        try:
            for release in select(load_releases(), ["baselines", "stable-baselines", "edward"]):
                unpack(fetch(release, setting.cache), tree)
        except FetchError as error:
            return [Row(name, "", 0.3, None, not_run=str(error).splitlines()[0])]
        commands = {"tool": tool(tree, "--no-diff"), "libcst.tool": noop_codemod(tree)}
        upgrade = shutil.which("tf_upgrade_v2", path=str(Path(PYTHON).parent)) or shutil.which(
            "tf_upgrade_v2"
        )
        if upgrade:
            quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
            words = [upgrade, "--intree", str(tree), "--outtree", str(out)]
            words += ["--reportfile", str(folder / "report.txt")]
            commands["tf_upgrade_v2"] = Command(
                words,
                quiet,
                # It refuses to write into a folder that is there.
                prepare=lambda: shutil.rmtree(out, ignore_errors=True),
            )
            commands["its start"] = Command([upgrade, "--help"], quiet)
        costs = interleave(commands, max(setting.rounds // 2, 2))
        ours = costs["tool"]
        rows = [ratio_row(name, "libcst.tool codemod -j 1, no-op", 0.3, ours, costs["libcst.tool"])]
        if upgrade:
            theirs = costs["tf_upgrade_v2"]
            rows.append(ratio_row(name, "tf_upgrade_v2", 0.3, ours, theirs))
            beyond = theirs.beyond(costs["its start"])
            rows.append(ratio_row(name, "tf_upgrade_v2, beyond its start-up", None, ours, beyond))
        else:
            rows.append(Row(name, "tf_upgrade_v2", 0.3, None, not_run="no tensorflow"))
        memory = ours.peak / 1e6
        rows.append(Row(name, "peak memory, MB", 120.0, memory, ours=f"{memory:.0f} MB"))
        return rows


def start_up(setting: Setting) -> list[Row]:
    """``--help`` and ``--version`` against the smallest typer application."""
    with scratch() as folder:
        app, plain = folder / "app.py", folder / "plain.py"
        app.write_text(_BARE_TYPER, encoding="utf-8")
        text = _BARE_TYPER.replace("Typer()", "Typer(rich_markup_mode=None)")
        plain.write_text(text, encoding="utf-8")
        costs = interleave(
            {
                "--help": tool("--help"),
                "--version": tool("--version"),
                "app": Command([PYTHON, app, "--help"]),
                "plain": Command([PYTHON, plain, "--help"]),
                "import": Command([PYTHON, "-c", "import typer"]),
            },
            setting.rounds * 2,
        )
    rows = []
    for word in ("--help", "--version"):
        rows.append(ratio_row(word, "a bare typer app, --help", 1.3, costs[word], costs["app"]))
        against = "a bare typer app without rich, --help"
        rows.append(ratio_row(word, against, None, costs[word], costs["plain"]))
        rows.append(ratio_row(word, 'python -c "import typer"', None, costs[word], costs["import"]))
    return rows


def imports(setting: Setting) -> list[Row]:
    """libcst must not be imported for trees that hold no call (nor, as it is, for others)."""
    del setting
    rows = []
    with scratch() as folder:
        (folder / "none").mkdir()
        (folder / "none" / "a.py").write_text("x = 1\n", encoding="utf-8")
        word_files(folder / "words")
        (folder / "calls").mkdir()
        hit_file(folder / "calls" / "physics.py")
        for kind, what in (
            ("none", "no file holds the words"),
            ("words", "files hold the words and no call"),
            ("calls", "a file holds calls"),
        ):
            command = tool(folder / kind, "--no-diff")
            words = [PYTHON, "-X", "importtime", *list(command.words)[1:]]
            done = run(words, env=command.env)
            if done.exit_code != 0 or b"tape_migrate" not in done.stderr:
                rows.append(Row("modules", what, 0, None, not_run="the tool failed"))
                continue
            modules = [line.rpartition(b"|")[2].strip() for line in done.stderr.splitlines()]
            heavy = sum(m.split(b".")[0] == b"libcst" for m in modules)
            target = None if kind == "calls" else 0.0
            rows.append(Row("modules of libcst imported", what, target, float(heavy)))
    return rows


CASES: dict[str, Callable[[Setting], list[Row]]] = {
    "no-hits": no_hits,
    "one-file": one_file,
    "dense-tree": dense_tree,
    "start-up": start_up,
    "imports": imports,
    "batches": batches,
    "installed": installed,
    "of-the-era": of_the_era,
    "growth": growth,
}
