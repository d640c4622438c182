"""Functions that XLA is to compile are run without it: nothing in them could be recorded."""

from typing import Any

from .tensorflow_of import inner


def install(store: Any) -> None:
    """Let ``tf.function(jit_compile=True)`` mean ``tf.function``, and say so."""
    home = inner("eager.polymorphic_function.polymorphic_function") or inner("eager.def_function")
    function = getattr(home, "Function", None)
    if function is None:
        return
    original = function.__init__

    def without(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if getattr(self, "_jit_compile", None):
            self._jit_compile = None
            store.note(what="remark", text="jit_compile=True is left out: XLA shows no values")

    function.__init__ = without
