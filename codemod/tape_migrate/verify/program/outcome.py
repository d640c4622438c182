"""The values that the proof of a program ends in."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Finding(enum.Enum):
    """What the evidence says of one migrated call."""

    EQUAL = "equal"
    DIFFERENT = "different"
    STRUCTURE = "structure differs"
    BOTH_ZERO = "both zero"
    """Zero on both sides at every evaluation: a vanishing gradient proves little."""
    VACUOUS = "vacuous"
    """NaN or infinity, or nothing but None, on both sides."""
    NOT_REACHED = "not reached"
    NOT_COMPARABLE = "not comparable"
    UNMATCHED = "not matched"
    """No call of the new text stands for it."""
    SIDE_FAILED = "side failed"


WORST_FIRST = (
    Finding.DIFFERENT,
    Finding.STRUCTURE,
    Finding.SIDE_FAILED,
    Finding.UNMATCHED,
    Finding.NOT_COMPARABLE,
    Finding.VACUOUS,
    Finding.BOTH_ZERO,
    Finding.NOT_REACHED,
    Finding.EQUAL,
)


@dataclass(frozen=True)
class Tolerance:
    """What a person asked for instead of the tolerances by dtype; None leaves those."""

    rtol: float | None = None
    atol: float = 0.0


@dataclass(frozen=True)
class Judged:
    """The comparison of one old call with what stands for it."""

    finding: Finding
    sentence: str
    worst: float | None = None
    """Largest relative error over all evaluations, where any was compared."""
    bit_equal: bool = False
    compared: int = 0
    """How many gradient tensors were compared, over all evaluations."""
    old_evaluations: int = 0
    new_evaluations: int = 0
    shapes: tuple[str, ...] = ()
    errors: tuple[float, ...] = ()
    """Relative error of each tensor compared, in order (at most ``MOST_POINTS``)."""
    scatter: tuple[tuple[float, float], ...] = ()
    """Sampled entries: (old, new)."""
    excerpt: str = ""
    """Where values differ: the first few entries of both."""
    notes: tuple[str, ...] = ()


MOST_POINTS = 2000


@dataclass(frozen=True)
class SiteProof:
    """One migrated call and what was found."""

    path: str
    line: int
    function: str
    old_text: str
    new_text: str
    new_line: int | None
    judged: Judged
    double: str = ""
    """What a float64 run of both sides said."""
    differences: str = ""
    """What central differences said."""


@dataclass(frozen=True)
class SideInfo:
    """What ran a side and how it ended."""

    mode: str
    python: str
    tensorflow: str
    numpy: str
    keras: str
    seconds: float
    exit_code: int
    error: str = ""
    traceback: str = ""
    output: str = ""


@dataclass(frozen=True)
class DeviceProof:
    """Both sides on one device."""

    device: str
    sites: tuple[SiteProof, ...]
    old: SideInfo | None = None
    new: SideInfo | None = None
    not_run: str = ""
    notes: tuple[str, ...] = ()
    counts: bool = True
    """Whether the verdict of the whole rests on it; an extra row does not."""


@dataclass(frozen=True)
class FileDiff:
    """A changed file."""

    name: str
    old: bytes
    new: bytes


@dataclass(frozen=True)
class ProgramProof:
    """Everything found out about one program."""

    program: str
    root: str
    devices: tuple[DeviceProof, ...]
    files: tuple[FileDiff, ...]
    seed: int
    command: str = ""
    seconds: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def ran(self) -> tuple[DeviceProof, ...]:
        """The devices that both sides were run on."""
        return tuple(device for device in self.devices if device.counts and not device.not_run)

    @property
    def shown(self) -> tuple[DeviceProof, ...]:
        """These and the extra rows."""
        return tuple(device for device in self.devices if not device.not_run)

    def failed_side(self) -> str | None:
        """Which side could not be run to its end, if any."""
        for device in self.ran:
            for name, side in (("old", device.old), ("new", device.new)):
                if side is not None and side.error:
                    return name
        return None

    def proven(self, *, require_reached: bool = False) -> bool:
        """Whether at least one site was reached, all that were are equal, and both sides ended
        alike."""
        if not self.ran:
            return False
        for device in self.ran:
            findings = [site.judged.finding for site in device.sites]
            allowed = {Finding.EQUAL} if require_reached else {Finding.EQUAL, Finding.NOT_REACHED}
            if Finding.EQUAL not in findings or not set(findings) <= allowed:
                return False
            if device.old is None or device.new is None or device.old.error or device.new.error:
                return False
            if device.old.exit_code != device.new.exit_code:
                return False
        return True
