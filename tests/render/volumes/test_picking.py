"""What a line of sight meets: the first voxel of a segment, and where a rendered volume stops the light."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.data.transform import Transform
from viewer.data.volume import Volume, Window
from viewer.render.volumes.picking import first_labelled, first_opaque
from viewer.render.volumes.volume_presets import presets
from viewer.scene.segmentation_layer import segmentation_layer

AXES = np.linalg.qr(np.random.default_rng(5).normal(size=(3, 3)))[0]
SHAPE = (40, 60, 50)
GRID = Grid.of(SHAPE, (1.5, 0.8, 1.0), (12, -30, 7), AXES)
PLACES = GRID.to_world(np.moveaxis(np.indices(SHAPE), 0, -1))
CENTRE = GRID.centre
FORWARD = np.array((0.6, 0.0, 0.8))
SIGHT = CENTRE - 100 * FORWARD, FORWARD  # through the middle: its depth is 100 mm
RADIUS = 10.0
WINDOW = Window(0.0, 1000.0)


def ball(radius: float = RADIUS) -> np.ndarray:
    return np.linalg.norm(PLACES - CENTRE, axis=-1) < radius


def volume(inside: float, outside: float = -1000.0, radius: float = RADIUS) -> Volume:
    return Volume(np.where(ball(radius), inside, outside).astype(np.int16), GRID, unit="HU")


def test_light_ends_a_little_inside_of_what_is_opaque():
    depth = first_opaque(SIGHT, volume(1000.0), GRID, presets()["ct-bone"], WINDOW)
    assert 100 - RADIUS - 0.5 < depth < 100 - RADIUS + 3


def test_a_stored_value_is_read_with_slope_and_intercept():
    other = replace(volume(1000.0), array=(-(volume(1000.0).array // 2)), slope=-2.0)
    depths = [first_opaque(SIGHT, one, GRID, presets()["ct-bone"], WINDOW) for one in (volume(1000.0), other)]
    assert depths[0] == pytest.approx(depths[1], abs=0.5)


def test_what_is_seen_through_or_not_drawn_has_no_place():
    for inside, preset in ((40.0, "ct-bone"), (1000.0, "segments")):
        assert first_opaque(SIGHT, volume(inside), GRID, presets()[preset], WINDOW) is None
    beside = SIGHT[0] + np.array((0.0, 200.0, 0.0)), FORWARD
    assert first_opaque(beside, volume(1000.0), GRID, presets()["ct-bone"], WINDOW) is None


def test_a_maximum_lies_where_it_is():
    image = volume(300.0)
    k, j, i = GRID.nearest(CENTRE + 6 * FORWARD)
    image.array[k, j, i] = 900
    depth = first_opaque(SIGHT, image, GRID, presets()["ct-mip"], WINDOW)
    assert depth == pytest.approx(106, abs=1.5)
    assert first_opaque(SIGHT, volume(-900.0), GRID, presets()["ct-mip"], WINDOW) is None


def test_flat_parts_are_as_clear_as_their_steepness_says():
    preset = replace(presets()["mr-default"], opacity=((0.4, 0.0), (0.5, 0.5)), gradient=((0.0, 0.0), (0.05, 1.0)))
    flat = Volume(np.full(SHAPE, 800, np.int16), GRID)
    assert first_opaque(SIGHT, flat, GRID, preset, Window(500.0, 1000.0)) is None
    assert first_opaque(SIGHT, flat, GRID, replace(preset, gradient=()), Window(500.0, 1000.0)) is not None
    edged = first_opaque(SIGHT, volume(1000.0, 0.0), GRID, preset, Window(500.0, 1000.0))
    assert edged == pytest.approx(100 - RADIUS, abs=2)


def test_the_first_voxel_of_a_segment_that_is_drawn_is_met():
    labels = np.zeros(SHAPE, np.uint8)
    labels[ball()], labels[ball(5)] = 1, 2
    segments = Segment(1, "shell"), Segment(2, "core")
    layer = segmentation_layer(Segmentation(labels, GRID, segments))
    depth = first_labelled(SIGHT, layer)
    place = SIGHT[0] + depth * FORWARD
    assert labels[GRID.nearest(place)] == 1
    assert labels[GRID.nearest(place - 1.6 * FORWARD)] == 0
    layer.hidden = frozenset({(0, 1)})
    assert labels[GRID.nearest(SIGHT[0] + first_labelled(SIGHT, layer) * FORWARD)] == 2
    layer.hidden = frozenset({(0, 1), (0, 2)})
    assert first_labelled(SIGHT, layer) is None


def test_a_moved_segment_is_met_where_it_stands():
    layer = segmentation_layer(Segmentation(ball().astype(np.uint8), GRID, (Segment(1, "ball"),)))
    before = first_labelled(SIGHT, layer)
    matrix = np.eye(4)
    matrix[:3, 3] = 4 * FORWARD
    layer.transform = Transform(matrix)  # from the world to the voxels: it stands 4 mm nearer
    assert first_labelled(SIGHT, layer) == pytest.approx(before - 4, abs=1)
