"""Types that many signatures share: arrays, JSON objects, and what a computation is given to tell of itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]  # places, matrices, distances
Points = NDArray[np.float64]  # [n, 2 or 3]
Floats32 = NDArray[np.float32]  # values of images, displacements
Mask = NDArray[np.bool_]
Labels = NDArray[Any]  # unsigned integers, 0 for none

Json = dict[str, Any]

ProgressCallback = Callable[[float], None]  # gets the fraction done, 0…1; may raise Cancelled
Post = Callable[[Callable[[], None]], None]  # runs a function on the thread that wants the answers
