"""Make the atlas from the label maps that are trained on: python -m plugins.segment_brain.samples.atlas_maps.

TOMOLENS_DATA names their folder. Each map is laid over the mean of all and bent to it, and they are averaged anew
(Joshi et al., NeuroImage 23, 2004). The atlas is as large as the mean head, and its own mirror image.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from plugins.segment_brain.atlas.atlas import FILE, HALVES, SHAPE, STEP, Atlas, label_shares, store_atlas
from plugins.segment_brain.atlas.placement import Bend, Placement, places, sample
from plugins.segment_brain.atlas.tissues import CHANNELS, MIRROR, OUTSIDE

from .head_maps import read_head_map
from .head_samples import MAPS, TRAINED_ON

FINE, COARSE = 2, 8  # mm: of the maps, and of what they are placed by
ROUNDS = ((2, 1.0), (2, 0.6), (1, 0.4), (1, 0.3), (1, 0.25))  # how often the mean is smoothed; what a bend costs
PLACED = 2  # rounds in which heads are placed anew
STEPS, RATE, SOME = 30, 0.4, 60_000  # of Adam: how many, mm each, places seen
KNOTS = 12.0  # mm
LEAST = 2e-3  # share that every structure has everywhere
SMOOTH = torch.tensor([1.0, 2.0, 1.0]) / 4


@dataclass(frozen=True, eq=False)
class Head:
    """shares: [CHANNELS, k, j, i] in voxels of FINE mm, half precision.

    What takes its places to the atlas: first the bend, then the placement.
    """

    shares: Tensor
    placement: Placement
    bend: Bend

    def bent(self, mean: Tensor, cost: float) -> Head:
        """To a mean [CHANNELS, *SHAPE] under which its labels are likeliest."""
        labels = self.shares.argmax(0)
        inside = torch.nonzero(functional.max_pool3d((labels > 0).float()[None], 3, 1, 1)[0])
        knots = self.bend.knots.clone().requires_grad_(True)
        bend, search, logs = Bend(knots, self.bend.size), torch.optim.Adam([knots]), mean.clamp_min(LEAST).log()
        for step in range(STEPS):
            search.param_groups[0]["lr"] = RATE * (1 - step / STEPS)
            some = inside[torch.randint(len(inside), (SOME,))]
            found = sample(logs, self.placement(bend((some + 0.5) * FINE)) / HALVES)
            value = cost * bend.strain() - found.gather(0, labels[some.unbind(1)][None]).mean()
            search.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]
            search.step()
        return replace(self, bend=Bend(knots.detach(), bend.size))

    def laid(self) -> Tensor:
        """Its shares on the atlas's voxels [CHANNELS, *SHAPE]."""
        where = self.bend.inverse(self.placement.inverse(places(SHAPE, STEP).reshape(-1, 3) - HALVES))
        size = torch.tensor(self.shares.shape[1:]) * FINE
        return sample(self.shares.float(), 2 * where / size - 1).view(CHANNELS, *SHAPE)


def build(maps: list[Tensor]) -> Atlas:
    """From shares [CHANNELS, k, j, i] in voxels of FINE mm, one of each head."""
    heads = [_begun(one) for one in maps]
    atlas = _mean([heads[0]])
    for number, (smooth, cost) in enumerate(ROUNDS):
        blurred = Atlas(_smooth(atlas.shares, smooth))
        if number < PLACED:
            heads = _placed(heads, blurred)
        heads = _unbiased([head.bent(blurred.shares, cost) for head in heads])
        atlas = _mean(heads)
        print(f"round {number}: certainty {float(atlas.shares.square().sum(0).mean()):.4f}", flush=True)
    return atlas


def _begun(shares: Tensor) -> Head:
    inside, where = shares[OUTSIDE:].sum(0), places(shares.shape[1:], FINE)
    centre = (where * inside[..., None]).sum((0, 1, 2)) / inside.sum()
    size = torch.tensor(shares.shape[1:]) * float(FINE)
    return Head(shares.half(), Placement(centre, torch.eye(3), torch.zeros(3)), Bend.none(size, KNOTS))


def _placed(heads: list[Head], atlas: Atlas) -> list[Head]:
    """Anew by affine transforms that are none in the mean."""
    brains = [torch.cat([head.shares[:OUTSIDE].sum(0, keepdim=True), head.shares[OUTSIDE:]]).float() for head in heads]
    fits = [atlas.fit(functional.avg_pool3d(one[None], COARSE // FINE)[0], COARSE) for one in brains]
    change, shift = (torch.stack([getattr(one, name) for one in fits]).mean(0) for name in ("change", "shift"))
    fits = [replace(one, change=one.change - change + torch.eye(3), shift=one.shift - shift) for one in fits]
    return [replace(head, placement=fit) for head, fit in zip(heads, fits, strict=True)]


def _unbiased(heads: list[Head]) -> list[Head]:
    """Bends that are none in the mean, at each place of the atlas."""
    shape, step = tuple(n // 4 for n in SHAPE), 4 * STEP
    where = places(shape, step).reshape(-1, 3) - HALVES
    mean = torch.stack([head.bend.shift(head.bend.inverse(head.placement.inverse(where))) for head in heads]).mean(0)
    field = mean.T.reshape(3, *shape)
    unbiased = []
    for head in heads:
        lines = [
            torch.linspace(0, float(mm), n) for mm, n in zip(head.bend.size, head.bend.knots.shape[1:], strict=True)
        ]
        knots = torch.stack(torch.meshgrid(*lines, indexing="ij"), -1).reshape(-1, 3)
        excess = sample(field, head.placement(head.bend(knots)) / HALVES).view_as(head.bend.knots)
        unbiased.append(replace(head, bend=Bend(head.bend.knots - excess, head.bend.size)))
    return unbiased


def _mean(heads: list[Head]) -> Atlas:
    shares = torch.stack([head.laid() for head in heads]).mean(0)
    return Atlas((shares + shares[MIRROR].flip(-1)) / 2)


def _smooth(shares: Tensor, times: int) -> Tensor:
    for axis in [0, 1, 2] * times:
        weights = SMOOTH.view([3 if a == axis else 1 for a in range(3)]).expand(CHANNELS, 1, -1, -1, -1)
        padding = [1 if a == axis else 0 for a in (2, 2, 1, 1, 0, 0)]
        shares = functional.conv3d(functional.pad(shares[None], padding, "replicate"), weights, groups=CHANNELS)[0]
    return shares


def main() -> None:
    """Write FILE."""
    torch.manual_seed(0)
    data = Path(os.environ["TOMOLENS_DATA"])
    maps = [label_shares(read_head_map(data / MAPS.format(n)).array, FINE) for n in TRAINED_ON]
    save_file(store_atlas(build(maps)), FILE)


if __name__ == "__main__":
    main()
