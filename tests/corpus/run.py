"""Run the tool over 36 published releases of TensorFlow 1 code and check what it did.

    python tests/corpus/run.py [--cache DIR] [--only NAME] [--json FILE] [--approve]

Downloads each release with pip into the cache folder (once), checks its sha256, unpacks its
Python files into a temporary folder, and runs the command line on them three times: dry,
``--write``, and ``--write`` again. Nothing of a release is installed or run. Exit code 1 if
a check fails: a known call not found, a look-alike touched, an internal error, output that
does not parse, a second run that changes something, a line changed that has nothing to do
with a migrated call, a comment lost; or if the outcome of a call is not the one that was approved
last (``data/outcomes.tsv``): the difference is shown, and ``--approve`` accepts it.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    raise SystemExit(importlib.import_module("tests.corpus.main").main())
