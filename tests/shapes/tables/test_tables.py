"""What becomes of the programs of the tables, as goldens (``--force-regen`` writes them).

Nothing is run here: ``python -m tests.shapes.tables`` runs both sides of all.
"""

from __future__ import annotations

from itertools import count

import pytest
from pytest_regressions.file_regression import FileRegressionFixture

from .reading import Case, groups, outcome

_AT_ONCE = 20
_PARTS = {
    f"{group}-{number}".replace(" ", "_").replace(":", ""): group.cases[first : first + _AT_ONCE]
    for group in groups()
    for number, first in zip(count(1), range(0, len(group.cases), _AT_ONCE), strict=False)
}


@pytest.mark.parametrize("part", _PARTS)
def test_table(part: str, file_regression: FileRegressionFixture) -> None:
    cases: tuple[Case, ...] = _PARTS[part]
    file_regression.check("".join(map(outcome, cases)), basename=part, extension=".txt")
