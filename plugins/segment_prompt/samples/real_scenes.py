"""Structures in scans: what the brain's model finds, supervoxels, parts of like value, and lesions put in."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, gaussian_gradient_magnitude, label, map_coordinates

from plugins.segment_prompt.prompts import Mask

from . import label_scenes
from .sources import Source

Floats = NDArray[np.float32]
Labels = NDArray[np.uint8]
Random = np.random.Generator


def from_scan(source: Source, size: int, rng: Random) -> tuple[Floats, Labels, int]:
    """A crop [size]³ of a scan, values about 0…1, with supervoxels 0…n, and the one that is the structure."""
    lengths = np.array(source.array.shape) * source.spacing
    side = min(float(np.exp(rng.uniform(np.log(18), np.log(140)))), 1.2 * float(lengths.min()))
    centre = (0.5 + (rng.beta(2, 2, 3) - 0.5) * np.maximum(1 - side / lengths / 2, 0)) * lengths
    image = _cut(source, label_scenes.sampling_places(centre, side, size, rng), rng)
    if image.min() == image.max():
        return image, np.zeros(image.shape, np.uint8), -1
    labels = supervoxels(image, rng) if rng.random() < 0.6 else like_values(image, rng)
    sizes = np.bincount(labels.ravel())
    fit = np.flatnonzero((sizes > 30) & (sizes < 0.3 * labels.size))
    return image, labels, int(rng.choice(fit)) if len(fit) else -1


def from_head(source: Source, labels: Source, size: int, rng: Random) -> tuple[Floats, Labels, int]:
    """A crop [size]³ of a scan, values about 0…1, its labels 0…n, and one of them; labels: on the scan's grid."""
    label, places = label_scenes.about_structure(labels, size, rng)
    return _cut(source, places, rng), *label_scenes.cut_labels(labels, label, places)


def _cut(source: Source, places: NDArray[np.float64], rng: Random) -> Floats:
    """A scan at places in mm, values about 0…1, now and then inverted; one value everywhere stays so."""
    spaced = places / source.spacing[:, None, None, None]
    image = map_coordinates(source.array, spaced, order=1, mode="nearest", output=np.float32)
    low, high = np.percentile(image, (1, 99))
    if high - low < 1e-3:
        return np.zeros_like(image)
    values: Floats = np.clip((image - low) / (high - low), -0.5, 1.5)
    return values if rng.random() < 0.7 else 1 - values


def supervoxels(image: Floats, rng: Random) -> Labels:
    """Basins of the gradient about random places."""
    edges = gaussian_gradient_magnitude(image, rng.uniform(0.7, 1.8))
    seeds = np.zeros(image.shape, np.uint8)
    count = int(rng.integers(6, 60))
    seeds[tuple(rng.integers(0, image.shape[0], (3, count)))] = np.arange(1, count + 1)
    basins = sitk.MorphologicalWatershedFromMarkers(
        sitk.GetImageFromArray(edges), sitk.GetImageFromArray(seeds), markWatershedLine=False
    )
    return np.asarray(sitk.GetArrayFromImage(basins))


def like_values(image: Floats, rng: Random) -> Labels:
    """The largest connected parts between two of a few thresholds; 0 is what is left."""
    smooth = gaussian_filter(image, rng.uniform(0.7, 1.6))
    steps = np.digitize(smooth, np.quantile(smooth, np.sort(rng.uniform(0.05, 0.95, int(rng.integers(1, 5))))))
    out = np.zeros(image.shape, np.uint8)
    for step in np.unique(steps):
        parts, _ = label(steps == step)
        sizes = np.bincount(parts.ravel())
        sizes[0] = 0
        for part in np.argsort(-sizes)[:6]:
            out[parts == part] = out.max() + 1 if sizes[part] > 30 else 0
    return out


def add_lesion(image: Floats, rng: Random) -> tuple[Floats, Mask]:
    """A blob of another value, with a soft rim, and where it is."""
    mask = label_scenes.blob(image.shape[0], rng)
    step = rng.choice((-1, 1)) * rng.uniform(0.15, 0.6) * max(float(image.std()) * 3, 0.2)
    return image + np.float32(step) * gaussian_filter(mask.astype(np.float32), rng.uniform(0.4, 1.2)), mask
