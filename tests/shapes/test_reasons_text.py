"""The whole text of programs in which one detail decides: what is kept, read again, or changed."""

from __future__ import annotations

import pytest
from pytest_regressions.file_regression import FileRegressionFixture

from .texts import check

PROGRAMS = {
    "numbers_of_numpy_on_the_way": """
        def f(x):
            y = x * np.float32(2.0) * np.float64(0.5)
            y = y * np.int32(2) * np.int64(3)
            return tf.gradients(y, x)[0]
        """,
    "a_function_under_a_decorator_of_tensorflow": """
        def f(x):
            @tf.function(autograph=False)
            def double(v):
                return v * 2.0

            h = tf.cos(x)
            y = double(x) * x
            return tf.gradients(y, x)[0], h
        """,
    "a_function_under_a_decorator_that_keeps": """
        def f(x, registry):
            h = tf.cos(x)

            @registry.register("double")
            def double(v):
                return h * v

            k = tf.sin(x)
            y = registry.last(2.0) * x
            return tf.gradients(y, x)[0], k
        """,
    "a_keeper_made_by_a_call": """
        def f(x, store):
            keep = make_keeper(store)
            h = keep(tf.sin(x))
            y = store.last * x
            return tf.gradients(y, x)[0], h
        """,
    "a_keeper_that_is_a_lambda": """
        def f(x, store):
            keep = lambda v: store.put(v)
            h = keep(tf.sin(x))
            y = store.last * x
            return tf.gradients(y, x)[0], h
        """,
    "a_keeper_out_of_a_table": """
        def f(x, store, table):
            keep = table["keep"]
            h = keep(tf.sin(x))
            y = store.last * x
            return tf.gradients(y, x)[0], h
        """,
    "sources_of_an_iterator": """
        def f(x, parts):
            found = []
            for v in parts(x):
                y = v * v
                found.append(tf.gradients(y, v)[0])
            return found
        """,
    "sources_of_two_lists_in_turn": """
        def f(a, b):
            found = []
            for v, w in zip(a, b):
                y = v * v * w
                found.append(tf.gradients(y, v)[0])
            return found
        """,
    "comments_before_the_arguments": """
        def f(x):
            y = x * x
            return tf.gradients(  # first
                # of the square
                # and nothing else
                y,
                # by this
                # and no other
                x,
                # a name
                # that goes
                name="g",
            )[0]
        """,
    "a_variable_assigned_between_target_and_gradient": """
        v = tf.Variable(2.0)


        def f(x):
            y = v * v * x
            v.assign(3.0)
            return tf.gradients(y, v, grad_ys=v * 1.0)[0]
        """,
    "a_variable_assigned_in_the_body_of_a_class": """
        v = tf.Variable(2.0)


        def f(x):
            y = v * v * x

            class Step:
                done = v.assign(3.0)

            return tf.gradients(y, v, grad_ys=v * 1.0)[0], Step
        """,
    "an_object_changed_by_its_other_name": """
        class Box:
            pass


        def f(x, change):
            box = Box()
            other = box
            box.v = tf.sin(x)
            y = box.v * x
            change(other)
            return tf.gradients(y, box.v)[0]
        """,
    "two_names_by_a_choice": """
        def f(a, b, flag):
            h, s = (a, b) if flag else (b, a)
            y = h * s
            return tf.gradients(y, h)[0]
        """,
    "two_values_by_a_choice": """
        def f(a, b, flag):
            h, s = (a, a * b) if flag else (b, a)
            y = h * s
            return tf.gradients(y, h)[0]
        """,
    "an_imported_source_that_a_call_may_read": """
        import config
        from lib import build


        def f(x):
            h = build(x)
            y = h * config.w
            return tf.gradients(y, config.w)[0]
        """,
    "an_imported_source_that_nothing_else_reads": """
        import config


        def f(x):
            h = tf.sin(x)
            y = h * config.w
            return tf.gradients(y, config.w)[0]
        """,
    "two_gradients_by_name": """
        def f(x, z):
            y = x * z * z
            g, h = tf.gradients(y, [x, z])
            return tf.gradients(g, z)[0], tf.gradients(h, x)[0]
        """,
    "a_target_made_by_what_is_closed_and_what_is_not": """
        class Net:
            def slope(self, y, x):
                z = tf.sin(y)
                z = self.scale(z)
                return tf.gradients(z, x)[0]

            def run(self, x):
                y = x * x
                return self.slope(y, x)
        """,
    "a_target_made_by_a_function_that_is_handed_in": """
        def slope(y, x, activation):
            z = tf.sin(y)
            z = activation(z)
            return tf.gradients(z, x)[0]


        def run(x):
            y = x * x
            return slope(y, x, tf.nn.relu)
        """,
    "a_self_that_is_no_method_s": """
        def f(self, v):
            y = self.layer(v) * self.w
            return tf.gradients(y, v)[0]
        """,
    "variables_that_the_class_makes": """
        class Net:
            def __init__(self):
                self.w = tf.get_variable("w", [3])

            def f(self, v):
                y = tf.reduce_sum(self.w * self.w)
                return tf.gradients(y, v)[0]
        """,
    "a_list_multiplied_by_a_list": """
        def f(x, n):
            xs = [x] * n
            y = xs[0] * x
            return tf.gradients(y, xs)
        """,
    "a_comprehension_with_a_condition": """
        def f(x, parts):
            return [tf.gradients(p * x, x)[0] for p in parts if p is not None]
        """,
    "an_asynchronous_comprehension": """
        async def f(x, parts):
            return [tf.gradients(p * x, x)[0] async for p in parts]
        """,
    "all_variables_of_version_1": """
        def f(x):
            w = tf.get_variable("w", [3])
            loss = tf.reduce_sum(w * w)
            opt = tf.train.GradientDescentOptimizer(0.1)
            return opt.compute_gradients(loss)
        """,
    "all_variables_of_version_1_by_its_name": """
        def f(x):
            w = tf.compat.v1.get_variable("w", [3])
            loss = tf.reduce_sum(w * w)
            opt = tf.compat.v1.train.GradientDescentOptimizer(0.1)
            return opt.compute_gradients(loss)
        """,
    "a_method_that_sets_up": """
        class Net:
            def _begin(self, scale):
                self.x = tf.constant([1.0, 2.0])
                self.loss = scale * tf.reduce_sum(self.x * self.x)

            def slope(self):
                self._begin(2.0)
                return tf.gradients(self.loss, self.x)[0]
        """,
    "a_method_that_sets_up_in_two_classes": """
        class Net:
            def _begin(self, scale):
                self.x = tf.constant([1.0, 2.0])
                self.loss = scale * tf.reduce_sum(self.x * self.x)

            def slope(self):
                self._begin(2.0)
                return tf.gradients(self.loss, self.x)[0]


        class Deep(Net):
            def _begin(self, scale):
                self.x = tf.constant([1.0, 2.0])
                self.loss = scale * tf.reduce_sum(self.x)
        """,
    "a_method_that_sets_up_and_is_asked_for_by_its_name": """
        class Net:
            def _begin(self, scale):
                self.x = tf.constant([1.0, 2.0])
                self.loss = scale * tf.reduce_sum(self.x * self.x)

            def slope(self):
                self._begin(2.0)
                return tf.gradients(self.loss, self.x)[0]


        def again(net):
            getattr(net, "_begin")(3.0)
        """,
    "a_loss_of_set_up_and_a_source_from_elsewhere": """
        class LossTest(tf.test.TestCase):
            def setUp(self):
                self.x = tf.constant([1.0, 2.0])
                self.loss = tf.reduce_sum(self.x * self.x)

            def test_other(self):
                return tf.gradients(self.loss, OTHER.x)[0]

            def test_given(self, given):
                return tf.gradients(self.loss, given.x)[0]

            def test_own(self):
                x = self.x
                return tf.gradients(self.loss, x)[0]
        """,
    "targets_that_a_helper_takes_together": """
        def slopes(u, v, x):
            return tf.gradients([u, v], x)[0]


        def run(x):
            u = x * x
            v = tf.sin(x)
            return slopes(u, v, x)
        """,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_text(name: str, file_regression: FileRegressionFixture) -> None:
    check(name, PROGRAMS[name], file_regression)
