"""Sizes, surfaces and values of segments, beside SimpleITK and known shapes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from viewer.compute.labels.statistics import statistics
from viewer.compute.progress import Cancelled
from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.data.volume import Volume


def segmentation(*maps, spacing=(2.0, 0.5, 0.8)):
    segments = tuple(
        Segment(int(label), f"{layer}-{label}", layer=layer)
        for layer, labels in enumerate(maps)
        for label in np.unique(labels[labels > 0])
    )
    return Segmentation(maps[0], Grid.of(maps[0].shape, spacing), segments, overlapping=maps[1:])


def random_labels(seed, dtype=np.uint8):
    return np.random.default_rng(seed).integers(0, 4, (6, 7, 8)).astype(dtype)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([1.0, 0.25, -2.0]))
def test_values_are_those_of_itk(seed, slope):
    labels = random_labels(seed)
    made = segmentation(labels)
    stored = np.random.default_rng(seed + 1).integers(-500, 500, labels.shape).astype(np.int16)
    image = Volume(stored, made.grid, slope=slope, intercept=-7.0)
    theirs = sitk.LabelStatisticsImageFilter()
    theirs.UseHistogramsOff()
    theirs.Execute(sitk.GetImageFromArray(image.values().astype(np.float64)), sitk.GetImageFromArray(labels))
    for row in statistics(made, image):
        label = row.segment.label
        assert row.voxels == theirs.GetCount(label)
        assert row.volume == pytest.approx(row.voxels * 0.8)
        assert row.ml == pytest.approx(row.volume / 1000)
        expected = (theirs.GetMean(label), theirs.GetSigma(label), theirs.GetMinimum(label), theirs.GetMaximum(label))
        assert (row.mean, row.sd, row.low, row.high) == pytest.approx(expected, rel=1e-6)
        assert row.median == pytest.approx(float(np.median(image.values()[labels == label])), abs=1e-3)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (3.0, 0.8, 0.8)])
def test_a_ball_has_the_surface_of_a_ball(spacing):
    k, j, i = np.meshgrid(*(np.arange(int(60 / mm)) * mm - 30 for mm in spacing), indexing="ij")
    ball = (k * k + j * j + i * i <= 25**2).astype(np.uint16) * 700
    (row,) = statistics(segmentation(ball, spacing=spacing))
    assert row.area == pytest.approx(4 * np.pi * 25**2, rel=0.01)
    assert row.volume == pytest.approx(4 / 3 * np.pi * 25**3, rel=0.01)
    assert row.mean is row.sd is row.low is row.high is row.median is None


def test_overlapping_segments_are_measured_by_themselves():
    one, other = np.zeros((4, 5, 6), np.uint8), np.zeros((4, 5, 6), np.uint8)
    one[:2], other[1:] = 1, 1
    rows = statistics(segmentation(one, other))
    assert [(row.segment.key, row.voxels) for row in rows] == [((0, 1), 60), ((1, 1), 90)]


def test_a_segment_without_voxels_is_a_row_of_nothing():
    grid = Grid.of((3, 3, 3))
    empty = Segmentation(np.zeros(grid.shape, np.uint8), grid, (Segment(9, "none"),))
    (row,) = statistics(empty, Volume(np.ones(grid.shape, np.float32), grid))
    assert (row.voxels, row.volume, row.area, row.mean) == (0, 0, 0, None)


def test_values_that_are_no_numbers_do_not_count():
    labels = np.ones((1, 2, 2), np.uint8)
    made = segmentation(labels)
    values = np.array([[[np.nan, 1.0], [3.0, np.inf]]], np.float32)
    (row,) = statistics(made, Volume(values, made.grid))
    assert (row.voxels, row.mean, row.median, row.sd) == (4, 2.0, 2.0, pytest.approx(2**0.5))
    (row,) = statistics(made, Volume(np.full((1, 2, 2), np.nan, np.float32), made.grid))
    assert row.mean is None


@pytest.mark.parametrize("shape", [(6, 7, 9), (6, 7, 8, 3)])
def test_an_image_on_another_grid_or_in_colour_is_left_out(shape):
    made = segmentation(random_labels(1))
    image = Volume(np.ones(shape, np.uint8), Grid.of(shape[:3], (2.0, 0.5, 0.8)))
    assert all(row.mean is None for row in statistics(made, image))


def test_progress_of_statistics_never_falls_and_a_cancel_is_heard():
    made, told = segmentation(random_labels(1), random_labels(2)), []
    statistics(made, None, told.append)
    assert all(a <= b for a, b in pairwise(told))
    assert told[-1] == pytest.approx(1)

    def stop(fraction: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        statistics(made, None, stop)
