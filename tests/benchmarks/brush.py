"""Painting through the window: from the mouse's event to the frame that shows the stroke.

    python tests/benchmarks/brush.py [EVENTS]

512 × 512 × 400 voxels with 100 segments; real Qt mouse events, a fast zigzag in the axial view of the four-view layout.
Aim: 95 of 100 events written and drawn within 20 ms. "composed" adds what Qt takes to put the whole window together,
which a graphics card does in no time and a software OpenGL does not.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))

from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication

from viewer.app import Stage
from viewer.cli.virtual_display import ensure_display
from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.data.study import Source
from viewer.data.volume import Volume, Window
from viewer.render.slices.slice_view import SliceView
from viewer.scene.edits import AddLayer
from viewer.scene.layer import VolumeLayer, volume_layer
from viewer.scene.segmentation.brush import Brush
from viewer.scene.segmentation_layer import segmentation_layer

SHAPE, SPACING = (400, 512, 512), (1.0, 0.7, 0.7)
SEGMENTS = 100
RADII = 5.0, 15.0, 30.0


def labelled() -> tuple[VolumeLayer, Segmentation]:
    """A phantom and 100 boxes in it."""
    grid = Grid.of(SHAPE, SPACING)
    ramp = np.arange(SHAPE[2], dtype=np.int16)[None, None] + np.arange(SHAPE[0], dtype=np.int16)[:, None, None]
    values = np.ascontiguousarray(np.broadcast_to(ramp, SHAPE))
    image = volume_layer(
        (Volume(values, grid, "phantom", "HU", windows=(Window(400, 900),), source=Source(modality="CT")),)
    )
    labels = np.zeros(SHAPE, np.uint8)
    for label in range(1, SEGMENTS + 1):
        row, column = divmod(label - 1, 10)
        labels[40:360, row * 50 + 5 : row * 50 + 40, column * 50 + 5 : column * 50 + 40] = label
    segments = tuple(Segment(label, f"segment {label}", _color(label)) for label in range(1, SEGMENTS + 1))
    return image, Segmentation(labels, grid, segments, "labels")


def _color(label: int) -> tuple[int, int, int]:
    red, green, blue = np.random.default_rng(label).integers(40, 256, 3)
    return int(red), int(green), int(blue)


def zigzag(view: SliceView, count: int) -> Iterator[tuple[float, float]]:
    """Places of a fast mouse: 12 pixels an event."""
    left, right = view.width() * 0.2, view.width() * 0.8
    x, y, way = left, view.height() * 0.25, 12.0
    for _ in range(count):
        x += way
        if not left < x < right:
            way, y = -way, y + 8
        yield x, y


def send(view: SliceView, kind: QEvent.Type, x: float, y: float) -> None:
    at, left, none = QPointF(x, y), Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    button = none if kind == QEvent.Type.MouseMove else left
    held = none if kind == QEvent.Type.MouseButtonRelease else left
    where = view.mapToGlobal(at)
    QApplication.sendEvent(view, QMouseEvent(kind, at, where, button, held, Qt.KeyboardModifier.NoModifier))


def stroke(view: SliceView, count: int) -> tuple[NDArray[np.float64], float]:
    """Milliseconds [event, 3] that writing the voxels and drawing the view took, and until the window was composed;
    and of the release (the step of the history, on disk)."""
    taken, drawn, swapped, paint = [], [0.0, 0.0], [0.0], view.paintGL

    def timed() -> None:
        drawn[0] = time.perf_counter()
        paint()
        drawn[1] = time.perf_counter()

    view.paintGL = timed  # type: ignore[method-assign]
    followed = view.frameSwapped.connect(lambda: swapped.__setitem__(0, time.perf_counter()))
    places = list(zigzag(view, count))
    send(view, QEvent.Type.MouseButtonPress, *places[0])
    for x, y in places[1:]:
        began = time.perf_counter()
        send(view, QEvent.Type.MouseMove, x, y)
        written = time.perf_counter()
        while swapped[0] < began:
            QApplication.processEvents()
        taken.append((written - began, drawn[1] - drawn[0], swapped[0] - began))
    began = time.perf_counter()
    send(view, QEvent.Type.MouseButtonRelease, *places[-1])
    ended = time.perf_counter() - began
    view.paintGL = paint  # type: ignore[method-assign]
    view.disconnect(followed)
    return np.array(taken) * 1e3, ended * 1e3


def main() -> None:
    ensure_display()
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 120
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TOMOLENS_HOME"] = folder
        with Stage() as stage:
            session, image_and_labels = stage.session, labelled()
            image, segmentation = image_and_labels
            session.history.do(AddLayer(image))
            session.layers.show(image, overlay=False)
            layer = segmentation_layer(segmentation, image)
            session.history.do(AddLayer(layer))
            session.state.active = layer.id
            stage.window.inspector.setCurrentWidget(stage.window.segments)
            stage.window.segments.controller.choose_tool("brush")
            stage.picture(Path(folder) / "warm.png")
            view = stage.window.views.by_name["axial"]
            assert isinstance(view, SliceView)
            head = ("written", "drawn", "both", "composed", "release")
            print(f"{'p95 in ms, 100 segments':26} " + " ".join(f"{word:>9}" for word in head) + f"   ({count} events)")
            for solid in (False, True):
                for radius in RADII:
                    session.state.brush = Brush(radius, solid)
                    times, end = stroke(view, count)
                    written, drawn, composed = times.T
                    worst = [np.percentile(part, 95) for part in (written, drawn, written + drawn, composed)]
                    name = f"{'ball' if solid else 'disc'} of {radius:g} mm radius"
                    print(f"{name:26} " + " ".join(f"{value:9.1f}" for value in (*worst, end)))


if __name__ == "__main__":
    main()
