from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtGui import QFontDatabase

from viewer.data.grid import Grid
from viewer.data.volume import Volume, Window
from viewer.scene.document import Document
from viewer.scene.layer import VolumeLayer, volume_layer
from viewer.scene.view_state import ViewState


@pytest.fixture
def document() -> Document:
    return Document()


@pytest.fixture
def state() -> ViewState:
    """Nothing is written over the pictures."""
    return ViewState(show_crosshair=False, show_text=False)


@pytest.fixture
def show(qtbot, qapp) -> Iterator[Callable[..., Any]]:
    """Show a widget and wait for its first frame; it is gone after the test.

    Marks are as large as the application's font, which windows of other tests have set to their scale.
    """
    qapp.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont))
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
