"""How two images on any grids are held against each other: the fixed and the moving image of a registration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from viewer.data.annotations.region import Point
from viewer.scene.document import Document
from viewer.scene.layer import VolumeLayer

Style = Literal["blend", "colour", "checkerboard", "wipe", "contours", "difference"]
Alone = Literal["", "fixed", "moving"]
STYLES: dict[Style, str] = {  # what the buttons say
    "blend": "Blend",
    "colour": "Green and magenta",
    "checkerboard": "Checkerboard",
    "wipe": "Wipe",
    "contours": "Contours",
    "difference": "Difference",
}


@dataclass(frozen=True)
class Comparison:
    """How two layers are compared. fixed, moving: their ids.

    While both are there the slice views show only them, in the fixed one's planes. share: the part of the moving image
    in a blend, 0…1. square: side of a field of the checkerboard, mm. at: the point in LPS mm that the wipe's line goes
    through in every view. upright: the line stands (the fixed image on its left), or lies (the fixed image above it).
    swapped: contours of the fixed image over the moving one. alone: one of the two instead of both, for now. flicker:
    the two take turns (the window does the turns).
    """

    fixed: str
    moving: str
    style: Style = "blend"
    share: float = 0.5
    square: float = 25.0
    at: Point = (0.0, 0.0, 0.0)
    upright: bool = True
    swapped: bool = False
    alone: Alone = ""
    flicker: bool = False


@dataclass(frozen=True, eq=False)
class ComparisonPair:
    """Two images being held against each other, and how."""

    fixed: VolumeLayer
    moving: VolumeLayer
    how: Comparison

    @property
    def shown(self) -> tuple[VolumeLayer, ...]:
        """What is drawn: both, the fixed first, or the one that is seen alone."""
        return {"": (self.fixed, self.moving), "fixed": (self.fixed,), "moving": (self.moving,)}[self.how.alone]


def comparison_pair(document: Document, comparison: Comparison | None) -> ComparisonPair | None:
    """The two layers of a comparison; None where one of them is gone."""
    if comparison is None:
        return None
    fixed, moving = document.find(comparison.fixed), document.find(comparison.moving)
    if not isinstance(fixed, VolumeLayer) or not isinstance(moving, VolumeLayer) or fixed is moving:
        return None
    return ComparisonPair(fixed, moving, comparison)
