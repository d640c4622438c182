"""The whole text of programs that reach what hardly any other does."""

from __future__ import annotations

import pytest
from pytest_regressions.file_regression import FileRegressionFixture

from .texts import check

PROGRAMS = {
    "attribute_set_after_the_gradient": """
        class Net:
            def slope(self, x):
                y = self.scale * x
                g = tf.gradients(y, x)[0]
                self.scale = 2.0
                return g
        """,
    "branch_whose_result_nobody_reads": """
        class Net:
            def slope(self, x, flag):
                self.calls += 1
                y = tf.sin(x)
                if flag:
                    z = y * 2.0
                y = y * x
                return tf.gradients(y, x)[0]
        """,
    "regularization_losses": """
        def f(w):
            loss = tf.reduce_sum(w * w)
            total = loss + tf.add_n(tf.compat.v1.losses.get_regularization_losses())
            return tf.gradients(total, w)[0]
        """,
    "float_is_a_local_function": """
        def float(v):
            return v * 1.0


        def f(x):
            y = float(tf.sin(x))
            return tf.gradients(y, x)[0]
        """,
    "get_gradients_without_variables": """
        def f(x):
            optimizer = tf.keras.optimizers.SGD(0.1)
            loss = tf.reduce_sum(x * x)
            return optimizer.get_gradients(loss)
        """,
    "reference_variable_in_a_dict": """
        tf.compat.v1.disable_resource_variables()


        def f(x):
            held = {"w": tf.Variable(1.0)}
            ws = [tf.Variable(float(i)) for i in range(2)]
            y = x * held["w"] * ws[0]
            return tf.gradients(y, [held["w"], ws[0]])
        """,
    "reference_variable_by_function": """
        tf.compat.v1.disable_resource_variables()


        def make(n):
            return n * 2.0


        def f(x):
            w = make(x)
            y = x * w
            return tf.gradients(y, w)[0]
        """,
    "sources_from_a_comprehension_of_calls": """
        def f(ws):
            xs = list([tf.identity(w) for w in ws])
            y = tf.add_n(xs)
            return tf.gradients(y, xs)
        """,
    "sources_in_a_dictionary": """
        def f(a, b):
            held = {"a": a, "b": b}
            y = a * b
            return tf.gradients(y, list(held.values()))
        """,
    "sources_made_in_a_dictionary": """
        def f(a, b):
            held = {"a": tf.identity(a), "b": tf.identity(b)}
            y = held["a"] * held["b"]
            return tf.gradients(y, list(held.values()))
        """,
    "setting_used_in_a_with": """
        flags = tf.compat.v1.app.flags.FLAGS


        def f(x):
            with tf.name_scope(flags.name):
                y = tf.sin(x)
            if flags.deep:
                y = y * x
            assert flags.width
            z = {1: y}[flags.which]
            return tf.gradients(z, x)[0]
        """,
    "gradient_perhaps_in_match": """
        def f(x, flag):
            y = tf.sin(x)
            match x.shape.rank:
                case 1:
                    pass
            match flag:
                case {"on": True, **rest}:
                    return tf.gradients(y, x)[0], rest
            return None
        """,
    "mutated_by_or": """
        def f(x, a, b):
            ys = [tf.sin(x)]
            (a or ys).append(tf.cos(x))
            return tf.gradients(ys, x)[0]
        """,
    "global_of_the_function_around": """
        def f(x):
            global w

            def g():
                y = x * w
                return tf.gradients(y, w)[0]

            w = tf.identity(x)
            return g()
        """,
    "nonlocal_in_the_region": """
        def f(x):
            y = None

            def g(v):
                nonlocal y
                z = tf.sin(v)
                y = z * v
                return tf.gradients(y, v)[0]

            return g(x), y
        """,
    "for_into_an_attribute": """
        class Net:
            def slope(self, x, xs):
                y = tf.sin(x)
                for self.last in xs:
                    y = y * self.last
                return tf.gradients(y, x)[0]
        """,
    "state_deep_in_an_object": """
        class Net:
            def slope(self, x):
                y = tf.sin(x) * self.parts[0].w
                self.change()
                return tf.gradients(y, x)[0]

            def change(self):
                self.rows()[0][1] = None
        """,
    "negative_number_at_the_top": """
        scale = -1.0
        sizes = (1, 2)


        def f(a, b):
            y = a * b * scale * sizes[0]
            return tf.gradients(y, [a, b])
        """,
    "training_on_what_a_with_gives": """
        with open("data") as data:
            pass


        def train():
            w = tf.compat.v1.get_variable("w", [2])
            loss = tf.reduce_sum(w * tf.constant(data))
            return tf.gradients(loss, tf.compat.v1.trainable_variables())
        """,
    "training_on_attributes_of_nobody": """
        def train(self, x):
            loss = tf.reduce_sum(self.w * x)
            return tf.gradients(loss, tf.compat.v1.trainable_variables())
        """,
    "tape_with_named_sources": """
        def f(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = tf.sin(x)
            g = tape.gradient(target=y, sources=x)
            return tf.gradients(g, x)[0]
        """,
    "tape_without_sources": """
        def f(x, tape):
            y = tf.sin(x)
            g = tape.gradient(y)
            return tf.gradients(y, g)[0]
        """,
    "split_in_a_branch": """
        def f(v, flag):
            parts = tf.split(v, 2)
            y = tf.sin(parts[0]) * parts[1]
            if flag:
                return tf.gradients(y, parts)
            return y
        """,
    "size_of_another_asked_first": """
        def f(x, z, flag):
            n = x.get_shape()
            x = z
            y = tf.sin(x)
            if flag:
                return tf.gradients(y, x)[0], n
            return y
        """,
    "negative_default_of_the_module": """
        scale = -1.0
        kept = tf.constant


        def f(x, n):
            y = x
            for i in range(n):
                if i > scale:
                    y = y * kept(2.0)
            return tf.gradients(y, x)[0]
        """,
    "comprehension_in_a_loop": """
        def f(x, n):
            y = x
            for i in range(n):
                y = y * tf.add_n([v for v in [x, x]])
            with tf.name_scope(str(i)):
                z = y
            return tf.gradients(z, x)[0]
        """,
    "several_functions_of_one_name": """
        def grad(y, x):
            return tf.gradients(y, x)[0]


        def grad(y, x):
            return tf.gradients(y, x)[0] * 2.0


        def f(x):
            y = tf.sin(x)
            return grad(y, x)
        """,
    "method_called_in_a_lambda": """
        class Net:
            def grad(self, y, x):
                return tf.gradients(y, x)[0]

            slope = lambda self, x: self.grad(tf.sin(x), x)
        """,
    "walrus_in_a_lambda": """
        def f(x):
            make = lambda v: (w := v) * w
            y = make(tf.sin(x))
            return tf.gradients(y, x)[0]
        """,
    "names_of_attributes_made_lambdas": """
        class Net:
            pass


        def f(x):
            net = Net()
            net.act = net.other = lambda v: v * x
            y = net.act(tf.sin(x))
            return tf.gradients(y, x)[0]
        """,
    "handlers_for_everything": """
        def f(x):
            y = tf.sin(x)
            try:
                print(y)
            except:
                print(x)
            return tf.gradients(y, x)[0]
        """,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_text(name: str, file_regression: FileRegressionFixture) -> None:
    check(name, PROGRAMS[name], file_regression)
