"""EfficientNet-Lite0 for grey slices, its batch normalisation folded into the convolutions."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

# repeats, kernel, stride, expansion, channels (Tan and Le, ICML 2019, table 1; "lite": no squeeze-excitation, ReLU6)
STAGES = ((1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192))
STEM = 32  # channels
LEVELS = (5, 11, 15)  # blocks whose features are given out: strides 8, 16 and 32
CHANNELS = (40, 112, 192)  # of them


class SameConv(nn.Conv2d):
    """A convolution padded as TensorFlow pads: at stride 2 one more below and to the right; even sizes only."""

    def forward(self, x: Tensor) -> Tensor:
        """[n, channels, rows, columns], the last two divided by the stride."""
        size, step = int(self.kernel_size[0]), int(self.stride[0])
        padding = size // 2 if step == 1 else 0  # torch pads both sides alike, and faster
        if step > 1:
            before = (size - step) // 2
            x = functional.pad(x, (before, size - step - before) * 2)
        answer: Tensor = functional.conv2d(x, self.weight, self.bias, step, padding, 1, self.groups)
        return answer


class MBConv(nn.Module):
    """Inverted residual bottleneck (Sandler et al., CVPR 2018)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.expand = nn.Conv2d(inputs, wide, 1) if expansion > 1 else None
        self.depthwise = SameConv(wide, wide, kernel, stride, groups=wide)
        self.project = nn.Conv2d(wide, outputs, 1)
        self.skips = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Features in, features out."""
        wide = x if self.expand is None else functional.relu6(self.expand(x), inplace=True)
        y: Tensor = self.project(functional.relu6(self.depthwise(wide), inplace=True))
        return x + y if self.skips else y


class Backbone(nn.Module):
    """Features of grey slices at strides 8, 16 and 32.

    Method: EfficientNet-Lite0 to its 15th block. The weights that training starts with are those of ImageNet
    (start_weights.py); with them, untouched, it is also the frozen network that the input gate measures distances in.
    """

    def __init__(self, blocks: int = 15) -> None:
        """Of the first 15 blocks, or 11: then without stride 32."""
        super().__init__()
        self.stem = SameConv(1, STEM, 3, 2)
        chain, inputs = [], STEM
        for repeats, kernel, stride, expansion, outputs in STAGES:
            for n in range(repeats):
                chain.append(MBConv(inputs, outputs, kernel, stride if n == 0 else 1, expansion))
                inputs = outputs
        self.blocks = nn.ModuleList(chain[:blocks])

    def first(self, views: Tensor, blocks: int) -> list[Tensor]:
        """Views [n, 1, rows, columns] of 0..1, sides divisible by 32 -> what `next` gives of so many blocks."""
        return self.next(functional.relu6(self.stem((views * 255 - 127) / 128)), 0, blocks)

    def next(self, x: Tensor, begin: int, end: int | None = None) -> list[Tensor]:
        """Features after each block of LEVELS among those from `begin` to `end`, and those after the last block."""
        features = []
        for n, block in enumerate(self.blocks[begin:end], begin + 1):
            x = block(x)
            if n in LEVELS:
                features.append(x)
        return features if features and features[-1] is x else [*features, x]

    def forward(self, views: Tensor) -> list[Tensor]:
        """Features at strides 8, 16 and 32."""
        return self.first(views, len(self.blocks))


def fold(weight: Tensor, scale: Tensor, shift: Tensor, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution that does what it and the batch normalisation behind it did."""
    factor = scale / torch.sqrt(variance + 1e-3)
    return weight * factor[:, None, None, None], shift - mean * factor
