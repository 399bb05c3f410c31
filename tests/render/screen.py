"""Phantoms to look at, and what is seen of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication
from scipy.ndimage import binary_erosion

from viewer.data.grid import Grid

BALLS = {"left": (28, 0, 0), "front": (0, -28, 0), "head": (0, 0, 28)}  # mm from the middle (LPS)
GREYS = {"left": 250, "front": 170, "head": 90}


def balls(grid: Grid, middle: Any, radius: float = 9.0) -> Any:
    """A grey ball on each side of `middle` that BALLS names."""
    world = grid.to_world(np.moveaxis(np.indices(grid.shape), 0, -1))
    array = np.zeros(grid.shape, np.int16)
    for name, offset in BALLS.items():
        array[np.linalg.norm(world - middle - offset, axis=-1) <= radius] = GREYS[name]
    return array


def pixels(view: Any) -> Any:
    """What is on the screen: uint8 [y, x, 3]."""
    return rgb(view.picture())


def rgb(image: QImage) -> Any:
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def spot(picture: Any, grey: int, tolerance: int = 25) -> tuple[float, float] | None:
    """The centre (x, y) of a patch of a grey level; None where there is none wider than a blurred edge."""
    mask = binary_erosion(np.abs(picture[..., 0].astype(int) - grey) <= tolerance, iterations=3)
    y, x = np.nonzero(mask)
    return (float(x.mean()), float(y.mean())) if len(x) > 30 else None


def settle(qapp: QApplication) -> None:
    for _ in range(5):
        qapp.processEvents()
