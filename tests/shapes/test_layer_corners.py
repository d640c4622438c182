"""Layers that differentiate: small changes that hardly any other program has (``test_loss_corners``)."""

# ruff: noqa: E501

from __future__ import annotations

import pytest

from tests.shapes.test_loss_corners import check

_PROGRAMS = {"lp": "gradient-layer/lambda_pair", "norm": "gradient-layer/grad_norm_class"}


@pytest.mark.parametrize(
    ("program", "old", "new", "code", "said"),
    [
        (
            "norm",
            "        target, wrt = inputs\n",
            "        target = inputs[0]\n        wrt = inputs[1]\n",
            "gradient-layer",
            "",
        ),
        (
            "norm",
            "class GradNorm(Layer):",
            "GradNorm = None\n\n\nclass GradNorm(Layer):",
            "TM148",
            "GradNorm is bound more than once",
        ),
        (
            "norm",
            "def call(self, inputs)",
            "def call(self, inputs=None)",
            "TM148",
            "its call takes more than its inputs",
        ),
        (
            "norm",
            "def call(self, inputs)",
            "def call(self, *inputs)",
            "TM128",
            "the source and the target come out of one cal",
        ),
        (
            "norm",
            "GradNorm()([dis(interpolation), interpolation])",
            "GradNorm()(dis(interpolation), interpolation)",
            "TM148",
            "line 50 uses GradNorm otherwise tha",
        ),
        (
            "norm",
            "    norm = GradNorm()([dis(interpolation), interpolation])\n",
            "    norm = layers.GradNorm()([dis(interpolation), interpolation])\n",
            "TM148",
            "line 50 uses layers.GradNorm",
        ),
        (
            "norm",
            "    norm = GradNorm()([dis(interpolation), interpolation])\n",
            "    out, x = dis(interpolation), interpolation\n    norm = GradNorm()([out, x])\n",
            "TM148",
            "line 51: out is not what a model gi",
        ),
        ("lp", "([out, inp])", "([Dense(1)(h), inp])", "TM148", "the two tensors have no names"),
        (
            "lp",
            "from keras import backend as K\n",
            "try:\n    from keras import backend as K\nexcept ImportError:\n    K = None\n",
            "TM148",
            "K.gradients is not imported at the",
        ),
        (
            "norm",
            "        target, wrt = inputs\n",
            "        target, wrt = (inputs\n                       )\n",
            "TM148",
            "line 16 uses inputs otherwise than",
        ),
        (
            "norm",
            "GradNorm()([dis(interpolation), interpolation])",
            "GradNorm()([dis(interpolation), interpolation])\n    GradNorm = None",
            "TM148",
            "GradNorm is not used",
        ),
        (
            "norm",
            "    norm = GradNorm()([dis(interpolation), interpolation])\n",
            "    out = dis(interpolation)\n    norm = (lambda: GradNorm()([out, interpolation]))()\n",
            "TM148",
            "line 51: out is not what a model gi",
        ),
        (
            "norm",
            "    norm = GradNorm()([dis(interpolation), interpolation])\n",
            "    out = 1.0\n    norm = GradNorm()([out, interpolation])\n",
            "TM148",
            "line 51: 1.0 is not what a model gi",
        ),
        (
            "lp",
            "    slope = Lambda(lambda t: K.gradients(t[0], t[1])[0],\n                   output_shape=(4,))([out, inp])\n",
            "    class Inner:\n        slope = Lambda(lambda t: K.gradients(t[0], t[1])[0],\n                       output_shape=(4,))([out, inp])\n    slope = Inner.slope\n",
            "TM148",
            "it stands in a class or a lambda",
        ),
        (
            "norm",
            "        target, wrt = inputs\n",
            "        target = inputs[0]\n        wrt = inputs[2]\n",
            "TM148",
            "it has more inputs than two",
        ),
        (
            "norm",
            "import keras.backend as K\n",
            "try:\n    import keras.backend as K\nexcept ImportError:\n    K = None\n",
            "TM148",
            "K.gradients is not imported at the top of the module",
        ),
        (
            "norm",
            "import keras.backend as K\n",
            "import keras\n\n\ndef set_up():\n    global K\n    K = keras.backend\n",
            "TM148",
            "K.gradients is not imported at the top of the module",
        ),
        (
            "norm",
            "class GradNorm(Layer):",
            "class GradNorm(Dense):",
            "TM128",
            "the source and the target come out of one call",
        ),
        (
            "norm",
            "def compute_output_shape(self, input_shapes)",
            "def compute_output_shape(self, input_shapes, *more)",
            "TM148",
            "its compute_output_shape takes more than the shapes of its inputs",
        ),
        (
            "norm",
            "    ones = np.ones((len(images), 1))\n",
            "    ones = np.ones((len(images), 1))\n    gen.layers[0].trainable = False\n",
            "TM148",
            "line 56 sets what gen.layers has at a place",
        ),
        (
            "norm",
            "    ones = np.ones((len(images), 1))\n",
            "    ones = np.ones((len(images), 1))\n    gen.layers[0].name = 'a'\n",
            "gradient-layer",
            "",
        ),
        (
            "norm",
            "    ones = np.ones((len(images), 1))\n",
            "    ones = np.ones((len(images), 1))\n    dis2batch.get_layer('a').trainable = False\n",
            "TM148",
            "line 56 uses dis2batch.get_layer",
        ),
        (
            "norm",
            "dis = Sequential([Dense(4, input_shape=(3,)), LeakyReLU(0.2), Dropout(0.), Dense(1)])",
            "from keras.models import load_model\n    dis = load_model('d.h5')",
            "gradient-layer",
            "assumes that dis is a Keras model or layer, not compiled itself",
        ),
        (
            "norm",
            "        super(GradNorm, self).__init__(**kwargs)",
            "        super(GradNorm, self).__init__(**dict(kwargs))",
            "TM148",
            "its __init__ does not hand",
        ),
        (
            "lp",
            "([out, inp])",
            "([out, inp.copy])",
            "TM148",
            "the two tensors have no names",
        ),
    ],
)
def test_what_becomes_of_a_small_change(
    program: str, old: str, new: str, code: str, said: str
) -> None:
    check(_PROGRAMS[program], old, new, code, said)
