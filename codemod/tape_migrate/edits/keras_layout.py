"""Lines and blank lines around a Keras graph that moves into a function."""

from __future__ import annotations

import ast

from tape_migrate.edits.draft import Draft
from tape_migrate.edits.tape_block import first_comment_line
from tape_migrate.module import Module
from tape_migrate.shapes.keras_plan import KerasPlan


class Layout:
    """Where the statements of a plan stand, and what they leave behind."""

    def __init__(self, module: Module, plan: KerasPlan) -> None:
        self.module = module
        self.plan = plan

    def run_with(self, top: int) -> int:
        """First line of the run of statements that go and end just above line ``top``."""
        ranges = sorted((self.lines_of(s) for s in self.going()), key=lambda lines: -lines[1])
        for first, last in ranges:
            if last < top and self.blank_lines_above(top) == top - 1 - last:
                top = first
        return top

    def going(self) -> list[ast.stmt]:
        plan = self.plan
        moved = [s for s in plan.slice.moved if not any(s is c for c in plan.slice.copied)]
        dropped = [s for s in plan.dropped if not self.in_branch(s)]
        return [*moved, *dropped]

    def in_branch(self, stmt: ast.stmt) -> bool:
        """A placeholder made in a branch leaves its shape behind."""
        return not any(stmt is s for s in self.plan.slice.block)

    def lines_of(self, stmt: ast.stmt) -> tuple[int, int]:
        dropped = any(stmt is s for s in self.plan.dropped)
        first = self.module.first_line(stmt)
        return (
            first if dropped else first_comment_line(self.module, stmt),
            self.module.last_line(stmt),
        )

    def opens_block(self, line: int) -> bool:
        """Whether ``line`` is the first of a block, after its header."""
        return self.module.line_text(line - 1).rstrip().endswith(b":")

    def blank_lines_above(self, line: int) -> int:
        count = 0
        while line > 1 and not self.module.line_text(line - 1).strip():
            line -= 1
            count += 1
        return count

    def blank_lines_below(self, line: int) -> int:
        count = 0
        while line < self.module.line_count and not self.module.line_text(line + 1).strip():
            line += 1
            count += 1
        return count if line < self.module.line_count else 0

    def gap(self) -> int:
        at_top = isinstance(self.module.place_of(self.plan.stmt).owner, ast.Module)
        return 2 if at_top else 1

    def delete_going(self, draft: Draft) -> None:
        """Take out what moves, with the blank lines that it leaves behind."""
        top = first_comment_line(self.module, self.plan.stmt)
        done = self.run_with(top)
        runs: list[list[int]] = []
        for first, last in sorted(map(self.lines_of, self.going())):
            if done <= first < top:
                continue  # replaced together with the statement
            if runs and self.blank_lines_above(first) == first - 1 - runs[-1][1]:
                runs[-1][1] = last
            else:
                runs.append([first, last])
        for first, last in runs:
            above, below = self.blank_lines_above(first), self.blank_lines_below(last)
            if below >= above:
                first -= above
            else:
                last += below
            draft.delete(self.module.line_start(first), self.module.line_end(last))
