"""Which spelling means which TensorFlow function, and which look-alikes mean something else."""

from __future__ import annotations

import pytest

from tape_migrate.model import Api
from tape_migrate.module import Module
from tape_migrate.names import canonical
from tape_migrate.project import build_project
from tape_migrate.sites import find_sites

GRADIENTS = Api.TF_GRADIENTS
V1 = Api.TF_V1_GRADIENTS
K = Api.K_GRADIENTS
HESSIANS = Api.TF_HESSIANS
JACOBIAN = Api.BATCH_JACOBIAN


def apis(source: str) -> list[Api]:
    return [found.site.api for found in find_sites(Module(source.encode()))]


SPELLINGS = [
    ("import tensorflow as tf", "tf.gradients", GRADIENTS),
    ("import tensorflow", "tensorflow.gradients", GRADIENTS),
    ("import tensorflow as tf", "tf.compat.v1.gradients", V1),
    ("import tensorflow as tf", "tf.compat.v2.gradients", GRADIENTS),
    ("import tensorflow as tf", "tf.hessians", HESSIANS),
    ("import tensorflow as tf", "tf.compat.v1.hessians", HESSIANS),
    ("import tensorflow.compat.v1 as tf", "tf.gradients", V1),
    ("import tensorflow.compat.v1", "tensorflow.compat.v1.gradients", V1),
    ("from tensorflow.compat import v1 as tf", "tf.gradients", V1),
    ("from tensorflow import compat", "compat.v1.gradients", V1),
    ("from tensorflow.compat.v1 import gradients", "gradients", V1),
    ("from tensorflow import gradients", "gradients", GRADIENTS),
    ("from tensorflow import gradients as tf_gradients", "tf_gradients", GRADIENTS),
    ("from tensorflow import gradients as g", "g", GRADIENTS),
    ("from tensorflow import hessians as h", "h", HESSIANS),
    ("from tensorflow.python.ops.gradients_impl import gradients", "gradients", GRADIENTS),
    ("from tensorflow.python.ops.gradients import gradients", "gradients", GRADIENTS),
    ("from tensorflow.python.ops import gradients", "gradients.gradients", GRADIENTS),
    ("from tensorflow.python.ops import gradients as g", "g.gradients", GRADIENTS),
    ("from tensorflow.python.ops import gradients_impl", "gradients_impl.gradients", GRADIENTS),
    ("from tensorflow.python.ops import gradients_impl", "gradients_impl.hessians", HESSIANS),
    ("from tensorflow.python.ops import gradients_impl as g", "g.gradients_v2", GRADIENTS),
    ("import tensorflow as tf", "tf.keras.backend.gradients", K),
    ("import tensorflow as tf", "tf.compat.v1.keras.backend.gradients", K),
    ("from tensorflow import keras", "keras.backend.gradients", K),
    ("from tensorflow.keras import backend as K", "K.gradients", K),
    ("from tensorflow.keras import backend", "backend.gradients", K),
    ("import tensorflow.keras.backend as K", "K.gradients", K),
    ("import tensorflow.keras as keras", "keras.backend.gradients", K),
    ("from tensorflow.keras.backend import gradients", "gradients", K),
    ("from tensorflow.python.keras import backend as K", "K.gradients", K),
    ("from tensorflow.python.keras._impl.keras import backend as K", "K.gradients", K),
    ("import keras", "keras.backend.gradients", K),
    ("import keras.backend as K", "K.gradients", K),
    ("import keras.backend as KTF", "KTF.gradients", K),
    ("import keras.backend", "keras.backend.gradients", K),
    ("from keras import backend as K", "K.gradients", K),
    ("from keras import backend as k", "k.gradients", K),
    ("from keras import backend", "backend.gradients", K),
    ("from keras.backend import gradients as kg", "kg", K),
    ("from keras.backend import tf as ktf", "ktf.gradients", GRADIENTS),
    ("from keras import backend as K", "K.tf.gradients", GRADIENTS),
    ("import keras.backend.tensorflow_backend as KTF", "KTF.gradients", K),
    ("import tf_keras as keras", "keras.backend.gradients", K),
    (
        "from tensorflow.python.ops.parallel_for import gradients as pfor",
        "pfor.batch_jacobian",
        JACOBIAN,
    ),
    (
        "from tensorflow.python.ops.parallel_for.gradients import batch_jacobian",
        "batch_jacobian",
        JACOBIAN,
    ),
    # Assigned aliases.
    ("import tensorflow as tf\nK = tf.keras.backend", "K.gradients", K),
    ("import tensorflow as tf\ntf1 = tf.compat.v1", "tf1.gradients", V1),
    ("import tensorflow as tf\ngrad = tf.gradients", "grad", GRADIENTS),
    ("import tensorflow as tf\na = tf.compat\nb = a.v1\nc = b.gradients", "c", V1),
    ("import tensorflow as tf\ngrad: object = tf.gradients", "grad", GRADIENTS),
    ("import tensorflow as tf\ntf = tf.compat.v1", "tf.gradients", V1),
    ("import tensorflow.compat.v1 as tf1\nimport tensorflow as tf", "tf.gradients", GRADIENTS),
    # Imports that may fail, and switches between versions.
    (
        "try:\n    import tensorflow.compat.v1 as tf\nexcept ImportError:\n"
        "    import tensorflow as tf",
        "tf.gradients",
        V1,
    ),
    (
        "try:\n    from keras import backend as K\nexcept ImportError:\n"
        "    from tensorflow.keras import backend as K",
        "K.gradients",
        K,
    ),
    (
        "try:\n    import tensorflow as tf\nexcept ImportError:\n    tf = None",
        "tf.gradients",
        GRADIENTS,
    ),
    (
        "import tensorflow as tf\nif tf.__version__ > '2':\n    tf = tf.compat.v1",
        "tf.gradients",
        V1,
    ),
    (
        "import tensorflow as tf\nif tf.__version__ > '2':\n    import tensorflow.compat.v1 as tf",
        "tf.gradients",
        V1,
    ),
    # Star imports of modules that are known.
    ("from tensorflow import *", "gradients", GRADIENTS),
    ("from tensorflow.compat.v1 import *", "gradients", V1),
    ("from keras.backend import *", "gradients", K),
]


@pytest.mark.parametrize(
    ("imports", "spelling", "api"),
    SPELLINGS,
    ids=[f"{imports.splitlines()[-1].strip()}-{name}" for imports, name, _ in SPELLINGS],
)
def test_spellings(imports: str, spelling: str, api: Api) -> None:
    program = f"{imports}\n\n\ndef f(x):\n    y = x * x\n    return {spelling}(y, x)\n"
    assert apis(program) == [api]
    # The same at module level, and with the import inside the function.
    assert apis(f"{imports}\nresult = {spelling}(y, x)\n") == [api]
    if "*" not in imports:
        inside = "".join(f"    {line}\n" for line in imports.splitlines())
        assert apis(f"def f(x, y):\n{inside}    return {spelling}(y, x)\n") == [api]


def test_an_import_inside_a_function_serves_that_function_only() -> None:
    program = """
def f(x):
    import tensorflow as tf
    return tf.gradients(x, x)

def g(x):
    return tf.gradients(x, x)
"""
    (site,) = find_sites(Module(program.encode()))
    assert site.site.function == "f"


def test_an_alias_on_self_is_not_followed() -> None:
    program = """
import tensorflow as tf

class Net:
    def __init__(self):
        self.grad = tf.gradients

    def f(self, x):
        return self.grad(x, x)
"""
    assert apis(program) == []


TF = "import tensorflow as tf\n"
LOOK_ALIKES = {
    "no import": "g = tf.gradients(y, x)",
    "local function": TF + "def gradients(y, x):\n    return 1\ng = gradients(y, x)",
    "local function shadows the import": (
        "from tensorflow import gradients\ndef gradients(y, x):\n    return 1\ng = gradients(y, x)"
    ),
    "method": TF + "g = critic.gradients(states, actions)",
    "method of self": (
        TF + "class A:\n    def f(self, y, x):\n        return self.gradients(y, x)"
    ),
    "parameter called K": "from keras import backend as K\ndef f(K, y, x):\n    K.gradients(y, x)",
    "parameter called tf": TF + "def f(y, x, tf=None):\n    return tf.gradients(y, x)",
    "keyword-only parameter": (TF + "def f(y, x, *, tf):\n    return tf.gradients(y, x)"),
    "lambda parameter": TF + "f = lambda tf, y, x: tf.gradients(y, x)",
    "class attribute": (
        TF + "class A:\n    gradients = None\n"
        "    def f(self, y, x):\n        return A.gradients(y, x)"
    ),
    "loop variable": TF + "for tf in backends:\n    tf.gradients(y, x)",
    "with target": TF + "with lib() as tf:\n    tf.gradients(y, x)",
    "comprehension variable": TF + "a = [tf.gradients(y, x) for tf in backends]",
    "exception variable": TF + "try:\n    f()\nexcept E as tf:\n    tf.gradients(y, x)",
    "walrus": TF + "if (tf := lib()):\n    tf.gradients(y, x)",
    "another library": "import jax.numpy as tf\ng = tf.gradients(y, x)",
    "either of two": (
        "try:\n    import tensorflow as tf\nexcept ImportError:\n    import other as tf\n"
        "g = tf.gradients(y, x)"
    ),
    "numpy": "import numpy as np\ng = np.gradient(y)\nh = np.gradients(y, x)",
    "mesh tensorflow": "import mesh_tensorflow as mtf\ng = mtf.gradients(y, x)",
    "only mentioned": TF + "f = tf.gradients\ng = 'tf.gradients(y, x)'  # tf.gradients(y, x)",
    "other attribute": TF + "g = tf.gradients_of(y, x)\nh = tf.gradient(y, x)",
    "deeper attribute": TF + "g = tf.contrib.gradients(y, x)",
    "result of a call": TF + "g = tf.module().gradients(y, x)",
    "star import of an unknown module": "from mylib import *\ng = gradients(y, x)",
    "relative import without a project": "from .backend import tf\ng = tf.gradients(y, x)",
    "rebound to something unknown": TF + "tf = wrap(tf)\ng = tf.gradients(y, x)",
    "match capture": TF + "match v:\n    case [tf]:\n        tf.gradients(y, x)",
    "augmented": TF + "tf += 1\ntf.gradients(y, x)",
}


@pytest.mark.parametrize("program", LOOK_ALIKES.values(), ids=LOOK_ALIKES.keys())
def test_look_alikes(program: str) -> None:
    assert apis(program + "\n") == []


def test_a_class_scope_does_not_leak_into_methods() -> None:
    program = """
import tensorflow as tf

class A:
    tf = None

    def f(self, y, x):
        return tf.gradients(y, x)
"""
    assert apis(program) == [GRADIENTS]


def test_a_global_statement_reaches_the_module_name() -> None:
    program = """
def setup():
    global tf
    import tensorflow as tf

def f(y, x):
    return tf.gradients(y, x)
"""
    assert apis(program) == [GRADIENTS]


PACKAGE = {
    "pkg/__init__.py": b"",
    "pkg/backend.py": b"import tensorflow.compat.v1 as tf\nfrom keras import backend as K\n",
    "pkg/again.py": b"from .backend import tf as tensor_lib, K\n",
    "pkg/stars.py": b"from .backend import *\n",
    "pkg/own.py": b"def gradients(xs, ys):\n    return None\n",
    "pkg/loop_a.py": b"from .loop_b import tf\n",
    "pkg/loop_b.py": b"from .loop_a import tf\n",
    "pkg/broken.py": b"print 'two'\nimport tensorflow as tf\n",
    "pkg/sub/__init__.py": b"from ..backend import tf\n",
    "pkg/sub/deep.py": b"",
    "pkg/sub/gradients.py": b"import tensorflow as tf\n",
}


@pytest.mark.parametrize(
    ("path", "imports", "spelling", "expected"),
    [
        ("pkg/use.py", "from .backend import tf", "tf.gradients", [V1]),
        ("pkg/use.py", "from pkg.backend import tf", "tf.gradients", [V1]),
        ("pkg/use.py", "from .backend import K", "K.gradients", [K]),
        ("pkg/use.py", "from .again import tensor_lib as t", "t.gradients", [V1]),
        ("pkg/use.py", "from .stars import tf", "tf.gradients", [V1]),
        ("pkg/use.py", "from .stars import *", "tf.gradients", [V1]),
        ("pkg/use.py", "from .sub import tf", "tf.gradients", [V1]),
        ("pkg/sub/use.py", "from ..backend import tf", "tf.gradients", [V1]),
        ("pkg/sub/use.py", "from . import tf", "tf.gradients", [V1]),
        ("use.py", "from pkg.sub import tf", "tf.gradients", [V1]),
        ("pkg/use.py", "from .own import gradients", "gradients", []),
        ("pkg/use.py", "from .loop_a import tf", "tf.gradients", []),
        ("pkg/use.py", "from .broken import tf", "tf.gradients", []),
        ("pkg/use.py", "from .missing import tf", "tf.gradients", []),
        ("pkg/use.py", "from .....backend import tf", "tf.gradients", []),
        ("pkg/sub/use.py", "from . import gradients", "gradients", []),
    ],
)
def test_names_through_a_project(
    path: str, imports: str, spelling: str, expected: list[Api]
) -> None:
    source = f"{imports}\n\n\ndef f(x, y):\n    return {spelling}(y, x)\n".encode()
    project = build_project({**PACKAGE, path: source})
    module = Module(source, package=project.package_of(path), project=project)
    assert [found.site.api for found in find_sites(module)] == expected


@pytest.mark.parametrize(
    ("dotted", "expected"),
    [
        ("tensorflow.compat.v1.keras.backend.gradients", "keras.backend.gradients"),
        ("tensorflow.compat.v1.reduce_sum", "tensorflow.reduce_sum"),
        ("tensorflow.compat.v1", "tensorflow"),
        ("tensorflow.compat.v10", "tensorflow.compat.v10"),
        ("keras.backend.tf.compat.v1.gradients", "tensorflow.gradients"),
        ("tensorflowjs.gradients", "tensorflowjs.gradients"),
        ("numpy.sum", "numpy.sum"),
        ("tensorflow.python.framework.constant_op.constant", "tensorflow.constant"),
    ],
)
def test_canonical_addresses(dotted: str, expected: str) -> None:
    assert canonical(dotted) == expected
