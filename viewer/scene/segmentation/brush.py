"""How the painting tools paint: shared by all views, like the chosen tool."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

SIZES = 0.5, 100.0  # mm: the smallest and the largest radius
STEP = 1.15  # a key's press makes the brush so many times as large

Cut = Literal["erase inside", "erase outside", "fill inside"]


@dataclass(frozen=True)
class Brush:
    """A brush. radius: mm. solid: through the slices (a ball, a grown volume), else in the slice alone.

    taking: what is outlined is taken away. cut: what scissors do, through everything that they see.
    """

    radius: float = 5.0
    solid: bool = False
    taking: bool = False
    cut: Cut = "erase inside"

    def resized(self, factor: float) -> Brush:
        """A larger or smaller one, within what is sensible."""
        return replace(self, radius=min(max(self.radius * factor, SIZES[0]), SIZES[1]))
