"""Calls that need one another are one unit; others are decided one by one."""

from __future__ import annotations

from tape_migrate.model import Leaves, Migration, Options
from tape_migrate.review.units import Units
from tape_migrate.runner import migrate_bytes
from tape_migrate.selection import Selection

SOURCE = b"""import tensorflow as tf


def slope(x):
    y = x * x
    return tf.gradients(y, x)[0]


def curve(x):
    y = tf.sin(x)
    g = tf.gradients(y, x)[0]
    h = tf.gradients(g, x)[0]
    return g, h


def both(x, z):
    y = tf.exp(x) * z
    a = tf.gradients(y, x)[0]
    b = tf.gradients(y, z)[0]
    return a, b


def grad(y, x):
    return tf.gradients(y, x)[0]
"""


def units(source: bytes = SOURCE, selection: Selection | None = None) -> Units:
    def migrate(leaves: Leaves) -> dict[str, Migration]:
        return {"m.py": migrate_bytes("m.py", source, Options(leave=leaves.get("m.py", ())))}

    return Units(migrate, selection)


def lines(found: Units) -> list[list[int]]:
    return [[call.result.site.line for call in unit.calls] for unit in found.units]


def test_orders_and_shared_tapes_move_together() -> None:
    assert lines(units()) == [[6], [11, 12], [18, 19]]


def test_any_choice_of_units_is_the_full_migration_in_these_places() -> None:
    found = units()
    assert found.with_units([])["m.py"].new == SOURCE
    assert found.with_units(found.units) == found.full
    parts = SOURCE.split(b"\n\n\n")
    full = found.full["m.py"].new.split(b"\n\n\n")
    for chosen in ([0], [1], [2], [0, 2], [1, 2]):
        expected = [
            new if index - 1 in chosen else old
            for index, (old, new) in enumerate(zip(parts, full, strict=True))
        ]
        new = found.with_units([found.units[i] for i in chosen])["m.py"].new
        assert new == b"\n\n\n".join(expected)


def test_keys_stay_when_lines_move_and_tell_twins_apart() -> None:
    twin = SOURCE.replace(b"def slope", b"# one more line\ndef slope")
    assert [u.key for u in units(twin).units] == [u.key for u in units().units]
    twins = SOURCE.partition(b"def curve")[0] + SOURCE[SOURCE.index(b"def slope") :]
    keys = [unit.key for unit in units(twins).units]
    assert len(set(keys)) == len(keys) == 4


def test_what_is_not_selected_is_no_question() -> None:
    assert lines(units(selection=Selection(ignore=("nested",)))) == [[6], [11], [18, 19]]
