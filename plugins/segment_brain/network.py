"""The network: a U-Net that sees blocks of 2×2×2 voxels and answers for each voxel of them.

Space-to-depth at the input and sub-voxel logits at the output (Shi et al., CVPR 2016) let everything between run at an
eighth of the voxels. Left and right are one class: which side it is, is a logit of its own, so that a structure is
learnt from both.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

BLOCK = 2  # voxels along each side


class InstanceNorm(nn.InstanceNorm3d):
    """Of one image in training it is what batch normalization does, which spares two copies of it."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        """[n, c, k, j, i], each channel of each image with mean 0 and variance 1, scaled and shifted."""
        if self.training and len(x) == 1:
            return functional.batch_norm(x, None, None, self.weight, self.bias, training=True)
        return super().forward(x)


class ConvBlock(nn.Sequential):
    """Twice: convolution, instance normalization, ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        parts: list[nn.Module] = []
        for n in (inputs, outputs):
            parts += [nn.Conv3d(n, outputs, 3, padding=1, bias=False), InstanceNorm(outputs), nn.ReLU(inplace=True)]
        super().__init__(*parts)


class SubvoxelUNet(nn.Module):
    """[n, inputs, k, j, i] to logits [n, outputs, k, j, i]. Sides are multiples of `multiple`.

    widths: channels from fine to coarse; each level has half the voxels a side of the one before.
    """

    def __init__(self, inputs: int, outputs: int, widths: Sequence[int] = (32, 64, 128, 128)) -> None:
        super().__init__()
        self.outputs, self.multiple = outputs, BLOCK * 2 ** (len(widths) - 1)
        steps = list(pairwise(widths))
        self.stem = ConvBlock(inputs * BLOCK**3, widths[0])
        self.down = nn.ModuleList([nn.Conv3d(fine, coarse, 2, 2) for fine, coarse in steps])
        self.encode = nn.ModuleList([ConvBlock(coarse, coarse) for _, coarse in steps])
        self.up = nn.ModuleList([nn.ConvTranspose3d(coarse, fine, 2, 2) for fine, coarse in steps])
        self.decode = nn.ModuleList([ConvBlock(fine, fine) for fine, _ in steps])
        self.widen = ConvBlock(widths[0], 2 * widths[0])  # so few channels cannot tell eight voxels apart
        self.head = nn.Conv3d(2 * widths[0], outputs * BLOCK**3, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Logits [n, outputs, k, j, i] of images [n, inputs, k, j, i]."""
        return from_blocks(self.head(self.features(image)), self.outputs)

    def features(self, image: Tensor) -> Tensor:
        """[n, 2 × widths[0], k / 2, j / 2, i / 2], from which the head tells the logits of each block."""
        x = self.stem(to_blocks(image))
        skips = []
        for down, encode in zip(self.down, self.encode, strict=True):
            skips.append(x)
            x = encode(down(x))
        for skip, up, decode in zip(skips[::-1], reversed(self.up), reversed(self.decode), strict=True):
            x = decode(skip + up(x))
        widened: Tensor = self.widen(x)
        return widened

    def logits(self, features: Tensor) -> Tensor:
        """Of chosen blocks [blocks, 8, outputs]; features: [blocks, 2 × widths[0]]."""
        found = functional.linear(features, self.head.weight.flatten(1), self.head.bias)
        return found.view(-1, BLOCK**3, self.outputs)


def to_blocks(x: Tensor) -> Tensor:
    """[n, c, k, j, i] to [n, 8 × c, k / 2, j / 2, i / 2]: the voxel of the block is the slower index."""
    n, c, *sides = x.shape
    k, j, i = (side // BLOCK for side in sides)
    x = x.view(n, c, k, BLOCK, j, BLOCK, i, BLOCK).permute(0, 3, 5, 7, 1, 2, 4, 6)
    return x.reshape(n, BLOCK**3 * c, k, j, i)


def from_blocks(x: Tensor, channels: int) -> Tensor:
    """The way back."""
    n, _, k, j, i = x.shape
    x = x.view(n, BLOCK, BLOCK, BLOCK, channels, k, j, i).permute(0, 4, 5, 1, 6, 2, 7, 3)
    return x.reshape(n, channels, BLOCK * k, BLOCK * j, BLOCK * i)
