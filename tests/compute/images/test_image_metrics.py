from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from viewer.compute.images import image_metrics
from viewer.compute.images.image_metrics import compare_images, compare_series
from viewer.data.grid import Grid
from viewer.data.volume import Volume


def pair(shape: tuple[int, ...] = (40, 20, 24)) -> tuple[Volume, Volume]:
    rng = np.random.default_rng(0)
    clean = rng.integers(0, 1000, shape).astype(np.int16)
    noisy = (clean + rng.normal(0, 20, shape)).astype(np.int16)
    return tuple(Volume(array, Grid.of(shape[:3]), slope=2.0, intercept=-10.0) for array in (clean, noisy))  # type: ignore[return-value]


@pytest.mark.parametrize("depth", [1, 6, 7, 40, 71])
def test_against_scikit_image(depth: int) -> None:
    a, b = pair((depth, 20, 24))
    x, y = a.values(), b.values()
    span = float(x.max() - x.min())
    wanted = (
        structural_similarity(x, y, data_range=span)
        if depth >= image_metrics.SIDE
        else np.mean([structural_similarity(p, q, data_range=span) for p, q in zip(x, y, strict=True)])
    )
    metrics = compare_images(a, b)
    assert metrics["ssim"] == pytest.approx(wanted, abs=1e-5)
    assert metrics["psnr"] == pytest.approx(peak_signal_noise_ratio(x, y, data_range=span), abs=1e-4)
    assert metrics["mae"] == pytest.approx(np.abs(x - y).mean(), rel=1e-5)
    assert metrics["max"] == np.abs(x - y).max()


def test_equal_images() -> None:
    a, _ = pair()
    metrics = compare_images(a, a)
    assert metrics == {"mae": 0.0, "max": 0.0, "ssim": pytest.approx(1.0)}  # PSNR would be infinite


def test_time_points_together_and_each_alone() -> None:
    a, b = pair()
    whole, each = compare_series([a, a], [a, b])
    assert each == [compare_images(a, a), compare_images(a, b)]
    x, y = np.stack([a.values()] * 2), np.stack([a.values(), b.values()])
    assert whole["mae"] == pytest.approx(np.abs(x - y).mean(), rel=1e-5)
    assert whole["max"] == np.abs(x - y).max()
    assert whole["psnr"] == pytest.approx(peak_signal_noise_ratio(x, y, data_range=float(np.ptp(x))), abs=1e-4)
    assert whole["ssim"] == pytest.approx((1 + each[1]["ssim"]) / 2)


def test_whole_numbers_of_nine_digits_differ_by_one() -> None:
    array = np.full((8, 9, 10), 614454277, np.uint32)
    one, two = (Volume(array + n, Grid.of(array.shape)) for n in (0, 1))
    assert compare_images(one, two)["mae"] == 1


def test_the_same_values_in_another_scale_are_equal() -> None:
    a, _ = pair()
    assert compare_images(a, a.with_values(a.values()))["mae"] == 0


def test_colour() -> None:
    rng = np.random.default_rng(0)
    a = Volume(rng.integers(0, 255, (1, 30, 30, 3), np.uint8), Grid.of((1, 30, 30)))
    assert compare_images(a, a)["ssim"] == pytest.approx(1.0)
    with pytest.raises(ValueError, match="in colour"):
        compare_images(a, Volume(a.array[..., 0], a.grid))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda v: replace(v, array=v.array[1:], grid=Grid.of((39, 20, 24))), "40×20×24 and 39×20×24 voxels: resample"),
        (lambda v: replace(v, grid=Grid.of(v.grid.shape, origin=(0, 3, 4))), "up to 5 mm apart: resample"),
        (lambda v: replace(v, unit="Bq/ml"), "different units, HU and Bq/ml"),
        (lambda v: replace(v, array=np.full(v.array.shape, np.nan, np.float32)), "without a value"),
    ],
)
def test_what_cannot_be_compared_is_said(change: object, sentence: str) -> None:
    a = replace(pair()[0], unit="HU")
    with pytest.raises(ValueError, match=sentence):
        compare_images(a, change(a))  # type: ignore[operator]
