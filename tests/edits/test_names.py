"""Fresh names, and under which name TensorFlow is known where code is put."""

from __future__ import annotations

import ast

import pytest

from tape_migrate.edits.draft import Draft
from tape_migrate.edits.names import (
    add_import,
    fresh_name,
    outermost_function,
    tensorflow_name,
    used_names,
)
from tape_migrate.module import Module

from .programs import calls, module


def test_fresh_names_count_from_two_and_are_taken() -> None:
    used = {"tape", "tape3"}
    assert [fresh_name("tape", used) for _ in range(3)] == ["tape2", "tape4", "tape5"]
    assert {"tape2", "tape4", "tape5"} <= used
    assert fresh_name("other", used) == "other"


def test_the_name_of_the_call_is_taken_before_others() -> None:
    source = module("import tensorflow as aa, tensorflow as tf, tensorflow as zz\nzz.f()")
    (call,) = calls(source)
    assert tensorflow_name(source, source.scopes.module, call, 2) == "zz"


PROGRAM = """
import numpy as np
from a import b as c
top = 1

class Net:
    attribute = 2
    def f(self, x, *args, key=3, **kw):
        import tensorflow as tf
        local = self.method(x)
        def inner(y):
            deep = y
            return deep
        for i in range(3):
            pass
        try:
            pass
        except ValueError as error:
            pass
        global written
        written = [z for z in local]
        return top

def other(tape):
    unrelated = 1
"""


def name_of(source: Module, function: str) -> ast.AST:
    return next(
        n for n in ast.walk(source.tree) if isinstance(n, ast.FunctionDef) and n.name == function
    )


def test_names_used_by_a_function_are_those_of_its_outermost_function() -> None:
    source = module(PROGRAM)
    scope = source.scopes.opened_by(name_of(source, "inner"))
    used = used_names(source, scope)
    assert {"x", "args", "key", "kw", "tf", "local", "inner", "y", "deep", "i"} <= used
    assert {"error", "written", "z", "top"} <= used
    assert not {"unrelated", "tape", "np"} & used
    assert outermost_function(scope).name == "f"


def test_names_used_by_a_module_leave_out_the_locals_of_functions() -> None:
    source = module(PROGRAM)
    used = used_names(source, source.scopes.module)
    assert {"np", "c", "top", "Net", "other", "written"} <= used
    assert not {"unrelated", "tape", "local"} & used


def tf_name(text: str, line: int) -> str | None:
    """The name at the ``gradients`` call on ``line``."""
    source = module(text)
    call = next(c for c in calls(source) if c.lineno == line and "gradients" in ast.unparse(c.func))
    return tensorflow_name(source, source.scope_of(call), call, line)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("import tensorflow as tf\ntf.gradients(y, x)\n", "tf"),
        ("import tensorflow\ntensorflow.gradients(y, x)\n", "tensorflow"),
        ("import tensorflow.compat.v1 as tf1\ntf1.gradients(y, x)\n", "tf1"),
        ("import tensorflow as tf; K = tf.keras.backend\nK.gradients(y, x)\n", "tf"),
        ("import tensorflow as T; from keras import backend as K\nK.gradients(y, x)\n", "T"),
        ("from keras import backend as K\nK.gradients(y, x)\n", None),
        ("from tensorflow import gradients\ngradients(y, x)\n", None),
        ("from keras import backend as K\nK.gradients(y, x)\nimport tensorflow as tf\n", None),
        ("import tensorflow as t; import keras.backend as K; t = 1\nK.gradients(y, x)\n", None),
    ],
)
def test_name_of_tensorflow(text: str, name: str | None) -> None:
    assert tf_name(text, 2) == name


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ("    return K.gradients(x, x)\n", "tf"),
        ("    tf = 3; return K.gradients(x, x)\n", None),
        ("    import tensorflow as t2; return K.gradients(x, x)\n", "tf"),
    ],
)
def test_name_of_tensorflow_inside_a_function(body: str, name: str | None) -> None:
    head = "import tensorflow as tf\nfrom keras import backend as K\ndef f(x):\n"
    if name is None:
        assert tf_name(head + body, 4) is None
    else:
        assert tf_name(head + body, 4) == name


USE = "def f(x):\n    return gradients(x, x)\n"


@pytest.mark.parametrize(
    ("head", "tail", "bound"),
    [
        ("import tensorflow as tf\n", "", True),
        ("try:\n    import tensorflow as tf\nexcept ImportError:\n    tf = None\n", "", True),
        ("tf = None\ntry:\n    import tensorflow as tf\nexcept ImportError:\n    pass\n", "", True),
        (
            "try:\n    import tensorflow.compat.v1 as tf\n    tf.disable_v2_behavior()\n"
            "except ImportError:\n    import tensorflow as tf\n",
            "",
            True,
        ),
        (
            "try:\n    import tensorflow as tf\n    tf.disable_v2_behavior()\n"
            "except AttributeError:\n    tf = None\n",
            "",
            False,
        ),
        (
            "try:\n    import a\n    import tensorflow as tf\nexcept ImportError:\n    pass\n",
            "",
            False,
        ),
        (
            "try:\n    import a\n    import tensorflow as tf\nexcept ImportError:\n    raise\n",
            "",
            True,
        ),
        (
            "if a:\n    import tensorflow.compat.v1 as tf\nelse:\n    import tensorflow as tf\n",
            "",
            True,
        ),
        ("if a:\n    import tensorflow as tf\nelse:\n    raise ValueError\n", "", True),
        ("if a:\n    import tensorflow as tf\nelse:\n    exit()\n", "", True),
        ("if a:\n    import tensorflow as tf\n", "", False),
        ("for a in b:\n    import tensorflow as tf\n", "", False),
        ("match a:\n    case 1:\n        import tensorflow as tf\n", "", False),
        ("with a:\n    import tensorflow as tf\n", "", True),
        ("import tensorflow as tf\ndel tf\n", "", False),
        ("import tensorflow as tf\n", "del tf\n", False),
        ("import tensorflow as tf\n", "def g():\n    global tf\n    tf = None\n", False),
        ("import tensorflow as tf\n", "def g():\n    global tf\n    del tf\n", False),
        (
            "import tensorflow as tf\n",
            "def g():\n    global tf\n    import tensorflow as tf\n",
            True,
        ),
        ("", "import tensorflow as tf\n", True),
        ("", "A = 3\ndef g(): f()\nimport tensorflow as tf\n", True),
        ("", "class A:\n    a = f(1)\nimport tensorflow as tf\n", False),
        ("", "f(1)\nimport tensorflow as tf\n", False),
        ("", "@f\ndef g(): pass\nimport tensorflow as tf\n", False),
        ("", "if a:\n    import tensorflow as tf\n", False),
    ],
)
def test_tensorflow_must_be_bound(head: str, tail: str, bound: bool) -> None:
    text = f"from tensorflow import gradients\n{head}{USE}{tail}"
    assert tf_name(text, text[: text.index("    return gradients")].count("\n") + 1) == (
        "tf" if bound else None
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 1\n", "import tensorflow as tf\nx = 1\n"),
        ("", "import tensorflow as tf\n"),
        ("'''Doc.'''\nx = 1\n", "'''Doc.'''\nimport tensorflow as tf\nx = 1\n"),
        ("import os\nx = 1\nimport re\n", "import os\nimport tensorflow as tf\nx = 1\nimport re\n"),
        (
            "'''Doc.'''\nfrom __future__ import annotations\nimport os\n",
            "'''Doc.'''\nfrom __future__ import annotations\nimport os\nimport tensorflow as tf\n",
        ),
        ("import os", "import os\nimport tensorflow as tf\n"),
        ("import os\r\nx = 1\r\n", "import os\r\nimport tensorflow as tf\r\nx = 1\r\n"),
        (
            "from keras import (\n    backend as K,\n)\n\nx = 1\n",
            "from keras import (\n    backend as K,\n)\nimport tensorflow as tf\n\nx = 1\n",
        ),
        ("@d\ndef f():\n    pass\n", "import tensorflow as tf\n@d\ndef f():\n    pass\n"),
        ("tf = 1\n", "import tensorflow as tf2\ntf = 1\n"),
        ("def f(tf): pass\n", "import tensorflow as tf2\ndef f(tf): pass\n"),
    ],
)
def test_adding_an_import(before: str, after: str) -> None:
    source = module(before)
    draft = Draft(source.text)
    name = add_import(source, draft)
    assert draft.apply().text.decode() == after
    assert f"import tensorflow as {name}" in after


def test_an_import_is_written_once_a_draft() -> None:
    source = module("import os\n\nos.getcwd()\n")
    draft = Draft(source.text)
    assert add_import(source, draft) == add_import(source, draft) == "tf"
    assert draft.apply().text == b"import os\nimport tensorflow as tf\n\nos.getcwd()\n"


def test_an_import_stands_behind_those_that_are_tried() -> None:
    source = module("try:\n    import os\nexcept ImportError:\n    pass\nimport sys\nx = 1\n")
    draft = Draft(source.text)
    add_import(source, draft)
    assert draft.apply().text.splitlines()[4:6] == [b"import sys", b"import tensorflow as tf"]
