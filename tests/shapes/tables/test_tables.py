"""What becomes of the programs of the tables, as goldens (``--force-regen`` writes them).

Nothing is run here: ``python -m tests.shapes.tables`` runs both sides of all.
"""

from __future__ import annotations

import pytest
from pytest_regressions.file_regression import FileRegressionFixture

from .reading import Group, groups, outcome


@pytest.mark.parametrize("group", groups(), ids=str)
def test_table(group: Group, file_regression: FileRegressionFixture) -> None:
    obtained = "".join(map(outcome, group.cases))
    name = f"{group.table}-{group.name.replace(' ', '_')}"
    file_regression.check(obtained, basename=name, extension=".txt")
