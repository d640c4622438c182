"""``optimizer.minimize`` of a tensor: a gradient call only where it raises."""

from __future__ import annotations

import pytest

from tape_migrate.api import migrate_source
from tape_migrate.model import Api, Migration, Outcome

TEXT = """\
import tensorflow as tf

{mode}

w = tf.Variable([1.0, 2.0])
b = tf.Variable(1.0)
optimizer = {optimizer}


{before}def step():
    loss = tf.reduce_sum(w * w + b)
    optimizer.minimize({arguments})
"""


def migrate(
    arguments: str = "loss",
    *,
    mode: str = "tf.compat.v1.enable_eager_execution()",
    optimizer: str = "tf.compat.v1.train.AdamOptimizer(0.1)",
    before: str = "",
) -> Migration:
    text = TEXT.format(arguments=arguments, mode=mode, optimizer=optimizer, before=before)
    migration = migrate_source(text.encode())
    assert migration.internal_error is None
    return migration


def test_a_tensor_where_the_module_runs_eagerly() -> None:
    migration = migrate()
    (site,) = migration.sites
    assert site.site.api is Api.OPTIMIZER_MINIMIZE
    assert site.outcome is Outcome.MIGRATED
    new = migration.new.decode()
    assert "    variables = tape.watched_variables()\n" in new
    assert "optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))" in new


@pytest.mark.parametrize(
    ("arguments", "written"),
    [
        ("loss, step_count", "variables), variables), global_step=step_count)"),
        ("loss, name='n', global_step=g()", "variables), variables), global_step=g(), name='n')"),
        ("loss, None, [w, b]", "    variables = [w, b]\n"),
        ("var_list=[w, b], loss=loss", "    variables = [w, b]\n"),
        ("loss, grad_loss=2.0 * loss", "variables, output_gradients=2.0 * loss), variables)"),
    ],
)
def test_arguments(arguments: str, written: str) -> None:
    assert written in migrate(arguments).new.decode()


@pytest.mark.parametrize(
    "how",
    [
        # It works in a graph, and in a tf.function.
        {"mode": "sess = tf.compat.v1.Session()"},
        {"mode": "tf.compat.v1.disable_eager_execution()"},
        {"mode": ""},
        {"before": "@tf.function\n"},
        # A function that gives the loss works eagerly.
        {"arguments": "lambda: tf.reduce_sum(w)"},
        {"arguments": "step"},
        # Nothing tells that the loss is a tensor, or what the object does.
        {"arguments": "make_loss"},
        {"optimizer": "make_optimizer()"},
        # Raises in a graph as well.
        {"optimizer": "tf.keras.optimizers.Adam(0.1)"},
    ],
)
def test_no_gradient_call(how: dict[str, str]) -> None:
    assert migrate(**how).sites == ()
