from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, maximum_filter
from scipy.stats import rice

from plugins.denoise.restore_detail import _spots, magnitude, restore_detail
from viewer.api import Job

SIGMA = 20.0


def spots(shape: tuple[int, int, int], axis: int | None = None) -> np.ndarray:
    """Balls (discs in thick slices) of 3 voxels that stand out of their surroundings by four times the noise."""
    index = np.moveaxis(np.indices(shape), 0, -1)
    out = np.zeros(shape, np.float32)
    for centre in [(10, j, i) for j in (12, 28) for i in (12, 28, 44)]:
        off = index - centre
        if axis is not None:
            off = off * np.where(np.arange(3) == axis, 4, 1)
        out += 4 * SIGMA * (np.linalg.norm(off, axis=-1) < 1.6)
    return out


@pytest.mark.parametrize("axis", [None, 0])
@pytest.mark.parametrize("zero", [None, -100.0])
def test_lost_spots_come_back_and_noise_does_not(axis: int | None, zero: float | None) -> None:
    shape = (20, 40, 56)
    truth = spots(shape, axis) + 60
    rng = np.random.default_rng(1)
    real, other = (SIGMA * rng.standard_normal(shape).astype(np.float32) for _ in range(2))
    noisy = truth + real if zero is None else np.hypot(truth - zero + real, other) + zero
    flat = np.full(shape, 60, np.float32)  # all spots lost
    found = restore_detail(flat, noisy.astype(np.float32), SIGMA, zero, axis, Job(), 0.0) - 60
    inside = truth > 100
    assert found[inside].mean() > 0.4 * 4 * SIGMA
    far = maximum_filter(truth, 11) == 60
    assert np.mean(np.abs(found[far]) > 0.1 * SIGMA) < 0.01


def test_blurred_detail_is_made_as_sharp_as_it_was() -> None:
    """Spheres of 5 voxels that a filter has softened get nearer to the truth; in plain noise nothing changes."""
    index = np.moveaxis(np.indices((40, 64, 64)), 0, -1)
    truth = np.zeros((40, 64, 64), np.float32)
    for centre in [(20, j, i) for j in (12, 32, 52) for i in (12, 32)]:
        truth += 5 * SIGMA * (np.linalg.norm(index - centre, axis=-1) < 2.7)
    noise = SIGMA * np.random.default_rng(2).standard_normal(truth.shape).astype(np.float32)
    soft = gaussian_filter(truth, 0.8)
    found = restore_detail(soft, truth + noise, SIGMA, None, None, Job(), 0.0)
    inside, far = truth > 0, maximum_filter(truth, 15) == 0
    assert np.mean((found - truth)[inside] ** 2) < 0.8 * np.mean((soft - truth)[inside] ** 2)
    assert np.mean(np.abs(found[far]) > 0.1 * SIGMA) < 0.01


def test_a_masked_image_stays_masked() -> None:
    noisy = np.random.default_rng(0).normal(500, SIGMA, (16, 40, 40)).astype(np.float32)
    noisy[:, 20:] = 0
    result = np.where(noisy == 0, np.float32(0), np.float32(500))
    assert not restore_detail(result, noisy, SIGMA, None, None, Job(), 0.0)[:, 24:].any()


@pytest.mark.parametrize("signal", [-1.0, 0.0, 0.3, 1.0, 3.0, 10.0, 35.0])
def test_magnitude_as_scipy_has_it(signal: float) -> None:
    mean, spread = magnitude(np.array([signal], np.float32))
    law = rice(max(signal, 0.0))
    assert mean[0] == pytest.approx(law.mean(), rel=1e-4)
    assert spread[0] == pytest.approx(law.std(), rel=2e-3)


def test_sums_that_round_to_less_than_nothing_are_nothing() -> None:
    """Where differences fade to none, a running sum of their squares ends a little below 0."""
    taken = np.zeros((48, 48, 48), np.float32)
    taken[:, :, :24] = np.random.default_rng(0).normal(0, 3, (48, 48, 24)) * 10.0 ** -np.linspace(0, 12, 24)
    with np.errstate(invalid="raise"):
        assert not _spots(taken)[:, :, 32:].any()
