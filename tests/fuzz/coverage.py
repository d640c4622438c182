"""What a run covered: for each feature, how many programs held it and how many were migrated."""

from __future__ import annotations

from collections import Counter

from tests.fuzz.checking import Checked, Verdict
from tests.fuzz.program import Program

_MIGRATED = (Verdict.EQUAL, Verdict.PARTLY)


class Table:
    """Counts verdicts by feature."""

    def __init__(self) -> None:
        self.verdicts: Counter[Verdict] = Counter()
        self.codes: Counter[str] = Counter()
        self.values = 0
        self.calls = 0
        self._rows: dict[str, Counter[Verdict]] = {}

    def add(self, program: Program, checked: Checked) -> None:
        """Count one program."""
        self.verdicts[checked.verdict] += 1
        self.codes.update(checked.codes)
        self.values += checked.gradients
        self.calls += checked.sites
        for feature in program.features:
            self._rows.setdefault(feature, Counter())[checked.verdict] += 1

    @property
    def programs(self) -> int:
        """How many programs were counted."""
        return sum(self.verdicts.values())

    @property
    def whole(self) -> float:
        """Share of the programs that run at all, and hold no trap, that were migrated whole."""
        left = (Verdict.INVALID, Verdict.TRAP_REFUSED)
        valid = sum(count for verdict, count in self.verdicts.items() if verdict not in left)
        return self.verdicts[Verdict.EQUAL] / max(1, valid)

    def never_migrated(self) -> list[str]:
        """Features, traps left out, that no migrated program held."""
        return sorted(
            feature
            for feature, row in self._rows.items()
            if not feature.startswith("trap: ") and not any(row[v] for v in _MIGRATED)
        )

    def features(self) -> frozenset[str]:
        """All features that were generated."""
        return frozenset(self._rows)

    def __str__(self) -> str:
        head = ("feature", "programs", "invalid", "whole", "partly", "refused", "wrong")
        lines = [head, tuple("-" * len(column) for column in head)]
        for feature in sorted(self._rows):
            row = self._rows[feature]
            counts = (
                sum(row.values()),
                row[Verdict.INVALID],
                row[Verdict.EQUAL],
                row[Verdict.PARTLY],
                row[Verdict.REFUSED] + row[Verdict.TRAP_REFUSED],
                row[Verdict.WRONG],
            )
            lines.append((feature, *map(str, counts)))
        widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
        return "\n".join(
            "  ".join(
                cell.ljust(width) if i == 0 else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(line, widths, strict=True))
            )
            for line in lines
        )
