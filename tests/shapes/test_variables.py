"""Variables as sources: which collections are known to be trainable, and of which kind they are."""

from __future__ import annotations

import ast
from textwrap import dedent

import pytest

from tape_migrate.module import Module
from tape_migrate.shapes.plan import Kind
from tape_migrate.shapes.variable_makers import makes_variables
from tape_migrate.shapes.variables import Collected, collected_variables
from tests.migrating import check, migrate, refused

HEAD = "import tensorflow.compat.v1 as tf\n"


def collected(body: str) -> Collected | None:
    """What the last argument of the call of ``probe`` in ``body`` collects."""
    module = Module((HEAD + dedent(body)).encode())
    calls = [n for n in module.nodes if isinstance(n, ast.Call)]
    (call,) = [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == "probe"]
    return collected_variables(module, call.args[-1])


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("tf.trainable_variables()", Kind.LIST),
        ("tf.trainable_variables(scope='a')", Kind.LIST),
        ("tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES, 'a')", Kind.LIST),
        ("tf.get_collection('trainable_variables')", Kind.LIST),
        ("tf.get_collection(key=tf.GraphKeys.TRAINABLE_VARIABLES)", Kind.LIST),
        ("model.trainable_weights", Kind.LIST),
        ("model.trainable_variables", Kind.UNKNOWN),
        ("list(model.trainable_variables)", Kind.LIST),
        ("tuple(tf.trainable_variables())", Kind.TUPLE),
        ("tf.trainable_variables()[1:]", Kind.LIST),
        ("tf.trainable_variables()[-1]", Kind.TENSOR),
        ("[v for v in tf.trainable_variables() if 'a' in v.name]", Kind.LIST),
        ("[v for s in scopes for v in tf.trainable_variables(s)]", Kind.LIST),
        ("a.trainable_weights + b.trainable_weights", Kind.LIST),
    ],
)
def test_trainable(expression: str, kind: Kind) -> None:
    found = collected(f"probe({expression})")
    assert found is not None
    assert found.trainable
    assert found.kind is kind


@pytest.mark.parametrize(
    "expression",
    [
        "tf.global_variables()",
        "tf.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)",
        "tf.get_collection(key)",
        "tf.get_collection()",
        "model.weights",
        "model.variables",
        "tf.trainable_variables() + tf.local_variables()",
        "[v for v in tf.global_variables() if v.name]",
    ],
)
def test_not_all_trainable(expression: str) -> None:
    found = collected(f"probe({expression})")
    assert found is not None
    assert not found.trainable


@pytest.mark.parametrize(
    "expression",
    [
        "[v.value() for v in tf.trainable_variables()]",
        "random.sample(tf.trainable_variables(), 2)",
        "tf.trainable_variables()[i]",
        "x",
        "tf.get_variable('w', [])",
        "[v for v in stuff]",
        "filter(f, stuff)",
        "list(stuff)",
        "tuple(tf.trainable_variables()[0])",
        "tf.trainable_variables()[0][0]",
    ],
)
def test_nothing_that_is_known(expression: str) -> None:
    assert collected(f"probe({expression})") is None


def test_a_function_of_the_module_collects() -> None:
    found = collected("""
        def of_scope(name):
            if name:
                return tf.trainable_variables(name)
            return tf.trainable_variables()

        probe(of_scope("a"))
        """)
    assert found == Collected("tf.trainable_variables", Kind.LIST)


def test_a_function_with_another_return_does_not() -> None:
    found = collected("""
        def of_scope(name, extra):
            if name:
                return extra
            return tf.trainable_variables()

        probe(of_scope("a", []))
        """)
    assert found is None


@pytest.mark.parametrize(
    ("change", "known"),
    [
        ("names.append(v)", True),
        ("chosen.append(v)", True),
        ("chosen.append(other)", False),
        ("chosen.insert(0, v)", False),
    ],
)
def test_a_list_that_is_filled(change: str, known: bool) -> None:
    found = collected(f"""
        def f(other, names):
            chosen = []
            for v in tf.trainable_variables():
                if v.name:
                    chosen.append(v)
                    {change}
            probe(chosen)
        """)
    assert (found is not None) == known


@pytest.mark.parametrize(
    ("elsewhere", "known"),
    [
        ("pass", True),
        ("self.params = tf.trainable_variables()", True),
        ("self.params = []", True),
        ("self.params = other", False),
        ("self.params.append(other)", False),
    ],
)
def test_an_attribute_counts_by_all_that_its_class_does(elsewhere: str, known: bool) -> None:
    found = collected(f"""
        class Net:
            def __init__(self, other):
                {elsewhere}

            def build(self):
                self.params = tf.trainable_variables()
                probe(self.params)
        """)
    assert (found is not None) == known


@pytest.mark.parametrize("reuse", ["reuse=True", "reuse=tf.AUTO_REUSE"])
def test_get_variable_counts_where_variables_are_reused(reuse: str) -> None:
    body = "with tf.variable_scope('a'{}):\n    w = tf.get_variable('w', [2])\nprobe(w)\n"
    assert collected(body.format("")) is None
    assert collected(body.format(", " + reuse)) == Collected("tf.get_variable", Kind.TENSOR)
    untrainable = body.format(", " + reuse).replace("[2]", "[2], trainable=False")
    assert collected(untrainable) is None


@pytest.mark.parametrize(
    ("expression", "only"),
    [
        ("tf.Variable(1.0)", True),
        ("[tf.Variable(1.0), tf.get_variable('a', [])]", True),
        ("{'w': tf.Variable(1.0)}", True),
        ("[tf.Variable(i) for i in range(3)]", True),
        ("tf.get_variable('a', [], caching_device=d)", False),
        ("tf.get_variable('a', [], custom_getter=g)", False),
        ("tf.Variable(1.0) * 2.0", False),
        ("[]", False),
    ],
)
def test_makes_variables(expression: str, only: bool) -> None:
    module = Module((HEAD + f"v = {expression}\n").encode())
    stmt = module.tree.body[-1]
    assert isinstance(stmt, ast.Assign)
    assert makes_variables(module, stmt.value) == only


def test_what_reads_a_variable_goes_in_and_data_stays_out() -> None:
    check(
        """
        def f(n_units=3):
            x = tf.compat.v1.placeholder(tf.float32, [None, n_units])
            w = tf.compat.v1.get_variable("w", [n_units, 1])
            h = tf.matmul(x, w)
            y = tf.sin(h)
            return tf.gradients(y, tf.compat.v1.trainable_variables())
        """,
        """
        def f(n_units=3):
            x = tf.compat.v1.placeholder(tf.float32, [None, n_units])
            w = tf.compat.v1.get_variable("w", [n_units, 1])
            with tf.GradientTape() as tape:
                h = tf.matmul(x, w)
                y = tf.sin(h)
            return tape.gradient(y, tf.compat.v1.trainable_variables())
        """,
    )


@pytest.mark.parametrize(
    "value",
    ["hidden", "self.hidden", "net.logits", "net.forward()"],
)
def test_values_from_outside_are_refused(value: str) -> None:
    site = refused(f"""
        class Net:
            def f(self, hidden, net):
                y = tf.sin({value})
                return tf.gradients(y, tf.compat.v1.trainable_variables())
        """)
    assert site.code == "TM106"
    assert "computed from the variables" in site.message


def test_settings_from_outside_are_assumed_aloud() -> None:
    migration = migrate("""
        def f(hparams):
            w = tf.compat.v1.get_variable("w", [hparams.size])
            y = tf.sin(w * hparams.scale)
            return tf.gradients(y, tf.compat.v1.trainable_variables())
        """)
    (site,) = migration.sites
    assert "assumes that hparams.scale, hparams.size" in site.message
    assert "hold no tensors computed from the variables" in site.message
