"""What becomes of a Keras program, as a golden: what is said of each call, and the new text.

``--force-regen`` writes the goldens, which stand beside the test modules; that the recipes give the
same numbers is proven on the fixtures.
"""

from __future__ import annotations

import textwrap

from pytest_regressions.file_regression import FileRegressionFixture

from tape_migrate.api import migrate_source

_HEAD = "import tensorflow as tf\nfrom tensorflow.keras import backend as K\n\n\n"


def check(name: str, program: str, file_regression: FileRegressionFixture) -> None:
    """Compare with ``name.txt``."""
    source = _HEAD + textwrap.dedent(program).lstrip("\n")
    migration = migrate_source(source.encode())
    assert migration.internal_error is None
    said = "".join(f"# {site.site.line}: {site.message}\n" for site in migration.sites)
    file_regression.check(said + migration.new.decode(), basename=name, extension=".txt")
