"""SynthMorph: a velocity field by one pass through a network, with weights from the user's own file.

Hoffmann et al., "SynthMorph: learning contrast-invariant registration without acquired images", IEEE TMI 2022
(doi 10.1109/TMI.2021.3116879). The network and the order of its steps are those of VxmDense in voxelmorph 0.2
(Apache-2.0), whose files tell their layers by name. Images are [1, k, j, i], fields [3, k, j, i] in voxels.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from .keras_weights import Convolutions

LAYER = re.compile(r".*_unet_(enc|dec|dec_final)_conv_(\d{1,2})(?:_(\d{1,2}))?")
FLOW = "_flow"
SLOPE = 0.2  # of the leaky rectifiers
SLICES = 8  # computed at a time where a whole layer is not kept
MOST_STEPS, MOST_COARSE, MOST_SIDE = 16, 8, 512
Shape = tuple[int, int, int]
Layer = tuple[Tensor, Tensor]  # kernel [out, in, k, j, i] and bias


@dataclass(frozen=True)
class Network:
    """A VxmDense. encoder, decoder: the convolutions of each level, the finest first. final: those after them.

    shape: of the images. steps: squarings of the field. coarse: voxels along one of the velocities; between: of those
    that they are integrated on.
    """

    encoder: list[list[Layer]]
    decoder: list[list[Layer]]
    final: list[Layer]
    flow: Layer
    shape: Shape
    steps: int
    coarse: int
    between: int

    @classmethod
    def of(cls, settings: dict[str, Any], layers: Convolutions) -> Network:
        """The network of a file. Raises ValueError, with what does not fit, where it is no VxmDense."""
        parts: dict[str, dict[tuple[int, int], Layer]] = {"enc": {}, "dec": {}, "dec_final": {}}
        for name, layer in layers.items():
            if match := LAYER.fullmatch(name):
                parts[match[1]][int(match[2]), int(match[3] or 0)] = layer
        flows = [layer for name, layer in layers.items() if name.endswith(FLOW)]
        depth = 1 + max((level for level, _ in parts["enc"]), default=-1)
        encoder, decoder = ([_layers_of_level(parts[part], level) for level in range(depth)] for part in ("enc", "dec"))
        if not depth or len(flows) != 1 or not all(encoder) or not all(decoder):
            raise ValueError("it has not the layers of a U-Net with one field at its end")
        if any(settings.get(name) for name in ("hyp_model", "use_probs", "int_downsize", "unet_half_res")):
            raise ValueError("it is of a kind that is not known here")
        shape = tuple(_integer(settings, "inshape", MOST_SIDE, n) for n in range(3))
        coarse, between = (_integer(settings, name, MOST_COARSE) for name in ("svf_resolution", "int_resolution"))
        net = cls(
            encoder, decoder, [parts["dec_final"][key] for key in sorted(parts["dec_final"])], flows[0],
            (shape[0], shape[1], shape[2]), _integer(settings, "int_steps", MOST_STEPS), coarse, between,
        )  # fmt: skip
        net._check()
        return net

    @property
    def floats(self) -> int:
        """Numbers that its widest layer takes and gives."""
        kept = list(enumerate(self.encoder))[self._unused_levels :]
        ends = [(self._unused_levels, self.final), *kept, *enumerate(self.decoder, 1)]
        counts: list[float] = [sum(kernel.shape[:2]) / 8**level for level, row in ends for kernel, _ in row]
        return round(max(counts) * self.shape[0] * self.shape[1] * self.shape[2])

    def to(self, device: str) -> Network:
        """The same on a device."""

        def there(row: list[Layer]) -> list[Layer]:
            return [(kernel.to(device), bias.to(device)) for kernel, bias in row]

        encoder, decoder = ([there(row) for row in rows] for rows in (self.encoder, self.decoder))
        return replace(self, encoder=encoder, decoder=decoder, final=there(self.final), flow=there([self.flow])[0])

    def displacement(self, moving: Tensor, fixed: Tensor, tell: Callable[[float], None]) -> Tensor:
        """Voxel x of the fixed image lies at x + u(x) of the moving one. tell: gets 0…1 between layers."""
        field = self._velocities(torch.stack((moving[0], fixed[0]))[None], tell)
        for size in (self.coarse, self.between):
            field = _rescale(field, self._at(size))
        field = field / 2**self.steps
        for _ in range(self.steps):
            field = field + _warp(field, field)
        return _rescale(field, self.shape)[0]

    def _velocities(self, x: Tensor, tell: Callable[[float], None]) -> Tensor:
        skips: list[Tensor | None] = []
        count, done = sum(map(len, [*self.encoder, *self.decoder, self.final])), 0

        def apply(x: Tensor, row: list[Layer]) -> Tensor:
            nonlocal done
            for kernel, bias in row:
                tell(done / count)
                done += 1
                x = functional.leaky_relu_(functional.conv3d(x, kernel, bias, padding=1), SLOPE)
            return x

        for level, row in enumerate(self.encoder):
            if level < self._unused_levels:
                skips.append(None)
                x = _conv_and_pool(apply(x, row[:-1]), *row[-1])
            else:
                x = apply(x, row)
                skips.append(x)
                x = functional.max_pool3d(x, 2)
        for level in reversed(range(len(self.decoder))):
            x, skip = apply(x, self.decoder[level]), skips.pop()
            if skip is not None:
                x = torch.cat((functional.interpolate(x, scale_factor=2), skip), 1)
        return functional.conv3d(apply(x, self.final), *self.flow, padding=1)

    @property
    def _unused_levels(self) -> int:
        """How many of the finest levels the field does not reach."""
        return self.coarse.bit_length() - 1

    def _at(self, size: int) -> Shape:
        k, j, i = (round(n / size) for n in self.shape)
        return k, j, i

    def _check(self) -> None:
        """That channels follow on each other, and that every halving comes out even."""
        if any(n % 2 ** len(self.encoder) for n in self.shape):
            raise ValueError("the sides of its images cannot be halved as often as it does")
        if self.coarse.bit_count() > 1 or self.coarse > 2 ** len(self.encoder):
            raise ValueError("its velocities lie on a lattice that it does not reach")
        channels, skips = 2, []
        for row in self.encoder:
            channels = _output_channels(channels, row)
            skips.append(channels)
        for level in reversed(range(len(self.decoder))):
            channels = _output_channels(channels, self.decoder[level])
            channels += skips[level] if level >= self._unused_levels else 0
        if _output_channels(_output_channels(channels, self.final), [self.flow]) != 3:
            raise ValueError("its field has not three components")


def _conv_and_pool(x: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    """A layer and the halving after it, some slices at a time: nothing of its full size, which is vast, is kept."""
    wide = functional.pad(x, (0, 0, 0, 0, 1, 1))
    parts = [wide[:, :, k : k + SLICES + 2] for k in range(0, x.shape[2], SLICES)]
    made = (functional.leaky_relu_(functional.conv3d(one, kernel, bias, padding=(0, 1, 1)), SLOPE) for one in parts)
    return torch.cat([functional.max_pool3d(one, 2) for one in made], 2)


def _layers_of_level(layers: dict[tuple[int, int], Layer], level: int) -> list[Layer]:
    return [layers[key] for key in sorted(layers) if key[0] == level]


def _integer(settings: dict[str, Any], name: str, most: int, place: int | None = None) -> int:
    value = settings.get(name)
    if place is not None:
        value = value[place] if isinstance(value, list) and len(value) == 3 else None
    if not isinstance(value, int) or not 1 <= value <= most:
        raise ValueError(f"its {name} is not a number from 1 to {most}")
    return value


def _output_channels(channels: int, row: list[Layer]) -> int:
    for kernel, bias in row:
        if kernel.shape[1:] != (channels, 3, 3, 3) or len(bias) != len(kernel):
            raise ValueError("its layers do not follow on each other")
        channels = len(kernel)
    return channels


def _rescale(field: Tensor, shape: Shape) -> Tensor:
    """On another lattice, in voxels of that. As voxelmorph does it: the middles of the first and last voxels stay."""
    before = field.shape[2:]
    if before == shape:
        return field
    return functional.interpolate(field, shape, mode="trilinear", align_corners=True) * (shape[0] / before[0])


def _warp(image: Tensor, field: Tensor) -> Tensor:
    """An image [1, c, k, j, i] at x + field(x); beyond its border, as on it."""
    axes = [torch.arange(n, dtype=field.dtype, device=field.device) for n in field.shape[2:]]
    places = torch.stack(torch.meshgrid(*axes, indexing="ij")) + field[0]
    halves = torch.tensor([max(n - 1, 1) / 2 for n in image.shape[2:]], dtype=field.dtype, device=field.device)
    at = (places / halves[:, None, None, None] - 1).flip(0).movedim(0, -1)[None]
    return functional.grid_sample(image, at, padding_mode="border", align_corners=True)
