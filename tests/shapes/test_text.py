"""The whole text of programs that bring together what fixtures hold apart, and what is said.

The goldens are beside this module (``--force-regen``); that the recipes give the same numbers is
proven on the fixtures.
"""

from __future__ import annotations

import textwrap

import pytest
from pytest_regressions.file_regression import FileRegressionFixture

from tape_migrate.api import migrate_source
from tape_migrate.model import Options

HEAD = "import numpy as np\nimport tensorflow as tf\n\n\n"

PROGRAMS = {
    "data_before_the_tape": """
        def build():
            with tf.device("/cpu:0"):
                w = tf.Variable(1.0)
                rate = tf.flags.FLAGS.rate
                data = tf.data.Dataset.range(3)
                images = data.make_one_shot_iterator().get_next()
                loss = tf.reduce_sum(w * images * rate)
            return tf.gradients(loss, tf.trainable_variables())
        """,
    "session_kept_by_an_object": """
        class Trainer:
            def __init__(self, session):
                self.sess = session
                self.w = tf.Variable(1.0)

            def gradients(self, x):
                loss = tf.reduce_sum(self.w * x)
                return tf.gradients(loss, tf.trainable_variables())
        """,
    "settings_in_many_places": """
        class Trainer:
            def __init__(self, config):
                self.config = config
                self.w = tf.Variable(1.0)

            def gradients(self):
                size = [self.config.n, self.config.m]
                name = f"loss_{self.config.n}"
                if self.config.deep:
                    x = tf.ones(size)
                else:
                    x = tf.zeros(size)
                big = 2.0 if self.config.big else 1.0
                loss = tf.reduce_sum(self.w * x * big, name=name)
                return tf.gradients(loss, tf.trainable_variables())
        """,
    "a_loop_over_a_constant_of_the_module": """
        for SCALE in [1.0, 2.0]:
            pass


        def f():
            w = tf.get_variable("w", [3])
            loss = tf.reduce_sum(w * SCALE)
            return tf.gradients(loss, tf.trainable_variables())
        """,
    "a_parameter_of_a_lambda": """
        def f(layers):
            w = tf.get_variable("w", [3])
            parts = [g(w) for g in layers]
            loss = tf.add_n(list(map(lambda p: tf.reduce_sum(p), parts)))
            return tf.gradients(loss, tf.trainable_variables())
        """,
    "set_up_that_returns": """
        class LossTest(tf.test.TestCase):
            def setUp(self):
                self.x = tf.constant([1.0, 2.0])
                self.loss = tf.reduce_sum(self.x * self.x)
                if self.x is None:
                    return
                self.n = 1

            def test_gradient(self):
                g = tf.gradients(self.loss, self.x)[0]
                self.assertIsNotNone(g)
        """,
    "set_up_of_a_subclass": """
        class LossTest(tf.test.TestCase):
            def setUp(self):
                self.x = tf.constant([1.0, 2.0])
                self.loss = tf.reduce_sum(self.x * self.x)

            def test_gradient(self):
                g = tf.gradients(self.loss, self.x)[0]
                self.assertIsNotNone(g)


        class OtherTest(LossTest):
            def setUp(self):
                self.x = tf.constant([1.0, 2.0])
                self.loss = tf.reduce_sum(self.x)
        """,
    "set_up_that_is_decorated": """
        @every_way
        class LossTest(tf.test.TestCase):
            def setUp(self):
                self.x = tf.constant([1.0, 2.0])
                self.loss = tf.reduce_sum(self.x * self.x)

            def test_gradient(self):
                g = tf.gradients(self.loss, self.x)[0]
                self.assertIsNotNone(g)
        """,
    "set_up_with_a_docstring": '''
        class LossTest(tf.test.TestCase):
            def setUp(self):
                """Makes the loss."""
                super().setUp()
                self.x = tf.constant([1.0, 2.0])
                self.loss = tf.reduce_sum(self.x * self.x)

            def test_gradient(self):
                g = tf.gradients(self.loss, [self.x] + list((self.x,)))
                self.assertIsNotNone(g)
        ''',
    "set_up_that_a_test_changes": """
        class LossTest(tf.test.TestCase):
            def setUp(self):
                self.x = tf.constant([1.0, 2.0])
                self.loss = tf.reduce_sum(self.x * self.x)

            def test_gradient(self):
                self.loss = self.loss * 2.0
                g = tf.gradients(self.loss, self.x)[0]
                self.assertIsNotNone(g)
        """,
    "object_that_fills_a_list": """
        class Net:
            def __init__(self, x):
                self.x = tf.identity(x)
                self.parts = [tf.sin(self.x)]
                self.loss = tf.reduce_sum(self.parts[0])

            def add(self, part):
                self.parts[0] = part

            def slope(self):
                return tf.gradients(self.loss, self.x)[0]
        """,
    "object_whose_parts_are_read": """
        class Net:
            def __init__(self, x):
                self.x = tf.identity(x)
                self.parts = [tf.sin(self.x), tf.cos(self.x)]
                self.loss = tf.add_n(self.parts)

            def slope(self):
                total = [p for p in self.parts]
                if self.parts[0] is not None:
                    print(f"{self.parts[1]}")
                return tf.gradients(self.loss, self.x)[0], total
        """,
    "optimizer_without_variables": """
        def f(x):
            opt = tf.train.AdamOptimizer(0.1)
            w = tf.Variable(1.0)
            loss = tf.reduce_sum(w * x)
            return opt.compute_gradients(loss, var_list=None, grad_loss=None)
        """,
    "optimizer_by_star": """
        def f(x, args):
            opt = tf.train.AdamOptimizer(0.1)
            w = tf.Variable(1.0)
            loss = tf.reduce_sum(w * x)
            return opt.compute_gradients(loss, *args)
        """,
    "optimizer_by_two_stars": """
        def f(x, options):
            opt = tf.train.AdamOptimizer(0.1)
            w = tf.Variable(1.0)
            loss = tf.reduce_sum(w * x)
            return opt.compute_gradients(loss, **options)
        """,
    "optimizer_with_a_strange_argument": """
        def f(x):
            opt = tf.train.AdamOptimizer(0.1)
            w = tf.Variable(1.0)
            loss = tf.reduce_sum(w * x)
            return opt.compute_gradients(loss, variables=[w])
        """,
    "optimizer_without_a_loss": """
        def f(x):
            opt = tf.train.AdamOptimizer(0.1)
            w = tf.Variable(1.0)
            return opt.compute_gradients(var_list=[w])
        """,
    "one_of_two_optimizers": """
        def f(x, fast):
            opt = tf.train.AdamOptimizer(0.1) if fast else tf.train.GradientDescentOptimizer(0.1)
            w = tf.Variable(1.0)
            loss = tf.reduce_sum(w * x)
            return opt.compute_gradients(loss, [w])
        """,
    "optimizer_from_a_loop": """
        def f(x):
            w = tf.Variable(1.0)
            for opt in make_all():
                loss = tf.reduce_sum(w * x)
                done = opt.compute_gradients(loss, [w])
            return done
        """,
    "two_names_before_a_comment": """
        def f(x):
            y = x * x
            return tf.gradients(  # of the square
                # the target
                y,
                # the source
                x,
                name="g",  # a name
            )[0]
        """,
    "a_tuple_of_sources_and_texts": """
        def f(x, z):
            y = x * z
            return tf.gradients(y, (x, z), name="g, (h)", aggregation_method=pick("a)"))
        """,
    "a_target_with_a_text_in_it": """
        def f(x):
            return tf.gradients(ys=tf.reduce_sum(x * x, name="a # b, (c"), xs=x)[0]
        """,
    "a_star_import_in_between": """
        x = tf.constant(2.0)
        y = x * x
        from helpers import *
        z = y * 2.0
        g = tf.gradients(z, x)[0]
        """,
    "a_global_that_a_call_rebinds": """
        scale = 1.0


        def f(x):
            y = x * x

            def more():
                global scale
                scale = 2.0

            more()
            z = y * scale
            return tf.gradients(z, x)[0]
        """,
    "a_nonlocal_in_between": """
        def f(x):
            y = x * x

            def more():
                nonlocal y
                y = y * 2.0

            more()
            return tf.gradients(y, x)[0]
        """,
    "a_variable_that_is_assigned_in_between": """
        def f(x):
            v = tf.Variable(2.0)
            y = v * x
            done = tf.assign(v, 3.0)
            z = y * v
            return tf.gradients(z, [v])[0], done
        """,
    "a_list_that_grows_in_place": """
        def f(x):
            parts = [x * x]
            parts += [x]
            y = tf.add_n(parts)
            return tf.gradients(y, x)[0]
        """,
    "a_list_that_an_inner_function_fills": """
        def f(x):
            parts = []

            def fill(v):
                parts.append(v * v)

            fill(x)
            y = tf.add_n(parts)
            return tf.gradients(y, x)[0]
        """,
    "a_function_of_two_definitions": """
        if np.random.rand() > 0.5:
            def layer(v):
                return v * v
        else:
            def layer(v):
                return v + v


        def f(x):
            y = layer(x) * 2.0
            return tf.gradients(y, x)[0]
        """,
    "a_lambda_that_keeps": """
        KEPT = []
        keep = lambda v: KEPT.append(v)


        def f(x):
            a = x * 2.0
            keep(a)
            y = tf.sin(a) * x
            return tf.gradients(y, x)[0]
        """,
    "a_source_made_in_a_comprehension": """
        def f(xs):
            ys = [tf.sin(v) for v in xs]
            y = tf.add_n(ys)
            return [tf.gradients(y, v)[0] for v in xs]
        """,
    "gradients_in_a_comprehension_over_targets": """
        def f(x, n):
            h = tf.sin(x)
            return tf.stack([tf.gradients(h[i] * 2.0, x)[0] for i in range(n)])
        """,
    "gradients_in_a_generator_that_runs_later": """
        def f(x, n):
            h = tf.sin(x)
            return (tf.gradients(h[i] * 2.0, x)[0] for i in range(n))
        """,
    "gradients_in_a_filtered_comprehension": """
        def f(x, n):
            h = tf.sin(x)
            return [tf.gradients(h[i] * i, x)[0] for i in range(n) if i]
        """,
    "gradients_in_an_inner_comprehension": """
        def f(x, n):
            h = tf.sin(x)
            return [[tf.gradients(h[i] * h[j], x)[0] for j in range(n)] for i in range(n)]
        """,
    "a_target_after_and": """
        def f(x, ready):
            h = tf.sin(x)
            return ready and tf.gradients(h * 2.0, x)[0]
        """,
    "a_target_in_a_chain": """
        def f(x, low, high):
            h = tf.sin(x)
            return low < tf.gradients(h * 2.0, x)[0] < high
        """,
    "a_target_in_a_while": """
        def f(x):
            h = tf.sin(x)
            n = 0
            while tf.gradients(h * 2.0, x)[0] > n:
                n += 1
            return n
        """,
    "stop_gradients_of_a_list": """
        def f(x):
            a = x * x
            b = tf.sin(x)
            stopped = [a, b]
            y = a * b * x
            return tf.gradients(y, x, stop_gradients=stopped)[0]
        """,
    "stop_gradients_of_a_parameter": """
        def f(x, z):
            y = x * z
            return tf.gradients(y, x, stop_gradients=[z])[0]
        """,
    "zeros_through_where": """
        def f(x, z):
            y = tf.cond(z > 0.0, lambda: tf.where(z > 1.0, x, z), lambda: z)
            return tf.gradients(y, [x, z])
        """,
    "zeros_through_a_map": """
        def f(x, z):
            y = tf.map_fn(lambda v: v[0] * z, tf.stack([x, x]))
            y += tf.reduce_sum(z)
            return tf.gradients(y, [x, z])
        """,
    "zeros_through_a_function_of_two_returns": """
        def pick(v, w, flag):
            if flag:
                return v
            return w


        def f(x, z):
            y: object = tf.cond(z > 0.0, lambda: pick(x, z, True), lambda: z)
            return tf.gradients(y, [x, z])
        """,
    "two_classes_of_one_helper": """
        class Net:
            def slope(self, other, x):
                return tf.gradients(other.loss, x)[0]

            def run(self, other, x):
                other.loss = x * x
                return self.slope(other, x)


        class Deep:
            def slope(self, x):
                return tf.gradients(self.out["loss"], x)[0]

            def run(self, x):
                self.out = {}
                self.out["loss"] = x * x
                return self.slope(x)
        """,
    "helper_that_ends_with_del": """
        def slope(y, x):
            g = tf.gradients(y, x)[0]
            del y
            return g


        def run(x):
            y = tf.sin(x)
            return slope(y, x)
        """,
    "helper_with_two_targets_of_parameters": """
        def slopes(y, z, x):
            a = tf.gradients(y * y, x)[0]
            b = tf.gradients(z + y, x)[0]
            return a, b


        def run(x):
            y = tf.sin(x)
            z = tf.cos(y)
            return slopes(y, z, x)
        """,
    "helper_that_stops": """
        def slope(y, x, w):
            s = y * w
            return tf.gradients(s * y, x, stop_gradients=[s])[0]


        def run(x):
            y = tf.sin(x)
            return slope(y, x, 2.0)
        """,
    "helper_in_a_loop_over_targets": """
        def slopes(ys, x):
            return [tf.gradients(y, x)[0] for y in ys]


        def run(x):
            return slopes([tf.sin(x), tf.cos(x)], x)
        """,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_text(name: str, file_regression: FileRegressionFixture) -> None:
    source = HEAD + textwrap.dedent(PROGRAMS[name]).lstrip("\n")
    migration = migrate_source(source.encode(), Options(assume_closed=True))
    assert migration.internal_error is None
    said = "".join(
        f"# {site.site.line}: {site.outcome.value} {site.code or ''} {site.message}\n"
        for site in migration.sites
    )
    file_regression.check(said + migration.new.decode(), basename=name, extension=".txt")
