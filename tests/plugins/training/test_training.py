from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from plugins.training import loop, noise, phantoms, real_images

SIDE = (24, 32, 40)
KINDS = (noise.white_noise, noise.coloured_noise, noise.interpolation_noise, noise.speckle_noise)


@pytest.mark.parametrize(
    "kind", [noise.white_noise, noise.coloured_noise, noise.interpolation_noise, noise.speckle_noise]
)
@pytest.mark.parametrize("seed", range(4))
def test_noise_has_mean_0_and_deviation_1(kind: object, seed: int) -> None:
    made = kind(SIDE, np.random.default_rng(seed))  # type: ignore[operator]
    assert made.shape == SIDE
    assert made.dtype == np.float32
    assert abs(made.mean()) < 0.1
    assert made.std() == pytest.approx(1, abs=0.05)


def test_the_noise_of_thick_slices_is_independent() -> None:
    made = noise.coloured_noise(SIDE, np.random.default_rng(0), flat=True)
    between = np.mean([np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in pairwise(made)])
    assert abs(between) < 0.05


def test_samples_are_in_units_of_their_noise() -> None:
    rng = np.random.default_rng(0)
    image = phantoms.from_shapes(32, rng)
    errors = []
    for _ in range(60):
        sample = noise.add_noise(image, 0.1, rng, magnitude=False)
        assert sample.noisy.dtype == sample.clean.dtype == np.float32
        assert not sample.rician
        errors.append(float((sample.noisy - sample.clean).std()))
    assert np.median(errors) == pytest.approx(1, abs=0.1)


def test_magnitudes_are_never_negative() -> None:
    rng = np.random.default_rng(0)
    image = np.zeros((16, 16, 16), np.float32)
    samples = [noise.add_noise(image, 0.1, rng, magnitude=True) for _ in range(40)]
    assert any(one.rician for one in samples)
    for one in samples:
        if one.rician and one.noisy.any():
            assert one.noisy.min() >= 0
            assert one.noisy.mean() / one.noisy.std() == pytest.approx(1.91, abs=0.15)  # of Rayleigh's distribution


def test_label_maps_become_images_of_many_contrasts() -> None:
    labels = np.zeros((60, 60, 60), np.uint16)
    labels[15:45, 15:45, 15:45] = 3
    labels[25:35, 25:35, 25:35] = 9
    made = [phantoms.from_labels(labels, 40, np.random.default_rng(seed)) for seed in range(4)]
    assert all(image.shape == (40, 40, 40) and np.isfinite(image).all() for image in made)
    assert not np.allclose(made[0], made[1])
    assert np.array_equal(made[0], phantoms.from_labels(labels, 40, np.random.default_rng(0)))


def test_a_real_image_is_scaled_and_made_smaller_or_left() -> None:
    rng = np.random.default_rng(0)
    scan = rng.integers(100, 1000, (40, 44, 48)).astype(np.int16)
    scaled = real_images.normalize(scan)
    assert scaled.min() == 0
    assert scaled.max() == pytest.approx(1, abs=0.02)
    assert {real_images.augment(scaled, 2.0, rng).shape for _ in range(20)} == {(20, 22, 24), (40, 44, 48)}


class Batches:
    """The task: multiply by two."""

    def __iter__(self) -> object:
        generator = torch.Generator().manual_seed(0)
        while True:
            given = torch.randn(2, 1, 4, 4, 4, generator=generator)
            yield given, 2 * given


def mean_square(said: Tensor, wanted: Tensor) -> Tensor:
    return ((said - wanted) ** 2).mean()


class Clock:
    """A clock by which every step takes 5 ms, however fast the machine is."""

    def __init__(self) -> None:
        self.looks = 0

    def monotonic(self) -> float:
        self.looks += 1
        return 0.005 * self.looks


def test_training_learns_stops_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "time", Clock())
    torch.manual_seed(0)
    told: list[str] = []

    def run(minutes: float) -> torch.nn.Module:
        net = torch.nn.Conv3d(1, 1, 1)
        return loop.train(
            net,
            Batches(),  # type: ignore[arg-type]
            mean_square,
            tmp_path,
            minutes=minutes,
            rate=0.05,
            validate=lambda net: told.append("looked") or "fine",
            every=1 / 120,
        )

    probe = torch.ones(1, 1, 1, 1, 1)
    first = run(1 / 60)
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    second = run(3 / 60)
    assert told
    assert abs(second(probe).item() - 2) < 0.1
    assert abs(second(probe).item() - 2) <= abs(first(probe).item() - 2) + 0.02
    after = torch.load(tmp_path / "state.pt", weights_only=True)
    assert after["minutes"] > state["minutes"] >= 1 / 60
    assert (state["steps"], after["steps"]) == (pytest.approx(200, abs=2), pytest.approx(600, abs=4))
    assert len((tmp_path / "log.txt").read_text().splitlines()) == 1 + 1 + 3 + 1  # every 0.5 s, and at each end
