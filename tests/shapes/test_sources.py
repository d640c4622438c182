"""Sources: which may be watched, where, and which are refused."""

from __future__ import annotations

import pytest

from tests.migrating import check, codes, refused, rewritten, sites


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("tf.trainable_variables()", "TM106"),
        ("tf.compat.v1.trainable_variables('scope')", "TM106"),
        ("tf.compat.v1.get_collection('weights')", "TM106"),
        ("net.trainable_weights", "TM106"),
        ("net.trainable_variables", "TM106"),
        ("net.weights", "TM106"),
        ("net.get_collection('a')", "TM106"),
        ("tf.sin(x)", "TM120"),
        ("tf.identity(x)", "TM120"),
        ("x + 0.0", "TM120"),
        ("x[:, 0]", "TM120"),
        ("[tf.reshape(x, [-1])]", "TM120"),
        ("net(x)", "TM120"),
        ("v.value()", "TM118"),
        ("v.read_value()", "TM118"),
        ("v.initialized_value()", "TM118"),
        ("[]", "TM106"),
    ],
)
def test_refused_sources(source: str, code: str) -> None:
    site = refused(f"""
        v = tf.Variable([1.0, 2.0])

        def f(net, x):
            y = net(x) * v
            return tf.gradients(y, {source})
        """)
    assert site.code == code


@pytest.mark.parametrize(
    "weights",
    [
        "tf.trainable_variables()",
        "net.trainable_weights",
        "[tf.trainable_variables()[0]]",
        "[w for w in tf.trainable_variables() if 'bias' in w.name]",
    ],
)
def test_collected_variables_by_name(weights: str) -> None:
    site = refused(f"""
        def f(net, x):
            y = net(x)
            weights = {weights}
            return tf.gradients(y, weights)
        """)
    assert site.code in ("TM101", "TM106", "TM120")


def test_a_visible_trainable_variable_needs_no_watch() -> None:
    check(
        """
        v = tf.Variable([1.0, 2.0])

        def f(x):
            y = tf.sin(v * x)
            return tf.gradients(y, v)[0]
        """,
        """
        v = tf.Variable([1.0, 2.0])

        def f(x):
            with tf.GradientTape() as tape:
                y = tf.sin(v * x)
            return tape.gradient(y, v)
        """,
    )


@pytest.mark.parametrize(
    "making",
    [
        "tf.Variable(1.0, trainable=False)",
        "tf.Variable(1.0, trainable=flag)",
        "tf.Variable(1.0, False)",
        "tf.Variable(1.0, **options)",
        "tf.Variable(*arguments)",
        "tf.constant(1.0)",
        "make_variable()",
    ],
)
def test_what_may_not_be_trainable_is_watched(making: str) -> None:
    new = rewritten(f"""
        v = {making}

        def f(x):
            y = tf.sin(v * x)
            return tf.gradients(y, [v])
        """)
    assert "tape.watch(v)" in new


def test_a_fresh_source_is_watched_right_after_it_is_made() -> None:
    check(
        """
        def f(a):
            b = tf.exp(a)
            x = tf.sin(a)
            c = a * b
            y = x * x + c
            return tf.gradients(y, x)[0]
        """,
        """
        def f(a):
            b = tf.exp(a)
            x = tf.sin(a)
            c = a * b
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = x * x + c
            return tape.gradient(y, x)
        """,
    )


def test_sources_that_depend_on_each_other_are_watched_where_they_are_made() -> None:
    check(
        """
        def f(a):
            b = tf.exp(a)
            c = tf.sin(b) * a
            y = a * b * c
            return tf.gradients(y, [a, b, c])
        """,
        """
        def f(a):
            with tf.GradientTape() as tape:
                tape.watch(a)
                b = tf.exp(a)
                tape.watch(b)
                c = tf.sin(b) * a
                tape.watch(c)
                y = a * b * c
            return tape.gradient(y, [a, b, c])
        """,
    )


@pytest.mark.parametrize(
    "body",
    [
        # The name may mean another tensor at the gradient than on the way to the target.
        "y = tf.sin(x)\nx = x * 2.0",
        "y = tf.sin(x)\nx += 1.0",
        "y = tf.sin(x)\nif flag:\n    x = x * 2.0",
        "y = tf.sin(x)\nif rows:\n    x = rows",
        "y = tf.sin(x)\nif rows:\n    x = rows[0]\nelse:\n    x = flag()",
        "y = tf.sin(x)\nx = tf.identity(x)",
        "y = tf.sin(x)\nfor x in rows:\n    pass",
        "y = tf.sin(x)\nfor i, x in enumerate(rows):\n    pass",
        "y = tf.sin(x)\nwith scope() as x:\n    pass",
        "y = tf.sin(x)\ndel x\nx = 1.0",
        "y = tf.sin(x)\ntry:\n    x = flag()\nexcept ValueError:\n    pass",
    ],
)
def test_rebound_sources(body: str) -> None:
    lines = "".join(f"            {line}\n" for line in body.splitlines())
    site = refused(f"""
        def f(x, flag, rows, scope):
{lines}
            return tf.gradients(y, x)
        """)
    assert site.code in ("TM104", "TM115")


@pytest.mark.parametrize(
    ("copy", "watched"),
    [
        ("z = x if flag else w", "tape.watch([x, w])"),
        ("z = xs[flag]", "tape.watch(xs)"),
        ("z = xs[flag][0]", "tape.watch(xs)"),
    ],
)
def test_only_what_may_be_the_source_is_watched(copy: str, watched: str) -> None:
    """Indices and conditions are no tensors: ``watch`` would raise."""
    new = rewritten(f"""
        def f(x, w, xs, flag):
            y = tf.sin(x) * tf.cos(w) * xs[0]
            {copy}
            return tf.gradients(y, z)
        """)
    assert watched in new


@pytest.mark.parametrize(
    ("header", "watched"),
    [
        ("for z in xs", "tape.watch(xs)"),
        ("for k, z in enumerate([x, w])", "tape.watch([x, w])"),
        ("for k, z in zip(names, xs)", "tape.watch(xs)"),
    ],
)
def test_what_a_loop_runs_through_is_watched(header: str, watched: str) -> None:
    new = rewritten(f"""
        def f(x, w, xs, names):
            y = tf.sin(x) * tf.cos(w) * xs[0]
            {header}:
                print(tf.gradients(y, z)[0])
        """)
    assert watched in new
    assert "persistent=True" in new


def test_rebound_before_the_forward_pass_is_fine() -> None:
    new = rewritten("""
        def f(x):
            x = tf.cast(x, tf.float32)
            x = x * 2.0
            y = tf.sin(x)
            return tf.gradients(y, x)[0]
        """)
    assert "    x = x * 2.0\n    with tf.GradientTape() as tape:\n        tape.watch(x)\n" in new


def test_an_alias_is_watched_by_its_name() -> None:
    assert codes("""
        def f(x):
            z = x
            y = tf.sin(x) * z
            return tf.gradients(y, z)
        """) == [None]


@pytest.mark.parametrize(
    "conversion",
    ["tf.convert_to_tensor(a)", "tf.cast(a, tf.float32)", "tf.squeeze(a)", "net(a)", "a.tensor"],
)
def test_what_a_conversion_may_give_back_counts_as_the_source(conversion: str) -> None:
    """``x`` may be the very tensor ``a``: what is computed from ``a`` must not be lost."""
    program = f"""
        def f(a, net):
            h = tf.sin(a)
            x = {conversion}
            y = h * x
            return tf.gradients(y, x)
        """
    (code,) = codes(program)
    if code is None:
        new = rewritten(program)
        assert new.index("GradientTape") < new.index("tf.sin"), new


def test_deleted_and_remote_names() -> None:
    site = refused("""
        def f(x):
            y = tf.sin(x)
            def g():
                nonlocal x
                x = 2.0
            g()
            return tf.gradients(y, x)
        """)
    assert site.code == "TM115"


def test_a_member_of_a_dict_is_known_by_its_key() -> None:
    (site,) = sites("""
        def f(x, z):
            d = {"a": x, "b": z}
            y = x * z
            return tf.gradients(y, d["a"])[0]
        """)
    assert "z was not computed from d['a']" in site.message
    new = rewritten("""
        def f(x):
            d = {"a": x, "b": x * x}
            y = x * 3.0
            return tf.gradients(y, d["a"])[0]
        """)
    assert "tape.watch(d['a'])" in new


@pytest.mark.parametrize(
    ("made", "code"),
    [
        ("x = ed.Normal(v, 1.0)", "TM120"),
        ("x = Normal(v, 1.0)", "TM120"),
        ("x = zfit.Parameter('x', v)", None),
        ("x = tf.Variable(v)", None),
        ("x = ed.sample(v)", None),
        ("x = ed.NORMAL(v)", None),
    ],
)
def test_an_object_of_a_class_may_be_no_tensor(made: str, code: str | None) -> None:
    head = "import edward as ed\nimport zfit\nfrom edward import Normal\n\n"
    text = f"{head}def f(v):\n    {made}\n    y = tf.sin(x)\n    return tf.gradients(y, x)[0]\n"
    assert codes(text) == [code]
