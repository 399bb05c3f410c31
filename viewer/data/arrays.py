"""Types that many signatures share: arrays, JSON objects, and what a computation is given to tell of itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from mmap import mmap
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
    """A label map of zeros that takes memory as it is written, in the smallest pages there are.

    For arrays of this size numpy asks for pages of 2 MB: a few voxels in every slice would take memory for all of them.
    Raises MemoryError.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    try:
        return np.frombuffer(mmap(-1, size), dtype).reshape(shape) if size else np.zeros(shape, dtype)
    except (OSError, OverflowError) as error:
        raise MemoryError(f"no memory for {size} bytes of labels") from error
