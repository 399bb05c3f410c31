"""Two images on different grids against each other in the slice views, one of them placed by a transform."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from screen import pixels
from transforms import FIXED, MARK, MOVING, PLANES, TRANSFORMS, affine, resampled

from viewer.data.study import Source
from viewer.data.transform import Transform
from viewer.data.volume import Window
from viewer.render.comparison.comparison_artist import GREEN, MAGENTA, one_window
from viewer.render.slices.slice_view import SliceView
from viewer.scene.compare.comparison import STYLES, Comparison, comparison_pair

ROOM = slice(MARK, None)


def smooth(seed, shape, sigma=4):
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=shape), sigma)
    return (127 + 110 * noise / np.abs(noise).max()).astype(np.int16)


@pytest.fixture
def pair(add, state):
    fixed = add(smooth(4, FIXED.shape), FIXED, name="CT", unit="HU")
    moving = add(smooth(6, MOVING.shape), MOVING, name="MR")
    moving.transform = TRANSFORMS["field and affine"]
    state.comparison = Comparison(fixed.id, moving.id, at=state.crosshair)
    return fixed, moving


@pytest.fixture
def sides(pair):
    """Both images on a view's pixels, 0…1, by SimpleITK; NaN where there is none."""

    def go(view):
        out = []
        for layer in pair:
            identity = layer.transform or Transform(np.eye(4))
            was, layer.transform = layer.transform, identity
            values = resampled(view, layer, outside=np.nan)
            layer.transform = was
            out.append(values / 255)
        return out

    return go


@pytest.mark.parametrize("plane", PLANES)
def test_a_blend_is_the_two_weighed_pixel_by_pixel(document, state, pair, show, sides, plane):
    view = show(SliceView(document, state, plane))
    fixed, moving = sides(view)
    both = ~np.isnan(fixed + moving)
    both[:MARK] = False  # as wide as its font, which other tests may have changed
    assert both.mean() > 0.15
    for share in (0.0, 0.3, 1.0):
        state.comparison = replace(state.comparison, share=share)
        seen = pixels(view) / 255
        gap = np.abs(seen[..., 0] - ((1 - share) * fixed + share * moving))[both]
        assert np.quantile(gap, 0.97) < 0.02
        assert (seen[ROOM, :, 0] == seen[ROOM, :, 2]).all()


def test_the_colours_are_those_of_the_two_images(document, state, pair, show, sides):
    state.comparison = replace(state.comparison, style="colour")
    view = show(SliceView(document, state, "axial"))
    fixed, moving = sides(view)
    seen = pixels(view) / 255
    both = ~np.isnan(fixed + moving)
    both[:MARK] = False  # as wide as its font, which other tests may have changed
    assert np.quantile(np.abs(seen[..., 1] - fixed)[both], 0.97) < 0.02
    assert np.quantile(np.abs(seen[..., 0] - moving)[both], 0.97) < 0.02
    assert (seen[ROOM, :, 0] == seen[ROOM, :, 2]).all()


def test_the_checkerboard_changes_every_square_and_shows_both(document, state, pair, show, sides):
    state.comparison = replace(state.comparison, style="checkerboard", square=12.0)
    view = show(SliceView(document, state, "axial"))
    fixed, moving = sides(view)
    seen, pose = pixels(view)[..., 0] / 255, view.pose
    x, y = np.meshgrid(np.arange(pose.width) + 0.5, np.arange(pose.height) + 0.5)
    place = pose.world(0, 0) + pose.scale * (x[..., None] * pose.plane.right + y[..., None] * pose.plane.down)
    across, along = place @ pose.plane.right / 12, place @ pose.plane.down / 12
    odd = (np.floor(across) + np.floor(along)) % 2 == 1
    inner = (np.abs(across % 1 - 0.5) < 0.42) & (np.abs(along % 1 - 0.5) < 0.42) & ~np.isnan(fixed + moving)
    assert np.abs(seen - moving)[inner & odd].mean() < 0.01
    assert np.abs(seen - fixed)[inner & ~odd].mean() < 0.01
    assert np.abs(seen - fixed)[inner & odd].mean() > 0.05


@pytest.mark.parametrize("upright", [True, False])
def test_the_wipe_parts_the_two_at_its_line(document, state, pair, show, sides, upright):
    state.comparison = replace(state.comparison, style="wipe", upright=upright)
    view = show(SliceView(document, state, "coronal"))
    fixed, moving = sides(view)
    seen, line = pixels(view)[..., 0] / 255, view.overlay().wipe
    assert (line.before.text, line.after.text, line.upright) == ("fixed", "moving", upright)
    at, both = round(line.at), ~np.isnan(fixed + moving)
    before, after = np.zeros_like(both), np.zeros_like(both)
    if upright:
        before[:, : at - 3], after[:, at + 3 :] = True, True
    else:
        before[: at - 3], after[at + 3 :] = True, True
    assert np.abs(seen - fixed)[both & before].mean() < 0.01
    assert np.abs(seen - moving)[both & after].mean() < 0.01


def test_contours_of_an_image_over_itself_lie_on_its_edges_and_move_with_it(document, state, add, show):
    array = np.zeros(FIXED.shape, np.int16)
    array[10:50, 16:48, 20:50] = 200
    fixed, moving = add(array, FIXED), add(array, FIXED)
    shift = np.eye(4)
    shift[:3, 3] = (-13, 0, 0)
    state.comparison = Comparison(fixed.id, moving.id, "contours")
    view = show(SliceView(document, state, "axial"))
    picture = pixels(view).astype(int)
    box = [view.pose.pixel(FIXED.to_world((view.index, j - 0.5, i - 0.5))) for j, i in ((16, 20), (48, 50))]
    (left, top), (right, bottom) = box
    line = picture[..., 2] - picture[..., 0] > 60
    middle = round((top + bottom) / 2)
    for edge in (left, right):
        assert abs(np.nonzero(line[middle])[0] - edge).min() <= 2
    assert not line[middle, round(left) + 8 : round(right) - 8].any()
    moving.transform = Transform(shift)
    moved = pixels(view).astype(int)
    line = moved[..., 2] - moved[..., 0] > 60
    for edge in (left, right):
        assert abs(np.nonzero(line[middle])[0] - (edge + 13 / view.pose.scale)).min() <= 2


def test_a_difference_is_black_where_the_two_agree_and_shows_which_is_brighter(document, state, add, show):
    array = np.full(FIXED.shape, 100, np.int16)
    source = Source(modality="CT")
    fixed = add(array, FIXED, unit="HU", source=source)
    brighter = array.copy()
    brighter[:, :, 40:] += 100
    moving = add(brighter, FIXED, unit="HU", source=source)
    moving.window = Window(100, 1000)  # not looked at: both are CT in HU
    state.comparison = Comparison(fixed.id, moving.id, "difference")
    state.show_text = True
    view = show(SliceView(document, state, "axial"))
    assert "one window" in view.overlay().top_right[1].text
    assert view.overlay().color_bars[0].unit == "%"
    state.show_text = False
    picture = pixels(view).astype(int)
    left, right = (view.pose.pixel(FIXED.to_world((view.index, 30, i)))[0] for i in (20, 60))
    assert picture[150, int(left)].max() < 8
    assert picture[150, int(right), 0] > picture[150, int(right), 2] + 40
    moving.volumes = (replace(moving.volumes[0], unit="1"),)
    assert one_window(comparison_pair(document, state.comparison)) is None


def test_one_alone_is_drawn_in_the_slices_of_the_fixed_image(document, state, pair, show, sides):
    view = show(SliceView(document, state, "axial"))
    fixed, moving = sides(view)
    for alone, expected in (("fixed", fixed), ("moving", moving)):
        state.comparison = replace(state.comparison, alone=alone)
        assert view.plane.grid is FIXED
        seen = pixels(view)[..., 0] / 255
        inside = ~np.isnan(expected)
        assert np.quantile(np.abs(seen - expected)[inside], 0.95) < 0.02


@pytest.mark.parametrize("style", STYLES)
def test_every_style_says_what_it_is_and_whose_image_is_moved(document, state, pair, show, style):
    state.comparison, state.show_text = replace(state.comparison, style=style), True
    view = show(SliceView(document, state, "axial"))
    lines = view.overlay().top_right
    assert lines[0].text.startswith(STYLES[style])
    texts = [line.text for line in lines]
    assert "Fixed: CT" in texts
    assert "Moving: MR" in texts
    assert "registered, not reviewed" in texts
    colours = {line.text: line.color for line in lines}
    assert ((colours["Fixed: CT"], colours["Moving: MR"]) == (GREEN, MAGENTA)) is (style == "colour")
    state.show_text = False
    assert [line.text for line in view.overlay().top_right] == ["registered, not reviewed"]


def test_the_layers_are_back_when_it_is_over_or_one_is_gone(document, state, pair, show):
    state.comparison = None
    view = show(SliceView(document, state, "axial"))
    before = pixels(view)
    state.comparison = Comparison(pair[0].id, pair[1].id, "colour")
    assert not np.array_equal(pixels(view), before)
    state.comparison = None
    assert np.array_equal(pixels(view), before)
    state.comparison = Comparison(pair[0].id, pair[1].id, "colour")
    pixels(view)
    document.remove(pair[1].id)
    assert (pixels(view)[..., 0] == pixels(view)[..., 1]).all()


def test_a_slice_that_shows_neither_is_black(document, state, add, show):
    fixed, moving = add(smooth(4, FIXED.shape), FIXED), add(smooth(6, MOVING.shape), MOVING)
    away = affine()
    away[:3, 3] = (0, 0, 1000)
    moving.transform = Transform(away)
    state.comparison = Comparison(fixed.id, moving.id, "colour")
    view = show(SliceView(document, state, "axial"))
    picture = pixels(view)
    assert picture[..., 1].max() > 100
    assert picture[ROOM, :, 0].max() == 0


def test_two_images_of_one_name_are_told_apart_by_role_and_date(document, state, add, show):
    then, now = Source(modality="MR", study_date="20240115"), Source(modality="MR", study_date="20240722")
    array = smooth(4, FIXED.shape)
    fixed, moving = add(array, FIXED, name="T1", source=then), add(array, FIXED, name="T1", source=now)
    state.comparison, state.show_text = Comparison(fixed.id, moving.id), True
    view = show(SliceView(document, state, "axial"))
    texts = [line.text for line in view.overlay().top_right]
    assert texts[-4:] == ["Moving: T1", "2024-07-22", "Fixed: T1", "2024-01-15"]


def test_the_bar_explains_the_colours_that_are_used(document, state, pair, show):
    pair[1].colormap, state.show_text = "hot iron", True
    view = show(SliceView(document, state, "axial"))
    for style, bars in {"blend": 1, "colour": 0, "checkerboard": 1, "wipe": 1, "contours": 0, "difference": 1}.items():
        state.comparison = replace(state.comparison, style=style, swapped=False)
        assert len(view.overlay().color_bars) == bars, style
    state.comparison = replace(state.comparison, style="contours", swapped=True)
    assert view.overlay().color_bars[0].colormap == "hot iron"
