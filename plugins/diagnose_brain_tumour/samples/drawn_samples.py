"""Views with their truth for both networks, drawn at random from labelled slices."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from plugins.diagnose_brain_tumour.networks import CROP_SIZE, HEAD_SIZE, STRIDE
from plugins.diagnose_brain_tumour.views import Head, Square, find_head

from .degradation import Random, degrade
from .labelled_slices import LabelledSlices
from .tumour_edits import Box, fill_tumour, paste_tumour

FILL, MOVE = 0.4, 0.5  # share of the slices whose tumour is taken out; of them, those that get it back elsewhere
GAUSS = 0.22  # of the box: standard deviation of the heat


class SampleSource:
    """Draws views of labelled slices; nothing of a slice gets into the views of another one."""

    def __init__(self, slices: LabelledSlices) -> None:
        self.slices = slices
        self.heads = [find_head(image) for image in slices.images]

    def draw_head(self, row: int, rng: Random) -> tuple[Tensor, Tensor, Tensor]:
        """For TumourFinder: view [1, 192, 192], heat [24, 24], box [4] in pixels of the view."""
        image, head = self.slices.images[row].astype(np.float32), self.heads[row]
        box: Box = self.slices.boxes[row]
        filled, moved = rng.random() < FILL, rng.random() < MOVE
        if filled:
            place = head.square.x, head.square.y, head.square.side
            whole, gone = box, image
            image = fill_tumour(image, box, head.square.x, rng)
            if moved:
                image, box = paste_tumour(image, gone, whole, place, rng)
        square = _jitter(head.square, rng, shift=0.08, scale=0.13, turn=0.3)
        view = degrade(head.scaled(square.sample(torch.from_numpy(image), HEAD_SIZE)), rng)
        seen = square.box(box)
        heat = torch.zeros(HEAD_SIZE // STRIDE, HEAD_SIZE // STRIDE) if filled and not moved else draw_heat(seen)
        if rng.random() < 0.3:
            _erase(view, seen, rng)
        return view, heat, torch.from_numpy(seen * HEAD_SIZE).float()

    def draw_crop(self, row: int, scale: int, rng: Random) -> Tensor:
        """For TypeReader: a view [1, 128, 128] of the tumour at one of the SCALES."""
        return self._draw(row, self.slices.images[row].astype(np.float32), self.slices.boxes[row], scale, rng)

    def draw_empty_crop(self, row: int, scale: int, rng: Random) -> Tensor:
        """The same beside the tumour, or where it was."""
        image, box = self.slices.images[row].astype(np.float32), self.slices.boxes[row]
        if rng.random() < 0.5:
            image = fill_tumour(image, box, self.heads[row].square.x, rng)
        else:
            box = self._draw_empty_box(self.heads[row], box, rng)
        return self._draw(row, image, box, scale, rng)

    def _draw(self, row: int, image: NDArray[np.float32], box: Box, scale: int, rng: Random) -> Tensor:
        head = self.heads[row]
        square = head.crop(box, scale)
        shift = min(0.12, 0.2 * float((box[2:] - box[:2]).min()) / square.side)
        square = _jitter(square, rng, shift=shift, scale=0.2, turn=np.pi)
        return degrade(head.scaled(square.sample(torch.from_numpy(image), CROP_SIZE)), rng)

    def _draw_empty_box(self, head: Head, tumour: Box, rng: Random) -> Box:
        sides = np.diff(self.slices.boxes[rng.integers(len(self.slices.boxes))].reshape(2, 2), axis=0)[0]
        for _ in range(20):
            centre = rng.uniform(-0.42, 0.42, 2) * head.square.side + (head.square.x, head.square.y)
            box = np.concatenate([centre - sides / 2, centre + sides / 2])
            if (box[:2] > tumour[2:]).any() or (box[2:] < tumour[:2]).any():
                return box
        return box - 0.5 * head.square.side  # a corner: air


def draw_heat(box: NDArray[np.float64]) -> Tensor:
    """Heat [24, 24] of a box in fractions of the view: 1 at its middle cell, a Gaussian as wide as the box."""
    cells = HEAD_SIZE // STRIDE
    place = (np.arange(cells) + 0.5) / cells
    centre, width = (box[:2] + box[2:]) / 2, np.maximum((box[2:] - box[:2]) * GAUSS, 0.5 / cells)
    x, y = (np.exp(-(((place - c) / w) ** 2) / 2) for c, w in zip(centre, width, strict=True))
    heat = np.outer(y, x)
    if heat.max() > 0.3:
        heat /= heat.max()
    return torch.from_numpy(heat).float()


def _jitter(square: Square, rng: Random, *, shift: float, scale: float, turn: float) -> Square:
    x, y = rng.uniform(-shift, shift, 2) * square.side + (square.x, square.y)
    side = square.side * float(np.exp(rng.normal(0, scale)))
    return Square(float(x), float(y), side, float(rng.uniform(-turn, turn)), bool(rng.random() < 0.5))


def _erase(view: Tensor, tumour: NDArray[np.float64], rng: Random) -> None:
    """A rectangle beside the tumour becomes one grey."""
    box = rng.uniform(0, 0.8, 2)
    box = np.concatenate([box, box + rng.uniform(0.05, 0.25, 2)])
    if (box[:2] > tumour[2:]).any() or (box[2:] < tumour[:2]).any():
        left, top, right, bottom = (int(v * view.shape[-1]) for v in box)
        view[:, top:bottom, left:right] = float(rng.random())
