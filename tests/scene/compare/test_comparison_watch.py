"""What ends a comparison, an inspection, a drawing of a transform, and a layout side by side."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from viewer.data.grid import Grid
from viewer.data.segmentation import Segmentation
from viewer.data.volume import Volume
from viewer.scene.compare.comparison import Comparison
from viewer.scene.compare.comparison_watch import ComparisonWatch
from viewer.scene.compare.deformation_display import Deformation
from viewer.scene.compare.inspection import Inspection
from viewer.scene.document import Document
from viewer.scene.layer import VolumeLayer, volume_layer
from viewer.scene.segmentation_layer import segmentation_layer
from viewer.scene.view_state import ViewState

GRID = Grid.of((3, 4, 5))
FIELDS = ("comparison", "inspection", "deformation", "compared")


def image(name: str, *, visible: bool = True) -> VolumeLayer:
    layer = volume_layer((Volume(np.zeros(GRID.shape, np.int16), GRID, name),))
    layer.visible = visible
    return layer


class Scene:
    """fixed and moving, result of fixed, are shown; aside is hidden; all four ways to hold them together are on."""

    def __init__(self) -> None:
        self.document, self.state = Document(), ViewState()
        self.watch = ComparisonWatch(self.document, self.state)
        self.fixed, self.moving, self.aside = image("fixed"), image("moving"), image("aside", visible=False)
        self.moving.made_from = self.fixed.id  # it stands for a result, too
        for layer in (self.fixed, self.moving, self.aside):
            self.document.insert(len(self.document), layer)
        self.state.comparison = Comparison(self.fixed.id, self.moving.id)
        self.state.inspection = Inspection(self.moving.id)
        self.state.deformation = Deformation(self.moving.id)
        self.state.compared = (self.fixed.id, self.moving.id)

    def hide(self, layer: VolumeLayer) -> None:
        layer.visible = False

    def remove(self, layer: VolumeLayer) -> None:
        self.document.remove(layer.id)

    def add(self, *, visible: bool = True) -> None:
        self.document.insert(0, image("new", visible=visible))

    def show_aside(self) -> None:
        self.aside.visible = True

    def label(self) -> None:
        labels = Segmentation(np.zeros(GRID.shape, np.uint8), GRID, (), "labels")
        self.document.insert(0, segmentation_layer(labels, self.fixed))

    def preview(self) -> None:
        self.document.show_preview(self.fixed, image("preview"))


CASES: dict[str, tuple[Callable[[Scene], None], tuple[str, ...]]] = {
    "fixed hidden": (lambda scene: scene.hide(scene.fixed), ("comparison", "inspection")),
    "moving hidden": (lambda scene: scene.hide(scene.moving), ("comparison", "inspection", "deformation")),
    "fixed removed": (lambda scene: scene.remove(scene.fixed), ("comparison", "inspection")),
    "moving removed": (lambda scene: scene.remove(scene.moving), ("comparison", "inspection", "deformation")),
    "another opened": (lambda scene: scene.add(), ("comparison", "inspection", "compared")),
    "another shown": (lambda scene: scene.show_aside(), ("comparison", "inspection", "compared")),
    "another comes hidden": (lambda scene: scene.add(visible=False), ()),
    "a hidden one removed": (lambda scene: scene.remove(scene.aside), ()),
    "labels come": (lambda scene: scene.label(), ()),
    "a preview comes": (lambda scene: scene.preview(), ()),
}


@pytest.mark.parametrize("case", CASES)
def test_it_ends_with_what_is_seen(case: str) -> None:
    scene = Scene()
    act, ended = CASES[case]
    act(scene)
    assert tuple(name for name in FIELDS if not getattr(scene.state, name)) == ended


def test_what_was_removed_is_followed_no_longer() -> None:
    scene = Scene()
    scene.document.remove(scene.aside.id)
    scene.show_aside()
    assert scene.state.comparison is not None
