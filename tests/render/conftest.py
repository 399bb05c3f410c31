from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QEvent
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication
from scipy.ndimage import binary_erosion

from viewer.data.grid import Grid
from viewer.data.volume import Volume, Window
from viewer.scene.document import Document
from viewer.scene.layer import VolumeLayer, volume_layer
from viewer.scene.view_state import ViewState

BALLS = {"left": (28, 0, 0), "front": (0, -28, 0), "head": (0, 0, 28)}  # mm from the middle (LPS)
GREYS = {"left": 250, "front": 170, "head": 90}


@pytest.fixture
def document() -> Document:
    return Document()


@pytest.fixture
def state() -> ViewState:
    """Nothing is written over the pictures."""
    return ViewState(show_crosshair=False, show_text=False)


@pytest.fixture
def show(qtbot, qapp) -> Iterator[Callable[..., Any]]:
    """Show a widget and wait for its first frame; it is gone after the test."""
    shown = []

    def go(widget: Any, width: int = 300, height: int = 300) -> Any:
        widget.resize(width, height)
        widget.show()
        qtbot.waitExposed(widget)
        qtbot.waitUntil(lambda: widget.frames > 0)
        shown.append(widget)
        return widget

    yield go
    for widget in shown:
        widget.close()
        widget.deleteLater()
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def add(document: Document, state: ViewState) -> Callable[..., VolumeLayer]:
    """Put an array on a grid into the document, with a window of 0 to 255."""

    def go(array: Any, grid: Grid, *, colormap: str = "grey", opacity: float = 1.0, **facts: Any) -> VolumeLayer:
        volume = replace(Volume(array, grid), **facts)
        layer = volume_layer((volume,), colormap=colormap)
        layer.window, layer.opacity = Window(127.5, 255), opacity
        document.insert(len(document), layer)
        if len(document) == 1:
            x, y, z = (float(mm) for mm in grid.centre)
            state.crosshair = (x, y, z)
        return layer

    return go


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
