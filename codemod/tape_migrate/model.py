"""The values that cross module borders: sites, outcomes, options, migrations. All are frozen."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass


class Api(enum.Enum):
    """A TensorFlow entry point that builds symbolic gradients (the spelling used in reports)."""

    TF_GRADIENTS = "tf.gradients"
    TF_V1_GRADIENTS = "tf.compat.v1.gradients"
    K_GRADIENTS = "K.gradients"
    TF_HESSIANS = "tf.hessians"
    BATCH_JACOBIAN = "batch_jacobian"
    OPTIMIZER_GET_GRADIENTS = "optimizer.get_gradients"
    OPTIMIZER_COMPUTE_GRADIENTS = "optimizer.compute_gradients"
    OPTIMIZER_MINIMIZE = "optimizer.minimize"


class Outcome(enum.Enum):
    """What became of one gradient call; every call ends in exactly one."""

    MIGRATED = "migrated"
    REFUSED = "refused"
    SKIPPED = "skipped"


class Applicability(enum.Enum):
    """How sure a migration is.

    ``SAFE`` is exact by construction. ``REVIEW`` is exact under an assumption which the
    site's message spells out and which a person should confirm.
    """

    SAFE = "safe"
    REVIEW = "review"


class Shape(enum.Enum):
    """Which recipe rewrote a call (one module of ``tape_migrate.shapes`` each)."""

    LOCAL = "local"
    NESTED = "nested"
    HESSIANS = "hessians"
    CONTROL_FLOW = "control-flow"
    LOOP_BODY = "loop-body"
    IN_TF_FUNCTION = "in-tf-function"
    KERAS_FUNCTION = "keras-function"
    LOSS_CLOSURE = "loss-closure"
    GRADIENT_LAYER = "gradient-layer"
    TRAINING = "training"
    HELPER = "helper"
    KEPT_TAPE = "kept-tape"
    MAKERS = "makers"


class TfFunction(enum.Enum):
    """Policy for putting Python control flow around a gradient under ``tf.function``."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True)
class Left:
    """A call to be left as it is, whatever could become of it, and what to say of it."""

    line: int
    """1-based, as in ``Site``."""
    column: int
    code: str
    """A code of the catalogue; ``TM0xx`` makes the call skipped, others refused."""
    message: str
    cell: int | None = None
    """As in ``Site``."""


Leaves = Mapping[str, tuple[Left, ...]]
"""Calls to be left as they are, by the path of their file."""


@dataclass(frozen=True)
class Options:
    """What a caller of the engine may choose."""

    tf_function: TfFunction = TfFunction.AUTO
    annotate: bool = False
    """Write ``# TODO(tape-migrate) TM1xx: …`` above each refused call (once)."""
    assume_closed: bool = False
    """Nothing outside the given sources calls their functions."""
    leave: tuple[Left, ...] = ()
    """Calls to leave alone: not selected, not accepted, … (what depends on them stays, too)."""


@dataclass(frozen=True)
class Site:
    """One gradient call found in a source, before anything is decided about it."""

    line: int
    """1-based line of the call in the original source."""
    column: int
    """1-based column, in characters."""
    api: Api
    function: str
    """Qualified name of the innermost enclosing function (``Net.net_f``), or ``<module>``."""
    cell: int | None = None
    """1-based cell of a notebook, of markdown and all other cells; lines count within it."""


@dataclass(frozen=True)
class SiteResult:
    """A site with its outcome."""

    site: Site
    outcome: Outcome
    message: str
    """One sentence: what was done under which assumption, or why not and what to do by hand."""
    shape: Shape | None = None
    applicability: Applicability | None = None
    code: str | None = None
    """``TM1xx`` for a refusal, ``TM0xx`` for a skip, None for a migration."""
    new_lines: tuple[int, int] | None = None
    """First and last 1-based line of the replacement in the new source, if migrated."""


@dataclass(frozen=True)
class Helper:
    """A function that takes the gradient of one of its parameters."""

    qualname: str
    target: str
    """The parameter that is the target, ``""`` if it is only computed from parameters."""
    sources: tuple[str, ...] | None
    """The parameters that are the sources; None where it collects variables itself."""
    listed: bool
    """Whether the sources are written as a list of parameters."""
    repeated: bool
    """Whether one call may take the gradient several times."""
    parameters: tuple[str, ...] = ()
    """The positional parameters, without ``self`` and without the tape."""
    dotted: str = ""
    """The function's dotted name, where another module calls it."""
    more_targets: tuple[str, ...] = ()
    """Further parameters of which it takes gradients."""
    others: tuple[str, ...] = ()
    """Parameters that it computes a target from, besides its targets."""
    method: bool = False
    """Whether it is a method of a class."""
    reenters: bool = False
    """Whether it computes something on the tape that it is handed."""
    skipped: bool = False
    """A call of it may take no gradient."""

    @property
    def targets(self) -> tuple[str, ...]:
        """The parameters of which it takes gradients as they come in."""
        return (*((self.target,) if self.target else ()), *self.more_targets)


@dataclass(frozen=True)
class Loss:
    """A loss function that differentiates what a model gave, for models of other modules, or a
    layer class that does."""

    qualname: str
    path: str
    """Of its module."""
    dotted: str
    """Its dotted name."""
    line: int
    """1-based line of the gradient call."""
    layer: bool = False
    """It is a layer class: ``qualname`` is that of its ``call``, ``dotted`` its own."""


@dataclass(frozen=True)
class Handed:
    """What one module's calls of another module's helper came to: a tape is handed in, or not."""

    dotted: str
    """The helper's dotted name."""
    line: int
    """1-based line of a call that cannot be migrated, 0 if all can be."""
    code: str = ""
    message: str = ""
    """Why it cannot be."""
    assumptions: tuple[str, ...] = ()
    tensors: bool = False
    """Whether every call gives one tensor for each source."""


@dataclass(frozen=True)
class Remark:
    """Something to say of a file that is no call's outcome, such as a comment without use."""

    line: int
    column: int
    """Both 1-based, the column in characters."""
    code: str
    message: str
    cell: int | None = None
    """As in ``Site``."""


@dataclass(frozen=True)
class Migration:
    """The engine's whole answer for one file."""

    path: str
    old: bytes
    new: bytes
    sites: tuple[SiteResult, ...] = ()
    internal_error: str | None = None
    """Set when a guard failed: then ``new == old`` and every site is refused with TM199."""
    remarks: tuple[Remark, ...] = ()

    offers: tuple[Helper, ...] = ()
    """Helpers that could take a tape if their callers in other modules handed one in."""
    handed: tuple[Handed, ...] = ()
    """How the calls of other modules' helpers fared that take a tape now, and models whose outputs
    other modules' losses read."""
    losses: tuple[Loss, ...] = ()
    """Losses that could read a gradient if the models of other modules gave it, and layer classes
    that could be given the models of other modules."""

    @property
    def changed(self) -> bool:
        return self.new != self.old


class SourceError(Exception):
    """The bytes are not Python that this interpreter can parse (or not text at all).

    ``line`` is the 1-based line where reading failed, or None where no line is known.
    """

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
