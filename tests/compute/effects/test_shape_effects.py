"""Margins, shells, smooth shapes: exact in mm whatever the spacing, and as SciPy and ITK define the same thing."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import ndimage
from shapes import SPACINGS, ball, blobs, dice, volume_of

from viewer.compute.effects.shape import hollow, logical_operators, margin, smoothing
from viewer.compute.progress import Cancelled, Refusal

SEEDS = st.integers(0, 10**6)
quick = settings(max_examples=10, deadline=None)


def volume_of_ball(radius: float) -> float:
    return 4 / 3 * np.pi * max(radius, 0) ** 3


def between_balls(volume: float, radius: float, spacing: tuple[float, float, float]) -> bool:
    """Whether a volume is that of a ball but for half a voxel's diagonal."""
    shell = float(np.linalg.norm(spacing)) / 2
    return volume_of_ball(radius - shell) <= volume <= volume_of_ball(radius + shell)


@quick
@given(SPACINGS, st.floats(5, 9), st.floats(1, 6))
def test_a_margin_of_a_ball_is_a_ball(spacing, radius, mm):
    mask = ball(radius, spacing, mm + 2)
    grown = margin.grow(mask, mm, spacing)
    assert volume_of(grown, spacing) <= volume_of_ball(radius + mm + np.linalg.norm(spacing) / 2)
    assert volume_of(grown, spacing) >= volume_of_ball(radius + mm - np.linalg.norm(spacing))
    shrunk = volume_of(margin.shrink(mask, mm, spacing), spacing)
    assert volume_of_ball(radius - mm - np.linalg.norm(spacing)) <= shrunk <= volume_of_ball(radius - mm + max(spacing))


@quick
@given(SEEDS, SPACINGS, st.floats(0.5, 5))
def test_margins_are_what_distances_say(seed, spacing, mm):
    mask = blobs(seed)
    outside = ndimage.distance_transform_edt(~mask, spacing)
    inside = ndimage.distance_transform_edt(mask, spacing)
    assume(min(np.abs(outside - mm).min(), np.abs(inside - mm).min()) > 1e-3)  # rounding decides about the others
    assert np.array_equal(margin.grow(mask, mm, spacing), outside <= mm)
    assert np.array_equal(margin.shrink(mask, mm, spacing), inside > mm)


@quick
@given(SEEDS, SPACINGS, st.floats(0.5, 5))
def test_what_shrinks_is_what_the_rest_grows_by(seed, spacing, mm):
    mask = blobs(seed)
    assert np.array_equal(margin.shrink(mask, mm, spacing), ~margin.grow(~mask, mm, spacing))


def test_a_distance_that_a_voxel_lies_at_reaches_it():
    mask = np.zeros((9, 9, 9), bool)
    mask[4, 4, 4] = True
    grown = margin.grow(mask, 1.4, (2.0, 0.7, 0.1))
    assert grown.any(axis=(1, 2)).sum() == 1
    assert grown.any(axis=(0, 2)).sum() == 5
    assert grown.any(axis=(0, 1)).sum() == 9


def test_an_organ_that_the_image_cuts_keeps_its_flat_face():
    mask = np.zeros((10, 10, 10), bool)
    mask[:6] = True
    assert np.array_equal(np.flatnonzero(margin.shrink(mask, 2, (1, 1, 1)).all(axis=(1, 2))), range(4))
    assert margin.shrink(np.ones((3, 3, 3), bool), 2, (1, 1, 1)).all()


@quick
@given(SPACINGS, st.sampled_from(["inside", "outside", "both"]), st.floats(2, 5))
def test_a_shell_is_as_thick_as_asked_for(spacing, side, mm):
    radius = 9.0
    wall = hollow.shell(ball(radius, spacing, mm + 3), mm, spacing, side)
    inner = {"inside": radius - mm, "outside": radius, "both": radius - mm / 2}[side]
    step = float(np.linalg.norm(spacing))
    least = volume_of_ball(inner + mm - step) - volume_of_ball(inner + step)
    assert least <= volume_of(wall, spacing) <= volume_of_ball(inner + mm + step) - volume_of_ball(inner - step)


@quick
@given(SEEDS, SPACINGS)
def test_a_shell_inside_is_the_segments_and_one_outside_is_not(seed, spacing):
    mask = np.pad(blobs(seed), 4)
    assert not (hollow.shell(mask, 2, spacing, "inside") & ~mask).any()
    assert not (hollow.shell(mask, 2, spacing, "outside") & mask).any()


@quick
@given(SEEDS, st.floats(1, 3))
def test_a_median_is_that_of_scipy(seed, mm):
    mask, spacing = blobs(seed), (2.5, 1.0, 0.8)
    size = [2 * int(mm / step) + 1 for step in spacing]
    assert np.array_equal(smoothing.median(mask, mm, spacing), ndimage.median_filter(mask, size, mode="nearest"))


def test_a_median_is_that_of_itk():
    mask = blobs(3)
    median = sitk.BinaryMedian(sitk.GetImageFromArray(mask.astype(np.uint8)), [2, 2, 2], 1, 0)
    assert np.array_equal(smoothing.median(mask, 2, (1, 1, 1)), sitk.GetArrayFromImage(median) > 0)


@quick
@given(SPACINGS, st.floats(1, 3))
def test_a_gaussian_is_even_in_mm(spacing, mm):
    mask = ball(9, spacing, 8)
    sigmas = [mm / step for step in spacing]
    blurred = ndimage.gaussian_filter(mask.astype(np.float64), sigmas, mode="nearest", truncate=3)
    assert dice(smoothing.gaussian(mask, mm, spacing), blurred > 0.5) > 0.9999
    assert volume_of(smoothing.gaussian(mask, mm, spacing), spacing) <= volume_of(mask, spacing) * 1.02


@quick
@given(SEEDS, SPACINGS, st.floats(1, 4))
def test_opening_and_closing_again_change_nothing(seed, spacing, mm):
    mask = np.pad(blobs(seed), 6)
    opened, closed = smoothing.opening(mask, mm, spacing), smoothing.closing(mask, mm, spacing)
    assert not (opened & ~mask).any()
    assert not (mask & ~closed).any()
    if opened.any():
        assert np.array_equal(smoothing.opening(opened, mm, spacing), opened)
    assert np.array_equal(smoothing.closing(closed, mm, spacing), closed)


def test_opening_takes_a_bridge_and_closing_a_gap():
    two = np.zeros((21, 21, 50), bool)
    two[3:18, 3:18, 4:20] = two[3:18, 3:18, 30:46] = True
    bridge, gap = two.copy(), two.copy()
    bridge[10, 10, 20:30] = True
    gap[3:18, 3:18, 22:28] = True
    assert ndimage.label(smoothing.opening(bridge, 3, (1, 1, 1)))[1] == 2
    assert ndimage.label(smoothing.closing(gap, 3, (1, 1, 1)))[1] == 1


def test_smoothing_together_leaves_neither_gaps_nor_overlap():
    labels = np.zeros((30, 40, 40), np.uint8)
    labels[5:25, 5:35, 5:20], labels[5:25, 5:35, 20:35] = 1, 200
    rough = labels.copy()
    rng = np.random.default_rng(1)
    rough[5:25, 5:35, 18:22] = rng.choice([1, 200], (20, 30, 4))
    smoothed = smoothing.joint(rough, 2.0, (1, 1, 1))
    whole = smoothing.gaussian(labels > 0, 2.0, (1, 1, 1))
    assert ((smoothed > 0) != whole).mean() < 1e-4  # rounding alone
    assert set(np.unique(smoothed)) == {0, 1, 200}
    edges = [int((np.diff(one[9:21, 9:31, 10:30].astype(int), axis=2) != 0).sum()) for one in (rough, smoothed)]
    assert edges[1] < 1.2 * 12 * 22 < edges[0]
    assert abs(int((smoothed == 1).sum()) / int(whole.sum()) - 0.5) < 0.01


@quick
@given(SEEDS)
def test_smoothing_one_segment_together_is_its_gaussian(seed):
    mask = np.pad(blobs(seed), 5)
    together = smoothing.joint(mask.astype(np.uint16), 1.5, (1, 1, 1)) > 0
    alone = ndimage.gaussian_filter(mask.astype(np.float32), 1.5, truncate=3)
    assert np.array_equal(together[np.abs(alone - 0.5) > 1e-5], (alone > 0.5)[np.abs(alone - 0.5) > 1e-5])


@quick
@given(SEEDS, SEEDS)
def test_boolean_laws(first, second):
    one, other = blobs(first), blobs(second)
    parts = (
        logical_operators.difference(one, other),
        logical_operators.difference(other, one),
        logical_operators.intersection(one, other),
    )
    assert np.array_equal(logical_operators.union(one, other), parts[0] | parts[1] | parts[2])
    assert not (parts[0] & parts[1]).any()
    assert np.array_equal(parts[0], logical_operators.intersection(one, ~other))
    assert not logical_operators.difference(one, one).any()


EFFECTS = {
    "grow": margin.grow,
    "shrink": margin.shrink,
    "shell": lambda mask, mm, spacing, tell=None: hollow.shell(mask, mm, spacing, "both", tell or (lambda f: None)),
    "median": smoothing.median,
    "gaussian": smoothing.gaussian,
    "opening": smoothing.opening,
    "closing": smoothing.closing,
    "joint": smoothing.joint,
}


@pytest.mark.parametrize("name", EFFECTS)
def test_an_empty_segment_is_refused_in_a_sentence(name):
    with pytest.raises(Refusal, match="empty here: paint something first"):
        EFFECTS[name](np.zeros((4, 4, 4), bool), 1, (1, 1, 1))


@pytest.mark.parametrize("name", EFFECTS)
@pytest.mark.parametrize("mm", [0, -2, float("nan"), float("inf")])
def test_what_is_no_distance_is_refused(name, mm):
    with pytest.raises(Refusal, match="more than 0 mm"):
        EFFECTS[name](blobs(1), mm, (1, 1, 1))


@pytest.mark.parametrize("name", EFFECTS)
def test_progress_never_falls_and_a_cancel_is_heard(name):
    told: list[float] = []
    EFFECTS[name](blobs(1), 2, (1, 1, 1), tell=told.append)
    assert told
    assert all(a <= b for a, b in pairwise(told))
    assert 0 <= told[0] <= told[-1] <= 1

    def stop(fraction: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        EFFECTS[name](blobs(1), 2, (1, 1, 1), tell=stop)


@pytest.mark.parametrize("name", EFFECTS)
def test_what_is_given_stays_as_it_was(name):
    mask = blobs(2)
    mask.setflags(write=False)
    EFFECTS[name](mask, 1.5, (2, 1, 1))
    assert np.array_equal(mask, blobs(2))
