from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from viewer.data.annotations.region import Region

ANGLES = st.tuples(*(st.floats(-180, 180) for _ in range(3)))


def region(shape="ellipse", turn=(0, 0, 0), reach=(20.0, 10.0), depth=2.0, centre=(5.0, -3.0, 40.0)):
    axes = Rotation.from_euler("xyz", turn, degrees=True).as_matrix()
    across, along = (tuple(float(x) for x in axes[:, n]) for n in (0, 1))
    return Region(shape, centre, across, along, reach, depth)


def test_an_ellipse_holds_its_inside_and_a_box_its_corners():
    ellipse, box = region(), region("box")
    middle = np.array(ellipse.centre)
    for off, in_ellipse, in_box in (
        ((0, 0, 0), True, True),
        ((19.9, 0, 0), True, True),
        ((0, 9.9, 0), True, True),
        ((19, 9, 0), False, True),
        ((0, 10.1, 0), False, False),
        ((0, 0, 1.9), True, True),
        ((0, 0, 2.1), False, False),
    ):
        assert bool(ellipse.contains(middle + off)) is in_ellipse
        assert bool(box.contains(middle + off)) is in_box


@given(turn=ANGLES, shape=st.sampled_from(["ellipse", "box"]))
def test_the_outline_lies_on_the_rim_however_it_is_turned(turn, shape):
    one = region(shape, turn)
    middle = np.array(one.centre)
    assert one.contains(middle + 0.999 * (one.rim - middle)).all()
    assert not one.contains(middle + 1.001 * (one.rim - middle)).any()
    assert one.cut(one.normal, middle @ one.normal + 1.9) is one.rim
    assert len(one.cut(one.normal, middle @ one.normal + 2.1)) == 0


@given(turn=ANGLES, off=st.floats(-0.9, 0.9))
def test_a_plane_across_cuts_a_slab_as_wide_as_the_chord(turn, off):
    one = region(turn=turn)
    across = np.array(one.across)
    depth = np.dot(one.centre, across) + off * one.reach[0]
    cut = one.cut(across, depth)
    assert cut @ across == pytest.approx([depth] * 4, abs=1e-6)
    sides = np.linalg.norm(np.roll(cut, -1, axis=0) - cut, axis=1)
    chord = 2 * one.reach[1] * np.sqrt(1 - off**2)
    assert sorted(sides) == pytest.approx(sorted([2 * one.depth] * 2 + [chord] * 2), rel=0.01)
    assert len(one.cut(across, np.dot(one.centre, across) + 1.01 * one.reach[0])) == 0


def test_moving_keeps_shape_and_size():
    moved = region().moved((1, 2, 3))
    assert moved.centre == (6.0, -1.0, 43.0)
    assert moved.reach == (20.0, 10.0)
