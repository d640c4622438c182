"""Tables line up and refuse ragged rows."""

from __future__ import annotations

import pytest

from tests.benchmarks.table import text_table


def test_numbers_stand_right_and_words_left() -> None:
    assert text_table(("what", "n"), [("a", 5), ("bcdef", 100)]) == (
        "what     n\n-----  ---\na        5\nbcdef  100"
    )


def test_a_ragged_row_is_an_error() -> None:
    with pytest.raises(ValueError, match="as long as the header"):
        text_table(("a", "b"), [("x",)])
