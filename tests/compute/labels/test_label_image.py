"""Label images are told from grey ones, and become segmentations value for value."""

from __future__ import annotations

import numpy as np
import pytest

from viewer.compute.labels.label_image import as_segmentation, is_label_image, label_values
from viewer.data.grid import Grid
from viewer.data.volume import Volume

GRID = Grid.of((30, 40, 50))


def volume(array, **more) -> Volume:
    return Volume(array, GRID, "image", **more)


@pytest.fixture
def labels():
    array = np.zeros(GRID.shape, np.int16)
    array[5:20, 5:30, 5:30], array[20:25, 10:20, 10:20] = 3, 2035
    return array


def test_few_whole_values_are_labels(labels):
    assert is_label_image(volume(labels))
    assert is_label_image(volume((labels > 0).astype(np.uint8)))
    assert is_label_image(volume(labels.astype(np.float32)))


def test_grey_images_are_not(labels):
    rng = np.random.default_rng(1)
    k, j, i = np.indices(GRID.shape)
    smooth = (100 * np.exp(-((k - 15) ** 2 + (j - 20) ** 2 + (i - 25) ** 2) / 80)).astype(np.int16)
    for array in (
        smooth,
        rng.integers(0, 1000, GRID.shape).astype(np.int16),
        rng.integers(0, 255, GRID.shape).astype(np.uint8),
        labels - np.int16(1024),
        labels.astype(np.float32) + np.float32(0.5),
        np.zeros(GRID.shape, np.uint8),
    ):
        assert not is_label_image(volume(array))
    assert not is_label_image(volume(labels, slope=2.0))


def test_values_and_names_come_over(labels):
    found = as_segmentation(volume(labels))
    assert np.array_equal(found.array, labels)
    assert [segment.label for segment in found.segments] == [3, 2035]
    assert found.grid is GRID
    assert as_segmentation(volume((labels > 0).astype(np.uint8))).array.dtype == np.uint8


@pytest.mark.parametrize(
    ("dtype", "scale", "factor"),
    [("f4", (1, 0), 1), ("f8", (1, 0), 1), ("i8", (1, 0), 1), ("u8", (1, 0), 1), ("?", (1, 0), 1), ("i2", (0.5, 0), 2)],
)
def test_labels_are_exact_however_they_are_stored(labels, dtype, scale, factor):
    values = labels > 0 if dtype == "?" else labels
    stored = (values * factor).astype(dtype)
    found = label_values(volume(stored, slope=scale[0], intercept=scale[1]))
    assert found.dtype.kind == "u"
    np.testing.assert_array_equal(found, values)


def test_labels_of_nine_digits_are_not_rounded(labels):
    large = np.where(labels, 614454277 + (labels == 3), 0)
    for dtype in ("i4", "u4", "i8", "u8", "f8"):
        np.testing.assert_array_equal(label_values(volume(large.astype(dtype))), large)
    with pytest.raises(ValueError, match="614454278; 65535 is the highest"):
        as_segmentation(volume(large))


@pytest.mark.parametrize("value", [0.5, -1.0, np.nan, np.inf, 1e20])
def test_values_that_are_no_labels_are_refused(labels, value):
    with pytest.raises(ValueError, match="whole numbers"):
        label_values(volume(np.where(labels, value, 0)))


def test_what_is_no_label_is_refused(labels):
    with pytest.raises(ValueError, match="no label image"):
        as_segmentation(volume(labels - np.int16(1)))
