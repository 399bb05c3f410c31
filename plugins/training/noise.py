"""Noise as scanners make it, of standard deviation 1, and what it does to an image.

Magnitude MR is Rician (Gudbjartsson and Patz, MRM 1995); parallel imaging makes its level vary in space (g-factor,
Pruessmann et al., MRM 1999); zero-filled k-space and reconstruction kernels colour it (CT: ramp times apodisation,
Kijewski and Judy, PMB 1987); log-compressed speckle is Fisher-Tippett (Michailovich and Tannenbaum, TUFFC 2006).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import gaussian_filter, zoom

Floats = NDArray[np.float32]
Random = np.random.Generator
FULL = (48, 48, 48)


@dataclass(frozen=True)
class Sample:
    """One noisy patch in units of its noise level: what the network sees, whether it is Rician, what it should say."""

    noisy: Floats
    rician: bool
    clean: Floats


def white_noise(shape: tuple[int, ...], rng: Random, *, flat: bool = False) -> Floats:
    """Independent in every voxel, whether slices are thick (flat) or not."""
    return rng.standard_normal(shape, dtype=np.float32)


def coloured_noise(shape: tuple[int, int, int], rng: Random, *, flat: bool = False) -> Floats:
    """CT noise: a ramp cut off by a kernel, in the plane, with its own streak direction; correlated along the axis k.

    flat: thick slices, whose noise is independent.
    """
    k, j, i = (fft.fftfreq(n).astype(np.float32) for n in shape)
    turn = rng.uniform(0, np.pi)
    along = np.cos(turn) * i[None, :] + np.sin(turn) * j[:, None]
    radius = np.hypot(j[:, None], i[None, :]) * 2
    cutoff, order = rng.uniform(0.3, 1.3), rng.uniform(1.0, 4.0)
    plane = (radius + 0.02) ** rng.uniform(0, 0.9) * np.exp(-((radius / cutoff) ** order))
    if rng.random() < 0.25:
        plane = plane * (1 + rng.uniform(1, 6) * np.exp(-((along / 0.06) ** 2)))
    axial = np.ones_like(k) if flat else np.exp(-((k / rng.uniform(0.15, 1.2)) ** 2))
    return _filter_spectrum(shape, axial[:, None, None] * plane, rng)


def interpolation_noise(shape: tuple[int, int, int], rng: Random, *, flat: bool = False) -> Floats:
    """The noise of an image that was interpolated or zero-filled along some of its axes."""
    spectrum = np.ones((1, 1, 1), np.float32)
    for axis, n in enumerate(shape):
        if rng.random() < 0.6 and not (flat and axis == 0):
            frequency = np.abs(fft.fftfreq(n)).astype(np.float32) * 2
            cutoff = rng.uniform(0.45, 1.0)
            ramp = 1 / (1 + np.exp((frequency - cutoff) / rng.uniform(0.01, 0.15)))
            spectrum = spectrum * ramp.reshape([-1 if a == axis else 1 for a in range(3)])
    return _filter_spectrum(shape, spectrum, rng)


def speckle_noise(shape: tuple[int, int, int], rng: Random, *, flat: bool = False) -> Floats:
    """Log-compressed speckle (Fisher-Tippett), smoothed by the point spread function."""
    noise = np.log(rng.standard_exponential(shape, dtype=np.float32) + 1e-6)
    width = [rng.uniform(0.0, 0.9) for _ in shape]
    noise = gaussian_filter(noise, (0.0 if flat else width[0], width[1], width[2]))
    return np.asarray((noise - noise.mean()) / noise.std(), dtype=np.float32)


def _filter_spectrum(shape: tuple[int, ...], amplitude: Floats, rng: Random) -> Floats:
    noise: Floats = fft.ifftn(fft.fftn(white_noise(shape, rng)) * amplitude).real.astype(np.float32)
    noise /= max(float(noise.std()), 1e-6)
    return noise


def level_map(shape: tuple[int, int, int], rng: Random) -> Floats:
    """A smooth factor around 1: how the noise level varies over the patch."""
    knots = rng.standard_normal((3, 3, 3)) * rng.uniform(0.05, 0.4)
    return np.asarray(np.exp(zoom(knots, [n / 3 for n in shape], order=2)), dtype=np.float32)


def add_noise(clean: Floats, sigma: float, rng: Random, *, magnitude: bool, flat: bool = False) -> Sample:
    """A clean patch (any unit, sigma in the same) with noise of a kind drawn at random.

    magnitude: the image may come from MR, with no value below 0. The level stated is the true one within some percent;
    a few patches have no noise at all, or less than was stated, so that nothing is taken away that is not there; others
    have noise of their own, which is to stay: no more is taken away than was stated.
    """
    if rng.random() < 0.3:
        own = white_noise if rng.random() < 0.5 else interpolation_noise
        clean = clean + np.float32(sigma * rng.uniform(0.05, 0.6)) * own(clean.shape, rng)
        clean = np.maximum(clean, 0) if magnitude else clean
    stated = sigma * float(np.exp(rng.normal(0, 0.07)))
    if rng.random() < 0.1:
        sigma = sigma * rng.choice([0.0, 0.0, 0.4, 0.7])
    varies = level_map(clean.shape, rng) if rng.random() < 0.25 else np.float32(1)
    known = varies if rng.random() < 0.8 else np.float32(1)
    if magnitude and rng.random() < 0.7:
        level = np.float32(sigma) * varies
        magnitudes: Floats = np.hypot(
            clean + level * white_noise(clean.shape, rng), level * white_noise(clean.shape, rng)
        )
        return Sample(magnitudes / (stated * known), True, clean / (stated * known))
    kinds = (white_noise, coloured_noise, interpolation_noise, speckle_noise)
    kind = kinds[rng.choice(4, p=(0.3, 0.4, 0.2, 0.1))]
    noise = white_noise(clean.shape, rng) if kind is white_noise else kind(clean.shape, rng, flat=flat)
    if rng.random() < 0.15:  # counting statistics: the level follows the signal
        known = varies = np.sqrt(np.clip(gaussian_filter(clean, 1.0), 0, None) / max(float(clean.max()), 1e-6) + 0.05)
    seen: Floats = clean + np.float32(sigma) * varies * noise
    if rng.random() < 0.2:
        step = stated * rng.uniform(0.02, 0.5)
        seen = np.rint(seen / step) * np.float32(step)
    return Sample(seen / (stated * known), False, clean / (stated * known))
