"""Doubt: how far what a model found of one structure can be trusted, in numbers and in words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from viewer.data.printable_text import keep_printable

FlagCode = Literal["missing", "disagreement", "uncertain", "islands", "holes", "border", "volume"]
ENTROPY = "bit"  # UCUM; the unit of an image that is a doubt map: 0 is certain, 1 is even odds


@dataclass(frozen=True)
class DoubtFlag:
    """One thing to look at. sentence: what, and how much of it, for a reader."""

    code: FlagCode
    sentence: str

    def __post_init__(self) -> None:
        keep_printable(self, "sentence")


@dataclass(frozen=True)
class Doubt:
    """What is known of one structure without its truth (measured by viewer.compute.labels.doubt).

    dice: predicted Dice against the truth, 0…1; None where nothing tells it: neither passes nor a doubt map.
    agreement: mean Dice between pairs of passes. variation: coefficient of variation of the volume over the passes.
    expected: Dice that the probabilities of the voxels let expect. entropy: mean in the shell about the border, bits.
    islands, holes: parts apart from the largest one, enclosed cavities; island_share, hole_share: their share of the
    structure's voxels. border: share of its surface that lies on the faces of the image. volume: mm³; plausible: the
    range that is usual. Raises ValueError, one sentence, where a share is none.
    """

    dice: float | None = None
    agreement: float | None = None
    variation: float | None = None
    expected: float | None = None
    entropy: float | None = None
    islands: int = 0
    island_share: float = 0.0
    holes: int = 0
    hole_share: float = 0.0
    border: float = 0.0
    volume: float = 0.0
    plausible: tuple[float, float] | None = None
    flags: tuple[DoubtFlag, ...] = ()

    def __post_init__(self) -> None:
        for name in ("dice", "agreement", "expected", "entropy", "island_share", "border"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise ValueError(f"the {name} of a doubt is {value:g}: it lies between 0 and 1.")
        sizes = (self.hole_share, self.volume, self.variation or 0.0, *(self.plausible or ()))
        if not all(math.isfinite(size) and size >= 0 for size in sizes):
            raise ValueError("volumes and shares of a doubt are finite numbers from 0 on.")

    @property
    def rank(self) -> tuple[float, int]:
        """What structures are sorted by, the most doubtful first: the predicted Dice (1 where unknown), then flags."""
        return (1.0 if self.dice is None else self.dice), -len(self.flags)
