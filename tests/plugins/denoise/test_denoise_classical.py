from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from plugins.correct_bias import correct_bias
from plugins.correct_bias.bias_field import _log_field
from plugins.denoise import denoise
from plugins.denoise.blocks import blocks, filter_blocks
from plugins.denoise.classical_filters import METHODS
from plugins.denoise.noise_estimate import is_magnitude, noise_level
from tests.fixtures.phantom import clean, phantom
from viewer.api import Grid, Job, Refusal, Volume

SHAPE = (20, 48, 52)


def psnr(array: np.ndarray[Any, Any], truth: np.ndarray[Any, Any]) -> float:
    inside = truth > 100
    return float(10 * np.log10(truth.max() ** 2 / np.mean(np.square(array - truth)[inside])))


@pytest.mark.parametrize("sigma", [12.0, 30.0, 90.0])
@pytest.mark.parametrize("modality", ["MR", "CT"])
@pytest.mark.parametrize("axis", [None, 0, 2])
def test_the_noise_level_is_found(sigma: float, modality: str, axis: int | None) -> None:
    image = phantom((32, 64, 64), sigma, modality=modality, dtype=np.float32)
    found = noise_level(image.array, axis, rician=modality == "MR")
    assert found == pytest.approx(sigma, rel=0.12)


def test_the_noise_level_of_odd_images() -> None:
    noise = np.random.default_rng(0).normal(0, 10, (64, 80, 80))
    masked = np.where(np.indices(noise.shape)[2] < 40, 0, noise + 500)
    assert noise_level(masked) == pytest.approx(10, rel=0.1)  # the part without any does not count
    assert noise_level(noise[:1], 0) == pytest.approx(10, rel=0.15)
    assert noise_level(noise[:, :, :1], 2) == pytest.approx(10, rel=0.2)
    assert noise_level(np.full((5, 6, 7), 3)) == 0
    assert noise_level(np.zeros((1, 1, 7)), 0) == 0


def test_air_tells_a_magnitude_image() -> None:
    """NIfTI does not tell the modality."""
    assert is_magnitude(phantom((24, 64, 64), 30.0, modality="MR").array)
    assert not is_magnitude(phantom((24, 64, 64), 30.0, modality="CT").array)
    assert not is_magnitude(clean((24, 64, 64)))
    untold = replace(phantom(SHAPE, 40.0), source=replace(phantom().source, modality="OT"))
    job = Job()
    denoise(untold, job, method="non-local means")
    assert any(" Rician noise " in name for name in job.stages)


@pytest.mark.parametrize("method", list(METHODS))
@pytest.mark.parametrize("modality", ["MR", "CT"])
@pytest.mark.parametrize("spacing", [(1.5, 1.0, 1.0), (6.0, 1.0, 1.0)])
def test_noise_goes_and_the_image_stays(method: str, modality: str, spacing: tuple[float, float, float]) -> None:
    image = phantom(SHAPE, 40.0, modality=modality, spacing=spacing)
    truth = clean(SHAPE, spacing)
    result = denoise(image, Job(), method=method)
    gain = {"non-local means": 3.5 if spacing[0] < 2 else 3.0}.get(method, 2.0)
    assert psnr(result.array, truth) > psnr(image.array, truth) + gain
    residual = (result.array - truth)[truth > 100]
    assert abs(residual.mean()) < 0.25 * 40
    assert result.array.dtype == np.int16
    assert (result.slope, result.intercept, result.grid) == (image.slope, image.intercept, image.grid)


@pytest.mark.parametrize("method", list(METHODS))
def test_hardly_anything_goes_where_there_is_no_noise(method: str) -> None:
    truth = phantom(SHAPE, 0.0, modality="CT")
    told = phantom(SHAPE, 40.0, modality="CT")
    assert np.abs(denoise(truth, Job(), method=method).array - truth.array).mean() < 0.3 * 40
    assert (
        denoise(told, Job(), method=method, strength=0.1).array.std() > denoise(told, Job(), method=method).array.std()
    )


@pytest.mark.parametrize("kind", [np.int16, np.uint16, np.uint8, np.float32])
def test_the_type_stays_and_values_stay_within_it(kind: type) -> None:
    top = 250 if kind is np.uint8 else 1000
    rng = np.random.default_rng(0)
    array = np.clip(rng.normal(top, 60, (8, 20, 20)), 0, 255 if kind is np.uint8 else 5000).astype(kind)
    for method in METHODS:
        result = denoise(Volume(array, Grid.of(array.shape)), Job(), method=method)
        assert result.array.dtype == kind
        assert np.abs(result.array.astype(float) - array).max() < 400


@pytest.mark.parametrize("method", list(METHODS))
def test_blocks_leave_no_seams(method: str) -> None:
    image = phantom((70, 72, 74), 40.0, dtype=np.float32).array
    spacing = (1.5, 1.0, 1.0)
    whole = METHODS[method].apply(image.astype(np.float32), 40.0, spacing)
    parts = filter_blocks(
        (image,), lambda block: METHODS[method].apply(block, 40.0, spacing), METHODS[method].halo, Job()
    )
    limit = {"total variation": 2.0}.get(
        method, 0.05
    )  # it is global by nature: a seam may be 1/20 of the noise at most
    assert np.abs(parts - whole).max() < limit


def test_blocks_cover_everything_once() -> None:
    count = np.zeros((70, 5, 130), int)
    for part in blocks(count.shape, (64, 64, 64), (4, 4, 4)):
        count[part.core] += 1
        assert np.zeros(count.shape)[part.whole][part.inner].shape == count[part.core].shape
    assert (count == 1).all()


@pytest.mark.parametrize("turn", [(0, 1, 2), (1, 0, 2), (2, 1, 0)])
def test_thick_slices_are_filtered_one_by_one_whichever_way_they_lie(turn: tuple[int, int, int]) -> None:
    thick = phantom((6, 40, 44), 40.0, spacing=(6.0, 1.0, 1.0), modality="CT")
    array = np.ascontiguousarray(thick.array.transpose(turn))
    spacing = tuple(np.array((6.0, 1.0, 1.0))[list(turn)])
    result = denoise(Volume(array, Grid.of(array.shape, spacing)), Job(), method="non-local means")
    changed = array.copy()
    at = [slice(None)] * 3
    at[turn.index(0)] = slice(0, 2)
    changed[tuple(at)] = 100  # two slices are wiped out: the others' result depends on the common noise level only
    wiped = denoise(Volume(changed, Grid.of(array.shape, spacing)), Job(), method="non-local means")
    at[turn.index(0)] = slice(2, None)
    gap = np.abs(result.array[tuple(at)].astype(float) - wiped.array[tuple(at)])
    assert gap.max() < 20


def test_the_stage_names_the_noise_in_the_unit() -> None:
    job = Job()
    denoise(replace(phantom(SHAPE, 40.0, modality="CT"), unit="HU"), job, method="non-local means")
    named = next(name for name in job.stages if name.startswith("non-local means, Gaussian noise "))
    assert named.endswith(" HU")
    assert float(named.split()[-2]) == pytest.approx(40, rel=0.1)


def shaded(shape: tuple[int, int, int] = (32, 64, 64)) -> tuple[Volume, np.ndarray[Any, Any]]:
    image = phantom(shape, 10.0, spacing=(3.0, 2.5, 2.5))
    k, j, i = (axis / n for axis, n in zip(np.indices(shape), shape, strict=True))
    field = np.exp(0.5 * np.sin(3 * j) + 0.4 * (i - 0.5) - 0.3 * k)
    return replace(image, array=np.rint(image.array * field).astype(np.int16)), clean(shape, (3.0, 2.5, 2.5))


def test_shading_is_evened_out() -> None:
    image, truth = shaded()
    result = correct_bias(image, Job())
    inside = truth > 100
    before, after = (
        np.std(np.log(np.maximum(array, 1)[inside] / truth[inside])) for array in (image.array, result.array)
    )
    assert after < 0.45 * before
    assert result.array.dtype == np.int16
    assert result.array[inside].mean() == pytest.approx(image.array[inside].mean(), rel=0.1)


def test_n4_in_pieces_is_n4_in_one() -> None:
    """The field is found a few iterations at a time, so that a cancel is heard; ITK's filter would find the same."""
    image, _ = shaded((16, 40, 40))
    coarse = sitk.GetImageFromArray(image.array[:, ::2, ::2].astype(np.float32))
    mask = sitk.LiThreshold(coarse, 0, 1)
    n4 = sitk.N4BiasFieldCorrectionImageFilter()
    n4.SetMaximumNumberOfIterations([10, 10])
    n4.Execute(coarse, mask)
    whole, pieces = n4.GetLogBiasFieldAsImage(coarse), _log_field(coarse, mask, 2, 10, Job())
    gap = sitk.GetArrayFromImage(pieces) - sitk.GetArrayFromImage(whole)
    assert np.ptp(gap) < 1e-4  # but for the mean, which is another


def test_scaled_values_are_corrected_as_values() -> None:
    image, _ = shaded()
    doubled = replace(image, array=image.array * 2 - 200, slope=0.5, intercept=100.0)
    one, other = (correct_bias(volume, Job(), iterations=20, levels=2).values() for volume in (image, doubled))
    assert np.abs(one - other).max() <= 1.0


def test_what_has_no_coil_shading_is_refused() -> None:
    image, _ = shaded()
    for odd, word in (
        (phantom(modality="CT"), "calibrated"),
        (replace(image, array=image.array - 500), "negative"),
        (replace(image, array=np.ones_like(image.array)), "nothing to correct"),
    ):
        with pytest.raises(Refusal, match=word):
            correct_bias(odd, Job())


@pytest.mark.slow
@pytest.mark.skipif("TOMOLENS_DATA" not in os.environ, reason="TOMOLENS_DATA names no folder with the shared data")
@pytest.mark.parametrize(("percent", "gain"), [(5, 4.5), (9, 6.0)])
def test_a_real_brain(percent: int, gain: float) -> None:
    file = np.load(Path(os.environ["TOMOLENS_DATA"]) / "nifti/brain-oasis-voxelmorph/test_scan.npz")
    truth = file[file.files[0]].squeeze()[50:114, 60:124, 60:124].astype(np.float32)
    truth *= 1000 / truth.max()
    rng = np.random.default_rng(0)
    noisy = np.hypot(truth + rng.normal(0, 10 * percent, truth.shape), rng.normal(0, 10 * percent, truth.shape))
    image = replace(phantom(), array=np.rint(noisy).astype(np.int16), grid=Grid.of(truth.shape))
    for method in METHODS:
        assert psnr(denoise(image, Job(), method=method).array, truth) > psnr(noisy, truth) + gain, method
