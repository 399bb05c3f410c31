"""Where the structures of a brain usually lie, laid over a head by what a first look at it has found.

The atlas holds the share of heads that have each structure at a place. It is placed by an affine transform under which
what was found is likeliest, as SAMSEG places its mesh (Puonti et al., NeuroImage 143, 2016), but by classes and not by
grey values, so that contrast plays no part. Places are in mm along the head's axes k, j, i, from the corner of its
first voxel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from viewer.api import Refusal

from .labels import CLASSES, LARGEST, MERGED, STRUCTURES

FILE = Path(__file__).parents[2] / "resources" / "atlases" / "brain" / "atlas.safetensors"
SHAPE, STEP = (48, 56, 48), 4.0  # voxels, mm
LEAST = 2e-3  # share that every structure has everywhere
LAYOUT = ((0, 0), *((n, side) for n, one in enumerate(STRUCTURES, 1) for side in ((1, 2) if one.paired else (0,))))
LABELS = len(LAYOUT)  # class and side (0 none, 1 left, 2 right) of each of the atlas's channels
MIRROR = [LAYOUT.index((number, (0, 2, 1)[side])) for number, side in LAYOUT]  # channels of the mirror image
SOME = 0.1  # of a voxel is brain: it and its neighbours are looked at
ROUNDS = 20  # of L-BFGS at most
UNIT = 50.0  # mm: how far from the middle an entry of the matrix moves a place as much as one of the shift


@dataclass(frozen=True, eq=False)
class Placement:
    """Takes places of a head to those of the atlas, whose middle is 0: change @ (place - centre) + shift."""

    centre: Tensor
    change: Tensor
    shift: Tensor

    def __call__(self, places: Tensor) -> Tensor:
        """places: [..., 3]."""
        placed: Tensor = (places - self.centre) @ self.change.T + self.shift
        return placed

    def inverse(self, places: Tensor) -> Tensor:
        """Of the atlas, to those of the head."""
        back: Tensor = (places - self.shift) @ torch.linalg.inv(self.change).T + self.centre
        return back

    def disturbed(self, rng: np.random.Generator, share: float, mm: float) -> Placement:
        """As wrong as a first look may leave it: standard deviations of the matrix's entries and of the shift."""
        change = torch.tensor(rng.normal(0, share, (3, 3)), dtype=torch.float32)
        shift = torch.tensor(rng.normal(0, mm, 3), dtype=torch.float32)
        return replace(self, change=self.change + change, shift=self.shift + shift)


@dataclass(frozen=True, eq=False)
class Atlas:
    """shares: [LABELS, *SHAPE], 1 in sum."""

    shares: Tensor

    def fit(self, found: Tensor, step: float) -> Placement:
        """Under which the shares [LABELS, k, j, i] found in voxels of `step` mm are likeliest.

        Raises Refusal where nothing was found.
        """
        inside = found[1:].sum(0)
        if float(inside.sum()) <= 0:
            raise Refusal("no brain was found in the image: choose one of a head.")
        near = functional.max_pool3d(inside[None], 3, 1, 1)[0] >= min(SOME, float(inside.max()))
        found, inside = found[:, near][..., None, None], inside[near]
        where = places(near.shape, step)[near][:, None, None]
        centre = (where[:, 0, 0] * inside[:, None]).sum(0) / inside.sum()
        logs = self._logs() - _outside()
        moved = torch.zeros(3, 4, requires_grad=True)
        search = torch.optim.LBFGS([moved], max_iter=ROUNDS, line_search_fn="strong_wolfe")

        def placed() -> Placement:
            return Placement(centre, torch.eye(3) + moved[:, :3] / UNIT, moved[:, 3])

        def unlikely() -> Tensor:
            search.zero_grad()
            value = -(found * _sample(logs, placed()(where))).sum() / inside.sum()
            value.backward()  # type: ignore[no-untyped-call]
            return value.detach()

        search.step(unlikely)  # type: ignore[no-untyped-call]
        moved = moved.detach()
        return placed()

    def prior(self, placement: Placement, shape: tuple[int, ...], step: float) -> Tensor:
        """Logits [CLASSES + 1, k, j, i] for a head's voxels of `step` mm: of the classes, then of the left side."""
        shares = _sample(self._logs() - _outside(), placement(places(shape, step))).add_(_outside()).exp_()
        sums = torch.zeros(CLASSES, *shape)
        sides = torch.full((2, *shape), LEAST)
        for share, (number, side) in zip(shares, LAYOUT, strict=True):
            sums[number] += share
            if side:
                sides[side - 1] += share
        return torch.cat([sums.log_(), (sides[0] / sides[1]).log_()[None]])

    def _logs(self) -> Tensor:
        return self.shares.clamp_min(LEAST).log()


@cache
def load_atlas() -> Atlas:
    """The atlas of the label maps trained on, as samples/atlas_maps.py makes it."""
    stored = load_file(FILE)["shares"].float()
    return Atlas(stored / stored.sum(0))


def store_atlas(atlas: Atlas) -> dict[str, Tensor]:
    """Its tensors, in steps of 1/255."""
    return {"shares": (255 * atlas.shares).round().to(torch.uint8)}


def places(shape: tuple[int, ...], step: float) -> Tensor:
    """The middles [*shape, 3] of voxels of `step` mm."""
    lines = [(torch.arange(n) + 0.5) * step for n in shape]
    return torch.stack(torch.meshgrid(*lines, indexing="ij"), -1)


def label_shares(labels: NDArray[np.integer], step: int) -> Tensor:
    """[LABELS, k, j, i]: how much of each block of step³ voxels has which label; what is left over at the ends, cut."""
    k, j, i = (n // step for n in labels.shape)
    table = channel_table()[labels[: k * step, : j * step, : i * step]]
    block = (np.arange(k * step) // step)[:, None, None] * j + (np.arange(j * step) // step)[:, None]
    block = block * i + np.arange(i * step) // step
    count = np.bincount((table * (k * j * i) + block).ravel(), minlength=LABELS * k * j * i)
    return torch.from_numpy((count.reshape(LABELS, k, j, i) / step**3).astype(np.float32))


def answer_shares(answer: NDArray[np.float32]) -> Tensor:
    """[LABELS, k, j, i] of probabilities [CLASSES + 1, k, j, i], the last of which is that of the left."""
    left = answer[CLASSES]
    sides = (1.0, left, 1 - left)
    return torch.from_numpy(np.stack([answer[number] * sides[side] for number, side in LAYOUT]).astype(np.float32))


def mirrored(prior: NDArray[np.float32]) -> NDArray[np.float32]:
    """A prior [CLASSES + 1, k, j, i] of the mirror image."""
    turned = prior[..., ::-1].copy()
    turned[CLASSES] *= -1
    return turned


@cache
def channel_table() -> NDArray[np.int64]:
    """By number of the label maps: the atlas's channel."""
    table = np.zeros(LARGEST, np.int64)
    for channel, (number, side) in enumerate(LAYOUT):
        if number:
            structure = STRUCTURES[number - 1]
            table[structure.right if side == 2 else structure.left] = channel
    for number, like in MERGED.items():
        table[number] = table[like]
    return table


def _outside() -> Tensor:
    """The logarithms beyond the atlas: nothing of the brain."""
    return torch.tensor([0.0, *[float(np.log(LEAST))] * (LABELS - 1)]).view(-1, 1, 1, 1)


def _sample(channels: Tensor, where: Tensor) -> Tensor:
    """[c, k, j, i] at places of the atlas [k, j, i, 3], linear; 0 outside."""
    halves = torch.tensor(SHAPE) * STEP / 2
    grid = (where / halves).flip(-1)[None]
    return functional.grid_sample(channels[None], grid, align_corners=False)[0]
