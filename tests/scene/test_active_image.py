"""Which image work is meant for."""

from __future__ import annotations

import numpy as np
import pytest

from viewer.data.grid import Grid
from viewer.data.segmentation import Segmentation
from viewer.data.volume import Volume
from viewer.scene.active_image import active_image, seen_images
from viewer.scene.document import Document
from viewer.scene.layer import VolumeLayer, volume_layer
from viewer.scene.segmentation_layer import segmentation_layer
from viewer.scene.view_state import ViewState

GRID = Grid.of((3, 4, 5))


@pytest.fixture
def document() -> Document:
    """Two images, the lower one labelled."""
    document = Document()
    low, high = (volume_layer((Volume(np.zeros(GRID.shape, np.int16), GRID, name),)) for name in ("low", "high"))
    labels = segmentation_layer(Segmentation(np.zeros(GRID.shape, np.uint8), GRID, (), "labels"), low)
    for layer in (low, high, labels):
        document.insert(len(document), layer)
    return document


def named(document: Document, name: str) -> VolumeLayer:
    (found,) = (layer for layer in document if layer.name == name)
    return found  # type: ignore[return-value]


def test_it_is_the_active_one_or_the_one_that_the_active_segments_label(document: Document) -> None:
    for active, meant in (("high", "high"), ("low", "low"), ("labels", "low")):
        state = ViewState(active=named(document, active).id)
        assert active_image(document, state) is named(document, meant)


def test_a_hidden_image_is_not_meant(document: Document) -> None:
    named(document, "low").visible = False
    for active in ("low", "labels", "high"):
        assert active_image(document, ViewState(active=named(document, active).id)) is named(document, "high")
    named(document, "high").visible = False
    assert active_image(document, ViewState(active=named(document, "high").id)) is None


def test_without_a_choice_it_is_the_lowest_that_is_seen(document: Document) -> None:
    assert active_image(document, ViewState()) is named(document, "low")
    assert active_image(Document(), ViewState()) is None


def test_side_by_side_shows_what_is_named_though_it_is_hidden(document: Document) -> None:
    low, high = named(document, "low"), named(document, "high")
    high.visible = False
    state = ViewState(active=high.id, compared=(low.id, high.id))
    assert seen_images(document, state) == (low,)
    state.layout = "compare"
    assert seen_images(document, state) == (low, high)
    assert active_image(document, state) is high
    state.compared = ("gone",)
    assert seen_images(document, state) == (low,)
