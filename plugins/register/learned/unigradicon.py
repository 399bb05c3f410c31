"""uniGradICON and multiGradICON: registration by one pass through a network, with weights from the user's own file.

Tian et al., MICCAI 2024; Demir et al., WBIR 2024. The network as the packages icon_registration and unigradicon
(Apache-2.0) describe it, with the parameter names of their checkpoints (Step_2_final.trch). Places run from 0 to 1
along each axis, from the middle of the first voxel to that of the last; images are [n, 1, k, j, i].
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool3d, grid_sample, interpolate, leaky_relu, pad

DOWN, UP = (2, 16, 32, 64, 256, 512), (16, 32, 64, 128, 256)  # channels
Fields = tuple[Tensor, ...]  # displacements; the last one comes first


class UNet(nn.Module):
    """Two images to a displacement [n, 3, k, j, i]."""

    def __init__(self) -> None:
        super().__init__()
        below = [*(a + b for a, b in zip(DOWN[1:], UP[1:], strict=False)), DOWN[-1]]
        self.downConvs = nn.ModuleList(nn.Conv3d(a, b, 3, 2, 1) for a, b in pairwise(DOWN))
        self.upConvs = nn.ModuleList(nn.ConvTranspose3d(a, b, 4, 2, 1) for a, b in zip(below, UP, strict=True))
        self.batchNorms = nn.ModuleList(nn.BatchNorm3d(count) for count in UP)
        self.lastConv = nn.Conv3d(DOWN[0] + UP[0], 3, 3, padding=1)
        self.tell: Callable[[], None] = lambda: None  # called between layers; raises to cancel

    def forward(self, moving: Tensor, fixed: Tensor) -> Tensor:
        """Images [n, 1, k, j, i] to a displacement [n, 3, k, j, i] in 0…1 of each axis."""
        x = torch.cat((moving, fixed), 1)
        skips = []
        for down, count in zip(self.downConvs, DOWN[1:], strict=True):
            self.tell()
            skips.append(x)
            x = down(leaky_relu(x)) + _channels(avg_pool3d(x, 2, ceil_mode=True), count)
        for up, norm, skip, count in reversed(list(zip(self.upConvs, self.batchNorms, skips, UP, strict=True))):
            self.tell()
            x = up(leaky_relu(x)) + interpolate(_channels(x, count), scale_factor=2, mode="trilinear")
            k, j, i = skip.shape[2:]
            x = torch.cat((norm(x)[:, :, :k, :j, :i], skip), 1)
        displacement: Tensor = self.lastConv(x)
        return displacement / 10


class OneStep(nn.Module):
    """One U-Net."""

    def __init__(self) -> None:
        super().__init__()
        self.net = UNet()

    def forward(self, moving: Tensor, fixed: Tensor) -> Fields:
        """Images [n, 1, k, j, i] to one field."""
        return (self.net(moving, fixed),)


class HalfResolution(nn.Module):
    """A network that gets images of half the size."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, moving: Tensor, fixed: Tensor) -> Fields:
        """Images [n, 1, k, j, i] to the fields of half their size."""
        found: Fields = self.net(*(avg_pool3d(one, 2, ceil_mode=True) for one in (moving, fixed)))
        return found


class TwoSteps(nn.Module):
    """A second network goes on where the first one ended."""

    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.netPhi, self.netPsi = first, second

    def forward(self, moving: Tensor, fixed: Tensor) -> Fields:
        """Images [n, 1, k, j, i] to the fields of the first network and those of the second."""
        before: Fields = self.netPhi(moving, fixed)
        after: Fields = self.netPsi(_sample(moving, map_places(before, identity(fixed))), fixed)
        return before + after


def network() -> TwoSteps:
    """Two halvings, then twice at the full size; forward(moving, fixed) gives the fields of `map_places`."""
    net: nn.Module = OneStep()
    for _ in range(2):
        net = TwoSteps(HalfResolution(net), OneStep())
    return TwoSteps(net, OneStep())


def map_places(fields: Fields, places: Tensor) -> Tensor:
    """Places [n, 3, k, j, i] of the fixed image to places of the moving one."""
    for field in reversed(fields):
        places = places + _sample(field, places)
    return places


def identity(image: Tensor) -> Tensor:
    """The place of every voxel, [1, 3, k, j, i]."""
    axes = [torch.linspace(0, 1, n, device=image.device) for n in image.shape[2:]]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"))[None]


def _sample(image: Tensor, places: Tensor) -> Tensor:
    at = (2 * places - 1).flip(1).movedim(1, -1)  # grid_sample counts from -1 to 1, i first
    return grid_sample(image, at, padding_mode="border", align_corners=True)


def _channels(x: Tensor, count: int) -> Tensor:
    """So many channels: the first ones, or behind channels of zeros."""
    return pad(x[:, :count], (0, 0, 0, 0, 0, 0, max(0, count - x.shape[1]), 0))
