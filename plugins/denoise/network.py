"""The network: residual learning in the Haar domain, on an image in units of its noise.

A space-to-depth step by the orthonormal Haar transform (Mallat 1989) halves the resolution and keeps white noise white;
dividing by the noise level first makes one network serve every scale of values. A residual U-Net (He et al., CVPR 2016;
Ronneberger et al., MICCAI 2015; without normalisation layers, as DRUNet, Zhang et al., TPAMI 2021) tells the noise.
"""

from __future__ import annotations

from itertools import product
from math import prod, sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional

LEVEL = 8.0  # signal to noise beyond which magnitude noise is as good as Gaussian
MULTIPLE = 8  # of the sides of what it takes, where an axis is halved


def haar(axes: tuple[int, ...]) -> Tensor:
    """The orthonormal Haar filters [bands, 1, *axes] with sides 1 or 2; the first is the mean."""
    sides = [range(n) for n in axes]
    corners = list(product(*sides))
    rows = [[(-1) ** sum(a * b for a, b in zip(band, at, strict=True)) for at in corners] for band in corners]
    return torch.tensor(rows, dtype=torch.float32).reshape(len(rows), 1, *axes) / sqrt(prod(axes))


class Block(nn.Module):
    """x + conv(relu(conv(x)))."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv3d(channels, channels, 3, padding=1)
        self.second = nn.Conv3d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(functional.relu(self.first(x)))


class HaarDenoiser(nn.Module):
    """[n, 2, k, j, i] to [n, 1, k, j, i]: channels are the image over its noise level, and 1 where that is Rician.

    The result is the noise-free image over the noise level. flat: thick slices, halved in their plane only. Sides are
    multiples of MULTIPLE (k of a flat one: any).
    """

    def __init__(self, flat: bool = False, widths: tuple[int, int, int] = (64, 128, 128), blocks: int = 2) -> None:
        super().__init__()
        stride = (1, 2, 2) if flat else (2, 2, 2)
        self.register_buffer("filters", haar(stride), persistent=False)
        self.stride = stride
        bands = prod(stride)
        first, second, third = widths
        self.stem = nn.Conv3d(2 * bands + 2, first, 3, padding=1)
        self.down = nn.ModuleList([nn.Conv3d(first, second, stride, stride), nn.Conv3d(second, third, stride, stride)])
        self.up = nn.ModuleList(
            [nn.ConvTranspose3d(second, first, stride, stride), nn.ConvTranspose3d(third, second, stride, stride)]
        )
        row = [nn.Sequential(*(Block(width) for _ in range(blocks))) for width in (*widths, second, first)]
        self.fine, self.middle, self.coarse, self.middle_again, self.fine_again = row
        self.head = nn.Conv3d(first, bands, 3, padding=1)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def forward(self, x: Tensor) -> Tensor:
        image, rician = x[:, :1], x[:, 1:]
        noise = functional.conv_transpose3d(self._noise(image, rician), self.filters, stride=self.stride)
        return image - noise

    def _noise(self, image: Tensor, rician: Tensor) -> Tensor:
        bands = functional.conv3d(image, self.filters, stride=self.stride)
        mean = functional.avg_pool3d(functional.pad(bands[:, :1], (2,) * 6, mode="replicate"), 5, 1)
        detail = torch.cat([bands[:, :1] - mean, bands[:, 1:]], 1)
        flag = functional.avg_pool3d(rician, self.stride, self.stride)
        level = functional.avg_pool3d(image, self.stride, self.stride).clamp(0, LEVEL) / LEVEL
        fine = self.stem(torch.cat([detail.clamp(-4, 4), torch.asinh(detail), flag * level, flag], 1))
        fine = self.fine(fine)
        middle = self.middle(self.down[0](fine))
        coarse = self.coarse(self.down[1](middle))
        middle = self.middle_again(middle + self.up[1](coarse))
        return self.head(self.fine_again(fine + self.up[0](middle)))
