"""What would make a tape silently wrong is refused: overrides, patches, leaving TensorFlow."""

from __future__ import annotations

import pytest

from tests.migrating import codes, refused, sites

PLAIN = """
def f(x):
    y = tf.sin(x)
    return tf.gradients(y, x)
"""


def test_the_plain_program_is_migrated() -> None:
    assert codes(PLAIN) == [None]


@pytest.mark.parametrize(
    ("extra", "code"),
    [
        ("@tf.RegisterGradient('Guided')\ndef g(op, grad):\n    return grad", "TM109"),
        ("with graph.gradient_override_map({'Relu': 'Guided'}):\n    pass", "TM109"),
        ("from tensorflow import RegisterGradient", "TM109"),
        ("tf.import_graph_def(graph)", "TM109"),
        ("tf.compat.v1.train.import_meta_graph('m')", "TM109"),
        ("tf.gradients = mine", "TM110"),
        ("tf.compat.v1.gradients = mine", "TM110"),
        ("tf.__dict__['gradients'] = mine", "TM110"),
        ("K.__dict__['gradients'] = mine", "TM110"),
        ("setattr(tf, 'gradients', mine)", "TM110"),
        ("mock.patch('tensorflow.gradients')", "TM110"),
        ("mock.patch.object(tf, 'gradients', mine)", "TM110"),
        ("with mock.patch('tensorflow.gradients'):\n    pass", "TM110"),
        ("K.gradients = mine", "TM110"),
        ("gradients = tf.gradients\ngradients.__dict__", None),
        ("settings['gradients'] = 1", None),
        ("setattr(self, 'gradient', mine)", None),
        ("mine.gradients = other", None),
    ],
)
def test_hazards_of_a_whole_module(extra: str, code: str | None) -> None:
    assert codes(extra + "\n" + PLAIN) == [code]


@pytest.mark.parametrize(
    "step",
    [
        "np.tanh(x)",
        "np.asarray(x) * 2",
        "x.numpy()",
        "x.eval()",
        "session.run(x)",
        "K.eval(x)",
        "K.get_value(x)",
        "float(x)",
        "x.item()",
        "tf.constant(x.numpy())",
        "math.exp(x)",
        "scipy.special.erf(x)",
    ],
)
@pytest.mark.parametrize("inline", [False, True])
def test_leaving_tensorflow_on_the_way(step: str, inline: bool) -> None:
    target = f"tf.sin({step})" if inline else "y"
    site = refused(f"""
        import math
        import scipy

        def f(x, session):
            h = {step}
            y = tf.sin(h)
            return tf.gradients({target}, x)
        """)
    assert site.code == "TM112"


@pytest.mark.parametrize(
    "step",
    [
        "x * np.pi",
        "x * np.float32(2)",
        "x * np.ones(3)",
        "tf.sin(x) + np.sqrt(2.0)",
        "x * float(3)",
        "tf.reshape(x, [np.prod([2, 2])])",
        "x * len(x.shape)",
    ],
)
def test_numpy_beside_the_way_is_fine(step: str) -> None:
    assert codes(f"def f(x):\n    y = {step}\n    return tf.gradients(y, x)\n") == [None]


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ("tf.while_loop(cond, body, [x], back_prop=False)", "TM119"),
        ("tf.map_fn(body, x, back_prop=flag)", "TM119"),
        ("tf.scan(body, x, back_prop=False)", "TM119"),
        ("tf.contrib.layers.fully_connected(x, 3)", "TM125"),
        ("tf.assign(v, x)", "TM118"),
        ("tf.compat.v1.assign_add(v, x)", "TM118"),
        ("v.assign(x)", "TM118"),
    ],
)
def test_steps_that_differ_between_graph_and_tape(step: str, code: str) -> None:
    site = refused(f"""
        v = tf.Variable(1.0)

        def f(x, cond, body, flag):
            y = {step}
            return tf.gradients(y, x)
        """)
    assert site.code == code


@pytest.mark.parametrize(
    "middle",
    [
        "try:\n    y = tf.sin(x)\nexcept ValueError:\n    y = x",
        "h = 1\ny = tf.sin(x)\ndel h\ny = y * 2.0",
        "y = tf.sin(x)\nexec('y = x')",
        "y = tf.sin(x)\nglobals()['y'] = x",
        "y = eval('tf.sin(x)')",
    ],
)
def test_constructs_that_are_not_followed(middle: str) -> None:
    lines = "".join(f"            {line}\n" for line in middle.splitlines())
    site = refused(f"""
        def f(x):
{lines}
            return tf.gradients(y, x)
        """)
    assert site.code == "TM115"


def test_a_forward_pass_inside_try_alone() -> None:
    site = refused("""
        def f(x):
            try:
                y = tf.sin(x)
            finally:
                print("done")
            return tf.gradients(y, x)
        """)
    assert site.code in ("TM115", "TM127")


@pytest.mark.parametrize(
    "program",
    [
        "def f(x):\n    y = tf.sin(x)\n    yield tf.gradients(y, x)",
        "def f(x):\n    y = tf.sin(x)\n    yield y\n    z = tf.gradients(y, x)",
        "async def f(x):\n    y = tf.sin(x)\n    return tf.gradients(y, x)",
        "async def f(x):\n    y = await g(x)\n    return tf.gradients(y, x)",
    ],
)
def test_generators_and_async_code(program: str) -> None:
    assert refused(program + "\n").code == "TM115"


@pytest.mark.parametrize(
    "program",
    [
        "class A:\n    y = tf.sin(x)\n    g = tf.gradients(y, x)",
        "def f(x, g=tf.gradients(tf.sin(x), x)):\n    pass",
        "@decorate(tf.gradients(y, x))\ndef f():\n    pass",
        "class A(base(tf.gradients(y, x))):\n    pass",
        "f = lambda g=tf.gradients(y, x): g",
    ],
)
def test_positions_without_room_for_a_block(program: str) -> None:
    assert refused("x = tf.ones(3)\ny = tf.sin(x)\n" + program + "\n").code == "TM122"


@pytest.mark.parametrize(
    "program",
    [
        """
        def f(x):
            y = tf.sin(x)
            if tf.executing_eagerly():
                return None
            return tf.gradients(y, x)
        """,
        """
        def f(x):
            if tf.executing_eagerly():
                with tf.GradientTape() as tape:
                    tape.watch(x)
                    y = tf.sin(x)
                return tape.gradient(y, x)
            else:
                y = tf.sin(x)
                return tf.gradients(y, x)
        """,
        """
        def f(x, eager):
            if eager:
                with tf.GradientTape() as tape:
                    tape.watch(x)
                    y = tf.sin(x)
                g = tape.gradient(y, x)
            else:
                y = tf.sin(x)
                g = tf.gradients(y, x)[0]
            return g
        """,
        """
        def f(x):
            y = tf.sin(x)
            return None if tf.__version__ > "2" else tf.gradients(y, x)
        """,
        """
        def f(x):
            y = tf.sin(x)
            if tf.__version__.startswith("1"):
                g = tf.gradients(y, x)
            else:
                g = None
            return g
        """,
    ],
)
def test_both_paths_are_there_already(program: str) -> None:
    assert refused(program).code == "TM111"


def test_tapes_of_our_own_making_are_no_second_path() -> None:
    assert codes("""
        def f(x, flag):
            if flag:
                y = tf.sin(x)
                g = tf.gradients(y, x)[0]
            else:
                y = tf.cos(x)
                g = tf.gradients(y, x)[0]
            return g
        """) == [None, None]


OFF = "tf.compat.v1.disable_v2_behavior()\n"


@pytest.mark.parametrize(
    "step",
    [
        "tf.map_fn(tf.sin, x)",
        "tf.while_loop(cond, body, [x])",
        "tf.cond(flag, lambda: x, lambda: tf.sin(x))",
        "tf.scan(body, x)",
    ],
)
def test_old_control_flow_where_version_2_is_off(step: str) -> None:
    program = f"def f(x, cond, body, flag):\n    y = {step}\n    return tf.gradients(y, x)\n"
    assert [s.code for s in sites(OFF + program)] == ["TM121"]
    assert "TM121" not in [s.code for s in sites(program)]


@pytest.mark.parametrize(
    "switch",
    ["disable_v2_behavior", "disable_resource_variables"],
)
def test_reference_variables_where_version_2_is_off(switch: str) -> None:
    program = """
v = tf.Variable(1.0)

def f(x):
    y = tf.sin(v * x)
    return tf.gradients(y, v)
"""
    assert [s.code for s in sites(f"tf.compat.v1.{switch}()\n" + program)] == ["TM121"]
    assert codes(program) == [None]
