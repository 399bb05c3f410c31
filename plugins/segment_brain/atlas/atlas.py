"""Where the tissues and structures of a head usually lie, and where it lies on a head of which something is known.

Places are in mm along the head's axes k, j, i, from the corner of its first voxel; those of the atlas, from its middle.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from viewer.api import Refusal

from .placement import Placement, places, sample
from .tissues import CHANNELS, LAYOUT, OUTSIDE, TISSUE_OF, TISSUES, channel_table

FILE = Path(__file__).parents[3] / "resources" / "atlases" / "brain" / "atlas.safetensors"
SHAPE, STEP = (64, 76, 64), 3.0  # voxels, mm
HALVES = torch.tensor(SHAPE) * STEP / 2
LEAST = 2e-3  # share that every structure has everywhere while the atlas is placed
SOME = 0.1  # of a voxel is brain: it and its neighbours are looked at
REACH, RIM = 7, 3  # voxels around the brain: what is looked at, and what may be brain after all
SOME_BRAIN = 0.02  # share of brain in a voxel that is one of it
ROUNDS = 20  # of L-BFGS at most
UNIT = 50.0  # mm: how far from the middle an entry of the matrix moves a place as much as one of the shift


@dataclass(frozen=True, eq=False)
class Atlas:
    """shares: [CHANNELS, *SHAPE], 1 in sum."""

    shares: Tensor

    def fit(self, found: Tensor, step: float) -> Placement:
        """Under which the shares [1 + structures, k, j, i] found in voxels of `step` mm are likeliest.

        The first is that of all that is outside the brain. By classes and not by grey values: contrast plays no part.
        Raises Refusal where nothing was found.
        """
        inside = found[1:].sum(0)
        if float(inside.sum()) <= 0:
            raise Refusal("no brain was found in the image: choose one of a head.")
        near = functional.max_pool3d(inside[None], 3, 1, 1)[0] >= min(SOME, float(inside.max()))
        found, inside, where = found[:, near], inside[near], places(near.shape, step)[near]
        centre = (where * inside[:, None]).sum(0) / inside.sum()
        logs = torch.cat([self.shares[:OUTSIDE].sum(0, keepdim=True), self.shares[OUTSIDE:]]).clamp_min(LEAST).log()
        moved = torch.zeros(3, 4, requires_grad=True)
        search = torch.optim.LBFGS([moved], max_iter=ROUNDS, line_search_fn="strong_wolfe")

        def placed() -> Placement:
            return Placement(centre, torch.eye(3) + moved[:, :3] / UNIT, moved[:, 3])

        def unlikely() -> Tensor:
            search.zero_grad()
            value = -(found * sample(logs, placed()(where) / HALVES)).sum() / inside.sum()
            value.backward()  # type: ignore[no-untyped-call]
            return value.detach()

        search.step(unlikely)  # type: ignore[no-untyped-call]
        moved = moved.detach()
        return placed()

    @cached_property
    def tissues(self) -> Tensor:
        """The shares of the tissues [tissues, *SHAPE]."""
        shares = torch.zeros(len(TISSUES), *self.shares.shape[1:])
        return shares.index_add_(0, torch.tensor(TISSUE_OF), self.shares)

    @cached_property
    def reach(self) -> Tensor:
        """What lies around the brain and tells where it ends: a mask [1, *SHAPE]."""
        return self._around(REACH)

    @cached_property
    def rim(self) -> Tensor:
        """What may be brain: a mask [1, *SHAPE]."""
        return self._around(RIM)

    def _around(self, voxels: int) -> Tensor:
        mask = (self.shares[OUTSIDE:].sum(0, keepdim=True) > SOME_BRAIN).float()
        return functional.max_pool3d(mask, 2 * voxels + 1, 1, voxels)


@cache
def load_atlas() -> Atlas:
    """The atlas of the label maps trained on, as samples/atlas_maps.py makes it."""
    stored = load_file(FILE)["shares"].float()
    return Atlas(stored / stored.sum(0))


def store_atlas(atlas: Atlas) -> dict[str, Tensor]:
    """Its tensors, in steps of 1/255."""
    return {"shares": (255 * atlas.shares).round().to(torch.uint8)}


def label_shares(labels: NDArray[np.integer], step: int) -> Tensor:
    """[CHANNELS, k, j, i]: how much of each block of step³ voxels has which label; what is left at the ends is cut."""
    k, j, i = (n // step for n in labels.shape)
    table = channel_table()[labels[: k * step, : j * step, : i * step]]
    block = (np.arange(k * step) // step)[:, None, None] * j + (np.arange(j * step) // step)[:, None]
    block = block * i + np.arange(i * step) // step
    count = np.bincount((table * (k * j * i) + block).ravel(), minlength=CHANNELS * k * j * i)
    return torch.from_numpy((count.reshape(CHANNELS, k, j, i) / step**3).astype(np.float32))


def answer_shares(answer: Tensor, block: int = 1) -> Tensor:
    """[1 + structures, …] of probabilities [CLASSES + 1, …], the last of which is that of the left.

    block: of [CLASSES + 1, k, j, i], the means of so many voxels each way.
    """
    sides = torch.ones_like(answer[-1]), answer[-1], 1 - answer[-1]
    shares = (answer[number] * sides[side] for number, side in [(0, 0), *LAYOUT[OUTSIDE:]])
    return torch.stack([functional.avg_pool3d(one[None], block)[0] if block > 1 else one for one in shares])
