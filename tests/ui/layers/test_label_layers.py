"""Segmentations among the layers: listed, looked at, removed as what they are."""

from __future__ import annotations

import pytest

from viewer.scene.segmentation_layer import SegmentationLayer
from viewer.ui.layers.segmentation_display import SegmentationDisplay


@pytest.fixture
def labels(window, add_image) -> SegmentationLayer:
    image = add_image()
    layer = window.session.segments.new_layer(image)
    window.session.segments.add(layer, "liver")
    window.session.state.active = layer.id
    return layer


def test_it_is_listed_with_what_it_holds(window, labels):
    row = window.layers._rows[labels.id]
    assert row.name.text() == labels.name
    assert "1 segment" in row.origin.text()
    window.session.segments.add(labels, "spleen")
    assert "2 segments" in row.origin.text()
    row.eye.click()
    assert not labels.visible
    row.opacity.setValue(40)
    assert labels.opacity == pytest.approx(0.4)


def test_its_look_is_set_on_its_page(window, labels):
    page = window.layers.page
    assert isinstance(page, SegmentationDisplay)
    page.fill.setValue(80)
    page.outline.setChecked(False)
    assert (labels.fill, labels.outline) == (pytest.approx(0.8), False)
    labels.fill = 0.1
    assert page.fill.value() == 10


def test_what_is_removed_is_the_segmentation_and_not_the_image(window, labels):
    images = window.session.document.volume_layers
    window.layers.controller.remove()
    assert window.session.document.volume_layers == images
    assert window.session.document.segmentation_layers == ()
    window.commands.undo()
    assert window.session.document.segmentation_layers == (labels,)
    window.session.state.active = labels.id
    window.layers.controller.flip_visible()
    assert not labels.visible
    assert images[0].visible
