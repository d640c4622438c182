"""The whole text of programs whose objects keep a tape, or might."""

from __future__ import annotations

import pytest
from pytest_regressions.file_regression import FileRegressionFixture

from .texts import check

PROGRAMS = {
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
    "a_tuple_of_attributes": """
        class LossTest(tf.test.TestCase):
            def setUp(self):
                self.x = tf.constant([1.0, 2.0])
                self.w = tf.constant([3.0, 2.0])
                self.loss = tf.reduce_sum(self.x * self.w)

            def test_gradient(self):
                for g, x in zip(tf.gradients(self.loss, [self.x] + [self.w]), (self.x, self.w)):
                    self.assertEqual(g.shape, x.shape)

            def test_list(self):
                gs = tf.gradients(self.loss, list((self.x, self.w)))
                self.assertLen(gs, 2)
        """,
    "an_attribute_of_an_attribute": """
        class Net:
            def __init__(self, data):
                self.data = data
                self.x = tf.identity(data.x)
                self.loss = tf.reduce_sum(self.x * self.data.scale)

            def slope(self):
                return tf.gradients(self.loss, self.x)[0] * self.data.scale
        """,
    "slots": """
        class Net:
            __slots__ = ("x", "loss")

            def __init__(self, x):
                self.x = tf.identity(x)
                self.loss = tf.reduce_sum(self.x * self.x)

            def slope(self):
                return tf.gradients(self.loss, self.x)[0]
        """,
    "a_first_method_that_calls_the_other": """
        class Net:
            def __init__(self, x):
                self.x = tf.identity(x)
                self.loss = tf.reduce_sum(self.x * self.x)
                self.g = self.slope()

            def slope(self):
                return tf.gradients(self.loss, self.x)[0]
        """,
    "somebody_else_sets_it": """
        class Net:
            def __init__(self, x):
                self.x = tf.identity(x)
                self.loss = tf.reduce_sum(self.x * self.x)

            def slope(self):
                return tf.gradients(self.loss, self.x)[0]


        def change(net, x):
            net.loss = tf.reduce_sum(x)
            return net.slope()
        """,
    "a_base_that_is_not_seen": """
        from elsewhere import Base


        class Net(Base):
            def __init__(self, x):
                super().__init__()
                self.x = tf.identity(x)
                self.loss = tf.reduce_sum(self.x * self.x)

            def slope(self):
                return tf.gradients(self.loss, self.x)[0]
        """,
    "a_module_of_tensorflow": """
        class Net(tf.Module):
            def __init__(self, x):
                super().__init__()
                self.x = tf.identity(x)
                self.loss = tf.reduce_sum(self.x * self.x)

            def slope(self):
                y = self.loss * 2.0 + tf.reduce_sum(self.x)
                return tf.gradients(y, self.x)[0]
        """,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_text(name: str, file_regression: FileRegressionFixture) -> None:
    check(name, PROGRAMS[name], file_regression)
