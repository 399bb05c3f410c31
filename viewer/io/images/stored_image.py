"""An image that is not DICOM, as its file holds it: how many values, of which type, where, and what must be said."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from viewer.data.notice import Notice

if TYPE_CHECKING:
    import numpy as np

    from viewer.data.volume import Window
    from viewer.io.images.headers.geometry import Placement

COMPLEX = ("real part", "imaginary part")
COMPLEX_VALUES = Notice(
    "complex-values",
    "Its values are complex: real and imaginary part are shown one after the other, like time points.",
)


@dataclass(frozen=True, eq=False)
class StoredImage:
    """What the header of an image file says, whatever its format.

    shape: voxels along k, j, i of one volume. dtype: of the numbers, in the file's byte order. axes: what there is
    beyond three dimensions, in the order shown (the last one fastest): the words for each entry. channels: of a colour
    image; 0 where the values are no colours. labels: True where the file says that it holds such. seconds: of each time
    point, where the file tells them.
    """

    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    placement: Placement
    axes: tuple[tuple[str, ...], ...] = ()
    channels: int = 0
    slope: float = 1.0
    intercept: float = 0.0
    windows: tuple[Window, ...] = ()
    labels: bool = False
    seconds: tuple[float, ...] = ()
    notices: tuple[Notice, ...] = ()

    @property
    def count(self) -> int:
        """Volumes, shown like time points."""
        return math.prod(len(words) for words in self.axes)

    @property
    def times(self) -> tuple[str, ...]:
        """The words for each volume; () for a single one."""
        words = [""]
        for axis in self.axes:
            more = axis if len(axis) > 1 else ("",)
            words = [", ".join(filter(None, (before, one))) for before in words for one in more]
        return tuple(words) if self.count > 1 else ()


def numbered_names(word: str, count: int) -> tuple[str, ...]:
    """The word with the numbers from 1 to `count`: "component 1", "component 2"."""
    return tuple(f"{word} {n + 1}" for n in range(count))


def several_values_notice(count: int) -> Notice:
    """What must be said where each of `count` values a voxel is shown as a volume of its own."""
    sentence = f"Its {count} values a voxel are shown one after the other, like time points."
    return Notice("several-values", sentence)


def colour_notices(channels: int, dtype: np.dtype[Any]) -> tuple[Notice, ...]:
    """What is lost where colours (0 channels: none) are shown as 8-bit red, green and blue."""
    notices = []
    if channels == 4:
        notices.append(Notice("transparency", "Its transparency is not shown."))
    if channels and dtype.itemsize > 1:
        notices.append(Notice("reduced-colours", "Its colours were reduced from 16 to 8 bits."))
    return tuple(notices)
