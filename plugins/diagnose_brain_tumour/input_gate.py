"""Whether an image is of the kind that the networks were trained on, told before they are asked.

Method: three distances in the features of a network that was never trained on such images: Mahalanobis
distance in the principal components, distance of the nearest neighbours there, and what the components leave out
(residual). Softmax and energy of a classifier do not tell foreign images apart, these do.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from .networks import HEAD_SIZE, TypeReader
from .views import find_head

MIDDLE = 8  # blocks: a third level between those of strides 8 and 16
BANDS = 3  # of rows, whose means are kept apart: an image upside down has the same mean, but not the same bands
COMPONENTS = 64
NEAREST = 3
REFUSED = 0.04  # of true images by the limits, each block held against three others; against all, fewer

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class InputGate:
    """Reference of the accepted images, d features each.

    Attributes
    ----------
    mean, scale
        [d] of the features
    components, spread
        [64, d] principal directions of the scaled features, [64] their standard deviations
    reference
        [n, 64] accepted images, in units of the spread
    limits
        [3] distances from which an image is refused: Mahalanobis, neighbours, residual
    """

    mean: Floats
    scale: Floats
    components: Floats
    spread: Floats
    reference: Floats
    limits: Floats

    def distances(self, features: Floats) -> Floats:
        """[n, 3] of features [n, d], each divided by its limit."""
        return self.raw_distances(features) / self.limits

    def raw_distances(self, features: Floats) -> Floats:
        """[n, 3] of features [n, d], in their own units."""
        scaled = (features - self.mean) / self.scale
        inside = scaled @ self.components.T
        placed = inside / self.spread
        mahalanobis = np.sqrt((placed**2).mean(1))
        apart = _squared(placed, self.reference)
        nearest = np.sqrt(np.sort(apart, 1)[:, :NEAREST].mean(1))
        residual = np.sqrt(((scaled - inside @ self.components) ** 2).mean(1))
        return np.stack([mahalanobis, nearest, residual], 1).astype(np.float32)

    def refuses(self, features: Floats) -> NDArray[np.bool_]:
        """[n]: the largest of the three distances is over the limit."""
        return np.asarray(self.distances(features).max(1) > 1)

    def tensors(self) -> dict[str, Tensor]:
        """As they stand in a model's file."""
        return {f.name: torch.from_numpy(getattr(self, f.name)).half().contiguous() for f in fields(self)}


def _squared(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.floating]:
    """Mean squared differences [n, m] of rows [n, d] and [m, d]."""
    square = (a**2).mean(1)[:, None] + (b**2).mean(1)[None] - 2 * (a @ b.T) / a.shape[1]
    return np.asarray(np.maximum(square, 0))


def fit_reference(features: Floats) -> InputGate:
    """From features [n, d] of accepted images, augmented; the limits are still 1."""
    mean, scale = features.mean(0), features.std(0) + 1e-3
    scaled = (features - mean) / scale
    _, sizes, directions = np.linalg.svd(scaled, full_matrices=False)
    kept = min(COMPONENTS, len(directions))
    spread = sizes[:kept] / np.sqrt(len(features))
    reference = scaled @ directions[:kept].T / spread
    parts = mean, scale, directions[:kept], spread, reference, np.ones(3)
    return InputGate(*(np.asarray(part, np.float32) for part in parts))


def limits(distances: Floats) -> Floats:
    """Of raw distances [n, 3] of accepted images that are not in the reference: a share of REFUSED is over one.

    All three are the same quantile, chosen so that together they refuse that share.
    """
    ranks = np.argsort(np.argsort(distances, 0), 0).max(1) / len(distances)
    quantile = np.quantile(ranks, 1 - REFUSED)
    return np.asarray(np.quantile(distances, min(quantile, 1.0), axis=0), np.float32)


@torch.inference_mode()
def gate_features(net: TypeReader, views: Tensor) -> Floats:
    """[n, d] of views [n, 1, 192, 192] of whole heads, from the blocks of the reader that training left alone."""
    early, middle = net.backbone.first(views.contiguous(memory_format=torch.channels_last), MIDDLE)
    levels = early, middle, net.backbone.next(middle, MIDDLE, net.FROZEN)[-1]
    bands = [functional.adaptive_avg_pool2d(level, (BANDS, 1)).flatten(1) for level in levels]
    parts = [*bands, *(level.std((2, 3)) for level in levels)]
    return np.asarray(torch.cat(parts, 1).numpy())


def head_view(image: NDArray[np.generic]) -> Tensor:
    """[1, 192, 192] of an image [rows, columns] with square pixels."""
    head = find_head(image)
    return head.scaled(head.square.sample(torch.from_numpy(image.astype(np.float32)), HEAD_SIZE))
