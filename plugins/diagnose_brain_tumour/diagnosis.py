"""What the networks say of a slice, and of all slices of a series together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter
from scipy.special import softmax

from plugins.training.loop import autocast

from .calibration import Calibration, Floats
from .networks import HEAD_SIZE, NONE, STRIDE, TumourFinder, TypeReader
from .views import Head, find_head

CANDIDATES = 3  # places of a slice that the type is read at
LEAST = 0.02  # heat of a candidate
OVERLAP = 0.3  # IoU: boxes nearer than that are one
SURE = 0.8  # probability of a type, given a tumour, from which it is said; with PRESENT of there being one
PRESENT = 0.5


@dataclass(frozen=True)
class FoundTumour:
    """A place in a slice: its box (left, top, right, bottom; pixels), and what was read there.

    score: heat of the place times the reader's probability that it is a tumour, not calibrated.
    logits: [3] of the types. types: calibrated probabilities [3], given that it is a tumour; `presence` that it is.
    """

    box: tuple[float, float, float, float]
    score: float
    logits: Floats
    types: Floats
    presence: float

    @property
    def sure(self) -> bool:
        """If a type may be said."""
        return self.presence >= PRESENT and float(self.types.max()) >= SURE


@dataclass(frozen=True)
class SliceDiagnosis:
    """Of one slice: places, the likeliest first; the heat map [24, 24] of 0..1 lies on `head.square`."""

    found: tuple[FoundTumour, ...]
    heat: NDArray[np.float32]
    head: Head

    @property
    def sure(self) -> bool:
        """If a type may be said."""
        return bool(self.found) and self.found[0].sure


@dataclass(frozen=True)
class SeriesDiagnosis:
    """Of a series: its slices, and types [3], presence and interval of the likeliest type over all of them.

    slice_index: the one that says most, or None where no slice shows a tumour.
    """

    slices: tuple[SliceDiagnosis, ...]
    types: Floats
    presence: float
    interval: tuple[float, float]
    slice_index: int | None


class TumourDiagnosis:
    """Both networks with their calibration."""

    def __init__(self, finder: TumourFinder, reader: TypeReader, calibration: Calibration) -> None:
        self.finder, self.reader, self.calibration = finder.eval(), reader.eval(), calibration

    @torch.inference_mode()
    def slice(self, image: NDArray[np.generic]) -> SliceDiagnosis:
        """Of an image [rows, columns] with square pixels, as a radiologist sees it: top up, stored values."""
        head = find_head(image)
        pixels = torch.from_numpy(image.astype(np.float32))
        heat, sides = self._find(head, pixels)
        found = self._read(head, pixels, candidates(heat, sides))
        return SliceDiagnosis(tuple(sorted(found, key=lambda one: -one.score)), heat, head)

    def _find(self, head: Head, pixels: torch.Tensor) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Heat [24, 24] and distances to the sides [4, 24, 24], the mean of the view and its mirror image."""
        view = head.scaled(head.square.sample(pixels, HEAD_SIZE))
        views = torch.stack([view, view.flip(2)]).contiguous(memory_format=torch.channels_last)
        with autocast("cpu"):
            logits, sides = (part.float() for part in self.finder(views))
        heat = (logits[0] + logits[1].flip(1)).div(2).sigmoid()
        return heat.numpy(), ((sides[0] + sides[1].flip(2)[[2, 1, 0, 3]]) / 2).numpy()

    def _read(self, head: Head, pixels: torch.Tensor, boxes: list[tuple[Floats, float]]) -> list[FoundTumour]:
        """The type at boxes in pixels of the view, with their heat."""
        if not boxes:
            return []
        corner = np.tile([head.square.x, head.square.y], 2)
        places = [(box / HEAD_SIZE - 0.5) * head.square.side + corner for box, _ in boxes]
        views = torch.cat([head.crops(pixels, place) for place in places])
        with autocast("cpu"):
            logits = self.reader(views.contiguous(memory_format=torch.channels_last)).float()
        each = logits.unflatten(0, (len(boxes), -1)).mean(1).double().numpy()
        return [self._tumour(place, heat, one) for place, (_, heat), one in zip(places, boxes, each, strict=True)]

    def _tumour(self, place: Floats, heat: float, logits: Floats) -> FoundTumour:
        score = heat * float(1 - softmax(logits)[NONE])
        left, top, right, bottom = (float(side) for side in place)
        presence = float(self.calibration.presence(np.array(score)))
        types = self.calibration.types(logits[:NONE])
        return FoundTumour((left, top, right, bottom), score, logits[:NONE], types, presence)

    def series(self, slices: Sequence[SliceDiagnosis]) -> SeriesDiagnosis:
        """The slices' log odds averaged, each by how surely it shows a tumour, its neighbours counted in.

        Not the maximum: one slice that is surely wrong does not decide where its neighbours do not follow; and not the
        product: slices of one tumour are no independent witnesses.
        """
        shown = np.array([one.found[0].presence if one.found else 0.0 for one in slices])
        weight = shown * _smoothed(shown)
        presence = float(_smoothed(shown).max(initial=0.0))
        if not weight.sum():
            even = np.full(NONE, 1 / NONE)
            return SeriesDiagnosis(tuple(slices), even, presence, (0.0, 1.0), None)
        logits = np.array([one.found[0].logits if one.found else np.zeros(NONE) for one in slices])
        types = self.calibration.types((weight[:, None] * logits).sum(0) / weight.sum())
        interval = self.calibration.interval(float(types.max()))
        return SeriesDiagnosis(tuple(slices), types, presence, interval, int(weight.argmax()))


def _smoothed(values: Floats) -> Floats:
    """Mean with the neighbours that are there, the value itself twice."""
    if not values.size:
        return values
    padded = np.pad(values, 1, mode="edge")
    return (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4


def candidates(heat: NDArray[np.float32], sides: NDArray[np.float32]) -> list[tuple[Floats, float]]:
    """Boxes (left, top, right, bottom; pixels of the view) at the peaks of the heat, with its height there."""
    peaks = np.argwhere((heat == maximum_filter(heat, 3)) & (heat > LEAST))
    peaks = peaks[np.argsort(-heat[tuple(peaks.T)], kind="stable")]
    kept: list[tuple[Floats, float]] = []
    for row, column in peaks:
        x, y = (column + 0.5) * STRIDE, (row + 0.5) * STRIDE
        left, top, right, bottom = sides[:, row, column].astype(np.float64)
        box = np.array([x - left, y - top, x + right, y + bottom])
        if all(iou(box, other) < OVERLAP for other, _ in kept):
            kept.append((box, float(heat[row, column])))
        if len(kept) == CANDIDATES:
            break
    return kept


def iou(a: Floats, b: Floats) -> float:
    """Intersection over union of two boxes (left, top, right, bottom)."""
    both = float(np.prod(np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None)))
    union = float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2])) - both
    return both / union if union > 0 else 0.0
