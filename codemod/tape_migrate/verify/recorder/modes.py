"""How TensorFlow 2 is set up for code of another time.

- ``as-is``: not at all.
- ``graph``: the program is run inside a ``tf.Graph``; TensorFlow 2's behaviour stays on.
- ``keras-2``: the same, and ``import keras`` and ``tf.keras`` give Keras 2 where this TensorFlow
  comes with Keras 3.
- ``eager-off``: ``tf.compat.v1.disable_eager_execution()`` first.
- ``v1``: ``tf.compat.v1.disable_v2_behavior()`` first.
- ``v1-alias``: the same, and ``import tensorflow`` gives ``tensorflow.compat.v1``.

With ``tapes`` variables are resource variables even there, and loops and branches those of
TensorFlow 2: tapes see no other kind.

Under TensorFlow 1 all of them mean ``as-is``.
"""

import contextlib
import sys
from typing import Any

from .tensorflow_of import tf, v1


def apply(mode: str, tapes: bool) -> None:
    """Set the mode up, before the program's first line."""
    if tf.__version__.startswith("1."):  # pragma: no cover - TensorFlow 1
        return
    if mode == "eager-off":
        v1.disable_eager_execution()
    elif mode in ("v1", "v1-alias"):
        v1.disable_v2_behavior()
        if tapes:
            v1.enable_resource_variables()
            v1.enable_control_flow_v2()
        if mode == "v1-alias":
            sys.modules["tensorflow"] = v1


def around(mode: str) -> Any:
    """What the program runs inside of."""
    if mode in ("graph", "keras-2"):
        return tf.Graph().as_default()
    return contextlib.ExitStack()
