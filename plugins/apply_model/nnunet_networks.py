"""The two networks of nnU-Net v2, with the parameter names of its checkpoints.

Isensee et al., Nature Methods 2021; Isensee et al., MICCAI 2024 (residual encoder); the blocks as the package
dynamic-network-architectures (Apache-2.0) describes them. The heads of deep supervision are left out.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

Size = tuple[int, int, int]


@dataclass(frozen=True)
class Design:
    """A network. residual: of the encoder. Per stage: features, kernels, strides, blocks; decoder: convolutions.

    bias: of convolutions, eps and affine: of the instance norms; slope: of the leaky ReLU, 0 for ReLU.
    """

    residual: bool
    channels: int
    classes: int
    features: tuple[int, ...]
    kernels: tuple[Size, ...]
    strides: tuple[Size, ...]
    blocks: tuple[int, ...]
    decoder: tuple[int, ...]
    bias: bool = True
    eps: float = 1e-5
    affine: bool = True
    slope: float = 0.01


class Conv(nn.Sequential):
    """Convolution, instance norm and, unless it is the last of a residual block, activation."""

    def __init__(
        self,
        design: Design,
        in_channels: int,
        out_channels: int,
        kernel: Size,
        stride: Size,
        bias: bool,
        last: bool = False,
    ) -> None:
        k, j, i = kernel
        parts: OrderedDict[str, nn.Module] = OrderedDict(
            conv=nn.Conv3d(in_channels, out_channels, kernel, stride, (k // 2, j // 2, i // 2), bias=bias),
            norm=nn.InstanceNorm3d(out_channels, eps=design.eps, affine=design.affine),
        )
        if not last:
            parts["nonlin"] = nn.LeakyReLU(design.slope)
        super().__init__(parts)


class Convs(nn.Module):
    """Several of them; only the first has the stride."""

    def __init__(
        self, design: Design, in_channels: int, out_channels: int, kernel: Size, stride: Size, count: int
    ) -> None:
        super().__init__()
        self.convs = nn.Sequential(
            *(
                Conv(
                    design,
                    out_channels if n else in_channels,
                    out_channels,
                    kernel,
                    (1, 1, 1) if n else stride,
                    design.bias,
                )
                for n in range(count)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        """[n, c, k, j, i] to [n, c', k', j', i']."""
        result: Tensor = self.convs(x)
        return result


class Block(nn.Module):
    """The basic block of ResNet-D (He et al., CVPR 2019): its skip is pooled, then convolved."""

    def __init__(self, design: Design, in_channels: int, out_channels: int, kernel: Size, stride: Size) -> None:
        super().__init__()
        self.conv1 = Conv(design, in_channels, out_channels, kernel, stride, design.bias)
        self.conv2 = Conv(design, out_channels, out_channels, kernel, (1, 1, 1), design.bias, last=True)
        self.nonlin2 = nn.LeakyReLU(design.slope)
        skip: list[nn.Module] = [nn.AvgPool3d(stride, stride)] if max(stride) > 1 else []
        if in_channels != out_channels:
            skip.append(Conv(design, in_channels, out_channels, (1, 1, 1), (1, 1, 1), False, last=True))
        self.skip = nn.Sequential(*skip)

    def forward(self, x: Tensor) -> Tensor:
        """[n, c, k, j, i] to [n, c', k', j', i']."""
        result: Tensor = self.nonlin2(self.conv2(self.conv1(x)) + self.skip(x))
        return result


class Blocks(nn.Module):
    """Several of them; only the first has the stride."""

    def __init__(
        self, design: Design, in_channels: int, out_channels: int, kernel: Size, stride: Size, count: int
    ) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            *(
                Block(design, out_channels if n else in_channels, out_channels, kernel, (1, 1, 1) if n else stride)
                for n in range(count)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        """[n, c, k, j, i] to [n, c', k', j', i']."""
        result: Tensor = self.blocks(x)
        return result


class Encoder(nn.Module):
    """Gives the result of every stage, the finest first."""

    def __init__(self, design: Design) -> None:
        super().__init__()
        in_channels = design.channels
        self.stem: nn.Module = nn.Identity()
        if design.residual:
            self.stem = Convs(design, in_channels, design.features[0], design.kernels[0], (1, 1, 1), 1)
            in_channels = design.features[0]
        stages: list[nn.Module] = []
        for out_channels, kernel, stride, count in zip(
            design.features, design.kernels, design.strides, design.blocks, strict=True
        ):
            if design.residual:
                stages.append(Blocks(design, in_channels, out_channels, kernel, stride, count))
            else:
                stages.append(nn.Sequential(Convs(design, in_channels, out_channels, kernel, stride, count)))
            in_channels = out_channels
        self.stages = nn.ModuleList(stages)

    def forward(self, x: Tensor) -> list[Tensor]:
        """[n, c, k, j, i] to the results of all stages, the finest first."""
        x = self.stem(x)
        found = []
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return found


class Decoder(nn.Module):
    """Goes from the coarsest stage up, each finer one joined on."""

    def __init__(self, design: Design) -> None:
        super().__init__()
        stages, ups = [], []
        for place, count in enumerate(design.decoder, 1):
            below, beside, stride = design.features[-place], design.features[-place - 1], design.strides[-place]
            ups.append(nn.ConvTranspose3d(below, beside, stride, stride, bias=design.bias))
            stages.append(Convs(design, 2 * beside, beside, design.kernels[-place - 1], (1, 1, 1), count))
        self.stages, self.transpconvs = nn.ModuleList(stages), nn.ModuleList(ups)
        head = nn.Conv3d(design.features[0], design.classes, 1)
        self.seg_layers = nn.ModuleDict({str(len(design.decoder) - 1): head})

    def forward(self, found: list[Tensor]) -> Tensor:
        """The results of all stages, the finest first, to [n, classes, k, j, i]."""
        x = found[-1]
        for place, (up, stage) in enumerate(zip(self.transpconvs, self.stages, strict=True), 2):
            x = stage(torch.cat((up(x), found[-place]), 1))
        for head in self.seg_layers.values():
            x = head(x)
        return x


class UNet(nn.Module):
    """[n, c, k, j, i] to [n, classes, k, j, i]; sides are multiples of the product of the strides."""

    def __init__(self, design: Design) -> None:
        super().__init__()
        self.encoder, self.decoder = Encoder(design), Decoder(design)

    def forward(self, x: Tensor) -> Tensor:
        """[n, c, k, j, i] to the values of all classes [n, classes, k, j, i]."""
        result: Tensor = self.decoder(self.encoder(x))
        return result


def split_head(network: UNet) -> tuple[UNet, Tensor, Tensor]:
    """The network without its last layer, and the weights [classes, features] and bias [classes] of that."""
    (head,) = network.decoder.seg_layers.values()
    network.decoder.seg_layers = nn.ModuleDict()
    weights, bias = head.weight, head.bias
    assert isinstance(weights, Tensor)
    assert isinstance(bias, Tensor)
    return network, weights.detach().flatten(1), bias.detach()


def own_names(weights: dict[str, Any], last_head: str) -> dict[str, Any]:
    """The checkpoint's entries by the names above: each tensor once, without the heads of coarser stages."""
    found = {}
    for name, tensor in weights.items():
        name = name.removeprefix("module.").removeprefix("_orig_mod.")
        again = name.startswith("decoder.encoder.") or ".all_modules." in name
        other = name.startswith("decoder.seg_layers.") and not name.startswith(f"decoder.seg_layers.{last_head}.")
        if not again and not other:
            found[name] = tensor
    return found
