"""Two small plots as inline SVG: relative error per evaluation, old entries against new ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

_WIDTH, _HEIGHT = 340, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 10, 12, 34
FLOOR = 1e-19
"""Where an error of exactly 0 is drawn."""


def error_plot(errors: Sequence[float], limit: float) -> str:
    """Relative error of each tensor, in order, on a logarithmic scale; the line is the limit."""
    points = [FLOOR if e == 0 else e for e in errors if e >= 0 and not math.isnan(e)]
    if not points:
        return ""
    finite = [p for p in points if math.isfinite(p)] or [1.0]
    high = max(1.0, math.ceil(math.log10(max(*finite, limit or FLOOR))))
    low = math.log10(FLOOR)

    def x(number: int) -> float:
        return _LEFT + _inner_width() * (number + 0.5) / len(points)

    def y(value: float) -> float:
        power = high if not math.isfinite(value) else math.log10(value)
        return _TOP + _inner_height() * (high - power) / (high - low)

    parts = _axes("tensor compared, in order", "relative error")
    for power in (0, -4, -8, -12, -16):
        place = y(10.0**power)
        parts.append(_line(_LEFT, place, _WIDTH - _RIGHT, place, "grid"))
        parts.append(_text(_LEFT - 6, place + 4, f"1e{power}", "end"))
    parts.append(_text(_LEFT - 6, y(FLOOR) + 3, "0", "end"))
    if limit > 0:
        parts.append(_line(_LEFT, y(limit), _WIDTH - _RIGHT, y(limit), "limit"))
        parts.append(_text(_WIDTH - _RIGHT, y(limit) - 4, f"allowed {limit:.0e}", "end"))
    radius = 3.0 if len(points) <= 60 else 1.6
    for number, value in enumerate(points):
        kind = "bad" if value > limit else "good"
        parts.append(_circle(x(number), y(value), radius, kind))
    return _figure(parts, "Relative error of each tensor compared")


def scatter_plot(points: Sequence[tuple[float, float]]) -> str:
    """Sampled entries, old across and new up; what is equal lies on the diagonal."""
    kept = [(a, b) for a, b in points if math.isfinite(a) and math.isfinite(b)]
    if not kept:
        return ""
    values = [value for pair in kept for value in pair]
    low, high = min(values), max(values)
    if low == high:
        low, high = low - 1.0, high + 1.0
    margin = 0.05 * (high - low)
    low, high = low - margin, high + margin

    def x(value: float) -> float:
        return _LEFT + _inner_width() * (value - low) / (high - low)

    def y(value: float) -> float:
        return _TOP + _inner_height() * (high - value) / (high - low)

    parts = _axes("old entry", "new entry")
    parts.append(_line(x(low), y(low), x(high), y(high), "diagonal"))
    for value in (low + margin, high - margin):
        parts.append(_text(x(value), _HEIGHT - _BOTTOM + 14, f"{value:.3g}", "middle"))
        parts.append(_text(_LEFT - 6, y(value) + 4, f"{value:.3g}", "end"))
    scale = max(abs(low), abs(high))
    for a, b in kept:
        parts.append(_circle(x(a), y(b), 2.2, "bad" if abs(a - b) > 1e-3 * scale else "good"))
    return _figure(parts, "Sampled entries of the gradients, old against new")


def _inner_width() -> float:
    return _WIDTH - _LEFT - _RIGHT


def _inner_height() -> float:
    return _HEIGHT - _TOP - _BOTTOM


def _figure(parts: list[str], title: str) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )


def _axes(across: str, up: str) -> list[str]:
    bottom, middle = _HEIGHT - _BOTTOM, _TOP + _inner_height() / 2
    return [
        _line(_LEFT, _TOP, _LEFT, bottom, "axis"),
        _line(_LEFT, bottom, _WIDTH - _RIGHT, bottom, "axis"),
        _text(_LEFT + _inner_width() / 2, _HEIGHT - 5, across, "middle"),
        f'<text transform="translate(11 {middle:.1f}) rotate(-90)" text-anchor="middle">'
        f"{escape(up)}</text>",
    ]


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _circle(x: float, y: float, radius: float, kind: str) -> str:
    return f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{radius}"/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
