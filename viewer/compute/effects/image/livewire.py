"""The way along edges between two places of a picture, live under the mouse ("intelligent scissors").

E. N. Mortensen, W. A. Barrett: Intelligent scissors for image composition, SIGGRAPH 1995: the cheapest way on the
lattice of pixels, cheap where the gradient is strong. One search from the anchor knows the ways to every other pixel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHARE = 90.0  # percentile of the gradients above the mean that counts as a full edge, however much of it is flat
LEAST = 0.03  # cost of a pixel on a full edge: keeps ways short along straight edges
BLUR = 1.0  # pixels


class Wire:
    """All cheapest ways from one pixel of a picture.

    picture: values [row, column], finite. start: row, column; outside the picture it raises ValueError.
    """

    def __init__(self, picture: NDArray[np.float32], start: tuple[int, int]) -> None:
        from skimage.graph import MCP_Geometric

        if not all(0 <= at < size for at, size in zip(start, picture.shape, strict=True)):
            raise ValueError(f"a way cannot start at {start}: the picture has {picture.shape} pixels")
        self._shape = picture.shape
        self._ways = MCP_Geometric(costs(picture))
        self._ways.find_costs([start])

    def path(self, end: tuple[int, int]) -> list[tuple[int, int]]:
        """The pixels (row, column) from the start to the end, both included; an end outside counts as the nearest."""
        row, column = (min(max(at, 0), size - 1) for at, size in zip(end, self._shape, strict=True))
        return [(int(y), int(x)) for y, x in self._ways.traceback((row, column))]


def costs(picture: NDArray[np.float32]) -> NDArray[np.float64]:
    """What it costs to pass each pixel: LEAST on a full edge, 1 + LEAST where the picture is flat."""
    from scipy.ndimage import gaussian_gradient_magnitude

    edges = gaussian_gradient_magnitude(np.asarray(picture, dtype=np.float64), BLUR)
    steep = edges[edges > edges.mean()]
    full = float(np.percentile(steep, SHARE)) if steep.size else np.inf
    return np.asarray(LEAST + (1 - np.clip(edges / full, 0, 1)) ** 2)
