"""Make the atlas from the label maps that are trained on: python -m plugins.segment_brain.samples.atlas_maps.

TOMOLENS_DATA names their folder. The maps are laid over their mean and averaged anew until nothing moves; the atlas is
as wide as the mean head, and its own mirror image.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from plugins.segment_brain.atlas import (
    FILE,
    LABELS,
    MIRROR,
    SHAPE,
    STEP,
    Atlas,
    Placement,
    label_shares,
    places,
    store_atlas,
)

from .head_maps import read_head_map
from .head_samples import MAPS, TRAINED_ON

ROUNDS = 4
FIT = 8  # mm
SMOOTH = torch.tensor([1.0, 2.0, 1.0]) / 4  # a few heads do not tell where all others end


def build(maps: list[Tensor]) -> Atlas:
    """From shares [LABELS, k, j, i] in voxels of STEP mm, one of each head."""
    fine = [functional.avg_pool3d(one[None], FIT // int(STEP))[0] for one in maps]
    atlas = Atlas(_laid(maps[0], _centred(maps[0])))
    for _ in range(ROUNDS):
        symmetric = Atlas(_smooth((atlas.shares + atlas.shares[MIRROR].flip(-1)) / 2))
        fits = [symmetric.fit(one, FIT) for one in fine]
        change, shift = (torch.stack([getattr(one, name) for one in fits]).mean(0) for name in ("change", "shift"))
        unbiased = [replace(one, change=one.change - change + torch.eye(3), shift=one.shift - shift) for one in fits]
        atlas = Atlas(torch.stack([_laid(one, fit) for one, fit in zip(maps, unbiased, strict=True)]).mean(0))
    return Atlas(_smooth((atlas.shares + atlas.shares[MIRROR].flip(-1)) / 2))


def _centred(shares: Tensor) -> Placement:
    inside, where = shares[1:].sum(0), places(shares.shape[1:], STEP)
    centre = (where * inside[..., None]).sum((0, 1, 2)) / inside.sum()
    return Placement(centre, torch.eye(3), torch.zeros(3))


def _laid(shares: Tensor, placement: Placement) -> Tensor:
    """A head's shares, brought to the atlas."""
    where = placement.inverse(places(SHAPE, STEP) - torch.tensor(SHAPE) * STEP / 2)
    size = torch.tensor(shares.shape[1:]) * STEP
    laid = functional.grid_sample(shares[None], (2 * where / size - 1).flip(-1)[None], align_corners=False)[0]
    laid[0] += 1 - laid.sum(0)
    return laid


def _smooth(shares: Tensor) -> Tensor:
    for axis in range(3):
        weights = SMOOTH.view([3 if a == axis else 1 for a in range(3)]).expand(LABELS, 1, -1, -1, -1)
        padding = [1 if a == axis else 0 for a in (2, 2, 1, 1, 0, 0)]
        shares = functional.conv3d(functional.pad(shares[None], padding, "replicate"), weights, groups=LABELS)[0]
    return shares


def main() -> None:
    """Write FILE."""
    data = Path(os.environ["TOMOLENS_DATA"])
    maps = [label_shares(read_head_map(data / MAPS.format(n)).array, int(STEP)) for n in TRAINED_ON]
    save_file(store_atlas(build(maps)), FILE)


if __name__ == "__main__":
    main()
