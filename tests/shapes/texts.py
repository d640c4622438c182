"""What becomes of a program, as a golden: what is said of each call, and the new text.

``--force-regen`` writes the goldens, which stand beside the test modules; that the recipes give the
same numbers is proven on the fixtures.
"""

from __future__ import annotations

import textwrap

from pytest_regressions.file_regression import FileRegressionFixture

from tape_migrate.api import migrate_source
from tape_migrate.model import Options

HEAD = "import numpy as np\nimport tensorflow as tf\n\n\n"
KERAS = "import tensorflow as tf\nfrom tensorflow.keras import backend as K\n\n\n"


def check(
    name: str,
    program: str,
    file_regression: FileRegressionFixture,
    *,
    head: str = HEAD,
    closed: bool = True,
) -> None:
    """Compare with ``name.txt``; ``closed`` is --assume-closed."""
    source = head + textwrap.dedent(program).lstrip("\n")
    migration = migrate_source(source.encode(), Options(assume_closed=closed))
    assert migration.internal_error is None
    said = "".join(
        f"# {site.site.line}: {site.code or site.outcome.value}: {site.message}\n"
        for site in migration.sites
    )
    file_regression.check(said + migration.new.decode(), basename=name, extension=".txt")
