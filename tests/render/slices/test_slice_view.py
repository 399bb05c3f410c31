from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from screen import BALLS, GREYS, balls, pixels, settle, spot

from viewer.data.grid import Grid
from viewer.data.volume import Volume, Window
from viewer.render.slices.slice_view import SliceView
from viewer.scene.layer import volume_layer

TILT = Rotation.from_euler("xyz", (9, -7, 10), degrees=True).as_matrix()
# Directions of i, j, k: how the same head may be stored.
STORED = {
    "axial": np.eye(3),
    "axial, feet last": np.diag([1, 1, -1]),
    "flipped in all axes": -np.eye(3),
    "mirrored": np.diag([-1, 1, 1]),
    "sagittal": np.array([[0, 0, 1], [1, 0, 0], [0, -1, 0]]),
    "coronal": np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]]),
    "oblique": TILT,
    "oblique sagittal, flipped": TILT @ np.array([[0, 0, -1], [1, 0, 0], [0, -1, 0]]),
}
# Where the balls must be seen: the sign of (x, y) from the middle of the screen.
SEEN = {
    "axial": {"left": (1, 0), "front": (0, -1)},
    "coronal": {"left": (1, 0), "head": (0, -1)},
    "sagittal": {"front": (-1, 0), "head": (0, -1)},
}


def centred(direction, shape=(60, 64, 68), spacing=(1.5, 1.4, 1.3)) -> Grid:
    """A grid with its middle at (12, −30, 90)."""
    grid = Grid.of(shape, spacing, (0, 0, 0), direction)
    return Grid.of(shape, spacing, np.array([12, -30, 90]) - grid.centre, direction)


@pytest.mark.parametrize("plane", SEEN)
@pytest.mark.parametrize("stored", STORED)
def test_left_is_left_however_the_image_is_stored(document, state, add, show, stored, plane):
    grid = centred(STORED[stored])
    add(balls(grid, grid.centre), grid)
    view = show(SliceView(document, state, plane))
    picture = pixels(view)
    for name, grey in GREYS.items():
        at = spot(picture, grey)
        if name not in SEEN[plane]:
            assert at is None, f"the {name} ball is not in this plane"
            continue
        assert at, f"the {name} ball is missing"
        offset = np.array(at) - 150
        wanted = np.array(SEEN[plane][name])
        assert offset @ wanted > 0.9 * np.linalg.norm(offset), f"the {name} ball is at {offset}"
        assert at == pytest.approx(view.pose.pixel(grid.centre + BALLS[name]), abs=4)


@pytest.mark.parametrize("over", ["oblique sagittal, flipped", "coronal"])
@pytest.mark.parametrize("base", ["axial", "oblique"])
def test_images_on_two_grids_meet_in_the_patient(document, state, add, show, base, over):
    below = centred(STORED[base])
    above = centred(STORED[over], (40, 36, 44), (2.2, 2.6, 2.1))
    add(balls(below, below.centre, 9), below)
    layer = add(balls(above, below.centre, 9), above)
    view = show(SliceView(document, state, "coronal"), 400, 360)
    layer.visible = False
    alone = pixels(view)
    layer.visible, layer.opacity = True, 1.0
    fused = pixels(view)
    for name in ("left", "head"):
        assert spot(fused, GREYS[name]) == pytest.approx(spot(alone, GREYS[name]), abs=1.5)


@pytest.mark.parametrize("turn", [np.eye(3), TILT])
def test_nothing_is_drawn_outside_a_layer_and_all_of_it_is_drawn_inside(document, state, add, show, turn):
    base = Grid.of((60, 60, 60), (1, 1, 1), (-29.5, -29.5, -29.5))
    add(np.full(base.shape, 60, np.int16), base)
    size = np.array([20, 24, 28])
    above = Grid.of(tuple(size), (1, 1, 1), (0, 0, 0), turn)
    above = Grid.of(tuple(size), (1, 1, 1), -above.centre, turn)
    add(np.full(above.shape, 200, np.int16), above)
    view = show(SliceView(document, state, "axial"), 240, 240)
    picture = pixels(view)[..., 0]
    inside = np.zeros_like(picture, bool)
    for y in range(240):
        world = np.array([view.world_at(x + 0.5, y + 0.5) for x in range(240)])
        index = above.to_index(world)
        inside[y] = ((index >= -0.5) & (index <= size - 0.5)).all(axis=1)
    bright = picture > 190
    assert inside.sum() > 2000
    assert (bright != inside).sum() < 0.03 * inside.sum()
    assert set(np.unique(picture[~inside & ~bright])) <= {0, *range(55, 66)}
    state.crosshair = (0.0, 0.0, 25.0)
    assert pixels(view).max() < 70, "this slice does not go through the layer"


def stripes(values, dtype):
    """Vertical stripes of the values, 10 voxels wide each."""
    array = np.repeat(np.asarray(values, dtype=dtype), 10)
    return np.ascontiguousarray(np.broadcast_to(array, (3, 40, len(array))))


def greys(view, count):
    """The colours in the middle of the stripes."""
    picture, pose = pixels(view), view.pose
    grid = pose.plane.grid
    return [picture[int(y), int(x)] for x, y in (pose.pixel(grid.to_world((1, 20, 10 * n + 5))) for n in range(count))]


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int32", "uint32", "int64", "float32", "float64"])
def test_every_type_is_shown_through_the_window(document, state, add, show, dtype):
    values = np.array([0, 50, 100, 150, 200])
    layer = add(stripes(values, dtype), Grid.of((3, 40, 50)), slope=2.0, intercept=-100.0)
    layer.window = Window(100, 200)  # physical 0 … 200 is stored 50 … 150
    view = show(SliceView(document, state, "axial"))
    assert [int(c[0]) for c in greys(view, 5)] == pytest.approx([0, 0, 128, 255, 255], abs=3)
    layer.window = Window(0, 400)
    assert [int(c[0]) for c in greys(view, 5)] == pytest.approx([64, 128, 191, 255, 255], abs=3)


def test_negative_slopes_and_monochrome1_turn_the_greys_round(document, state, add, show):
    grid = Grid.of((3, 40, 30))
    layer = add(stripes([0, 100, 200], np.int16), grid, slope=-1.0)
    layer.window = Window(-100, 200)
    view = show(SliceView(document, state, "axial"))
    assert [int(c[0]) for c in greys(view, 3)] == pytest.approx([255, 128, 0], abs=3)
    document.remove(layer.id)
    layer = add(stripes([0, 100, 200], np.int16), grid, inverted=True)
    layer.window = Window(100, 200)
    assert [int(c[0]) for c in greys(view, 3)] == pytest.approx([255, 128, 0], abs=3)


def test_colours_come_from_the_map_and_rgb_as_it_is(document, state, add, show):
    grid = Grid.of((3, 40, 20))
    layer = add(stripes([0, 255], np.uint8), grid, colormap="viridis")
    view = show(SliceView(document, state, "axial"))
    low, high = greys(view, 2)
    assert list(low) == pytest.approx([0x44, 0x01, 0x54], abs=3)
    assert list(high) == pytest.approx([0xFD, 0xE7, 0x25], abs=3)
    document.remove(layer.id)
    picture = np.zeros((3, 40, 20, 3), np.uint8)
    picture[:, :, :10] = 200, 30, 90
    add(picture, grid)
    assert list(greys(view, 1)[0]) == pytest.approx([200, 30, 90], abs=2)


@pytest.mark.parametrize("shift", [0.0, 0.7])
def test_nan_is_clear(document, state, add, show, shift):
    add(np.full((3, 40, 30), 80, np.int16), Grid.of((3, 40, 30)))
    hole = stripes([200, np.nan, 200], np.float32)
    add(hole, Grid.of((3, 40, 30), origin=(shift, 0, 0)))
    view = show(SliceView(document, state, "axial"))
    assert [int(c[0]) for c in greys(view, 3)] == pytest.approx([200, 80, 200], abs=3)


def test_opacity_mixes_and_order_decides(document, state, add, show):
    grid = Grid.of((3, 40, 30))
    add(np.full(grid.shape, 100, np.int16), grid)
    above = add(np.full(grid.shape, 200, np.int16), grid, opacity=0.5)
    view = show(SliceView(document, state, "axial"))
    assert int(greys(view, 1)[0][0]) == pytest.approx(150, abs=3)
    above.opacity = 1.0
    assert int(greys(view, 1)[0][0]) == pytest.approx(200, abs=3)
    document.move(above.id, 0)
    assert int(greys(view, 1)[0][0]) == pytest.approx(100, abs=3)
    state.show_overlays = False
    assert int(greys(view, 1)[0][0]) == pytest.approx(200, abs=3)


def test_time_points_change_and_a_still_layer_stays(document, state, add, show):
    grid = Grid.of((3, 40, 30))
    moving = volume_layer(tuple(Volume(np.full(grid.shape, 50 * n, np.int16), grid) for n in (1, 2, 3)))
    moving.window = Window(127.5, 255)
    document.insert(0, moving)
    x, y, z = (float(mm) for mm in grid.centre)
    state.crosshair = (x, y, z)
    view = show(SliceView(document, state, "axial"))
    seen = []
    for time in (0, 2, 9):
        state.timepoint = time
        seen.append(int(greys(view, 1)[0][0]))
    assert seen == pytest.approx([50, 150, 150], abs=2)
    moving.opacity = 0.0
    add(np.full(grid.shape, 222, np.int16), grid)
    assert int(greys(view, 1)[0][0]) == pytest.approx(222, abs=2)


def test_pixels_that_arrive_are_shown_soon_but_not_one_by_one(document, state, add, show, qtbot, qapp):
    grid = Grid.of((10, 40, 30))
    array = np.zeros(grid.shape, np.int16)
    layer = add(array, grid)
    state.crosshair = (15.0, 20.0, 4.0)
    view = show(SliceView(document, state, "axial"))
    settle(qapp)
    before = view.frames
    everywhere = slice(None)
    array[7] = 99
    layer.touched.emit(0, (slice(7, 8), everywhere, everywhere))
    qtbot.wait(120)
    assert view.frames == before, "another slice than the one on the screen"
    for row in range(0, 40, 2):
        array[4, row : row + 2] = 180
        layer.touched.emit(0, (slice(4, 5), slice(row, row + 2), everywhere))
    qtbot.waitUntil(lambda: view.frames > before)
    qtbot.wait(120)
    assert view.frames <= before + 2
    assert int(greys(view, 1)[0][0]) == pytest.approx(180, abs=2)


def test_many_changes_make_one_frame_and_no_change_none(document, state, add, show, qtbot, qapp):
    grid = Grid.of((10, 40, 30))
    layer = add(np.zeros(grid.shape, np.int16), grid)
    view = show(SliceView(document, state, "axial"))
    settle(qapp)
    before = view.frames
    for n in range(10):
        layer.window = Window(100, 200 + n)
        view.scroll(1 if n % 2 else -1)
        view.zoom(1.01)
    qtbot.waitUntil(lambda: view.frames > before)
    qtbot.wait(100)
    assert view.frames == before + 1
    state.crosshair = (3.0, 3.0, state.crosshair[2])
    view.set_active(True)
    qtbot.wait(100)
    assert view.frames == before + 1, "the cross-hair is painted over VTK's picture, which stays"


def test_zoom_keeps_the_point_under_the_mouse_and_pan_follows_it(document, state, add, show):
    grid = centred(STORED["oblique"])
    add(balls(grid, grid.centre), grid)
    view = show(SliceView(document, state, "sagittal"))
    there = view.world_at(70, 210)
    view.zoom(3, 70, 210)
    assert view.world_at(70, 210) == pytest.approx(there, abs=1e-6)
    view.pan(20, -35)
    assert view.world_at(90, 175) == pytest.approx(there, abs=1e-6)
    view.fit()
    assert view.pose.pixel(grid.centre) == pytest.approx((150, 150), abs=0.5)


def test_scrolling_goes_to_the_head_and_stops(document, state, add, qtbot):
    grid = centred(STORED["axial, feet last"])
    add(balls(grid, grid.centre), grid)
    view = SliceView(document, state, "axial")
    qtbot.addWidget(view)
    start, z = view.index, state.crosshair[2]
    view.scroll(3)
    assert view.index == start - 3, "stored with the head first"
    assert state.crosshair[2] == pytest.approx(z + 4.5, abs=0.8)
    view.scroll(1000)
    assert view.index == 0
    assert view.count == 60
    assert view.spacing == pytest.approx(1.5)


def test_a_removed_layer_lets_its_pixels_go(document, state, add, show):
    import gc
    import weakref

    grid = Grid.of((10, 40, 30))
    layer = add(np.full(grid.shape, 99, np.int16), grid)
    view = show(SliceView(document, state, "axial"))
    array = weakref.ref(layer.volumes[0].array)
    document.remove(layer.id)
    del layer
    gc.collect()
    assert array() is None
    assert pixels(view).max() == 0


def test_another_base_in_the_same_room_leaves_the_view_where_it_was(document, state, add, show):
    near = Grid.of((20, 40, 40), frame_of_reference="1")
    far = Grid.of((20, 30, 30), (2, 2, 2), (-3, -5, -7), TILT, frame_of_reference="1")
    other = Grid.of((20, 30, 30), (3, 3, 3), (400, 0, 0), frame_of_reference="2")
    first = add(np.zeros(near.shape, np.int16), near)
    second = add(np.zeros(far.shape, np.int16), far)
    third = add(np.zeros(other.shape, np.int16), other)
    view = show(SliceView(document, state, "axial"))
    view.zoom(2, 100, 100)
    middle, scale = view.world_at(150, 150), view.pose.scale
    first.visible = False
    assert view.world_at(150, 150) == pytest.approx(middle, abs=3.0)
    assert view.pose.scale == scale
    second.visible = False
    assert view.pose.pixel(third.volumes[0].grid.centre) == pytest.approx((150, 150), abs=0.5)


def test_text_cross_hair_and_frame_are_in_the_picture(document, state, add, show):
    grid = Grid.of((10, 40, 40))
    add(np.zeros(grid.shape, np.int16), grid, name="CT")
    view = show(SliceView(document, state, "axial"))
    assert pixels(view)[20:280, 20:280].max() == 0
    state.show_text = True
    text = pixels(view)
    assert text[:40, 200:].max() > 150, "the layer's name"
    state.show_text, state.show_crosshair = False, True
    lines = pixels(view)
    assert lines[60, 150].max() > 150
    assert lines[150, 60].max() > 150
    assert lines[140:160, 140:160].max() == 0, "the cross-hair is open in the middle"
    view.set_active(True)
    assert pixels(view)[0, 150].max() > 100
