"""Segmentations in slice views: where they lie, what is drawn of them, and when."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from any_grid import grids
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from screen import pixels

from viewer.data.grid import PLANES, Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.data.transform import Transform
from viewer.render.planes.label_pixels import over, picture, sampled
from viewer.render.planes.plane import Plane, Pose
from viewer.render.slices.slice_view import SliceView
from viewer.scene.segmentation_layer import SegmentationLayer

RED, BLUE = (200, 30, 20), (20, 60, 210)
TILT = Rotation.from_euler("xyz", (9, -7, 10), degrees=True).as_matrix()


@settings(max_examples=40, deadline=None)
@given(view=grids(), labels=grids(), plane=st.sampled_from(PLANES), seed=st.integers(0, 99))
def test_each_pixel_has_the_label_of_its_voxel(view: Grid, labels: Grid, plane: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    array = rng.integers(1, 200, labels.shape).astype(np.uint8)
    pose = Pose.fit(Plane(view, plane), 0, 23, 17)
    middle = pose.world(11.5, 8.5)
    moved = Transform(np.block([[np.eye(3), (labels.centre - middle)[:, None]], [np.zeros(3), 1]]))
    found = sampled(array, labels, pose, moved)
    assert found.shape == (17, 23)
    for y, x in rng.integers(0, (17, 23), (20, 2)):
        place = labels.to_index(moved(pose.world(x + 0.5, y + 0.5)))
        if np.abs(place - np.floor(place) - 0.5).min() > 1e-3:  # not between two voxels
            voxel = labels.nearest(moved(pose.world(x + 0.5, y + 0.5)))
            assert found[y, x] == (array[voxel] if voxel else 0)


def test_a_field_bends_labels() -> None:
    grid = Grid.of((1, 20, 20))
    array = np.zeros(grid.shape, np.uint8)
    array[0, 5, 5] = 1
    field = np.zeros((*grid.shape, 3), np.float32)
    field[..., 0] = -3  # what is seen at x comes from x − 3
    pose = Pose(Plane(grid, "axial"), 0, 9.5, 9.5, 1.0, 20, 20)
    found = sampled(array, grid, pose, Transform(np.eye(4), field, grid))
    assert np.argwhere(found).tolist() == [[5, 8]]


def test_borders_are_lines_and_hidden_labels_are_clear() -> None:
    labels = np.zeros((12, 12), np.uint8)
    labels[2:10, 2:10] = 3
    fills, lines = np.zeros((256, 4), np.uint8), np.zeros((256, 4), np.uint8)
    fills[3], lines[3] = (9, 9, 9, 80), (9, 9, 9, 255)
    alpha = picture(labels, fills, lines)[..., 3]
    assert (alpha[2, 2:10] == 255).all()
    assert (alpha[3:9, 3:9] == 80).all()
    assert not alpha[:2].any()
    bold = picture(labels, fills, lines, bold=3)[..., 3]
    assert (bold[3, 3:9] == 255).all()
    assert (bold[4:8, 4:8] == 80).all()
    dashed = picture(labels, fills, lines, dashed=True)[2, 2:10, 3]
    assert set(dashed.tolist()) == {80, 255}
    lines[3] = fills[3] = 0
    assert not picture(labels, fills, lines).any()


def test_over_is_what_light_does() -> None:
    below, above = np.zeros((1, 3, 4), np.uint8), np.zeros((1, 3, 4), np.uint8)
    below[0, :2], above[0, 1:] = (255, 0, 0, 128), (0, 0, 255, 128)
    alone, both, top = over(below, above)[0]
    assert alone.tolist() == [255, 0, 0, 128]
    assert top.tolist() == [0, 0, 255, 128]
    assert both.tolist() == pytest.approx([85, 0, 170, 192], abs=1)


def labelled(add, document, direction=None, maps: int = 1) -> SegmentationLayer:
    """A grey image of 40 mm with a red box of 20 mm in its middle, and in a second map a blue one over its left."""
    grid = Grid.of((40, 40, 40), origin=(-19.5, -19.5, -19.5))
    add(np.full(grid.shape, 90, np.int16), grid)
    own = Grid.of((20, 20, 20), direction=direction)
    own = Grid.of((20, 20, 20), (1, 1, 1), -own.centre, direction)
    arrays = [np.ones(own.shape, np.uint8) for _ in range(maps)]
    segments = tuple(
        Segment(1, name, color, layer=layer)
        for layer, (name, color) in enumerate([("red", RED), ("blue", BLUE)][:maps])
    )
    values = Segmentation(arrays[0], own, segments, "boxes", overlapping=tuple(arrays[1:]))
    layer = SegmentationLayer(name="boxes", segmentation=values, fill=1.0)
    document.insert(len(document), layer)
    return layer


def share(picture: np.ndarray, color: tuple[int, int, int]) -> float:
    """Of the pixels, those that are nearly of a colour."""
    return float((np.abs(picture[..., :3].astype(int) - color).max(axis=-1) < 12).mean())


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("direction", [None, TILT])
def test_it_is_drawn_over_the_image_in_any_plane(document, state, add, show, plane, direction):
    layer = labelled(add, document, direction)
    view = show(SliceView(document, state, plane))
    whole = share(pixels(view), RED)
    assert whole == pytest.approx((20 / 40 / 1.04) ** 2, rel=0.15)
    state.show_overlays = False
    assert share(pixels(view), RED) == 0
    state.show_overlays = True
    layer.hidden = frozenset({(0, 1)})
    assert share(pixels(view), RED) == 0
    layer.hidden = frozenset()
    layer.visible = False
    assert share(pixels(view), RED) == 0


def test_it_follows_strokes_looks_and_maps(document, state, add, show):
    layer = labelled(add, document, maps=2)
    view = show(SliceView(document, state, "axial"))
    assert share(pixels(view), BLUE) > 0.2  # the second map lies over the first
    box = (slice(0, 20), slice(0, 20), slice(0, 10))
    layer.segmentation.maps[1][box] = 0
    layer.notify_written(1, box)
    picture = pixels(view)
    assert share(picture, RED) == pytest.approx(share(picture, BLUE), rel=0.1)
    layer.segmentation = layer.segmentation.with_segments(
        replace(one, color=(10, 200, 10)) for one in layer.segmentation.segments[:1]
    )
    assert share(pixels(view), (10, 200, 10)) > 0.1
    layer.fill = 0.0
    assert 0 < share(pixels(view), (10, 200, 10)) < 0.05  # the outline stays


def test_it_moves_with_its_transform(document, state, add, show):
    layer = labelled(add, document)
    view = show(SliceView(document, state, "axial"))
    before = np.argwhere(np.abs(pixels(view)[..., 0].astype(int) - RED[0]) < 9).mean(axis=0)
    shift = np.eye(4)
    shift[0, 3] = -5.0  # what lies at x in the world is at x − 5 in the labels
    layer.transform = Transform(shift)
    after = np.argwhere(np.abs(pixels(view)[..., 0].astype(int) - RED[0]) < 9).mean(axis=0)
    assert (after - before)[1] * view.pose.scale == pytest.approx(5, abs=0.3)


def test_the_view_says_what_is_drawn_and_that_nobody_reviewed_it(document, state, add, show):
    layer = labelled(add, document)
    layer.review = "unreviewed"
    state.show_text = True
    view = show(SliceView(document, state, "axial"))
    lines = [line.text for line in view.overlay().top_right]
    assert "boxes" in lines
    assert "processed, not reviewed" in lines
    state.show_text = False
    assert "processed, not reviewed" in [line.text for line in view.overlay().top_right]
