"""Types that many signatures share: arrays, JSON objects, and what a computation is given to tell of itself."""

from __future__ import annotations

import math
import mmap
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Floats = NDArray[np.float64]  # places, matrices, distances
Points = NDArray[np.float64]  # [n, 2 or 3]
Floats32 = NDArray[np.float32]  # values of images, displacements
Mask = NDArray[np.bool_]
Labels = NDArray[Any]  # unsigned integers, 0 for none

Json = dict[str, Any]

ProgressCallback = Callable[[float], None]  # gets the fraction done, 0…1; may raise Cancelled
Post = Callable[[Callable[[], None]], None]  # runs a function on the thread that wants the answers


def blank_labels(shape: tuple[int, ...], dtype: DTypeLike) -> Labels:
    """A label map of zeros that takes memory as it is written, in the smallest pages there are (not on Windows).

    For arrays of this size numpy asks for pages of 2 MB: a few voxels in every slice would take memory for all of them.
    The pages are private: to read one that was never written takes none. Raises MemoryError.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if sys.platform == "win32" or not size:
        return np.zeros(shape, dtype)
    try:
        pages = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except (OSError, OverflowError) as error:
        raise MemoryError(f"no memory for {size} bytes of labels") from error
    if sys.platform == "linux":
        with suppress(OSError):  # a kernel that has no large pages
            pages.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(pages, dtype).reshape(shape)
