"""The cheapest codemod there can be: what libcst's own command costs before any work."""

from __future__ import annotations

import libcst
from libcst.codemod import CodemodCommand


class NoOp(CodemodCommand):
    """Give every module back as it came."""

    DESCRIPTION = "Change nothing."

    def transform_module_impl(self, tree: libcst.Module) -> libcst.Module:
        """Return ``tree`` itself."""
        return tree
