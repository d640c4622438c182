"""The engine as a libcst codemod, for projects that already run ``libcst.tool codemod``.

``python -m libcst.tool codemod -x tape_migrate.codemod.MigrateGradientsCommand PATH``
"""

from __future__ import annotations

import argparse

import libcst
from libcst.codemod import CodemodCommand, CodemodContext, SkipFile

from tape_migrate.api import migrate_source
from tape_migrate.model import Options, Outcome, SourceError, TfFunction


class MigrateGradientsCommand(CodemodCommand):
    """Rewrites the calls of each module; the refused ones become warnings."""

    DESCRIPTION = "Rewrite TensorFlow 1 symbolic gradients into tf.GradientTape code."

    @staticmethod
    def add_args(arg_parser: argparse.ArgumentParser) -> None:
        """Declare the options, as ``tape-migrate`` itself spells them."""
        arg_parser.add_argument(
            "--tf-function",
            dest="tf_function",
            choices=[policy.value for policy in TfFunction],
            default=TfFunction.AUTO.value,
            help="Put Python control flow around a gradient under tf.function.",
        )
        arg_parser.add_argument(
            "--annotate",
            action="store_true",
            help="Write a TODO comment above each call left as it is.",
        )

    def __init__(
        self,
        context: CodemodContext,
        tf_function: str = TfFunction.AUTO.value,
        annotate: bool = False,
    ) -> None:
        """Take the options as they come from ``add_args``."""
        super().__init__(context)
        self._options = Options(TfFunction(tf_function), annotate)

    def transform_module_impl(self, tree: libcst.Module) -> libcst.Module:
        """Migrate one module; raises SkipFile where the engine cannot read it."""
        path = self.context.filename or "<string>"
        try:
            migration = migrate_source(tree.bytes, self._options, path=path)
        except SourceError as error:
            line = f"line {error.line}: " if error.line is not None else ""
            raise SkipFile(f"{line}{error.message}") from error
        for result in migration.sites:
            if result.outcome is Outcome.REFUSED:
                self.warn(f"{path}:{result.site.line}: {result.code}: {result.message}")
        if not migration.changed:
            return tree
        return libcst.parse_module(migration.new, config=tree.config_for_parsing)
