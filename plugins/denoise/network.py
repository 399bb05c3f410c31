"""The network: a residual U-Net that says what is noise in the Haar bands of an image (see haar_transform.py).

Residual blocks (He et al., CVPR 2016) in a U (Ronneberger et al., MICCAI 2015) without normalisation layers, as DRUNet
(Zhang et al., TPAMI 2021). Dividing the image by its noise level first makes one network serve every scale of values.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from .haar_transform import FLAT, SOLID

LARGE = 4.0  # times the noise: beyond, a value is told by its asinh only


class Block(nn.Module):
    """x + conv(relu(conv(x)))."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.first = nn.Conv3d(channels, hidden, 3, padding=1)
        self.second = nn.Conv3d(hidden, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """[n, c, k, j, i] to the same shape."""
        change: Tensor = self.second(functional.relu(self.first(x)))
        return x + change


class HaarDenoiser(nn.Module):
    """[n, bands + 2, k, j, i] (haar_transform.channels) to the noise [n, bands, k, j, i]. Sides are multiples of 4.

    flat: for thick slices, halved in their plane only; then k may be any. widths: channels between the blocks, from
    fine to coarse. hidden: those inside each block, in rows from fine to coarse and back; two blocks a row, as wide
    inside as outside by default.
    """

    def __init__(
        self,
        flat: bool = False,
        widths: tuple[int, int, int] = (64, 128, 128),
        hidden: Sequence[Sequence[int]] | None = None,
    ) -> None:
        super().__init__()
        stride = FLAT if flat else SOLID
        self.bands = 4 if flat else 8
        first, second, third = widths
        self.stem = nn.Conv3d(2 * self.bands + 2, first, 3, padding=1)
        self.down = nn.ModuleList([nn.Conv3d(first, second, stride, stride), nn.Conv3d(second, third, stride, stride)])
        self.up = nn.ModuleList(
            [nn.ConvTranspose3d(second, first, stride, stride), nn.ConvTranspose3d(third, second, stride, stride)]
        )
        across = (*widths, second, first)
        inside = hidden or [(width, width) for width in across]
        rows = [nn.Sequential(*(Block(n, m) for m in row)) for n, row in zip(across, inside, strict=True)]
        self.fine, self.middle, self.coarse, self.middle_again, self.fine_again = rows
        self.head = nn.Conv3d(first, self.bands, 3, padding=1)
        nn.init.normal_(self.head.weight, std=0.02)
        if self.head.bias is not None:
            nn.init.zeros_(self.head.bias)

    def forward(self, x: Tensor) -> Tensor:
        """[n, bands + 2, k, j, i] to the noise [n, bands, k, j, i]."""
        bands, level = x[:, : self.bands], x[:, self.bands :]
        fine = self.fine(self.stem(torch.cat([bands.clamp(-LARGE, LARGE), torch.asinh(bands), level], 1)))
        middle = self.middle(self.down[0](fine))
        coarse = self.coarse(self.down[1](middle))
        middle = self.middle_again(middle + self.up[1](coarse))
        bands_of_noise: Tensor = self.head(self.fine_again(fine + self.up[0](middle)))
        return bands_of_noise
