"""The values a decision is made of: requests, refusals, candidates."""

from __future__ import annotations

import ast
import enum
from collections.abc import Iterable
from dataclasses import dataclass

from tape_migrate.flow.reaching import Definition
from tape_migrate.flow.symbols import DefKind, Symbol, Use
from tape_migrate.model import Api, Shape
from tape_migrate.module import Block
from tape_migrate.sites import Found

OUTSIDE = frozenset((DefKind.PARAMETER, DefKind.EXTERNAL))
"""Kinds of definitions that stand outside the scope."""


@dataclass(frozen=True)
class Refusal:
    """Why a call is left alone."""

    code: str
    message: str


class Kind(enum.Enum):
    """What a sources expression is known to be."""

    TENSOR = "tensor"
    LIST = "list"
    TUPLE = "tuple"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Request:
    """A gradient call, its arguments told apart."""

    found: Found
    target: ast.expr
    source: ast.expr
    output_gradients: ast.expr | None
    stop_gradients: ast.expr | None
    unconnected: ast.expr | None
    renamed: tuple[tuple[ast.keyword, str], ...]
    """Keywords that the tape has under another name."""
    named: tuple[tuple[ast.expr, str], ...]
    """Positional arguments that need a keyword."""
    dropped: tuple[ast.expr | ast.keyword, ...]
    """Arguments that mean nothing to a tape."""
    notes: tuple[str, ...]
    all_variables: bool = False
    """No sources are written: all trainable variables are meant (``source`` is the target)."""
    handed: bool = False
    """A call of a helper that takes the gradient on a tape which it is handed."""
    gathered: bool = False
    """``source`` lists arguments of such a call, each of which may be a list itself."""
    repeated: bool = False
    """One call may take the gradient several times."""
    attribute: Symbol | None = None
    """The target is this attribute of ``self``, read by what is called."""
    more_targets: tuple[ast.expr, ...] = ()
    """Targets besides ``target``."""
    others: tuple[ast.expr, ...] = ()
    """What else comes into the target inside the helper: on the tape if it is computed here."""
    reenters: bool = False
    """The helper computes something on the tape, so it must not be recording at the call."""
    skipped: bool = False
    """The call may be made and the gradient not be taken."""
    entry: tuple[Source, ...] = ()
    """What the target is computed from in here, recorded by a tape that was opened before."""

    @property
    def call(self) -> ast.Call:
        return self.found.call

    @property
    def given(self) -> tuple[ast.expr, ...]:
        """What is given as a target, or comes into one inside a helper."""
        return (self.target, *self.more_targets, *self.others)

    @property
    def is_hessian(self) -> bool:
        return self.found.site.api is Api.TF_HESSIANS


@dataclass(frozen=True)
class Link:
    """``node_id`` reads ``use`` and may get it from ``definition``."""

    node_id: int
    use: Use
    definition: Definition


@dataclass(frozen=True)
class Track:
    """A symbol that may hold the source, and the definitions that gave it to the symbol."""

    symbol: Symbol
    definitions: frozenset[Definition]
    certain: bool = True
    """A plain other name; else an argument that a call may have given back."""
    whole: bool = True
    """It holds the source and nothing else (not a list that the source is a member of)."""
    single: bool = True
    """One value, made at once: what reads it reads the source, not what the source came from."""
    copied: bool = False
    """Every definition copies what other tracks hold: whoever watches those, watches this."""

    @property
    def own_nodes(self) -> frozenset[int]:
        return frozenset(d.node_id for d in self.definitions if d.kind not in OUTSIDE)

    @property
    def outside(self) -> bool:
        return any(d.kind in OUTSIDE for d in self.definitions)


@dataclass(frozen=True)
class MakerWatch:
    """What a maker has to watch, and the statement after which it does so."""

    name: str
    after: ast.stmt


@dataclass(frozen=True)
class Made:
    """A call of a function that makes a source, and watches it on a tape that it is handed."""

    call: ast.Call
    function: ast.FunctionDef
    parameter: str
    """The parameter by which it takes the tape."""
    watches: tuple[MakerWatch, ...]
    """What it does not watch yet."""
    new: bool
    """It has no such parameter yet."""
    kind: Kind
    """Of what it gives back for the source."""


@dataclass(frozen=True)
class Source:
    """One source of a gradient call."""

    symbol: Symbol
    node_id: int
    """The node at which ``symbol`` is read (the call, or the list display it stands in)."""
    tracks: tuple[Track, ...]
    """The source under its own name, then under others that it may have."""
    fresh: bool
    """Made by the statement that defines it: nothing earlier can depend on it."""
    variable: bool
    """Certainly a trainable ``tf.Variable``: a tape watches it by itself."""
    kind: Kind
    changed_at: frozenset[int] = frozenset()
    """Nodes at which something is put into the source, a collection."""
    collected: bool = False
    """Trainable variables that the framework keeps: any statement may read them (``variables``)."""
    made: tuple[Made, ...] = ()
    """The calls of makers that give the source, and watch it themselves (``makers``)."""

    @property
    def track(self) -> Track:
        return self.tracks[0]

    @property
    def own_nodes(self) -> frozenset[int]:
        return frozenset(n for track in self.tracks for n in track.own_nodes)


@dataclass(frozen=True)
class Paths:
    """What has to be inside the tape."""

    required: frozenset[int]
    """Nodes that compute the target or carry a source into it."""
    links: tuple[Link, ...]
    """Links by which the slice of the target hangs together."""
    to_watch: tuple[Source, ...]
    skipped: bool = False
    """The gradient may not be taken, even where the call is made (``skipped``)."""


class Guard(enum.Enum):
    """What is watched of a source that may be no tensor where no gradient is wanted."""

    NONE = "it is a tensor"
    ONE = "it, if it is a tensor"
    MEMBERS = "what is a tensor of its members"


@dataclass(frozen=True)
class Watch:
    """``tape.watch(symbol)``, at the top of the block or right after a definition inside it."""

    symbol: str
    after: ast.stmt | None = None
    guard: Guard = Guard.NONE


@dataclass(frozen=True)
class Region:
    """``block[first:last + 1]``: the statements a tape encloses."""

    block: Block
    first: int
    last: int

    @property
    def stmts(self) -> list[ast.stmt]:
        return self.block[self.first : self.last + 1]


@dataclass(frozen=True)
class Candidate:
    """A call that can be migrated, and how."""

    request: Request
    paths: Paths
    region: Region
    watches: tuple[Watch, ...]
    inline_target: bool
    """The target is an expression, to be named inside the block."""
    inside: bool
    """The gradient is taken inside the block (a persistent tape), in a loop."""
    repeated: bool
    """The gradient may be taken several times on one tape."""
    shape: Shape
    assumptions: tuple[str, ...]
    notes: tuple[str, ...]
    kinds: tuple[Kind, ...]
    """Of each member of the sources, as written in the call."""
    mapped: ast.ListComp | ast.GeneratorExp | None = None
    """The comprehension whose targets are to be listed inside the block."""
    zero_unconnected: bool = False
    """The path runs through tf.cond or a tensor loop: a graph gives zeros where a tape that runs
    eagerly would give None for a branch not taken."""
    stop_recording: tuple[ast.stmt, ...] = ()
    """Definitions that the tape must not record (stop_gradients)."""
    frozen: tuple[Watch, ...] = ()
    """Weights that need not be trainable, which a tape would not see by itself."""
    hoisted: tuple[ast.expr, ...] = ()
    """Arguments of a helper that are computed at the call, to be named inside the block."""


Decision = Candidate | Refusal


def in_order(definitions: Iterable[Definition]) -> list[Definition]:
    """Definitions in the order of their statements: sets have another order in every run."""
    return sorted(definitions, key=lambda d: (d.node_id, str(d.symbol), d.kind.name))
