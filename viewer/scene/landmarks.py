"""Pairs of points that a person sets: the same place in two images. They change by Edits (ChangeLandmark) only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import uuid4

import numpy as np
from psygnal import Signal

from viewer.data.annotations.landmarks import Landmarks
from viewer.data.annotations.region import Point
from viewer.data.printable_text import keep_printable
from viewer.data.transform import Transform


@dataclass(frozen=True)
class LandmarkPair:
    """One place in two images. of: ids of the fixed and the moving layer. name: "L1" or what a person calls the place.

    fixed: in the world (the fixed image's space); moving: in the moving image's own space, as its file places it; LPS
    mm both.
    """

    of: tuple[str, str]
    name: str
    fixed: Point
    moving: Point
    id: str = field(default_factory=lambda: uuid4().hex)

    def __post_init__(self) -> None:
        keep_printable(self, "name")

    def residual(self, transform: Transform | None) -> float:
        """How far the moving image's transform (world to image) takes the fixed point from the moving one, mm."""
        at = np.asarray(self.fixed) if transform is None else transform(self.fixed)
        return float(np.linalg.norm(at - np.asarray(self.moving)))


class LandmarkPairs:
    """All pairs of a document, in the order they were set."""

    changed = Signal()

    def __init__(self) -> None:
        self._pairs: list[LandmarkPair] = []

    def __iter__(self) -> Iterator[LandmarkPair]:
        return iter(tuple(self._pairs))

    def __len__(self) -> int:
        return len(self._pairs)

    def find(self, pair_id: str) -> LandmarkPair | None:
        """The pair of that id, or None."""
        return next((pair for pair in self._pairs if pair.id == pair_id), None)

    def index(self, pair_id: str) -> int:
        """Its place in the list. Raises KeyError."""
        for place, pair in enumerate(self._pairs):
            if pair.id == pair_id:
                return place
        raise KeyError(pair_id)

    def of(self, fixed: str, moving: str) -> tuple[LandmarkPair, ...]:
        """Those of two layers, by their ids."""
        return tuple(pair for pair in self._pairs if pair.of == (fixed, moving))

    def values(self, fixed: str, moving: str) -> Landmarks:
        """Those of two layers as plugins and measurements take them."""
        pairs = self.of(fixed, moving)
        here = np.array([pair.fixed for pair in pairs], dtype=np.float64).reshape(-1, 3)
        there = np.array([pair.moving for pair in pairs], dtype=np.float64).reshape(-1, 3)
        return Landmarks(here, there, tuple(pair.name for pair in pairs))

    def free_name(self, fixed: str, moving: str) -> str:
        """The first of L1, L2, … that no pair of the two layers has."""
        taken = {pair.name for pair in self.of(fixed, moving)}
        return next(name for n in range(1, len(taken) + 2) if (name := f"L{n}") not in taken)

    # Called by edits only.
    def put(self, pair: LandmarkPair, index: int) -> None:
        """Set a pair in place of the one of the same id, else as a new one at `index`."""
        if self.find(pair.id):
            self._pairs[self.index(pair.id)] = pair
        else:
            self._pairs.insert(index, pair)
        self.changed.emit()

    def remove(self, pair_id: str) -> None:
        """Remove the pair of that id. Raises KeyError."""
        del self._pairs[self.index(pair_id)]
        self.changed.emit()
