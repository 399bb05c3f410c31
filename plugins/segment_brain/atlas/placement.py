"""How places of a head are taken to those of the atlas: an affine transform after a bend."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, eq=False)
class Placement:
    """Takes places of a head [n, 3] to those of the atlas, whose middle is 0: change @ (place - centre) + shift."""

    centre: Tensor
    change: Tensor
    shift: Tensor

    def __call__(self, places: Tensor) -> Tensor:
        """places: [n, 3]."""
        return torch.addmm(self.shift, places - self.centre, self.change.T)

    def inverse(self, places: Tensor) -> Tensor:
        """Of the atlas, to those of the head."""
        back: Tensor = (places - self.shift) @ torch.linalg.inv(self.change).T + self.centre
        return back


@dataclass(frozen=True, eq=False)
class Bend:
    """Moves places of a head by what is linear between knots. knots: [3, k, j, i] mm, over a box of `size` [3] mm."""

    knots: Tensor
    size: Tensor

    @classmethod
    def none(cls, size: Tensor, step: float) -> Bend:
        """Of a box, with knots about `step` mm apart."""
        return cls(torch.zeros(3, *(round(float(mm) / step) + 1 for mm in size)), size)

    def __call__(self, places: Tensor) -> Tensor:
        """places: [n, 3]."""
        return places + self.shift(places)

    def shift(self, places: Tensor) -> Tensor:
        """By how much each is moved [n, 3]."""
        return sample(self.knots, 2 * places / self.size - 1, corners=True).T

    def inverse(self, places: Tensor, rounds: int = 6) -> Tensor:
        """Which places are moved to these, by fixed-point iteration."""
        found = places
        for _ in range(rounds):
            found = places - self.shift(found)
        return found

    def strain(self) -> Tensor:
        """The mean square of its derivatives, mm per mm."""
        steps = self.size / (torch.tensor(self.knots.shape[1:]) - 1)
        return torch.stack([(self.knots.diff(dim=n + 1) / steps[n]).square().mean() for n in range(3)]).sum()


def places(shape: tuple[int, ...], step: float) -> Tensor:
    """The middles [*shape, 3] of voxels of `step` mm, from the corner of the first."""
    lines = [(torch.arange(n) + 0.5) * step for n in shape]
    return torch.stack(torch.meshgrid(*lines, indexing="ij"), -1)


def sample(channels: Tensor, where: Tensor, *, corners: bool = False) -> Tensor:
    """[c, n] of channels [c, k, j, i] at places [n, 3] from -1 to 1, linear; beyond, what is at the border.

    corners: -1 and 1 are the middles of the outer voxels, not their outer faces.
    """
    count, parts = len(where), torch.get_num_threads()  # grid_sample's processors share nothing but the batch
    padded = functional.pad(where, (0, 0, 0, -count % parts))
    grid = padded.flip(-1).view(parts, -1, 1, 1, 3)
    images = channels.expand(parts, *channels.shape)
    found = functional.grid_sample(images, grid, padding_mode="border", align_corners=corners)
    return found[..., 0, 0].transpose(0, 1).reshape(len(channels), -1)[:, :count]
