"""What a whole package costs, against libcst parsing those of its files that hold a call.

    python tests/benchmarks/packages.py [--cache DIR] [--rounds N] [--check] [NAME …]

The tool looks at every file of a release, finds out what its modules export to each other, and
migrates what it can. libcst only parses the files in which a gradient call stands. CPU time, the
two in turns, the best of the rounds; the start of neither process is taken off. With ``--check``
the exit code is 1 if a ratio is above 3.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parents[2])]

from tests.benchmarks.compare import compiled
from tests.benchmarks.measure import run
from tests.benchmarks.table import text_table
from tests.corpus.fetch import default_cache, unpacked
from tests.corpus.releases import load_releases, select
from tests.corpus.tool import environment, migrate_tree

LIMIT = 3.0
NAMES = ("tensor2tensor", "garage")

_PARSE = """
import json, sys
import libcst
for path in json.loads(sys.argv[1]):
    libcst.parse_module(open(path, "rb").read())
"""


def main(argv: list[str] | None = None) -> int:
    """Measure the releases named by ``argv``; 1 if a target was missed."""
    parser = argparse.ArgumentParser(prog="tests/benchmarks/packages.py")
    parser.add_argument("names", nargs="*", metavar="NAME", default=list(NAMES))
    parser.add_argument("--cache", type=Path, default=default_cache(), help="folder of archives")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--check", action="store_true", help="1 if a ratio is above the target")
    options = parser.parse_args(argv)
    rows = []
    missed = False
    for release in select(load_releases(), options.names or list(NAMES)):
        with unpacked(release, options.cache) as tree:
            sites = migrate_tree(tree, write=False).sites
            files = sorted({str(tree / site.path) for site in sites})
            tool = [sys.executable, "-m", "tape_migrate", ".", "--no-diff"]
            parse = [sys.executable, "-c", _PARSE, json.dumps(files)]
            ours, theirs = [], []
            with tempfile.TemporaryDirectory(prefix="tape-migrate-bench-") as folder:
                byte_code = compiled(folder)
                for _ in range(options.rounds):
                    ours.append(run(tool, cwd=tree, env={**environment(), **byte_code}).cpu)
                    theirs.append(run(parse, cwd=tree, env=byte_code).cpu)
            ratio = min(ours) / min(theirs)
            missed |= ratio > LIMIT
            count = sum(1 for _ in tree.rglob("*.py"))
            cells = (f"{min(ours):.2f}", f"{min(theirs):.2f}", f"{ratio:.2f}", f"{LIMIT:.2f}")
            rows.append((release.label, count, len(files), *cells, ratio <= LIMIT))
    header = ("release", "files", "with calls", "tool s", "libcst s", "ratio", "target", "reached")
    print(text_table(header, rows))
    return int(options.check and missed)


if __name__ == "__main__":
    raise SystemExit(main())
