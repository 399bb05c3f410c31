"""Islands, holes and slices between painted ones."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from shapes import away, ball, blobs, dice

from viewer.compute.effects.shape import fill_between_slices, fill_holes, islands
from viewer.compute.progress import Cancelled, Refusal

SEEDS = st.integers(0, 10**6)
UNIT = (1.0, 1.0, 1.0)
quick = settings(max_examples=10, deadline=None)


def itk(mask):
    return sitk.GetImageFromArray(mask.astype(np.uint8))


@quick
@given(SEEDS, st.integers(1, 4))
def test_the_largest_parts_are_those_of_itk(seed, count):
    mask = blobs(seed)
    parts = sitk.RelabelComponent(sitk.ConnectedComponent(itk(mask)))
    sizes = np.bincount(sitk.GetArrayFromImage(parts).ravel())
    kept = islands.keep_largest(mask, count)
    assert sorted(np.bincount(ndimage.label(kept)[0].ravel())[1:]) == sorted(sizes[1 : count + 1])
    assert np.array_equal(islands.keep_largest(kept, count), kept)


@quick
@given(SEEDS, st.floats(0, 500))
def test_small_parts_are_told_by_mm3(seed, volume):
    mask, spacing = blobs(seed), (2.0, 0.5, 0.5)
    kept = islands.remove_small(mask, spacing, volume)
    parts, count = ndimage.label(mask)
    for part in range(1, count + 1):
        assert kept[parts == part].all() == (int((parts == part).sum()) * 0.5 >= volume)
    assert not (kept & ~mask).any()


@quick
@given(SEEDS, st.integers(1, 6))
def test_parts_are_split_and_together_are_the_segment(seed, most):
    mask = blobs(seed)
    parts = islands.split(mask, most)
    assert len(parts) == min(most, ndimage.label(mask)[1])
    assert np.array_equal(np.sum(parts, axis=0), mask)
    sizes = [int(part.sum()) for part in parts[: most - 1]]
    assert sizes == sorted(sizes, reverse=True)


@quick
@given(SEEDS)
def test_a_part_is_kept_or_removed_by_a_place_in_it(seed):
    mask = blobs(seed)
    place = tuple(int(at) for at in np.argwhere(mask)[0])
    kept, rest = islands.keep_at(mask, place), islands.remove_at(mask, place)
    assert kept[place]
    assert ndimage.label(kept)[1] == 1
    assert np.array_equal(kept | rest, mask)
    assert not (kept & rest).any()


@pytest.mark.parametrize("place", [(0, 0, 0), (99, 0, 0), (-1, 4, 4)])
def test_a_place_outside_the_segment_is_refused(place):
    mask = np.zeros((6, 6, 6), bool)
    mask[4:, 4:, 4:] = True
    with pytest.raises(Refusal, match="nothing of the segment at that place"):
        islands.keep_at(mask, place)


@quick
@given(SEEDS, st.floats(0.5, 0.7))
def test_holes_are_those_of_scipy_and_itk(seed, share):
    mask = blobs(seed, share=share)
    filled = fill_holes.fill(mask, UNIT)
    assert np.array_equal(filled, ndimage.binary_fill_holes(mask))
    assert np.array_equal(filled, sitk.GetArrayFromImage(sitk.BinaryFillhole(itk(mask))) > 0)
    assert np.array_equal(fill_holes.fill(filled, UNIT), filled)


@quick
@given(SEEDS, st.sampled_from([0, 1, 2]))
def test_holes_of_slices_are_those_of_each_slice(seed, axis):
    mask = blobs(seed, share=0.6)
    filled = np.moveaxis(fill_holes.fill(mask, UNIT, axis=axis), axis, 0)
    for made, plane in zip(filled, np.moveaxis(mask, axis, 0), strict=True):
        assert np.array_equal(made, ndimage.binary_fill_holes(plane))


def test_only_holes_up_to_a_volume_are_filled():
    mask = np.ones((12, 12, 20), bool)
    mask[4:6, 4:6, 4:6] = mask[4:8, 4:8, 10:14] = False
    assert (~fill_holes.fill(mask, (2.0, 1.0, 1.0), 16.0)).sum() == 64
    assert (~fill_holes.fill(mask, (2.0, 1.0, 1.0), 15.9)).sum() == 72


def sliced(mask, axis, gap):
    """Every so many slices of a mask, and the mask from the first to the last of them."""
    painted, whole = np.zeros(mask.shape, np.uint8), mask.copy()
    target, source, known = (np.moveaxis(one, axis, 0) for one in (painted, mask, whole))
    target[::gap] = source[::gap]
    last = np.flatnonzero(target.any(axis=(1, 2)))
    known[: last[0]] = known[last[-1] + 1 :] = False
    return painted, whole


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_ball_comes_back_from_some_of_its_slices(axis):
    painted, whole = sliced(ball(20, UNIT, 3), axis, 6)
    filled = fill_between_slices.fill(painted, UNIT) > 0
    assert dice(filled, whole) > 0.97
    assert not (painted[filled != (painted > 0)] > 0).any()


def test_an_oblique_vessel_is_followed_though_its_slices_do_not_overlap():
    k, _, i = np.meshgrid(*(np.arange(40.0),) * 3, indexing="ij")
    vessel = (i - k * 0.8 - 2) ** 2 + (np.arange(40.0)[:, None] - 20) ** 2 < 9
    painted, whole = sliced(vessel, 0, 10)
    assert not (painted[10] & painted[20]).any()
    assert dice(fill_between_slices.fill(painted, UNIT, 0) > 0, whole) > 0.85


def test_a_branching_vessel_stays_in_one_piece():
    k, j, i = np.meshgrid(np.arange(-16.0, 25), np.arange(-30.0, 31), np.arange(-30.0, 31), indexing="ij")
    apart = np.maximum(k + 8, 0) * 0.5
    branches = (((i - apart) ** 2 + j**2) < 49) | (((i + apart) ** 2 + j**2) < 49)
    painted, whole = sliced(branches, 0, 8)
    filled = fill_between_slices.fill(painted, UNIT) > 0
    assert dice(filled, whole) > 0.95
    assert ndimage.label(filled)[1] == 1


def test_neighbours_stay_neighbours_and_painted_slices_stay():
    inside = away((40, 40, 40), UNIT) < 17
    labels = np.where(inside, 1, 0).astype(np.uint16)
    labels[inside & (np.arange(40) > 22)] = 999
    painted = np.zeros_like(labels)
    painted[4::5] = labels[4::5]
    filled = fill_between_slices.fill(painted, UNIT)
    assert np.array_equal(filled[4::5], painted[4::5])
    span = slice(4, 35)
    for label in (1, 999):
        assert dice(filled[span] == label, labels[span] == label) > 0.96


def test_another_segment_between_is_not_painted_over():
    painted = np.zeros((9, 12, 12), np.uint8)
    painted[0, 2:10, 2:10] = painted[8, 2:10, 2:10] = 1
    painted[4, 5:7, 5:7] = 2
    filled = fill_between_slices.fill(painted, UNIT)
    assert (filled[4, 5:7, 5:7] == 2).all()
    assert (filled[4, 2:10, 2:10] > 0).all()


def test_slices_without_a_gap_are_refused():
    with pytest.raises(Refusal, match="no gap between painted slices"):
        fill_between_slices.fill(ball(5, UNIT, 1).astype(np.uint8), UNIT)


@pytest.mark.parametrize(
    "call",
    [
        islands.keep_largest,
        islands.split,
        lambda mask: islands.remove_small(mask, UNIT, 1),
        lambda mask: fill_holes.fill(mask, UNIT),
        lambda mask: fill_between_slices.fill(mask.astype(np.uint8), UNIT),
    ],
)
def test_an_empty_segment_is_refused(call):
    with pytest.raises(Refusal, match="empty here"):
        call(np.zeros((3, 4, 5), bool))


def test_filling_between_slices_hears_a_cancel():
    def stop(fraction: float) -> None:
        raise Cancelled

    painted, _ = sliced(ball(6, UNIT, 1), 0, 3)
    with pytest.raises(Cancelled):
        fill_between_slices.fill(painted, UNIT, tell=stop)
