"""An image that a transform places: what the views show and read is what SimpleITK resamples."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, binary_erosion, gaussian_filter
from screen import pixels
from transforms import FIXED, MARK, MOVING, PLANES, TRANSFORMS, itk, itk_transform, resampled

from viewer.data.annotations.region import Region
from viewer.data.grid import Grid
from viewer.data.transform import Transform
from viewer.render.slices.slice_view import SliceView
from viewer.render.volumes.volume_view import VolumeView
from viewer.scene.history import History
from viewer.tools.navigate.value_probe import ProbeTool


def at_the_fields_end(pose, transform):
    """The voxel's width beyond a field over which it falls to nothing in the views, and ends at once for ITK."""
    if transform.grid is None:
        return np.zeros((pose.height, pose.width), bool)
    x, y = np.meshgrid(np.arange(pose.width) + 0.5, np.arange(pose.height) + 0.5)
    index = transform.grid.to_index(
        pose.world(0, 0) + pose.scale * (x[..., None] * pose.plane.right + y[..., None] * pose.plane.down)
    )
    last = np.array(transform.grid.shape) - 1
    within = ((index >= 0) & (index <= last)).all(axis=-1)
    return ~within & ((index > -1) & (index < last + 1)).all(axis=-1)


@pytest.fixture
def pair(add):
    """A black fixed image, and over it a moving one of smooth blobs on an oblique grid."""
    fixed = add(np.zeros(FIXED.shape, np.uint8), FIXED, name="fixed")
    noise = gaussian_filter(np.random.default_rng(1).normal(size=MOVING.shape), 3)
    moving = add((127 + 100 * noise / np.abs(noise).max()).astype(np.int16), MOVING, name="moving")
    return fixed, moving


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("plane", PLANES)
def test_every_pixel_is_what_simpleitk_resamples(document, state, pair, show, plane, name):
    _, moving = pair
    moving.transform = TRANSFORMS[name]
    view = show(SliceView(document, state, plane))
    expected = resampled(view, moving, outside=-1e6)
    inside = expected > -1e5
    within = binary_erosion(inside, iterations=2)  # the outermost pixels are half covered
    seen = pixels(view)[..., 0].astype(float)
    seen[:MARK], within[:MARK] = 0, False
    gap = np.abs(seen - expected)[within & ~at_the_fields_end(view.pose, moving.transform)]
    assert len(gap) > 0.15 * seen.size
    assert np.quantile(gap, 0.99) < 3
    assert gap.mean() < 1.2
    assert not (seen[~binary_dilation(inside, iterations=2)] > 3).any()  # nothing is drawn where no voxel is


def test_the_picture_follows_the_transform(document, state, pair, show):
    view = show(SliceView(document, state, "axial"))
    before = pixels(view)
    pair[1].transform = TRANSFORMS["rigid"]
    moved = pixels(view)
    assert np.abs(moved.astype(int) - before).mean() > 3
    pair[1].transform = None
    assert np.array_equal(pixels(view), before)


def test_an_image_that_is_moved_by_a_shift_of_whole_voxels_shows_the_very_same_values(document, state, add, show):
    add(np.zeros(FIXED.shape, np.uint8), FIXED)
    _, j, i = np.indices(FIXED.shape)
    values = (2 * j + i).astype(np.uint8)
    moving = add(values, FIXED)
    shift = np.eye(4)
    shift[:3, 3] = FIXED.affine[:3, :3] @ (0, 4, 6)
    moving.transform = Transform(shift)
    view = show(SliceView(document, state, "axial"), 600, 600)
    picture, pose = pixels(view), view.pose
    for j, i in ((10, 10), (30, 40), (50, 20)):
        x, y = pose.pixel(FIXED.to_world((view.index, j, i)))
        assert picture[int(y), int(x), 0] == pytest.approx(int(values[view.index, j + 4, i + 6]), abs=2)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_the_value_under_the_mouse_is_read_through_the_transform(document, state, pair, name):
    _, moving = pair
    moving.transform = TRANSFORMS[name]
    probe, read = ProbeTool(document, state, History(document).do), 0
    image = itk(MOVING, moving.volumes[0].array)
    for place in np.random.default_rng(5).uniform(-30, 30, (40, 3)):
        point = tuple(float(mm) for mm in place)
        there = itk_transform(moving.transform).TransformPoint(point)
        index = image.TransformPhysicalPointToIndex(there)
        inside = all(0 <= n < size for n, size in zip(index, image.GetSize(), strict=True))
        (_, value), _ = probe.read(point).values
        assert value == (image[index] if inside else None)
        read += inside
        assert moving.transform(moving.world_place(there)) == pytest.approx(there, abs=0.01)
    assert read > 10


def test_the_slices_are_those_of_an_image_that_nothing_moves(document, state, pair, show):
    fixed, moving = pair
    document.move(moving.id, 0)
    moving.transform = TRANSFORMS["rigid"]
    view = show(SliceView(document, state, "axial"))
    assert view.content.reference is fixed
    assert view.plane.grid is FIXED
    fixed.visible = False
    assert view.content.reference is moving
    assert view.plane.grid.matches(moving.world_grid)
    here = pixels(view)[..., 0].astype(float)
    assert np.abs(here - resampled(view, moving))[resampled(view, moving, -1e6) > -1e5].mean() < 2


def test_a_ball_is_seen_in_3d_where_the_transform_puts_it(document, state, add, show):
    grid = Grid.of((80, 80, 80), (1.2, 1.2, 1.2), (-47.4, -47.4, -47.4))
    world = grid.to_world(np.moveaxis(np.indices(grid.shape), 0, -1))
    ball = (np.linalg.norm(world - (20, 0, 10), axis=-1) < 9) * 250
    layer = add(ball.astype(np.int16), grid)
    view = show(VolumeView(document, state))
    x, y = _bright(view)
    shift = np.eye(4)
    shift[:3, 3] = (25, 0, 0)  # the room's left is 25 mm left of it in the image: it moves to the right
    layer.transform = Transform(shift)
    moved_x, moved_y = _bright(view)
    scale = 2 * view.renderer.GetActiveCamera().GetParallelScale() / view.height()
    assert (x - moved_x) * scale == pytest.approx(25, abs=1.5)
    assert moved_y == pytest.approx(y, abs=1.5)


def test_a_region_is_measured_where_the_image_lies_and_not_where_it_is_bent(document, state, pair, show):
    _, moving = pair
    state.active = moving.id
    state.region = Region("box", state.crosshair, (1.0, 0, 0), (0, 1.0, 0), (12.0, 12.0), 6.0)
    view = show(SliceView(document, state, "axial"))
    moving.transform = TRANSFORMS["rigid"]
    text = view.overlay().outline.lines[0].text
    corners = np.random.default_rng(1).uniform(-1, 1, (4000, 3)) * (12, 12, 6) + state.crosshair
    there = [moving.value_at(tuple(place)) for place in corners]
    assert float(text.split()[1]) == pytest.approx(np.mean(there), abs=2)
    moving.transform = None
    assert view.overlay().outline.lines[0].text != text
    moving.transform = TRANSFORMS["field"]
    assert view.overlay().outline.lines == ()


def test_3d_says_that_it_leaves_the_field_out(document, state, add, show):
    layer = add(np.full(FIXED.shape, 100, np.int16), FIXED)
    state.show_text = True
    view = show(VolumeView(document, state))
    said = "3-D: placed, not bent"
    for name, expected in (("rigid", False), ("field", True)):
        layer.transform = TRANSFORMS[name]
        assert (said in [line.text for line in view.overlay().top_right]) is expected


def _bright(view):
    y, x = np.nonzero(pixels(view)[MARK:, :, 0] > 60)
    assert len(x) > 30
    return x.mean(), y.mean()
