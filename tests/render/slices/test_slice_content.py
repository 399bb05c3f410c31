"""What a slice view shows, resolved without a widget."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from viewer.data.grid import Grid
from viewer.data.transform import Transform
from viewer.render.planes.plane import Plane, Pose
from viewer.render.slices.slice_content import SliceContent, slice_content
from viewer.scene.compare.comparison import Comparison
from viewer.scene.compare.deformation_display import Deformation
from viewer.scene.compare.inspection import Inspection
from viewer.scene.layer import VolumeLayer

GRID = Grid.of((8, 9, 10))


@pytest.fixture
def content(document, state):
    """Resolve what an axial view of 100 × 80 pixels shows now."""

    def pose_of(reference: VolumeLayer) -> Pose:
        plane = Plane(reference.world_grid, "axial")
        return Pose.fit(plane, plane.index(state.crosshair), 100, 80)

    def go() -> SliceContent:
        return slice_content(document, state, document.shown, document.shown_segmentations, pose_of)

    return go


@pytest.fixture
def images(add):
    """An input, and a result that was computed from it."""
    first, second = (add(np.full(GRID.shape, value, np.int16), GRID, name=str(value)) for value in (50, 200))
    second.made_from, second.made_at = first.id, 3
    return first, second


def test_an_empty_document_has_nothing_to_show(content):
    seen = content()
    assert (seen.shown, seen.base, seen.reference, seen.pose) == ((), None, None, None)


def test_the_slices_are_those_of_the_lowest_image_that_no_transform_moves(content, images):
    first, second = images
    seen = content()
    assert (seen.shown, seen.base, seen.reference) == (images, first, first)
    assert seen.pose.index == 4
    assert seen.timepoint(first, 7) == 7
    first.transform = Transform(np.eye(4))
    assert (content().base, content().reference) == (first, second)


def test_a_result_lends_its_input_its_appearance_and_time_point(content, images, state):
    _, second = images
    state.active, state.inspection = second.id, Inspection(second.id)
    seen = content()
    assert seen.inspection.result is second
    assert [seen.appearance(layer) for layer in images] == [second, second]
    assert [seen.timepoint(layer, 7) for layer in images] == [3, 7]


def test_a_comparison_goes_before_an_inspection(content, images, state):
    first, second = images
    state.active, state.inspection = second.id, Inspection(second.id)
    state.comparison = Comparison(second.id, first.id, alone="moving")
    seen = content()
    assert (seen.shown, seen.reference, seen.inspection) == ((first,), second, None)
    assert seen.appearance(first) is first


def test_a_deformation_is_drawn_of_a_layer_with_a_transform(content, images, state):
    state.deformation = Deformation(images[1].id, "grid")
    assert content().deformation is None
    images[1].transform = Transform(np.eye(4))
    assert content().deformation.layer is images[1]


def test_content_does_not_change_after_the_fact(content, images):
    seen = content()
    images[0].visible = False
    assert seen.shown == images
    with pytest.raises(FrozenInstanceError):
        seen.shown = ()
