"""What scanners, windows and files do to a view, at random."""

from __future__ import annotations

import io
from typing import TypeAlias

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

Random: TypeAlias = np.random.Generator


def degrade(view: Tensor, rng: Random) -> Tensor:
    """A view [1, n, n] of 0..1 with another contrast, shading, sharpness, noise and compression."""
    n = view.shape[-1]
    view = view.clamp(1e-4, 1) ** float(np.exp(rng.normal(0, 0.25)))
    if rng.random() < 0.5:
        shading = torch.from_numpy(rng.normal(0, 0.15, (1, 1, 3, 3)).astype(np.float32))
        view = view * functional.interpolate(shading, (n, n), mode="bicubic", align_corners=True)[0].exp()
    if rng.random() < 0.3:
        weak = functional.avg_pool2d(view[None], 3, 1, 1)[0]
        view = torch.lerp(view, weak, float(rng.uniform(-0.6, 1)))
    if rng.random() < 0.4:
        view = view + float(rng.uniform(0, 0.05)) * torch.from_numpy(rng.standard_normal((1, n, n), np.float32))
    view = view.clamp(0, 1)
    return compress(view, int(rng.integers(15, 80))) if rng.random() < 0.2 else view


def compress(view: Tensor, quality: int) -> Tensor:
    """As it comes back from a JPEG file."""
    file = io.BytesIO()
    Image.fromarray((view[0] * 255).round().byte().numpy()).save(file, "JPEG", quality=quality)
    return torch.from_numpy(np.asarray(Image.open(file), np.float32) / 255)[None]


def mild_copy(view: Tensor, rng: Random) -> Tensor:
    """What an input gate should pass: mirrored, brighter or darker, a little noise, compressed."""
    view = view.flip(2) if rng.random() < 0.6 else view
    view = view * float(rng.uniform(0.85, 1.15))
    if rng.random() < 0.4:
        noise = torch.from_numpy(rng.standard_normal(tuple(view.shape), np.float32))
        view = view + float(rng.uniform(0, 0.03)) * noise
    view = view.clamp(0, 1)
    return compress(view, int(rng.integers(15, 70))) if rng.random() < 0.6 else view
