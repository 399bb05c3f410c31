"""A part of a result that is finished before the whole is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Preview:
    """Finished slices of a result on its way. A plugin sends each slab once: `job.preview(Preview(start, array))`.

    start: the first of them, along k of the first input's grid. array: physical values [n, j, i] of slices
    start … start + n in that input's unit, as wide as its grid.
    """

    start: int
    array: NDArray[Any]


@dataclass(frozen=True)
class CurvePoint:
    """The next point of a curve that a run tells of, such as the similarity after each step of a registration."""

    curve: str
    value: float
