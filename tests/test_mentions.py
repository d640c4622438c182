"""Where a module names a function of another one, an attribute, or a name as a text."""

from __future__ import annotations

import pytest

from tape_migrate.mentions import asked_by_text, attributes, uses_name
from tape_migrate.module import Module


@pytest.mark.parametrize(
    ("text", "used"),
    [
        ("from nets.helper import grad\ngrad(y, x)", True),
        ("from nets.helper import grad", False),
        ("try:\n    from nets.helper import grad\nexcept ImportError:\n    grad = None", True),
        ("from nets import helper", False),
        ("from nets.helper import *", True),
        ("from elsewhere import *", False),
        ("from elsewhere import grad", False),
        ("import nets.helper\nnets.helper.grad(y, x)", True),
        ("import nets.helper as h\nh.grad(y, x)", True),
        ("import nets.helper as h\nh.other(y, x)", False),
        ("from nets import helper\nhelper.grad(y, x)", True),
        ("import other\nother.grad(y, x)", False),
        ("net.grad(y, x)", False),
        ("getattr(net, 'grad')(y, x)", True),
        ("globals()['grad']", True),
        ("print('grad')", False),
        ("import tensorflow as tf\ntf.grad", False),
    ],
)
def test_uses_of_a_function(text: str, used: bool) -> None:
    loaded = Module(text.encode() + b"\n")
    assert uses_name(loaded, "nets.helper", "grad", method=False, unique=True) is used


@pytest.mark.parametrize(
    ("text", "used"),
    [
        ("import nets.helper", True),
        ("import helper as h", True),
        ("import nets.other", False),
        ("from helper import zeros", True),
        ("from nets import zeros", False),
        ("import os", False),
    ],
)
def test_of_modules_of_one_name_any_import_counts(text: str, used: bool) -> None:
    loaded = Module(text.encode() + b"\n")
    assert uses_name(loaded, "nets.helper", "grad", method=False, unique=False) is used
    assert not uses_name(loaded, "nets.helper", "grad", method=False, unique=True)


def test_an_attribute_of_a_library_is_no_method_of_ours() -> None:
    ours = Module(b"import tensorflow as tf\n\n\ndef f(net):\n    net.grad()\n    tf.grad()\n")
    assert [node.lineno for node in attributes(ours, "grad")] == [5]
    assert uses_name(ours, "nets.helper", "grad", method=True, unique=True)
    theirs = Module(b"import tensorflow as tf\n\ntf.grad()\n")
    assert not uses_name(theirs, "nets.helper", "grad", method=True, unique=True)
    body = Module(b"class Net:\n    grad = None\n")
    assert uses_name(body, "nets.helper", "grad", method=True, unique=True)


def test_names_as_texts() -> None:
    text = b"a = 'grad'\nb = {'grad': 1}\nc['grad'] = 1\nd = vars(m)['grad']\n"
    assert asked_by_text(Module(text), "grad") == 4
    assert asked_by_text(Module(text), "other") is None
