"""An image in memory: stored pixels, how they become physical values, and where they lie."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from viewer.data.grid import Grid
from viewer.data.printable_text import keep_printable
from viewer.data.provenance import Provenance
from viewer.data.study import Source

SAMPLE = 65_536  # pixels of a slice, about, that an automatic window is found from


@dataclass(frozen=True)
class Window:
    """A grey-scale window (DICOM PS3.3 C.11.2.1.2) in the volume's unit."""

    center: float
    width: float
    name: str = ""

    def __post_init__(self) -> None:
        keep_printable(self, "name")

    @property
    def lower(self) -> float:
        """The value that is black, in the volume's unit (white where it is inverted)."""
        return self.center - self.width / 2

    @property
    def upper(self) -> float:
        """The value that is white, in the volume's unit (black where it is inverted)."""
        return self.center + self.width / 2


class Diffusion(NamedTuple):
    """The diffusion weighting of a time point: b-value in s/mm², and the gradient's direction.

    direction: a unit vector in LPS; None at b = 0 and for a mean over directions.
    """

    b_value: float
    direction: tuple[float, float, float] | None = None


@dataclass(frozen=True, eq=False)
class Volume:
    """One time point of an image.

    array: stored values [k, j, i], or [k, j, i, 3] uint8 RGB; never written to once it is here.
    Physical value = array × slope + intercept, in `unit` (a UCUM code or "HU"; "" where unknown).
    inverted: low values are shown bright (MONOCHROME1).
    Raises ValueError where the array does not fit the grid.
    """

    array: NDArray[Any]
    grid: Grid
    name: str = ""
    unit: str = ""
    slope: float = 1.0
    intercept: float = 0.0
    windows: tuple[Window, ...] = ()
    inverted: bool = False
    source: Source = field(default_factory=Source)
    time: str = ""  # which time point this is, in words: "12.5 s", "b = 1000", "echo 2"
    badges: tuple[str, ...] = ()
    provenance: Provenance | None = None
    diffusion: Diffusion | None = None

    def __post_init__(self) -> None:
        if self.array.shape[:3] != self.grid.shape or self.array.ndim not in (3, 4):
            raise ValueError(f"an array of shape {self.array.shape} does not fit a grid of {self.grid.shape}")
        keep_printable(self, "name", "unit", "time", "badges")

    @property
    def modality(self) -> str:
        """The DICOM modality of its source ("CT", "MR" …); "OT" where that is not known."""
        return self.source.modality

    @property
    def color(self) -> bool:
        """True where the voxels are RGB."""
        return self.array.ndim == 4

    def values(self) -> NDArray[np.float32]:
        """Physical values [k, j, i] (or [k, j, i, 3]) as a new float32 array, in `unit`."""
        out = self.array.astype(np.float32)
        if self.slope != 1:
            out *= np.float32(self.slope)
        if self.intercept:
            out += np.float32(self.intercept)
        return out

    @property
    def default_window(self) -> Window:
        """The first window that it came with, else an automatic one."""
        return self.windows[0] if self.windows else automatic_window(self)

    def value_at(self, world: ArrayLike) -> float | tuple[int, ...] | None:
        """The physical value of the voxel at a world position (mm); RGB for colour; None outside."""
        index = self.grid.nearest(world)
        if index is None:
            return None
        stored = self.array[index]
        if self.color:
            return tuple(int(c) for c in stored)
        return float(stored) * self.slope + self.intercept

    def with_values(self, array: NDArray[Any], **changes: Any) -> Volume:
        """A new volume on this grid whose array already holds physical values."""
        return replace(self, array=array, slope=1.0, intercept=0.0, **changes)


def automatic_window(volume: Volume) -> Window:
    """The grey-scale window of a volume's middle slice, in its unit: see slice_window."""
    return slice_window(volume.array[volume.grid.shape[0] // 2], volume.slope, volume.intercept)


def slice_window(
    stored: NDArray[Any], slope: float = 1.0, intercept: float = 0.0, padding: tuple[float, float] | None = None
) -> Window:
    """A window from the 1st to the 99th percentile of a slice [j, i] or [j, i, 3], in its unit.

    stored: before slope and intercept are applied. padding: the lowest and the highest stored value that tells nothing;
    those between, and what is not finite, are left out. A large slice is thinned. Where most of it is of a single
    value: from the lowest to the highest.
    """
    step = max(1, int((stored.shape[0] * stored.shape[1] / SAMPLE) ** 0.5))
    low, high = _range(_without_padding(stored[::step, ::step], padding), (1, 99))
    if low == high:
        low, high = _range(_without_padding(stored, padding), (0, 100))
    low, high = sorted(end * slope + intercept for end in (low, high))
    return Window((low + high) / 2, max(high - low, 1e-6), "auto")


def _without_padding(stored: NDArray[Any], padding: tuple[float, float] | None) -> NDArray[Any]:
    values: NDArray[Any] = stored[np.isfinite(stored)]
    return values if padding is None else values[(values < padding[0]) | (values > padding[1])]


def _range(values: NDArray[Any], ends: tuple[float, float]) -> tuple[float, float]:
    """Two percentiles; 0 and 1 without values."""
    low, high = np.percentile(values.astype(np.float64), ends) if values.size else (0.0, 1.0)
    return float(low), float(high)
