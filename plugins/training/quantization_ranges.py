"""The ranges in which a trained network's convolutions may round their input to 8-bit integers.

For each the one whose rounding errs least, in the mean square, on images to train on: a few outliers are cut off, and
all other values get finer steps (Nagel et al., arXiv 2106.08295, section 3.1).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import torch
from torch import Tensor, nn

from .hooks import watch

CONVOLUTIONS = (nn.Conv3d, nn.ConvTranspose3d)
SAMPLES = 20_000  # values of each convolution's input in each batch
SHARES = torch.linspace(0.05, 1, 60)  # of the largest value seen: the ranges that are tried


def ranges(net: nn.Module, batches: Iterable[Tensor], exact: Collection[str]) -> dict[str, tuple[float, float]]:
    """By the convolution's name; those that stay exact have none. From 0 where no input is negative, else around it."""
    names = [name for name, part in net.named_modules() if isinstance(part, CONVOLUTIONS) and name not in exact]
    seen: dict[str, list[Tensor]] = {name: [] for name in names}
    generator = torch.Generator().manual_seed(0)

    def look(name: str, values: Tensor) -> None:
        drawn = values.flatten()[torch.randint(values.numel(), (SAMPLES,), generator=generator)]
        seen[name].append(torch.cat([drawn, values.min()[None], values.max()[None]]))

    watch(net, names, batches, look)
    return {name: _range(torch.cat(values)) for name, values in seen.items()}


def _range(values: Tensor) -> tuple[float, float]:
    signed = bool((values < 0).any())
    steps, lowest = (127, -128) if signed else (255, 0)
    tried = SHARES * float(values.abs().max())
    errors = [
        (torch.clamp((values / high * steps).round(), lowest, steps) * high / steps - values).square().mean()
        for high in tried
    ]
    high = round(float(tried[int(torch.stack(errors).argmin())]), 4)
    return (-high if signed else 0.0), high
