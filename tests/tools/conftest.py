from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.data.study import Source
from viewer.data.volume import Volume, Window
from viewer.render.slices.slice_view import SliceView
from viewer.render.view import MouseEvent
from viewer.scene.document import Document
from viewer.scene.history import History
from viewer.scene.layer import VolumeLayer, volume_layer
from viewer.scene.segmentation_layer import SegmentationLayer, segmentation_layer
from viewer.scene.view_state import ViewState
from viewer.tools.mouse_dispatch import Mouse
from viewer.tools.mouse_profiles import profiles


class ToolServices:
    """What tools ask of the session, written down."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.run: list[tuple] = []
        self.prompts: list[tuple] = []

    def warn(self, text: str) -> None:
        self.said.append(text)

    def run_effect(self, *asked) -> None:
        self.run.append(asked)

    def give_prompt(self, *asked) -> None:
        self.prompts.append(asked)

    def first_layer(self, image: VolumeLayer) -> SegmentationLayer:
        grid = image.grid
        return segmentation_layer(Segmentation(np.zeros(grid.shape, np.uint8), grid, (Segment(1, "new"),)), image)


@pytest.fixture
def document() -> Document:
    """One CT of 20 slices, 3 time points; the value of a voxel is its slice, ten times its time point added."""
    grid = Grid.of((20, 30, 40), spacing=(2.5, 1.0, 1.0), origin=(-20.0, -15.0, 100.0))
    slices = np.broadcast_to(np.arange(20, dtype=np.int16)[:, None, None], grid.shape)
    volumes = tuple(
        Volume(
            np.ascontiguousarray(slices + 10 * time),
            grid,
            "ramp",
            "HU",
            intercept=-1000.0,
            windows=(Window(-990, 40),),
            source=Source(modality="CT"),
        )
        for time in range(3)
    )
    document = Document()
    document.insert(0, volume_layer(volumes))
    return document


@pytest.fixture
def layer(document) -> VolumeLayer:
    return document.volume_layers[0]


@pytest.fixture
def state(document, layer) -> ViewState:
    x, y, z = (float(mm) for mm in layer.volumes[0].grid.to_world((10, 15, 20)))
    return ViewState(crosshair=(x, y, z), active=layer.id)


@pytest.fixture
def view(qtbot, document, state) -> SliceView:
    view = SliceView(document, state, "axial")
    view.resize(400, 300)
    qtbot.addWidget(view)
    return view


@pytest.fixture
def history(document) -> History:
    return History(document)


@pytest.fixture
def work() -> ToolServices:
    return ToolServices()


@pytest.fixture
def labels(document, layer) -> SegmentationLayer:
    grid = layer.volumes[0].grid
    segments = Segment(1, "liver"), Segment(2, "spleen")
    made = segmentation_layer(Segmentation(np.zeros(grid.shape, np.uint8), grid, segments, "labels"), layer)
    document.insert(1, made)
    return made


@pytest.fixture
def mouse(document, state, view, history, work) -> Mouse:
    mouse = Mouse(document, state, profiles()["default"], history.do, work)
    mouse.follow(view)
    return mouse


@pytest.fixture
def drag(view, mouse) -> Callable[..., None]:
    """Press at a point, move by (dx, dy) in ten steps, release."""

    def go(dx: float, dy: float, button: str = "left", *modifiers: str, at: tuple[float, float] = (200, 150)) -> None:
        held = frozenset(modifiers)
        view.mouse.emit(view, MouseEvent("press", *at, button, held))
        for n in range(1, 11):
            view.mouse.emit(view, MouseEvent("move", at[0] + dx * n / 10, at[1] + dy * n / 10, button, held))
        view.mouse.emit(view, MouseEvent("release", at[0] + dx, at[1] + dy, button, held))

    return go


@pytest.fixture
def wheel(view, mouse) -> Callable[..., None]:
    def go(steps: float, *modifiers: str) -> None:
        view.mouse.emit(view, MouseEvent("wheel", 200, 150, "", frozenset(modifiers), steps))

    return go


@pytest.fixture
def emit_click() -> Callable[..., None]:
    """Press and release the left button in a view."""

    def go(view: SliceView, x: float, y: float) -> None:
        for kind in ("press", "release"):
            view.mouse.emit(view, MouseEvent(kind, x, y, "left"))

    return go
