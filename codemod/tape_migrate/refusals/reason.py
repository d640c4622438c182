"""What the catalogue holds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reason:
    """One entry of the catalogue."""

    code: str
    slug: str
    sentence: str
    """Why, in general; a site's message says it of the site."""
    advice: str
    """What to do by hand."""
    example: str
    recipe: str = ""
    """Code to start from; it runs as it stands, on Keras 2 and 3."""
