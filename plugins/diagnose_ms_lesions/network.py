"""The network that finds lesions: a residual U-Net on blocks of 2×2×2 voxels (Shi et al., CVPR 2016).

It has no normalization layers: what a network with them learns on tiles full of brain it forgets on a whole image, most
of which is black.
"""

from __future__ import annotations

from torch import Tensor, nn

from plugins.segment_brain.network import BLOCK, from_blocks, to_blocks
from plugins.segment_prompt.network import Block

INPUTS = 4  # brain_image.inputs
MULTIPLE = 8  # of the sides of what it is given
RARE = -4.0  # logit that it begins with: most voxels are no lesion


class LesionNet(nn.Module):
    """[n, 4, k, j, i] (brain_image.inputs) to logits [n, 1, k, j, i] of a lesion. Sides are multiples of MULTIPLE."""

    def __init__(self, widths: tuple[int, int, int] = (32, 56, 96)) -> None:
        super().__init__()
        first, second, third = widths
        self.stem = nn.Conv3d(INPUTS * BLOCK**3, first, 3, padding=1)
        self.down = nn.ModuleList([nn.Conv3d(first, second, 2, 2), nn.Conv3d(second, third, 2, 2)])
        self.up = nn.ModuleList([nn.ConvTranspose3d(second, first, 2, 2), nn.ConvTranspose3d(third, second, 2, 2)])
        self.fine, self.fine_again = Block(first), nn.Sequential(Block(first), Block(first))
        self.middle, self.middle_again = (nn.Sequential(Block(second), Block(second)) for _ in range(2))
        self.coarse = nn.Sequential(Block(third), Block(third))
        self.head = nn.Conv3d(first, BLOCK**3, 1)
        for part in (self.stem, *self.down, *self.up):
            nn.init.kaiming_normal_(part.weight, nonlinearity="linear")
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.constant_(self.head.get_parameter("bias"), RARE)

    def forward(self, x: Tensor) -> Tensor:
        """Logits [n, 1, k, j, i] of the inputs [n, 4, k, j, i]."""
        fine = self.fine(self.stem(to_blocks(x)))
        middle = self.middle(self.down[0](fine))
        coarse = self.coarse(self.down[1](middle))
        middle = self.middle_again(middle + self.up[1](coarse))
        return from_blocks(self.head(self.fine_again(fine + self.up[0](middle))), 1)
