"""The network that answers prompts: a residual U-Net on a grid twice as coarse as its input.

Space-to-depth at the input and sub-voxel logits at the output (Shi et al., CVPR 2016) keep every voxel at an eighth of
the cost. The answers of the marker watershed and of the random walker to the same prompts are inputs, and what the
network adds to them is what is trained: it begins where the classical methods end. Without normalisation layers there
is nothing to fold.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .prompt_channels import CHANNELS, CLASSICAL


class Block(nn.Module):
    """x + conv(relu(conv(relu(x)))), which begins as x (Zhang et al., Fixup, ICLR 2019)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv3d(channels, channels, 3, padding=1)
        self.second = nn.Conv3d(channels, channels, 3, padding=1)
        nn.init.kaiming_normal_(self.first.weight)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        """[n, c, k, j, i], changed by what two convolutions find."""
        change: Tensor = self.second(functional.relu(self.first(functional.relu(x))))
        return x + change


class PromptNet(nn.Module):
    """[n, 8, k, j, i] (prompt_channels.channels) to logits [n, 1, k, j, i]. Sides are multiples of 8."""

    def __init__(self, widths: tuple[int, int, int] = (32, 64, 96)) -> None:
        super().__init__()
        first, second, third = widths
        self.stem = nn.Conv3d(8 * len(CHANNELS), first, 3, padding=1)
        self.down = nn.ModuleList([nn.Conv3d(first, second, 2, 2), nn.Conv3d(second, third, 2, 2)])
        self.up = nn.ModuleList([nn.ConvTranspose3d(second, first, 2, 2), nn.ConvTranspose3d(third, second, 2, 2)])
        rows = [nn.Sequential(Block(n), Block(n)) for n in (*widths, second, first)]
        self.fine, self.middle, self.coarse, self.middle_again, self.fine_again = rows
        self.head = nn.Conv3d(first, 8, 3, padding=1)
        for part in (self.stem, *self.down, *self.up):
            nn.init.kaiming_normal_(part.weight, nonlinearity="linear")
        nn.init.normal_(self.head.weight, std=0.003)
        self.trust = nn.Parameter(torch.ones(2))  # in each of the methods without training

    def forward(self, x: Tensor) -> Tensor:
        """Logits [n, 1, k, j, i] of the channels [n, 8, k, j, i]."""
        fine = self.fine(self.stem(_space_to_depth(x)))
        middle = self.middle(self.down[0](fine))
        coarse = self.coarse(self.down[1](middle))
        middle = self.middle_again(middle + self.up[1](coarse))
        change = self.head(self.fine_again(fine + self.up[0](middle)))
        known = (2 * x[:, CLASSICAL] - 1) * self.trust.view(1, -1, 1, 1, 1)
        return _depth_to_space(change) + known.sum(1, keepdim=True)


def _space_to_depth(x: Tensor) -> Tensor:
    n, c, k, j, i = x.shape
    parts = x.reshape(n, c, k // 2, 2, j // 2, 2, i // 2, 2).permute(0, 1, 3, 5, 7, 2, 4, 6)
    return parts.reshape(n, 8 * c, k // 2, j // 2, i // 2).contiguous(memory_format=torch.channels_last_3d)


def _depth_to_space(x: Tensor) -> Tensor:
    n, _, k, j, i = x.shape
    return x.reshape(n, 1, 2, 2, 2, k, j, i).permute(0, 1, 5, 2, 6, 3, 7, 4).reshape(n, 1, 2 * k, 2 * j, 2 * i)
