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
    ],
)
def test_what_becomes_of_a_small_change(
    program: str, old: str, new: str, code: str, said: str
) -> None:
    check(_PROGRAMS[program], old, new, code, said)
