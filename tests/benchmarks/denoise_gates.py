"""What a denoiser must not do: shift values, flatten small lesions, invent. And how long it takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import denoise_cases
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Denoise = Callable[[Floats, float, bool], Floats]  # (noisy, sigma, rician)
DIAMETERS = (3, 5, 8)  # mm, at voxels of 1 mm
CONTRAST = 0.2  # of the image's peak: about the step from white to grey matter
NOISE = 0.05  # of the peak
APART = 20  # voxels between two spheres
ROUNDS = 2  # of spheres at other places in every brain


def gain_interval(ours: Floats, peer: Floats, case: denoise_cases.Case) -> tuple[float, float, float]:
    """PSNR of ours above the peer's in dB, and the 95 % interval of a bootstrap over blocks of 16 voxels a side."""
    errors = [_block_errors(one, case) for one in (ours, peer)]
    rng = np.random.default_rng(0)
    picks = rng.integers(0, len(errors[0]), (2000, len(errors[0])))
    gains = 10 * np.log10(errors[1][picks].sum(1) / errors[0][picks].sum(1))
    low, high = np.percentile(gains, (2.5, 97.5))
    return float(10 * np.log10(errors[1].sum() / errors[0].sum())), float(low), float(high)


def _block_errors(image: Floats, case: denoise_cases.Case) -> NDArray[np.float64]:
    squares = np.where(case.inside, (image - case.reference).astype(np.float64) ** 2, 0)
    k, j, i = (n // 16 * 16 for n in squares.shape)
    sums = squares[:k, :j, :i].reshape(k // 16, 16, j // 16, 16, i // 16, 16).sum((1, 3, 5)).ravel()
    return sums[sums > 0]


def bias(image: Floats, case: denoise_cases.Case) -> float:
    """The mean of result minus truth, in units of the noise."""
    return float(np.mean((image - case.reference)[case.inside], dtype=np.float64)) / case.sigma


def contrast_kept(denoise: Denoise) -> dict[int, tuple[float, float, float]]:
    """Of spheres brighter and darker than their surroundings, by diameter: the mean share kept and its 95 % interval.

    The same brains with the same noise, with and without the spheres: what they change in the result, over what they
    change in the truth, in the middle of each.
    """
    kept: dict[int, tuple[float, float, float]] = {}
    for diameter in DIAMETERS:
        rng = np.random.default_rng(diameter)
        shares = np.array([one for _ in range(ROUNDS) for one in _shares(denoise, diameter, rng)])
        means = rng.choice(shares, (2000, len(shares))).mean(1)
        kept[diameter] = (float(shares.mean()), *(float(x) for x in np.percentile(means, (2.5, 97.5))))
    return kept


def _shares(denoise: Denoise, diameter: float, rng: np.random.Generator) -> Iterator[float]:
    """The share kept of every sphere that finds a place in each of the brains."""
    for image in denoise_cases.brains().values():
        part, peak = denoise_cases.middle(image, 128), float(image.max())
        sigma = NOISE * peak
        added, cores = _spheres(part, diameter, CONTRAST * peak, rng)
        seed = int(rng.integers(1 << 30))
        results = [
            denoise(denoise_cases.rician(np.maximum(one, 0), sigma, np.random.default_rng(seed)), sigma, True)
            for one in (part + added, part)
        ]
        change = (results[0] - results[1]).ravel()
        yield from (float(change[core].mean() / added.ravel()[core].mean()) for core in cores)


def _spheres(image: Floats, diameter: float, contrast: float, rng: np.random.Generator) -> tuple[Floats, list]:
    """Spheres with soft rims, well inside the brain: the change of the image, and the voxels in the core of each."""
    added = np.zeros_like(image)
    cores = []
    shift = rng.uniform(0, APART, 3)
    for corner in np.ndindex(*(n // APART for n in image.shape)):
        centre = np.array(corner) * APART + shift
        box = tuple(slice(int(c) - 7, int(c) + 8) for c in centre)
        if image[box].shape != (15, 15, 15):
            continue
        grid = np.stack(np.meshgrid(*[np.arange(s.start, s.stop) for s in box], indexing="ij"), -1)
        distance = np.linalg.norm(grid - centre, axis=-1) - diameter / 2
        if image[box][distance < 2].min() < 0.25 * image.max():
            continue
        added[box] = rng.choice([-1, 1]) * contrast * np.clip(0.5 - distance, 0, 1)
        cores.append(np.ravel_multi_index(tuple(grid[distance < -0.5].T), image.shape))
    return added, cores


def residual_without_noise(denoise: Denoise) -> float:
    """The change (root mean square, in units of the noise it is told) of a held-out label map, which has none."""
    from plugins.training import phantoms, real_images

    path = sorted(denoise_cases.data_folder().glob("nifti/brain-labelmaps-synthseg/*.nii.gz"))[-1]
    image = np.maximum(phantoms.from_labels(real_images.read(path), 96, np.random.default_rng(5)), 0)
    sigma = NOISE * float(image.max())
    return float(np.sqrt(np.mean((denoise(image, sigma, False) - image)[image > 0.05] ** 2))) / sigma


def seconds(denoise: Denoise, rounds: int = 5) -> list[float]:
    """Of 128³ voxels, after a first run that prepares the network."""
    case = denoise_cases.rician(np.zeros((128, 128, 128), np.float32), 1.0, np.random.default_rng(0))
    denoise(case, 1.0, True)
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        denoise(case, 1.0, True)
        times.append(time.perf_counter() - begun)
    return times
