"""What the two networks are trained to make small."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from .networks import STRIDE, TumourFinder, TypeReader

SMOOTHING = 0.05
INSIDE = 0.3  # of the heat: cells that answer for the box


def finder_loss(net: TumourFinder, features: list[Tensor], heat: Tensor, boxes: Tensor) -> Tensor:
    """Quality focal loss of the heat (Li et al., NeurIPS 2020) and generalised IoU of the boxes (Rezatofighi 2019).

    heat [n, 24, 24], boxes [n, 4] in pixels of the view.
    """
    logits, sides = net.answer(*features)
    focal = (heat - logits.sigmoid()).abs() ** 2 * functional.binary_cross_entropy_with_logits(
        logits, heat, reduction="none"
    )
    weights = torch.where(heat > INSIDE, heat, 0.0)
    overlap = generalised_iou(sides, side_distances(boxes, logits.shape[-1]))
    return focal.sum() / len(heat) + 2 * ((1 - overlap) * weights).sum() / weights.sum().clamp(min=1)


def side_distances(boxes: Tensor, cells: int) -> Tensor:
    """From the middle of every cell to the sides of boxes [n, 4] (pixels) -> [n, 4, cells, cells]."""
    place = (torch.arange(cells, device=boxes.device) + 0.5) * STRIDE
    x, y = place[None, None, :], place[None, :, None]
    left, top, right, bottom = (side[:, None, None] for side in boxes.unbind(1))
    return torch.stack([v.expand(-1, cells, cells) for v in (x - left, y - top, right - x, bottom - y)], 1)


def generalised_iou(a: Tensor, b: Tensor) -> Tensor:
    """Of boxes told by their distances from the same points: [n, 4, rows, columns] twice -> [n, rows, columns]."""

    def area(sides: Tensor) -> Tensor:
        return (sides[:, 0] + sides[:, 2]).clamp(min=0) * (sides[:, 1] + sides[:, 3]).clamp(min=0)

    both, hull = area(torch.minimum(a, b)), area(torch.maximum(a, b)).clamp(min=1e-3)
    union = (area(a) + area(b) - both).clamp(min=1e-3)
    return both / union - (hull - union) / hull


def reader_loss(net: TypeReader, features: list[Tensor], types: Tensor) -> Tensor:
    """Cross entropy with smoothed labels."""
    return functional.cross_entropy(net.answer(*features), types, label_smoothing=SMOOTHING)
