"""Run the own test suites of published releases before and after a migration.

    python tests/corpus/suites.py --python PYTHON [--cache DIR] [--only NAME] [--prove]

A tape works in a TensorFlow 1 graph too, so the tests that a release shipped with judge its
migration: each suite is run on the release as published, then on a copy whose library was
migrated (its tests are the untouched ones) and, where the calls are in the tests, on a copy
in which tests were migrated as well. Every test that passed before must pass after. Prints a
table; exit code 1 if a test is lost, or if a suite no longer passes as often as recorded.

With ``--prove`` the gradients are compared, not the outcomes of tests: ``tape-migrate verify`` runs
each suite as published and with library and tests migrated, and the table says how many calls are
equal.

PYTHON is the interpreter that runs the suites; this one runs the tool. Sources go on its
``PYTHONPATH``; nothing is installed into it. The numbers recorded here are those of Python 3.9
with this environment::

    python3.9 -m venv suites
    suites/bin/pip install "tensorflow-cpu==2.6.5" "keras==2.6.*" "numpy==1.19.5" \\
        "protobuf<3.21" "tensorflow-probability==0.14.1" dm-tree "scipy==1.7.3" \\
        "pandas==1.2.5" "typing-extensions==3.10.0.2" "six==1.15.0" \\
        multipledispatch tabulate mock pybtex "matplotlib<3.6" "scikit-learn<1.2" pytest \\
        "scikit-image<0.20"

garage asks for more than its tests of models and optimizers import; without the rest, PyTorch and
what pins other versions, it is::

    suites/bin/pip install --no-deps akro==0.0.8 dowel==0.0.3 gym==0.17.2 cma==2.7.0 \\
        pyglet==1.5.0 cloudpickle==1.3.0 tensorboardX==2.5.1 ray==2.51.2 msgpack click psutil \\
        setproctitle future tabulate filelock "jsonschema<4.18" attrs pyrsistent \\
        pytest-timeout pytest-rerunfailures
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    raise SystemExit(importlib.import_module("tests.corpus.suites_main").main())
