"""What models want done to the values of an image before they see it. Each step works in place on [c, k, j, i].

The numbers are a file's: a step raises ValueError for those that are none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from viewer.data.arrays import Floats32

LARGEST = float(np.finfo(np.float32).max)
LEAST = 1e-8  # a deviation or a width below this counts as none


class Step(Protocol):
    """One thing that is done to values."""

    @property
    def text(self) -> str:
        """What it does, in a few words."""

    def __call__(self, array: Floats32) -> None:
        """Change the values of [c, k, j, i] in place."""


@dataclass(frozen=True)
class Range:
    """low…high becomes to_low…to_high; clip: what lies outside becomes the nearer end."""

    low: float
    high: float
    to_low: float = 0.0
    to_high: float = 1.0
    clip: bool = False

    def __post_init__(self) -> None:
        _check(self.low, self.high, self.to_low, self.to_high)

    @property
    def text(self) -> str:
        """Both ranges, and whether values are clipped."""
        return f"{self.low:g}…{self.high:g} to {self.to_low:g}…{self.to_high:g}{', clipped' if self.clip else ''}"

    def __call__(self, array: Floats32) -> None:
        """Stretch the values of [c, k, j, i] in place."""
        _stretch(array, self.low, self.high, self.to_low, self.to_high)
        if self.clip:
            np.clip(array, min(self.to_low, self.to_high), max(self.to_low, self.to_high), out=array)


@dataclass(frozen=True)
class Quantiles:
    """The values at two fractions (0…1) of all voxels become to_low and to_high; 0 and 1: least and greatest."""

    low: float = 0.0
    high: float = 1.0
    to_low: float = 0.0
    to_high: float = 1.0
    clip: bool = False
    by_channel: bool = False

    def __post_init__(self) -> None:
        _check(self.low, self.high, self.to_low, self.to_high)
        if not 0 <= self.low < self.high <= 1:
            raise ValueError(f"{self.low} and {self.high} are no fractions")

    @property
    def text(self) -> str:
        """Both fractions, and the range that they become."""
        return f"quantiles {self.low:g}…{self.high:g} to {self.to_low:g}…{self.to_high:g}"

    def __call__(self, array: Floats32) -> None:
        """Stretch the values of [c, k, j, i] in place."""
        for part in _parts(array, self.by_channel):
            whole = (self.low, self.high) == (0, 1)
            low, high = (part.min(), part.max()) if whole else np.quantile(part, (self.low, self.high))
            Range(float(low), float(high), self.to_low, self.to_high, self.clip)(part)


@dataclass(frozen=True)
class ZScore:
    """Minus the mean, over the deviation. mean, deviation: fixed ones, else those of the voxels.

    nonzero: voxels that are 0 stay so and do not count.
    """

    mean: float | None = None
    deviation: float | None = None
    nonzero: bool = False
    by_channel: bool = False

    def __post_init__(self) -> None:
        _check(*(one for one in (self.mean, self.deviation) if one is not None))

    @property
    def text(self) -> str:
        """What it does: "z-score", or the fixed mean and deviation."""
        if self.mean is None and self.deviation is None:
            return "z-score"
        mean, deviation = (name if one is None else f"{one:g}" for name, one in
                           (("the mean", self.mean), ("the deviation", self.deviation)))  # fmt: skip
        return f"minus {mean}, over {deviation}"

    def __call__(self, array: Floats32) -> None:
        """Shift and scale the values of [c, k, j, i] in place."""
        for part in _parts(array, self.by_channel):
            chosen = part != 0 if self.nonzero else np.ones((1,) * part.ndim, bool)
            values = part[chosen] if self.nonzero else part
            if not values.size:
                continue
            mean = float(values.mean(dtype=np.float64)) if self.mean is None else self.mean
            deviation = float(values.std(dtype=np.float64)) if self.deviation is None else self.deviation
            np.subtract(part, np.float32(mean), out=part, where=chosen)
            if deviation > LEAST:
                np.divide(part, np.float32(deviation), out=part, where=chosen)


@dataclass(frozen=True)
class Clip:
    """Values beyond an end become that end."""

    low: float
    high: float

    def __post_init__(self) -> None:
        _check(self.low, self.high)

    @property
    def text(self) -> str:
        """Both ends."""
        return f"clipped to {self.low:g}…{self.high:g}"

    def __call__(self, array: Floats32) -> None:
        """Clip the values of [c, k, j, i] in place."""
        np.clip(array, self.low, self.high, out=array)


@dataclass(frozen=True)
class EightBit:
    """Values become whole numbers 0…255 as mri_convert --conform makes them (FreeSurfer, utils/mriio).

    The least value becomes 0, the 99.9th centile of those above 0 becomes 255; what fits already is left alone.
    """

    text = "in 256 levels"

    def __call__(self, array: Floats32) -> None:
        """Bring the values of [c, k, j, i] to 0…255 in place."""
        for part in _parts(array, True):
            if part.min() >= 0 and 127 < part.max() <= 255:
                continue
            positive = part[part > 0]
            top = float(np.quantile(positive, 0.999)) if positive.size else 1.0
            Range(float(part.min()), top, 0, 255, clip=True)(part)
            np.rint(part, out=part)


def _check(*numbers: Any) -> None:
    for number in numbers:
        if not isinstance(number, (int, float)) or not abs(number) <= LARGEST:
            raise ValueError(f"{str(number)[:30]} is no number that an image could hold")


def _parts(array: Floats32, by_channel: bool) -> Iterator[Floats32]:
    """Each channel, or all of them together, to work on in place."""
    yield from array if by_channel else [array]


def _stretch(array: Floats32, low: float, high: float, to_low: float, to_high: float) -> None:
    array -= np.float32(low)
    if abs(high - low) > LEAST:
        array *= np.float32((to_high - to_low) / (high - low))
    array += np.float32(to_low)
