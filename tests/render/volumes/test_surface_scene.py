"""Surfaces of segments in the 3-D view: where they lie, and how they follow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from any_grid import grids
from hypothesis import given, settings
from hypothesis import strategies as st
from screen import pixels
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkFiltersCore import vtkMassProperties

from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.data.transform import Transform
from viewer.render.volumes.surface_mesh import boxes, changed_labels, decimated, surface
from viewer.render.volumes.volume_view import VolumeView
from viewer.scene.segmentation_layer import SegmentationLayer

RED, BLUE = (220, 20, 20), (20, 20, 220)


def ball(shape: tuple[int, int, int], spacing: tuple[float, ...], radius: float) -> np.ndarray:
    middle = [(size - 1) / 2 for size in shape]
    parts = np.ogrid[tuple(slice(0, size) for size in shape)]
    apart = sum(((at - mid) * mm) ** 2 for at, mid, mm in zip(parts, middle, spacing, strict=True))
    return (apart <= radius**2).astype(np.uint8)


@pytest.mark.parametrize(("most", "within"), [(1 << 23, 0.01), (4000, 0.03)])
@pytest.mark.parametrize("smooth", [True, False])
def test_a_ball_keeps_its_volume_and_place(most, within, smooth):
    spacing, radius = (2.0, 1.0, 0.8), 20.0
    labels = np.pad(ball((23, 45, 57), spacing, radius), ((3, 0), (0, 5), (7, 0)))
    grid = Grid.of(labels.shape, spacing)
    whole = tuple(slice(0, size) for size in labels.shape)
    mesh, box = surface(labels, 1, whole, grid, most=most, smooth=smooth)
    assert box == boxes(labels, whole)[1]
    size = vtkMassProperties()
    size.SetInputData(mesh)
    assert size.GetVolume() == pytest.approx(4 / 3 * np.pi * radius**3, rel=within)
    points = vtk_to_numpy(mesh.GetPoints().GetData())
    middle = np.argwhere(labels).mean(axis=0) * spacing
    assert points.mean(axis=0)[::-1] == pytest.approx(middle, abs=0.4)


@pytest.mark.parametrize(("size", "share"), [(1, 0.05), (3, 0.7), (8, 0.97)])
def test_smoothing_leaves_small_lesions(size, share):
    labels = np.zeros((12, 12, 12), np.uint8)
    labels[2 : 2 + size, 2 : 2 + size, 2 : 2 + size] = ball((size,) * 3, (1, 1, 1), size / 2)
    mesh, _ = surface(labels, 1, (slice(0, 12),) * 3, Grid.of(labels.shape), most=1 << 20, smooth=True)
    kept = vtkMassProperties()
    kept.SetInputData(mesh)
    assert share < kept.GetVolume() / labels.sum() < 1


@pytest.mark.parametrize("most", [500, 2000, 20_000])
def test_what_moves_has_fewer_triangles_at_the_same_place(most):
    mesh, _ = surface(
        ball((90, 90, 90), (1, 1, 1), 40), 1, (slice(0, 90),) * 3, Grid.of((90,) * 3), most=1 << 20, smooth=True
    )
    light = decimated(mesh, most)
    assert most / 2 < light.GetNumberOfCells() < most * 1.2
    assert np.allclose(light.GetBounds(), mesh.GetBounds(), atol=1)
    size = vtkMassProperties()
    size.SetInputData(light)
    assert size.GetVolume() == pytest.approx(4 / 3 * np.pi * 40**3, rel=0.03)
    assert decimated(light, most * 2) is light


def test_while_it_turns_there_is_less_to_draw(view, labels, monkeypatch, qtbot):
    monkeypatch.setattr("viewer.render.volumes.surface_artist.TURNING", 200)
    monkeypatch.setattr("viewer.render.volumes.surface_artist.LEAST", 50)
    labels.segmentation = replace(labels.segmentation, array=labels.segmentation.array.copy())

    def drawn() -> int:
        actors = view._surfaces._artists[labels.id]._actors.values()
        return sum(actor.GetMapper().GetInput().GetNumberOfCells() for actor in actors)

    view.picture()
    full, bright = drawn(), pixels(view).any(axis=-1).sum()
    view.orbit(0, 0)
    view.sync()
    assert drawn() < 400 < full
    qtbot.waitUntil(lambda: drawn() == full)
    assert pixels(view).any(axis=-1).sum() == bright


@settings(max_examples=30, deadline=None)
@given(grid=grids(), seed=st.integers(0, 99))
def test_what_changed_is_found_with_all_of_it(grid, seed):
    rng = np.random.default_rng(seed)
    before = rng.choice([0, 0, 0, 1, 2, 7], grid.shape).astype(np.uint8)
    whole = tuple(slice(0, size) for size in grid.shape)
    part = tuple(slice(size // 3, size // 3 + 1 + size // 2) for size in grid.shape)
    part = tuple(slice(one.start, min(one.stop, size)) for one, size in zip(part, grid.shape, strict=True))
    after = before.copy()
    after[part] = rng.choice([0, 3, 7], after[part].shape)
    found = dict(changed_labels(after, part, boxes(before, whole)))
    for label in (1, 2, 3, 7):
        if not np.array_equal(before == label, after == label):
            left = after == label
            left[found[label]] = False
            assert not left.any(), "the box holds all of it"


def test_a_label_without_voxels_has_no_surface():
    labels = np.zeros((4, 5, 6), np.uint16)
    assert (
        surface(labels, 3, (slice(0, 4), slice(0, 5), slice(0, 6)), Grid.of(labels.shape), most=99, smooth=True) is None
    )


@pytest.fixture
def labels(document, add) -> SegmentationLayer:
    """A red ball on the patient's right and a blue one on the left, over a dark image."""
    grid = Grid.of((40, 40, 80), (1, 1, 1), (-39.5, -19.5, -19.5))
    add(np.zeros(grid.shape, np.int16), grid)
    one = ball((40, 40, 40), (1, 1, 1), 12)
    segments = (Segment(1, "right", RED), Segment(2, "left", BLUE))
    layer = SegmentationLayer(
        name="balls", segmentation=Segmentation(np.concatenate([one, 2 * one], axis=2), grid, segments)
    )
    document.insert(1, layer)
    return layer


@pytest.fixture
def view(document, state, show, labels) -> VolumeView:
    view = show(VolumeView(document, state))
    view.set_preset("segments")
    view.picture()
    return view


def middle(view: VolumeView, channel: int) -> float | None:
    """Where across the view a colour is seen, from -1 to 1; None where it is not."""
    picture = pixels(view).astype(int)
    seen = np.argwhere(picture[..., channel] > 60 + np.delete(picture[..., :3], channel, -1).max(axis=-1))
    return float(seen[:, 1].mean() / picture.shape[1] * 2 - 1) if len(seen) > 20 else None


def test_segments_lie_on_their_sides(view, labels):
    assert middle(view, 0) < -0.2
    assert middle(view, 2) > 0.2
    view.look_from("posterior")
    assert middle(view, 0) > 0.2


@pytest.mark.parametrize("smooth", [True, False])
def test_mirrored_grids_are_lit_as_others(view, labels, document, smooth):
    labels.smooth = smooth
    bright = pixels(view).max(axis=-1)
    grid = Grid.of((40, 40, 80), (1, 1, 1), (39.5, -19.5, -19.5), np.diag([-1, 1, 1]))
    labels.segmentation = replace(labels.segmentation, array=labels.segmentation.array[..., ::-1].copy(), grid=grid)
    assert pixels(view).max(axis=-1)[bright > 0].mean() == pytest.approx(bright[bright > 0].mean(), rel=0.1)
    assert middle(view, 0) < -0.2


def test_a_transform_moves_them(view, labels, document):
    before = middle(view, 0)
    shift = np.eye(4)
    shift[0, 3] = -10.0  # what lies at x in the world is at x − 10 in the labels
    labels.transform = Transform(shift)
    assert middle(view, 0) > before + 0.1


def test_they_follow_looks(view, labels, state):
    labels.hidden = frozenset({(0, 1)})
    assert middle(view, 0) is None
    assert middle(view, 2) is not None
    state.show_overlays = False
    assert middle(view, 2) is None
    state.show_overlays = True
    labels.visible = False
    assert middle(view, 2) is None
    labels.visible = True
    green = tuple(replace(one, color=(20, 220, 20)) for one in labels.segmentation.segments)
    labels.segmentation = labels.segmentation.with_segments(green)
    assert middle(view, 1) is not None


def test_they_follow_strokes_once_these_pause(view, labels, qtbot):
    box = (slice(0, 40), slice(0, 40), slice(0, 40))
    labels.segmentation.array[box] = 0
    labels.notify_written(0, box)
    assert any("Surfaces" in line.text for line in view._surfaces.lines), "they say that they are behind"
    qtbot.waitUntil(lambda: not view._surfaces.lines)
    assert middle(view, 0) is None
    assert middle(view, 2) is not None


def test_another_map_and_other_arrays_are_made(view, labels):
    grid, segments = labels.segmentation.grid, labels.segmentation.segments
    over = np.zeros(grid.shape, np.uint8)
    over[:, :, :40] = labels.segmentation.array[:, :, 40:] // 2
    labels.segmentation = replace(
        labels.segmentation,
        array=np.zeros(grid.shape, np.uint16),
        overlapping=(over,),
        segments=(*segments, Segment(1, "green", (20, 220, 20), layer=1)),
    )
    view.picture()
    assert middle(view, 2) is None
    assert middle(view, 1) < -0.2


def test_a_layer_that_left_is_let_go(view, labels, document):
    import gc
    import weakref

    array = weakref.ref(labels.segmentation.array)
    document.remove(labels.id)
    assert middle(view, 0) is None
    labels.segmentation = replace(labels.segmentation, array=np.zeros((40, 40, 80), np.uint8))
    gc.collect()
    assert array() is None


def test_the_view_names_what_it_shows(view, labels, state):
    labels.review = "unreviewed"
    state.show_text = True
    lines = [line.text for line in view.overlay().top_right]
    assert lines[:2] == ["balls", "processed, not reviewed"]
    state.show_text = False
    assert "processed, not reviewed" in [line.text for line in view.overlay().top_right]
