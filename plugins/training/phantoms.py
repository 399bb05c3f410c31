"""Clean images of every contrast: label maps with random tissue values, and things of many shapes.

Generated as in SynthSeg (Billot et al., MedIA 2023): a value for each label, partial volume, a receive field; the
texture inside tissues is correlated, for white texture would teach a denoiser to keep noise.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom

Floats = NDArray[np.float32]
Random = np.random.Generator
Shape = tuple[int, int, int]


def from_labels(labels: NDArray[np.integer], size: int, rng: Random) -> Floats:
    """A cube [size]³ of a label map, 0…about 1, tissue contrast drawn at random; sharper or softer than the map."""
    scale = rng.uniform(0.8, 1.5)
    labels = reorient(crop(labels, (min(int(size * scale) + 1, *labels.shape),) * 3, rng), rng)
    present, index = np.unique(labels, return_inverse=True)
    index = index.reshape(labels.shape)
    values = rng.uniform(0.05, 1, len(present)).astype(np.float32)
    values[present == 0] = 0.0 if rng.random() < 0.8 else rng.uniform(0, 0.3)
    amplitude = (rng.uniform(0, 0.06, len(present)) * (rng.random(len(present)) < 0.8)).astype(np.float32)
    amplitude[present == 0] *= 0.2
    image = values[index] + amplitude[index] * texture(labels.shape, rng)
    image = gaussian_filter(image, rng.uniform(0.2, 0.7) * scale)
    image = zoom(image, size / np.array(image.shape), order=1) if image.shape[0] != size else image
    return add_objects(image * receive_field(image.shape, rng), rng, int(rng.integers(0, 12)))


def from_shapes(size: int, rng: Random) -> Floats:
    """Overlapping ellipsoids, tubes and plates of every size, as fallen leaves (Lee et al., IJCV 2001)."""
    image = np.full((size,) * 3, rng.uniform(0, 0.5), np.float32)
    image = add_objects(image, rng, int(rng.integers(80, 300)), opaque=True)
    image += rng.uniform(0, 0.04) * texture(image.shape, rng)
    image = gaussian_filter(image, rng.uniform(0.35, 0.8))
    return np.maximum(add_objects(image, rng, 20), 0)


def add_objects(image: Floats, rng: Random, count: int, *, opaque: bool = False) -> Floats:
    """Ellipsoids, tubes and plates put into the image: opaque, or a small step up or down with soft rims."""
    span = float(np.ptp(image)) or 1.0
    for _ in range(count):
        box, alpha = draw_object(image.shape, rng)
        value = rng.uniform(0, 1) if opaque else rng.choice([-1, 1]) * span * rng.uniform(0.02, 0.3)
        image[box] = image[box] * (1 - alpha) + alpha * value if opaque else image[box] + alpha * value
    return image


def draw_object(shape: Shape, rng: Random) -> tuple[tuple[slice, ...], Floats]:
    """An ellipsoid whose axes may be very unequal (a tube, a plate): its box and its opacity there."""
    radius = np.exp(rng.uniform(np.log(1.0), np.log(14), 3))
    kind = rng.random()
    if kind < 0.4:
        radius[:] = radius[0] * rng.uniform(0.8, 1.2, 3)
    elif kind < 0.7:
        radius[:2] = np.minimum(radius[:2], rng.uniform(0.7, 2.5))
        radius[2] = rng.uniform(8, 30)
    frame, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    centre = rng.uniform(0, shape)
    reach = np.sqrt(((frame * radius) ** 2).sum(1)) + 2
    low = np.maximum(np.floor(centre - reach), 0).astype(int)
    high = np.minimum(np.ceil(centre + reach) + 1, shape).astype(int)
    box = tuple(slice(int(a), int(max(a, b))) for a, b in zip(low, high, strict=True))
    grid = np.stack(np.meshgrid(*[np.arange(s.start, s.stop) for s in box], indexing="ij"), -1) - centre
    distance = (np.linalg.norm(grid @ frame / radius, axis=-1) - 1) * radius.min()
    return box, (1 / (1 + np.exp(np.clip(distance / rng.uniform(0.15, 0.5), -30, 30)))).astype(np.float32)


def add_lesions(image: Floats, step: float, rng: Random, *, flat: bool = False) -> Floats:
    """Some small balls, brighter or darker by about `step`: what must not be taken for noise.

    flat: slices of 3 to 6 times the voxels' width, which a ball is seen in one or two of.
    """
    image = image.copy()
    for _ in range(int(rng.integers(1, 6))):
        centre = rng.uniform(0, image.shape)
        radius = rng.uniform(1.2, 4.5)
        height = radius / (rng.uniform(3, 6) if flat else 1.0)
        low = np.maximum(np.floor(centre - np.array((height + 1, radius + 1, radius + 1))), 0).astype(int)
        high = np.minimum(np.ceil(centre + np.array((height + 1, radius + 1, radius + 1))) + 1, image.shape).astype(int)
        box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
        grid = np.stack(np.meshgrid(*[np.arange(s.start, s.stop) for s in box], indexing="ij"), -1) - centre
        distance = np.linalg.norm(grid * np.array((radius / height, 1, 1)), axis=-1) - radius
        image[box] += np.float32(rng.choice([-1, 1]) * step) * np.clip(0.5 - distance, 0, 1).astype(np.float32)
    return image


def soften(image: Floats, rng: Random) -> Floats:
    """As a scanner, a kernel or an interpolation may: often a little, now and then so much as PET does."""
    chance = rng.random()
    sigma = 0.0 if chance < 0.65 else rng.uniform(0.3, 1.0) if chance < 0.93 else rng.uniform(1.0, 2.5)
    return gaussian_filter(image, sigma) if sigma else image


def texture(shape: Shape, rng: Random) -> Floats:
    """Correlated noise of several scales together, standard deviation 1."""
    out = np.zeros(shape, np.float32)
    for sigma in (0.45, 0.8, 1.6, 3.2):
        noise = gaussian_filter(rng.standard_normal(shape, dtype=np.float32), sigma)
        out += noise * (rng.uniform(0, 1) ** 2 / noise.std())
    out /= max(float(out.std()), 1e-6)
    return out


def receive_field(shape: Shape, rng: Random) -> Floats:
    """A smooth factor around 1."""
    knots = rng.standard_normal((4, 4, 4)) * rng.uniform(0, 0.25)
    return np.asarray(np.exp(zoom(knots, [n / 4 for n in shape], order=2)), dtype=np.float32)


def crop(image: NDArray[Any], sides: Shape, rng: Random) -> NDArray[Any]:
    """A box (or what there is of it) from anywhere in the image, more often from its middle."""
    low = [int(rng.beta(2, 2) * max(n - side, 0)) for n, side in zip(image.shape, sides, strict=True)]
    return image[tuple(slice(a, a + side) for a, side in zip(low, sides, strict=True))]


def reorient(image: NDArray[Any], rng: Random, *, flat: bool = False) -> NDArray[Any]:
    """One of its 48 mirror and axis permutations; of thick slices (flat), one that keeps them slices."""
    axes = [0, *(1 + rng.permutation(2))] if flat else rng.permutation(3)
    image = np.transpose(image, axes)
    return np.ascontiguousarray(image[tuple(slice(None, None, int(rng.choice([-1, 1]))) for _ in range(3))])


def thick_slices(image: Floats, count: int) -> Floats:
    """Slices of the mean of so many of its own."""
    whole = image[: len(image) // count * count]
    slices: Floats = whole.reshape(-1, count, *image.shape[1:]).mean(axis=1)
    return slices
