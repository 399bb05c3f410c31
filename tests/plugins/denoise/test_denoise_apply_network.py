from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from plugins.denoise import apply_network, denoise, haar_transform
from plugins.denoise.apply_network import MirrorAverage, remove_noise
from plugins.denoise.noise_estimate import Noise
from tests.fixtures.phantom import clean, phantom
from viewer.api import Grid, Job, Preview, Volume

SHAPE = (24, 56, 60)


def error(array: np.ndarray, truth: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(array - truth)[truth > 100])))


@pytest.mark.parametrize("modality", ["MR", "CT"])
@pytest.mark.parametrize(("spacing", "share"), [((1.5, 1.0, 1.0), 0.9), ((6.0, 1.0, 1.0), 0.95)])
def test_it_is_better_than_the_classical_filters(
    modality: str, spacing: tuple[float, float, float], share: float
) -> None:
    image = phantom(SHAPE, 40.0, modality=modality, spacing=spacing)
    truth = clean(SHAPE, spacing)
    result = denoise(image, Job())
    assert error(result.array, truth) < share * error(denoise(image, Job(), method="non-local means").array, truth)
    assert result.array.dtype == np.int16
    assert (result.slope, result.intercept, result.grid) == (image.slope, image.intercept, image.grid)
    assert abs((result.array - truth)[truth > 100].mean()) < 0.1 * 40


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (4.0, 1.0, 1.0)])
def test_lesions_keep_their_contrast(spacing: tuple[float, float, float]) -> None:
    """Balls of 6 mm, brighter and darker than what is around them by four times the noise."""
    shape = (40, 64, 64) if spacing[0] < 2 else (12, 64, 64)
    sigma, step = 30.0, 120.0
    index = np.moveaxis(np.indices(shape), 0, -1) * np.array(spacing)
    centres = [np.array((k, j, i)) for k in (12, 24) for j in (16, 32, 48) for i in (16, 32, 48)]
    lesions = np.zeros(shape)
    for number, centre in enumerate(centres):
        distance = np.linalg.norm(index - centre, axis=-1) - 3
        lesions += (-1) ** number * step * np.clip(0.5 - distance, 0, 1)
    noise = np.random.default_rng(0).normal(0, sigma, shape)
    plain, with_lesions = (
        denoise(Volume((600 + part + noise).astype(np.float32), Grid.of(shape, spacing)), Job()).array
        for part in (0, lesions)
    )
    core = np.abs(lesions) > 0.9 * step
    kept = np.mean(((with_lesions - plain) * lesions)[core]) / np.mean((lesions * lesions)[core])
    assert kept > 0.9


@pytest.mark.parametrize("spacing", [(1.5, 1.0, 1.0), (6.0, 1.0, 1.0)])
def test_nothing_is_made_of_nothing(spacing: tuple[float, float, float]) -> None:
    """Noise alone becomes nearly flat, with the mean it had; what has none hardly changes although it is told some."""
    noise = np.random.default_rng(0).normal(500, 20, SHAPE).astype(np.float32)
    result = denoise(Volume(noise, Grid.of(SHAPE, spacing)), Job()).array
    assert result.std() < 0.2 * 20
    assert abs(result.mean() - noise.mean()) < 0.02 * 20
    image = clean(SHAPE, spacing).astype(np.float32)
    axis = 0 if spacing[0] > 2.5 else None
    still = remove_noise(Volume(image, Grid.of(SHAPE, spacing)), Noise(40.0, False), axis, False, Job())
    assert error(still, image) < 0.3 * 40


def test_values_may_lie_on_any_scale() -> None:
    """Stored as unsigned with an intercept or as HU, doubled or not: the same result, in the same physical values."""
    image = replace(phantom(SHAPE, 40.0, modality="CT"), slope=1.0, intercept=0.0)
    moved = replace(image, array=(image.array.astype(np.int32) * 4 + 4096), slope=0.25, intercept=-1024.0)
    gap = denoise(image, Job()).values() - denoise(moved, Job()).values()
    assert np.abs(gap).max() < 4


@pytest.mark.parametrize("turn", [(1, 0, 2), (1, 2, 0)])
def test_thick_slices_may_lie_along_any_axis(turn: tuple[int, int, int]) -> None:
    spacing = (6.0, 1.0, 1.0)
    image = phantom((8, 40, 48), 40.0, spacing=spacing)
    turned = np.ascontiguousarray(image.array.transpose(turn))
    grid = Grid.of(turned.shape, tuple(np.array(spacing)[list(turn)]))
    result = denoise(replace(image, array=turned, grid=grid), Job()).array
    back = result.transpose(np.argsort(turn))
    straight = denoise(image, Job()).array
    assert error(back, straight) < 8 < error(image.array, straight)


def test_a_single_slice_and_a_tiny_volume() -> None:
    for shape in ((1, 40, 50), (40, 1, 50), (9, 10, 11), (1, 2, 3)):
        image = phantom(shape, 40.0)
        assert denoise(image, Job()).array.shape == shape


def test_an_image_without_noise_stays_as_it_is() -> None:
    flat = Volume(np.full((16, 20, 24), 7, np.int16), Grid.of((16, 20, 24)))
    assert np.array_equal(denoise(flat, Job()).array, flat.array)


def test_strength_removes_more() -> None:
    image = phantom(SHAPE, 40.0)
    weak, strong = (denoise(image, Job(), strength=strength).array for strength in (0.3, 1.5))
    assert error(weak, image.array) < error(strong, image.array)


def test_finished_slices_are_shown() -> None:
    shown: list[Preview] = []
    job = Job(show=shown.append)
    image = replace(phantom(SHAPE, 40.0), slope=2.0, intercept=10.0)
    result = denoise(image, job)
    assert shown
    first = shown[0]
    same = first.array == result.values()[first.start : first.start + len(first.array)]
    assert same.mean() > 0.99  # but for what is given back at the end


def test_the_stage_names_the_noise_in_the_unit() -> None:
    job = Job()
    denoise(replace(phantom(SHAPE, 40.0), unit="1"), job)
    assert any(name.startswith("trained network, Rician noise ") for name in job.stages)


class Leaning:
    """A network that is not symmetric: it says that each voxel's noise is a ramp along i."""

    engine, precision, device = "none", "float32", "cpu"

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        shape = tuple(n * step for n, step in zip(batch.shape[2:], haar_transform.SOLID, strict=True))
        return haar_transform.forward(
            np.broadcast_to(np.arange(shape[2], dtype=np.float32), shape), haar_transform.SOLID
        )[None]


def test_best_is_the_mean_of_mirrored_answers() -> None:
    image = np.random.default_rng(0).normal(size=(8, 8, 16)).astype(np.float32)
    batch = haar_transform.channels(image, True, haar_transform.SOLID)[None]
    said = MirrorAverage(Leaning(), haar_transform.SOLID, Job())(batch)
    assert np.allclose(haar_transform.inverse(said[0], haar_transform.SOLID), 7.5, atol=1e-4)


@pytest.mark.parametrize("strides", [haar_transform.SOLID, haar_transform.FLAT])
@pytest.mark.parametrize("axes", [(), (1, 2), (0, 1), (0, 2), (0, 1, 2)])
def test_bands_of_a_mirrored_image(axes: tuple[int, ...], strides: haar_transform.Strides) -> None:
    image = np.random.default_rng(0).normal(size=(8, 8, 16)).astype(np.float32)
    turned = np.ascontiguousarray(np.flip(image, axes))
    for make in (
        lambda one: haar_transform.forward(one, strides),
        lambda one: haar_transform.channels(one, True, strides),
    ):
        assert np.allclose(haar_transform.mirror(make(image), axes, strides), make(turned), atol=1e-5)


@pytest.mark.parametrize("spacing", [(1.5, 1.0, 1.0), (6.0, 1.0, 1.0)])
def test_best_is_better_than_fast(spacing: tuple[float, float, float]) -> None:
    image, truth = phantom(SHAPE, 40.0, spacing=spacing), clean(SHAPE, spacing)
    fast, best = (denoise(image, Job(), quality=quality).array for quality in ("fast", "best"))
    assert error(best, truth) < error(fast, truth)


@pytest.mark.parametrize("slices", [1, 5, 24, 60, 128, 400])
def test_tiles_of_thick_slices_hold_as_much_whatever_their_number(slices: int) -> None:
    deep, wide, again = apply_network._flat_sides(slices)
    assert deep <= slices
    assert wide == again
    assert wide % apply_network.MULTIPLE == 0
    assert 0.7 * apply_network.FLAT < deep * wide**2 <= apply_network.FLAT
