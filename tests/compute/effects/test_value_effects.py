"""Limits of values, and images without what lies outside a segment."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from shapes import SPACINGS, blobs, noisy

from viewer.compute.effects.image import mask_volume, threshold
from viewer.compute.progress import Refusal

SEEDS = st.integers(0, 10**6)
UNIT = (1.0, 1.0, 1.0)
quick = settings(max_examples=8, deadline=None)


def itk(array):
    return sitk.GetImageFromArray(array)


# ---- limits
@quick
@given(SEEDS, st.floats(-50, 50), st.floats(0, 80))
def test_a_range_is_that_of_itk_and_holds_no_nan(seed, low, width):
    image = noisy(seed)
    found = threshold.between(image, low, low + width)
    assert np.array_equal(found, sitk.GetArrayFromImage(sitk.BinaryThreshold(itk(image), low, low + width)) > 0)
    image[0] = np.nan
    assert not threshold.between(image, -np.inf, np.inf)[0].any()


def test_limits_the_wrong_way_round_are_refused():
    with pytest.raises(Refusal, match="exchange them"):
        threshold.between(noisy(1), 5, 4)


@quick
@given(SEEDS, st.integers(2, 4))
def test_otsu_is_about_that_of_itk(seed, classes):
    rng = np.random.default_rng(seed)
    image = rng.choice(np.arange(classes) * 100.0, (20, 20, 20)) + rng.normal(0, 8, (20, 20, 20))
    theirs = sitk.OtsuMultipleThresholdsImageFilter()
    theirs.SetNumberOfThresholds(classes - 1)
    theirs.SetNumberOfHistogramBins(256)
    theirs.Execute(itk(image))
    found = threshold.otsu(image, classes)
    assert len(found) == classes - 1
    parts = [np.digitize(image, limits) for limits in (found, theirs.GetThresholds())]
    assert (parts[0] != parts[1]).mean() < 0.01


def test_values_that_are_no_numbers_do_not_count_for_otsu():
    image = np.where(noisy(3) > 0, 100.0, 0.0) + noisy(4) / 20
    (limit,) = threshold.otsu(image)
    image[:2] = np.nan
    assert threshold.otsu(image)[0] == pytest.approx(limit, abs=15)


def test_too_few_kinds_of_values_are_refused():
    with pytest.raises(Refusal, match="fewer than 4 kinds"):
        threshold.otsu((noisy(1) > 0).astype(np.uint8), 4)


@quick
@given(SEEDS, st.floats(-1, 2), st.booleans())
def test_a_local_limit_is_niblacks(seed, deviations, darker):
    from skimage.filters import threshold_niblack

    image = noisy(seed, (12, 16, 16)).astype(np.float64)
    limit = threshold_niblack(image, (3, 7, 7), deviations if darker else -deviations)
    found = threshold.local(image, (2.0, 1.0, 1.0), 3.0, deviations, darker=darker)
    inner = (slice(2, -2), slice(4, -4), slice(4, -4))
    known = np.abs(image - limit) > 1e-3
    expected = image < limit if darker else image > limit
    assert np.array_equal((found & known)[inner], (expected & known)[inner])


def test_a_local_limit_finds_small_things_on_a_slope():
    image = np.linspace(0, 500, 60)[None, None] * np.ones((20, 20, 1))
    image[10, 10, 10] += 150
    image[10, 10, 50] += 150
    assert threshold.local(image, UNIT, 4, 3.0).sum() == 2


# ---- mask volume
@quick
@given(SEEDS, st.booleans(), SPACINGS)
def test_a_masked_image_is_that_of_itk(seed, outside, spacing):
    mask, image = blobs(seed), noisy(seed, (10, 14, 16)).astype(np.int16)
    theirs = sitk.Mask(itk(image), itk((mask if outside else ~mask).astype(np.uint8)), -1000)
    assert np.array_equal(mask_volume.masked(image, mask, -1000, outside=outside), sitk.GetArrayFromImage(theirs))


def test_a_masked_image_keeps_its_type_and_its_colours():
    mask, color = blobs(1), np.full((10, 14, 16, 3), 7, np.uint8)
    made = mask_volume.masked(color, mask, 0)
    assert made.dtype == np.uint8
    assert (made[mask] == 7).all()
    assert not made[~mask].any()


@pytest.mark.parametrize("fill", [-1, 256, 0.5, float("nan")])
def test_a_value_that_the_image_cannot_hold_is_refused(fill):
    with pytest.raises(Refusal, match=r"enter (one|another)"):
        mask_volume.masked(np.zeros((2, 2, 2), np.uint8), np.ones((2, 2, 2), bool), fill)


def test_an_image_on_another_grid_is_refused():
    with pytest.raises(Refusal, match="resample it"):
        mask_volume.masked(np.zeros((2, 2, 3)), np.ones((2, 2, 2), bool), 0)
