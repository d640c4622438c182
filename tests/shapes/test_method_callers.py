"""Methods that are helpers: every object that calls them has to be in sight, in whatever file."""

from __future__ import annotations

import textwrap

import pytest

from tape_migrate.linking import migrate_project
from tape_migrate.model import Migration, Outcome

BASE = """\
import tensorflow as tf


class Problem:
    def grad(self, y, x):
        return tf.gradients(y, x)[0]

    def slope(self, x):
        y = tf.sin(x) * x
        return self.grad(y, x)
"""

HEAD = "import tensorflow as tf\nfrom base import Problem\n\n"


def outcome(main: str, *, base: str = BASE) -> tuple[Outcome, str]:
    """What becomes of the gradient in ``base.py``, and what is said of it."""
    text = HEAD + textwrap.dedent(main).lstrip("\n")
    found = migrate_project({"base.py": base.encode(), "main.py": text.encode()})
    migration = found["base.py"]
    assert isinstance(migration, Migration)
    assert migration.internal_error is None
    (site,) = migration.sites
    return site.outcome, site.message


@pytest.mark.parametrize(
    "main",
    [
        "def run(x):\n    return Problem().grad(tf.sin(x), x)\n",
        "p = Problem()\n\ndef run(x):\n    y = tf.sin(x)\n    return p.grad(x=x, y=y)\n",
        """
        class Heat(Problem):
            def flow(self, x):
                y = tf.sin(x)
                return self.grad(y, x)
        """,
        """
        class Heat(Problem):
            @tf.function
            def flow(self, x):
                y = tf.sin(x)
                return super().grad(y, x)
        """,
        """
        import base

        class Heat(base.Problem):
            pass

        def run(x):
            heat = Heat()
            y = tf.sin(x)
            return heat.grad(y, x)
        """,
    ],
)
def test_objects_of_the_class(main: str) -> None:
    found, message = outcome(main)
    assert found is Outcome.MIGRATED, message


@pytest.mark.parametrize(
    ("main", "why"),
    [
        (
            "class Other(Problem):\n    def grad(self, y, x):\n        return y\n",
            "several classes have a method grad",
        ),
        (
            "class Other(Problem):\n    grad = None\n",
            "several classes have a method grad",
        ),
        ("Problem.grad = lambda self, y, x: y\n", "otherwise than by a plain call"),
        ("def f(p, y, x):\n    return getattr(p, 'grad')(y, x)\n", "asks for grad by its name"),
        ("def f(y, x):\n    return Problem.grad(Problem(), y, x)\n", "whose class is not seen"),
        ("def f(p, y, x):\n    return p.grad(y, x)\n", "whose class is not seen"),
        ("def f(*a):\n    return Problem().grad(*a)\n", "by * or **"),
        (
            "p = Problem()\np = object()\n\ndef f(y, x):\n    return p.grad(y, x)\n",
            "whose class is not seen",
        ),
        (
            "for p in [Problem()]:\n    def f(y, x):\n        return p.grad(y, x)\n",
            "whose class is not seen",
        ),
        (
            """
            class Mixin:
                pass

            class Both(Mixin, Problem):
                def f(self, x):
                    y = tf.sin(x)
                    return self.grad(y, x)
            """,
            "whose class is not seen",
        ),
        (
            """
            @register
            class Heat(Problem):
                def f(self, x):
                    y = tf.sin(x)
                    return self.grad(y, x)
            """,
            "whose class is not seen",
        ),
        (
            """
            class Heat(Problem):
                def f(self, x):
                    self = self.inner
                    y = tf.sin(x)
                    return self.grad(y, x)
            """,
            "whose class is not seen",
        ),
        (
            """
            class Heat(Problem):
                @staticmethod
                def f(self, x):
                    y = tf.sin(x)
                    return self.grad(y, x)
            """,
            "whose class is not seen",
        ),
        (
            """
            if flag:
                class Heat(Problem):
                    pass
            else:
                Heat = object

            def f(x):
                y = tf.sin(x)
                return Heat().grad(y, x)
            """,
            "whose class is not seen",
        ),
        (
            """
            import functools

            class Heat(Problem):
                def f(self, x):
                    y = tf.sin(x)
                    return functools.partial(self.grad, y)(x)
            """,
            "otherwise than by a plain call",
        ),
        ("def f(y, x):\n    return Problem().grad(y, x)\n", "the caller in main.py, line 5,"),
    ],
)
def test_whoever_else_may_call_it_is_in_the_way(main: str, why: str) -> None:
    found, message = outcome(main)
    assert found is Outcome.REFUSED
    assert why in message


def test_an_object_of_another_module_is_seen_as_a_caller() -> None:
    main = "from base import problem\n\ndef f(y, x):\n    return problem.grad(y, x)\n"
    found, message = outcome(main, base=BASE + "\n\nproblem = Problem()\n")
    assert found is Outcome.REFUSED
    assert "whose class is not seen" in message


def test_a_decorated_class_may_be_another() -> None:
    main = "def run(x):\n    return Problem().grad(tf.sin(x), x)\n"
    found, message = outcome(main, base=BASE.replace("class Problem", "@wrap\nclass Problem"))
    assert found is Outcome.REFUSED
    assert "whose class is not seen" in message
