"""Which new call stands for which old one."""

from __future__ import annotations

import pytest

from tape_migrate.api import migrate_source
from tape_migrate.verify.program.change import FileChange, WatchedFile, line_table, marked, watch

HEAD = "import tensorflow as tf\n\n\n"


def by_hand(old: str, new: str) -> WatchedFile:
    change = FileChange("m.py", (HEAD + old).encode(), (HEAD + new).encode(), by_hand=True)
    (file,) = watch([change])
    return file


def found(file: WatchedFile) -> list[tuple[str, str, tuple[tuple[int, int], ...] | None]]:
    """Old call, new call and items, as text."""
    return [
        (file.old_calls[pair.old].text, file.new_calls[part.call].text, part.items)
        for pair in file.pairs
        for part in pair.parts
    ]


def test_calls_that_share_a_tape_take_their_items() -> None:
    old = "def f(u, x, t):\n    u_t = tf.gradients(u, t)[0]\n    u_x = tf.gradients(u, x)[0]\n"
    new = "def f(u, x, t):\n    u_t, u_x = tape.gradient(u, [t, x])\n"
    assert found(by_hand(old, new)) == [
        ("tf.gradients(u, t)", "tape.gradient(u, [t, x])", ((0, 0),)),
        ("tf.gradients(u, x)", "tape.gradient(u, [t, x])", ((0, 1),)),
    ]


def test_names_decide_before_sources_do() -> None:
    old = "def f(u, x, t):\n    u_t = tf.gradients(u, t)[0]\n    u_x = tf.gradients(u, x)[0]\n"
    swapped = "def f(u, x, t):\n    u_t, u_x = tape.gradient(u, [x, t])\n"
    assert [items for _, _, items in found(by_hand(old, swapped))] == [((0, 0),), ((0, 1),)]


def test_without_names_sources_choose_the_item() -> None:
    old = "def f(u, x, t):\n    return [tf.gradients(u, t)[0] * 2, tf.gradients(u, x)[0] * 3]\n"
    new = "def f(u, x, t):\n    a, b = tape.gradient(u, [x, t])\n    return [b * 2, a * 3]\n"
    assert [items for _, _, items in found(by_hand(old, new))] == [((0, 1),), ((0, 0),)]


def test_the_same_text_twice_goes_by_order() -> None:
    old = "def f(y, x):\n" + "    use(tf.gradients(y, x)[0])\n" * 2
    new = "def f(y, x):\n" + "    use(tape.gradient(y, x))\n" * 2
    file = by_hand(old, new)
    assert [part.call for pair in file.pairs for part in pair.parts] == [0, 1]


def test_a_call_of_another_function_of_the_old_text_is_not_taken() -> None:
    old = "def f(y, x):\n    return tf.gradients(y, x)\n\n\ndef g(y, x):\n    return 2 * y\n"
    new = "def f(y, x):\n    return 3\n\n\ndef g(y, x):\n    return tape.gradient(y, [x])\n"
    file = by_hand(old, new)
    assert found(file) == []
    assert file.unmatched_new == (0,)


def test_a_call_in_a_function_made_new_is_taken() -> None:
    old = "y = x * x\ng = tf.gradients(y, x)[0]\n"
    new = "def slope(x):\n    g = tape.gradient(x * x, x)\n    return g\n"
    (pair,) = found(by_hand(old, new))
    assert pair == ("tf.gradients(y, x)", "tape.gradient(x * x, x)", ((0, 0),))


def test_tapes_and_calls_that_were_there_before_are_left_out() -> None:
    kept = "def mine(y, x):\n    a = tape.gradient(y, x)\n    return tf.gradients(y, x)\n"
    file = by_hand(
        kept + "def f(y, x):\n    return tf.gradients(y, x)\n",
        kept + "def f(y, x):\n    return tape.gradient(y, [x])\n",
    )
    assert [call.function for call in (*file.old_calls, *file.new_calls)] == ["f", "f"]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_marks_stand_around_callees_and_move_no_line(newline: str) -> None:
    text = HEAD + "def f(x):\n    y = x * x  # é\n    g, = tf.gradients(\n        y, [x])\n"
    old = text.replace("\n", newline).encode("utf-8")
    migration = migrate_source(old)
    (file,) = watch([FileChange("m.py", old, migration.new, migration.sites)])
    before = marked(old, file.old_calls, file.old_numbers)
    after = marked(migration.new, file.new_calls, file.new_numbers)
    assert b"__tape_migrate__(0, tf.gradients)(" in before
    assert b"__tape_migrate__(0, tape.gradient)(" in after
    assert len(before.splitlines()) == len(old.splitlines())
    assert before.replace(b"__tape_migrate__(0, tf.gradients)", b"tf.gradients") == old


def test_lines_are_followed_through_a_migration() -> None:
    old = b"a\nx = f()\ny = g(x)\nz = tf.gradients(y, x)\nend\n"
    new = b"a\nx = f()\nwith tape:\n    tape.watch(x)\n    y = g(x)\nz = tape.gradient(y, x)\nend\n"
    table = line_table(old, new)
    assert (table[0], table[1], table[4], table[6]) == (1, 2, 3, 5)


def test_a_function_that_has_moved_into_a_class_is_found_by_its_name() -> None:
    old = (
        "def f(y, x):\n    return 1 + tf.gradients(y, x)[0]\n\n\n"
        "def g(y, x):\n    return 2 + tf.gradients(y, x)[0]\n"
    )
    new = (
        "class Net:\n    def g(self, y, x):\n        return 2 + tape.gradient(y, x)\n\n"
        "    def f(self, y, x):\n        return 1 + tape.gradient(y, x)\n"
    )
    file = by_hand(old, new)
    assert [
        (file.old_calls[pair.old].function, file.new_calls[part.call].function)
        for pair in file.pairs
        for part in pair.parts
    ] == [("f", "Net.f"), ("g", "Net.g")]


def test_a_call_taken_out_into_an_inner_function_is_found() -> None:
    old = "def f(y, x):\n    return 1 + tf.gradients(y, x)[0]\n"
    new = (
        "def other(y, x):\n    return 1 + tape.gradient(y, x)\n\n\n"
        "def f(y, x):\n    def inner():\n        return tape.gradient(y, x)\n\n"
        "    return 1 + inner()\n"
    )
    file = by_hand(old, new)
    ((part,),) = [pair.parts for pair in file.pairs]
    assert file.new_calls[part.call].function == "f.inner"
