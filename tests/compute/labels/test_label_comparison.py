"""Segmentations held against each other: SimpleITK and plain brute force find the same numbers and places."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial.distance import cdist

from viewer.compute.labels.comparison import EXTRA, MISSED, differences, pairs, review
from viewer.compute.labels.label_metrics import agreement, surface_distances
from viewer.compute.progress import Cancelled, Refusal
from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation

SHAPE = (12, 14, 16)
LIVER = ("SCT", "10200004", "Liver")
SPACINGS = st.sampled_from([(1.0, 1.0, 1.0), (3.0, 0.7, 0.9), (0.5, 2.0, 1.25)])
TURNED = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])


def blob(seed: int, share: float = 0.7) -> np.ndarray:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(SHAPE), 2)
    return noise > np.quantile(noise, share)


def segmentation(array, *segments: Segment, grid: Grid | None = None, **fields) -> Segmentation:
    array = np.asarray(array, np.uint8)
    return Segmentation(array, grid or Grid.of(array.shape), segments or (Segment(1, "a"),), **fields)


def brute_force(one, two, spacing, tolerance):
    """Every distance between two surfaces, by the table of all pairs."""

    def edge(mask):
        padded = np.pad(mask, 1)
        inside = np.logical_and.reduce([np.roll(padded, step, axis) for axis in range(3) for step in (-1, 1)])
        return np.argwhere(padded & ~inside) * np.array(spacing)

    table = cdist(edge(one), edge(two))
    there, back = np.sort(table.min(axis=1)), np.sort(table.min(axis=0))

    def percentile(far):
        rank = 0.95 * (len(far) - 1)
        low, high = far[int(np.floor(rank))], far[int(np.ceil(rank))]
        return low + (high - low) * (rank - np.floor(rank))

    every = [*there, *back]
    within = sum(mm <= tolerance for mm in every) / len(every)
    return max(percentile(there), percentile(back)), sum(every) / len(every), within, max(every)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), SPACINGS)
def test_brute_force_finds_the_same(seed, spacing):
    one, two = blob(seed), blob(seed + 1, 0.8)
    grid = Grid.of(SHAPE, spacing, (5, -7, 11), TURNED)
    (found,) = review(segmentation(one, grid=grid), segmentation(two, grid=grid), 1.5)
    hd95, assd, nsd, hausdorff = brute_force(one, two, spacing, 1.5)
    ours = found.agreement
    assert (ours.hd95, ours.assd, ours.nsd, found.worst_distance) == pytest.approx(
        (hd95, assd, nsd, hausdorff), abs=1e-9
    )


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), SPACINGS)
def test_simpleitk_finds_the_same(seed, spacing):
    """On images with a rim of background: at the edge of the image ITK has no surface."""
    one, two = (np.pad(blob(seed + n), 1) for n in (0, 1))
    ours = agreement(one, two, surface_distances(one, two, np.array(spacing)), 2.03)
    images = [sitk.GetImageFromArray(mask.astype(np.uint8)) for mask in (one, two)]
    for image in images:
        image.SetSpacing(spacing[::-1])
    overlap = sitk.LabelOverlapMeasuresImageFilter()
    overlap.Execute(*images)
    assert ours.dice == pytest.approx(overlap.GetDiceCoefficient(), abs=1e-12)
    contours = [sitk.LabelContour(image) for image in images]
    edges = [sitk.GetArrayFromImage(contour) > 0 for contour in contours]
    signed = [
        sitk.SignedMaurerDistanceMap(contour, squaredDistance=False, useImageSpacing=True) for contour in contours
    ]
    maps = [np.abs(sitk.GetArrayFromImage(far)) for far in signed]
    there, back = maps[1][edges[0]], maps[0][edges[1]]
    every = np.concatenate([there, back]).astype(float)
    theirs = (max(np.percentile(there, 95), np.percentile(back, 95)), every.mean(), (every <= 2.03).mean())
    assert (ours.hd95, ours.assd) == pytest.approx(theirs[:2], abs=1e-6)
    assert ours.nsd == theirs[2]


def test_the_worst_place_is_where_the_largest_distance_begins():
    one, two = np.zeros((8, 20, 20)), np.zeros((8, 20, 20))
    one[2:6, 4:8, 4:8] = two[2:6, 4:8, 4:8] = 1
    two[3, 4, 15] = 1  # a stray voxel, 8 voxels of 2 mm from the block
    grid = Grid.of(one.shape, (5, 1, 2), (-10, 20, 30))
    (found,) = review(segmentation(one, grid=grid), segmentation(two, grid=grid))
    assert found.worst == (-10 + 2 * 15, 20 + 4, 30 + 5 * 3)
    assert found.worst_distance == 16.0
    assert (found.extra, found.missed) == pytest.approx((10.0, 0.0))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_what_is_extra_and_what_is_missed_make_up_the_difference(seed):
    one, two = segmentation(blob(seed)), segmentation(blob(seed + 1))
    (found,) = review(one, two)
    where = differences(one, two, found)
    assert (where == EXTRA).sum() == pytest.approx(found.extra) == (two.array[found.box] > one.array[found.box]).sum()
    assert (where == MISSED).sum() == pytest.approx(found.missed) == (one.array[found.box] > two.array[found.box]).sum()
    assert found.volumes[1] - found.volumes[0] == pytest.approx(found.extra - found.missed)


def test_segments_are_matched_by_code_then_by_name():
    ours = (Segment(1, "Leber", code=LIVER), Segment(2, "cyst"), Segment(3, "kidney", side="left"), Segment(4, "x"))
    theirs = (Segment(9, " Cyst"), Segment(5, "Liver", code=LIVER), Segment(6, "y"), Segment(7, "kidney"))
    found = pairs(ours, theirs)
    assert [(one and one.label, two and two.label) for one, two in found] == [
        (1, 5), (2, 9), (3, 7), (4, None), (None, 6),
    ]  # fmt: skip


def test_left_and_right_of_one_code_are_two():
    kidney = ("SCT", "64033007", "Kidney")
    left, right = Segment(1, "l", code=kidney, side="left"), Segment(2, "r", code=kidney, side="right")
    found = pairs((left, right), (replace(right, label=1), replace(left, label=2)))
    assert [(one.side, two.side) for one, two in found] == [("left", "left"), ("right", "right")]


def test_what_only_one_has_shows_where_it_is():
    array = np.zeros((6, 6, 6))
    array[1:4, 2:5, 2:5] = 1
    (found,) = review(segmentation(array), segmentation(np.zeros((6, 6, 6))))
    assert (found.agreement.dice, found.agreement.hd95, found.worst_distance) == (0, None, None)
    assert found.worst == (3.0, 3.0, 2.0)
    assert found.missed == 27


def test_a_segment_that_is_empty_in_both_has_no_numbers():
    empty = segmentation(np.zeros((3, 3, 3)))
    (found,) = review(empty, empty)
    assert (found.agreement, found.worst, differences(empty, empty, found)) == (None, None, None)


def test_overlapping_segments_are_looked_up_in_their_own_maps():
    lower, upper = np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8)
    lower[:3], upper[1:] = 1, 1
    both = (Segment(1, "a"), Segment(1, "b", layer=1))
    swapped = (Segment(1, "b"), Segment(1, "a", layer=1))
    one = segmentation(lower, *both, overlapping=(upper,))
    two = segmentation(upper, *swapped, overlapping=(lower,))
    assert [found.agreement.dice for found in review(one, two)] == [1.0, 1.0]


def test_other_grids_are_refused():
    one, two = segmentation(np.zeros((3, 3, 3)), name="A"), segmentation(np.zeros((3, 3, 4)), name="B")
    with pytest.raises(Refusal, match="A and B do not lie on one grid"):
        review(one, two)


def test_progress_never_falls_and_a_cancel_is_heard():
    one, two = (segmentation(blob(n)) for n in (1, 2))
    told: list[float] = []
    review(one, two, tell=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0

    def cancel(fraction):
        raise Cancelled

    with pytest.raises(Cancelled):
        review(one, two, tell=cancel)
