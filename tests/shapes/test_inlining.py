"""What keeps a function on the way of a Keras graph from being written out where it is called."""

from __future__ import annotations

import textwrap

import pytest

from tape_migrate.api import migrate_source
from tape_migrate.model import Options

HEAD = "import tensorflow as tf\nfrom tensorflow.keras import backend as K\n\n"
COMPILE = """
def run(model, image):
    grads = _gradient(model, 0)
    return K.function([model.input], [grads])([image])
"""


def refusal(body: str, options: Options | None = None) -> tuple[str | None, str]:
    """Code and message of the first call; nothing may have changed."""
    old = (HEAD + textwrap.dedent(body).lstrip("\n")).encode()
    migration = migrate_source(old, options or Options())
    assert migration.internal_error is None, migration.internal_error
    assert migration.new == old, migration.new.decode()
    return migration.sites[0].code, migration.sites[0].message


def migrated(body: str, options: Options | None = None) -> str:
    """The new text, all calls migrated."""
    old = (HEAD + textwrap.dedent(body).lstrip("\n")).encode()
    migration = migrate_source(old, options or Options())
    assert migration.internal_error is None, migration.internal_error
    assert [site.code for site in migration.sites] == [None] * len(migration.sites)
    return migration.new.decode().removeprefix(HEAD)


@pytest.mark.parametrize(
    ("helper", "why"),
    [
        (
            "def _gradient(*args):\n"
            "    return K.gradients(args[0].output[:, args[1]], args[0].input)[0]\n",
            "it takes a varying number of arguments",
        ),
        (
            "@memoize\n"
            "def _gradient(model, unit):\n"
            "    return K.gradients(model.output[:, unit], model.input)[0]\n",
            "_gradient is decorated",
        ),
        (
            "def _gradient(model, unit):\n"
            "    try:\n"
            "        return K.gradients(model.output[:, unit], model.input)[0]\n"
            "    except ValueError:\n"
            "        return None\n",
            "what line 5 does cannot be moved",
        ),
        (
            "def _gradient(model, unit):\n"
            "    global last\n"
            "    last = unit\n"
            "    return K.gradients(model.output[:, unit], model.input)[0]\n",
            "what line 5 does cannot be moved",
        ),
        (
            "def _gradient(model, unit):\n"
            "    print(sorted(locals()))\n"
            "    return K.gradients(model.output[:, unit], model.input)[0]\n",
            "what line 5 does cannot be moved",
        ),
        (
            "def gradient(model, unit):\n"
            "    return K.gradients(model.output[:, unit], model.input)[0]\n\n\n"
            "_gradient = gradient\n",
            "",
        ),
        (
            "def _gradient(model, unit):\n"
            "    return K.gradients(model.output[:, unit], model.input)[0]\n\n\n"
            "HANDLERS = ['_gradient']\n",
            "names it in a string",
        ),
        (
            "def _gradient(model, unit):\n"
            "    return K.gradients(model.output[:, unit], model.input)[0]\n\n\n"
            "HANDLERS = [_gradient]\n",
            "uses _gradient otherwise than by a plain call",
        ),
    ],
)
def test_what_cannot_be_written_out_stays(helper: str, why: str) -> None:
    code, message = refusal(helper + "\n" + COMPILE)
    assert code in ("TM107", "TM140")
    assert why in message


@pytest.mark.parametrize(
    ("caller", "why"),
    [
        ("    return [K.function([model.input], [_gradient(model, i)]) for i in units]",
         "it is called inside an expression of its own"),
        ("    if _gradient(model, 0) is not None:\n        pass\n"
         "    return K.function([model.input], [model.output])", "in the head of a block"),
        ("    first(); grads = _gradient(model, 0)\n    return K.function([model.input], [grads])",
         "holds several statements"),
        ("    return K.function([draw(model)], [_gradient(model, 0)])", "calls something else"),
    ],
)  # fmt: skip
def test_a_call_before_which_no_statement_can_be_put(caller: str, why: str) -> None:
    helper = (
        "def _gradient(model, unit):\n"
        "    score = model.output[:, unit]\n"
        "    return K.gradients(score, model.input)[0]\n\n\n"
    )
    code, message = refusal(helper + "def run(model, image, units):\n" + caller + "\n")
    assert code in ("TM107", "TM140", "TM141")
    assert why in message


def test_a_method_of_a_base_class_that_calls_super_stays() -> None:
    code, message = refusal("""
        class Base:
            def _gradient(self, unit):
                super().prepare(unit)
                return K.gradients(self.model.output[:, unit], self.model.input)[0]


        class Maps(Base):
            def run(self, image):
                return K.function([self.model.input], [self._gradient(1)])([image])
        """)
    assert code == "TM140"
    assert "what line 6 does cannot be moved" in message


def test_names_are_kept_apart() -> None:
    new = migrated("""
        def _gradient(net, loss, unit):
            model = loss[:, unit]
            grads = K.gradients(model, net.input)[0]
            return grads


        def run(model, image, grads=1.0):
            step = _gradient(model, model.output, [u for u in range(2)][0])
            f = K.function([model.input], [step])
            return f([image])[0] * grads
        """)
    assert "def _gradient" not in new
    assert "unit = [u for u in range(2)][0]" in new
    assert "model2 = output[:, unit]" in new
    assert "step = tape.gradient(model2, inputs)" in new


def test_a_graph_that_cannot_move_once_it_is_together_stays_as_it_was() -> None:
    code, message = refusal("""
        def _gradient(model, unit):
            return K.gradients(model.output[:, unit], model.input)[0]


        def run(model, image):
            grads = _gradient(model, 0)
            model.target = grads
            return K.function([model.input], [grads])([image])
        """)
    assert code in ("TM141", "TM143")
    assert message.endswith(", once _gradient() is written out in run()")
    assert "line" not in message, "the reader sees other lines"


def test_what_nothing_else_calls_is_said_by_an_option() -> None:
    body = """
        def gradient(model, unit):
            return K.gradients(model.output[:, unit], model.input)[0]


        def run(model, image):
            return K.function([model.input], [gradient(model, 1)])([image])
        """
    code, message = refusal(body)
    assert code == "TM140"
    assert "gradient may be called from outside" in message
    assert "def gradient(" not in migrated(body, Options(assume_closed=True))
