"""What else of a program follows its Keras graphs: imports, learning phase, eager switch."""

from __future__ import annotations

import textwrap

import pytest

from tape_migrate.api import migrate_source
from tape_migrate.linking import migrate_project
from tape_migrate.model import Migration

GRAPH = """
def f(model, image):
    grads = K.gradients(K.sum(model.output), model.input)[0]
    return K.function([model.input], [K.abs(grads)])([image])
"""


def new_text(head: str, body: str = GRAPH) -> str:
    migration = migrate_source((textwrap.dedent(head).lstrip("\n") + body).encode())
    assert migration.internal_error is None, migration.internal_error
    return migration.new.decode()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("from keras import backend as K\n", "from tensorflow.keras import backend as K\n"),
        ("import keras.backend as K\n", "from tensorflow.keras import backend as K\n"),
        (
            "from keras import backend as K, layers\n",
            "from keras import layers\nfrom tensorflow.keras import backend as K\n",
        ),
        (
            "from keras import backend as K  # the backend\n",
            "from tensorflow.keras import backend as K  # the backend\n",
        ),
        (
            "from tensorflow.keras import backend as K\n",
            "from tensorflow.keras import backend as K\n",
        ),
    ],
)
def test_the_backend_comes_from_tensorflow(old: str, new: str) -> None:
    assert new_text(old).startswith(new + "import tensorflow as tf\n")


def test_a_backend_of_which_private_names_are_used_stays() -> None:
    body = GRAPH + "\ndef g():\n    return K._BACKEND\n"
    text = new_text("from keras import backend as K\n", body)
    assert text.startswith("from keras import backend as K\n")


def test_a_backend_that_is_not_used_any_more_is_not_imported() -> None:
    body = """
def f(model, image):
    grads = K.gradients(model.output, model.input)
    return K.function([model.input], grads)([image])
"""
    text = new_text("from keras import backend as K\n", body)
    assert text.startswith("import tensorflow as tf\n")


def test_a_learning_phase_of_zero_goes_and_nothing_is_migrated_where_the_program_trains() -> None:
    head = "from keras import backend as K\nK.set_learning_phase(0)\n"
    assert "set_learning_phase" not in new_text(head)
    trains = GRAPH + "\ndef g(model, x, y):\n    model.fit(x, y)\n"
    migration = migrate_source((head + trains).encode())
    assert not migration.changed
    assert migration.sites[0].code == "TM140"
    assert "holds for training, too (line 9)" in migration.sites[0].message


@pytest.mark.parametrize(
    ("train", "stays"),
    [
        ("import lib\n\n\ndef g(model, x, y):\n    model.fit(x, y)\n", True),
        ("import lib\n\n\ndef g(model, x, y):\n    model.train_on_batch(x, y)\n", True),
        ("import lib\n\n\ndef g(model, x):\n    model.predict(x)\n", False),
        ("import other\n\n\ndef g(model, x):\n    model.fit(x)\n", False),
    ],
)
def test_a_learning_phase_that_another_module_trains_in(train: str, stays: bool) -> None:
    head = "from keras import backend as K\nK.set_learning_phase(0)\n"
    files = {"lib.py": (head + GRAPH).encode(), "main.py": train.encode()}
    library, script = (migrate_project(files)[path] for path in files)
    assert isinstance(library, Migration)
    assert isinstance(script, Migration)
    assert library.changed is not stays
    assert (b"K.set_learning_phase(0)\n" in library.new) is stays
    assert not script.changed
    assert not stays or "(main.py, line 5)" in library.sites[0].message


def test_the_eager_switch_goes_where_nothing_needs_a_graph() -> None:
    head = """
        import tensorflow as tf
        from tensorflow.keras import backend as K
        tf.compat.v1.disable_eager_execution()
        """
    assert "disable_eager_execution" not in new_text(head)
    needs = GRAPH + "\ndef g():\n    return tf.compat.v1.Session()\n"
    migration = migrate_source((textwrap.dedent(head).lstrip("\n") + needs).encode())
    assert not migration.changed
    assert migration.sites[0].code == "TM146"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("K.int_shape(layer.output)", "tuple(layer.output.shape)"),
        ("K.int_shape(layer.output)[1]", "layer.output.shape[1]"),
        ("K.ndim(layer.output)", "len(layer.output.shape)"),
        ("K.int_shape(model.output)[1]", "model.outputs[0].shape[1]"),
        ("K.int_shape(image)", "K.int_shape(image)"),
    ],
)
def test_static_shapes_of_keras_tensors(old: str, new: str) -> None:
    body = GRAPH + f"\ndef g(model, layer, image):\n    return {old}\n"
    text = new_text("from tensorflow.keras import backend as K\n", body)
    assert f"return {new}\n" in text


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("K.set_session(session)", "K.set_session(session)"),
        ("session.run(K.get_session().graph)", "K.get_session()"),
    ],
)
def test_a_session_that_is_left_is_reported(line: str, left: str) -> None:
    source = (
        "from keras import backend as K\n\n\n"
        f"def run(model, x, session):\n    {line}\n"
        "    grads = K.gradients(model.output, model.input)[0]\n"
        "    return K.function([model.input], [grads])([x])\n"
    )
    migration = migrate_source(source.encode())
    assert line in migration.new.decode()
    assert f"{left} is left as it is" in migration.sites[0].message
