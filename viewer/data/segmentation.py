"""Labelled regions of a volume."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from viewer.data.grid import Grid
from viewer.data.provenance import Provenance
from viewer.data.study import Source


@dataclass(frozen=True)
class Segment:
    """One label: its value in the array, name, colour (r, g, b in 0…255) and coded meaning (scheme, value, meaning)."""

    label: int
    name: str
    color: tuple[int, int, int] = (230, 159, 0)
    code: tuple[str, str, str] | None = None


@dataclass(frozen=True, eq=False)
class Segmentation:
    """A label map [k, j, i] of unsigned integers (0 is background) and the segments its values stand for.

    Raises ValueError where the array does not fit the grid or is not unsigned.
    """

    array: NDArray[Any]
    grid: Grid
    segments: tuple[Segment, ...]
    name: str = ""
    source: Source = field(default_factory=Source)
    provenance: Provenance | None = None
    badges: tuple[str, ...] = ()  # what a reader must know, as of a Volume: "resampled …"

    def __post_init__(self) -> None:
        if self.array.shape != self.grid.shape:
            raise ValueError(f"a label map of shape {self.array.shape} does not fit a grid of {self.grid.shape}")
        if self.array.dtype.kind != "u":
            raise ValueError(f"a label map holds unsigned integers, not {self.array.dtype}")
