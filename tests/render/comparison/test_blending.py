"""The arithmetic of the six styles."""

from __future__ import annotations

import numpy as np
import pytest

from viewer.data.volume import Window
from viewer.render.comparison.blending import Slice, blend, checks, composite, contours, difference, edges, two_colours

NAN = np.nan


def of(rows, low=0.0, high=1.0, **looks):
    return Slice(np.array(rows, np.float32), Window((low + high) / 2, high - low), **looks)


FIXED = of([[0, 50, 100, NAN]], 0, 100)
MOVING = of([[0, 0.5, 0, 1]])


def test_a_blend_weighs_and_an_absent_voxel_is_black():
    assert blend(FIXED, MOVING, 0.25)[0, :, 0] == pytest.approx([0, 0.5, 0.75, 0.25])
    assert (blend(FIXED, MOVING, 0.25)[..., 0] == blend(FIXED, MOVING, 0.25)[..., 2]).all()


def test_two_colours_are_grey_where_the_images_agree():
    picture = two_colours(FIXED, MOVING)
    assert picture[0].tolist() == [[0, 0, 0], [0.5, 0.5, 0.5], [0, 1, 0], [1, 0, 1]]


def test_fields_of_the_checkerboard_have_their_side_in_mm_and_stay_in_the_patient():
    there = checks(np.arange(-20, 20, 2.0), np.arange(0, 20, 2.0), 10)
    assert there[0].tolist() == [False] * 5 + [True] * 5 + [False] * 5 + [True] * 5
    assert (there[5] == ~there[0]).all()
    shifted = checks(np.arange(-16, 24, 2.0), np.arange(0, 20, 2.0), 10)
    assert (shifted[:, :-2] == there[:, 2:]).all()
    assert composite(FIXED, MOVING, np.array([[True, False, True, True]]))[0, :, 1] == pytest.approx([0, 0.5, 0, 1])


def test_a_difference_is_moving_minus_fixed_in_parts_of_the_window():
    picture = difference(FIXED, MOVING, None)
    assert (picture[0, 1] < 0.02).all()  # they agree: the middle of the colours
    assert picture[0, 2, 2] > picture[0, 2, 0]  # the moving image is darker: blue
    assert (picture[0, 3] == 0).all()  # only one of them is there
    bright = difference(of([[10, 10]], 0, 100), of([[10, 90]], 0, 100), Window(50, 100))
    assert bright[0, 1, 0] > bright[0, 1, 2]
    assert (bright[0, 0] < 0.02).all()


def test_one_window_for_both_does_not_hide_a_shift_of_the_values():
    one, other = of([[40]], 0, 80), of([[60]], 0, 120)
    assert (difference(one, other, None)[0, 0] < 0.02).all()
    assert difference(one, other, one.window)[0, 0].max() > 0.2


def test_contours_lie_on_the_boundary_of_a_disc_and_nowhere_else():
    y, x = np.mgrid[-40:41, -40:41].astype(np.float32)
    radius = np.hypot(x, y)
    found = edges((radius < 25).astype(np.float32))
    ring = np.abs(radius - 25) < 1.5
    assert not found[~ring].any()
    angles = np.arctan2(y, x)[found > 0.5]
    assert len(np.unique(np.round(np.degrees(angles) / 10))) == 37  # all the way round
    assert not edges(np.full((20, 20), 0.7, np.float32)).any()
    below = of(np.full((81, 81), 0.2))
    picture = contours(below, of((radius < 25).astype(np.float32)))
    assert picture[40, 40] == pytest.approx([0.2] * 3)
    assert (picture[found == 1] == picture[found == 1][0]).all()


def test_an_image_wears_its_own_colours_and_way_round():
    assert of([[0.25]], inverted=True).grey()[0, 0] == pytest.approx(0.75)
    red = of([[1.0, NAN]], colormap="red").colours()[0]
    assert red[0] == pytest.approx([1.0, 64 / 255, 48 / 255])
    assert (red[1] == 0).all()
    photograph = Slice(np.array([[[255, 0, 51], [NAN, NAN, NAN]]], np.float32), Window(0.5, 1))
    assert photograph.colours()[0] == pytest.approx(np.array([[1, 0, 0.2], [0, 0, 0]]))
    assert photograph.missing.tolist() == [[False, True]]
