"""Whether a call stands in the body of ``tf.vectorized_map``.

All turns of such a body are computed at once: no single one can be seen, and what stands for one
while the body is traced means nothing.
"""

from typing import Any

from .tensorflow_of import inner

_depth = [0]


def inside() -> bool:
    return _depth[0] > 0


def install() -> None:
    """Count how deep we are in such bodies."""
    loops = inner("ops.parallel_for.control_flow_ops")
    original = getattr(loops, "_pfor_impl", None)
    if original is None:
        return

    def counted(*args: Any, **kwargs: Any) -> Any:
        _depth[0] += 1
        try:
            return original(*args, **kwargs)
        finally:
            _depth[0] -= 1

    loops._pfor_impl = counted
