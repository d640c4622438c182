"""The whole text of programs that bring together what fixtures hold apart."""

from __future__ import annotations

import pytest
from pytest_regressions.file_regression import FileRegressionFixture

from .texts import check

PROGRAMS = {
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
    "zeros_through_a_part_and_a_default": """
        def scaled(v, w=None):
            return -v[0] * 2.0


        def f(x, z):
            u: object = scaled(x)
            y = tf.while_loop(lambda v: v < 3.0, lambda v: v * u, [z])
            return tf.gradients(y, [x, z])
        """,
    "zeros_through_a_stopped_value": """
        def f(x, z):
            y = tf.cond(z > 0.0, lambda: tf.stop_gradient(x) * z, lambda: z)
            return tf.gradients(y, x)
        """,
    "zeros_through_where_and_max": """
        def f(x, z):
            y = tf.map_fn(lambda v: tf.where(v > 0.0, v, tf.maximum(v, z)), x)
            y *= 2.0
            return tf.gradients(y, [x, z])
        """,
    "zeros_through_a_function_without_return": """
        def nothing(v):
            print(v)


        def f(x, z):
            nothing(x)
            y = tf.cond(z > 0.0, lambda: x, lambda: z)
            return tf.gradients(y, [x, z])
        """,
    "python_chooses_before_a_loop": """
        def f(x, z, flag):
            if flag:
                y = tf.while_loop(lambda v: v < 3.0, lambda v: v * x, [z])
            else:
                y = z * x
            return tf.gradients(y, [x, z])
        """,
    "a_function_chooses_on_the_way": """
        def pick(v, flag):
            if flag:
                return v
            return v * 2.0


        def f(x, z, flag):
            u = pick(x, flag)
            y = tf.while_loop(lambda v: v < 3.0, lambda v: v * u, [z])
            return tf.gradients(y, [x, z])
        """,
    "a_nested_function_on_the_way": """
        def f(x, z, n):
            def body(v):
                for _ in range(n):
                    v = v * x
                return v

            y = tf.while_loop(lambda v: v < 3.0, body, [z])
            return tf.gradients(y, [x, z])
        """,
    "a_value_of_the_function_around": """
        def f(x):
            h = tf.sin(x)

            def g(v):
                y = h * v
                return tf.gradients(y, v)[0]

            return g(x)
        """,
    "no_path_at_all": """
        def f(x, net):
            y = net.out()
            return tf.gradients(y, x)
        """,
    "a_module_that_branches": """
        x = tf.constant(2.0)
        if np.random.rand() > 0.5:
            y = x * x
        else:
            y = tf.sin(x)
        while tf.reduce_sum(y) < 100.0:
            y = y * x
        g = tf.gradients(y, x)[0]
        """,
    "a_loop_with_the_values_of_the_turn_before": """
        def f(x, n):
            y = x
            g = x
            for _ in range(n):
                z = y * g
                y = tf.sin(z)
                g = tf.gradients(z, x)[0]
            return g
        """,
    "a_with_of_its_own": """
        def f(x, lock):
            with lock, tf.name_scope("a") as scope:
                y = x * x
                with tf.control_dependencies([y]):
                    z = tf.identity(y)
            return tf.gradients(z, x, name=scope)[0]
        """,
    "a_list_and_its_other_name": """
        def f(x):
            parts = [x * x]
            same = parts
            same.append(tf.sin(x))
            y = tf.add_n(parts)
            same.append(y)
            return tf.gradients(y, x)[0]
        """,
    "targets_of_a_list_and_a_tuple": """
        def f(x, z):
            ys = [x * z, tf.sin(x)]
            a, b = tf.gradients(ys, [x, z], grad_ys=[tf.ones_like(x), None])
            c = tf.gradients((ys[0], ys[1]), x)[0]
            return a + b + c
        """,
    "seven_keywords": """
        def f(x):
            y = tf.sin(x)
            return tf.gradients(
                xs=[x],
                ys=y,  # the target
                grad_ys=2.0 * y,
                name="g",
                colocate_gradients_with_ops=True,
                gate_gradients=False,
                aggregation_method=None,
                stop_gradients=None,
                unconnected_gradients=tf.UnconnectedGradients.ZERO,
            )
        """,
    "a_hessian_of_more": """
        def f(x, z):
            y = tf.reduce_sum(x * x * z)
            h = tf.hessians(y, [x, z])
            only = tf.hessians(ys=y, xs=x)[0]
            return h, only
        """,
    "a_comment_behind_the_last_argument": """
        def f(x):
            y = x * x
            g = tf.gradients(y,  # the target
                             x  # the source, "x" (of y
                             )
            return g
        """,
    "an_addition_that_keeps": """
        KEPT = []


        def f(x):
            global KEPT
            a = x * 2.0
            KEPT += [a]
            y = tf.sin(KEPT[-1]) * a
            return tf.gradients(y, x)[0]
        """,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_text(name: str, file_regression: FileRegressionFixture) -> None:
    check(name, PROGRAMS[name], file_regression)
