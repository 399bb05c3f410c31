"""What the frozen blocks make of views: computed once, trained on by the networks of every block of numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from plugins.diagnose_brain_tumour.networks import NONE, TYPES, TumourFinder, TypeReader
from plugins.diagnose_brain_tumour.views import SCALES
from plugins.training.loop import autocast

from .degradation import Random
from .drawn_samples import SampleSource
from .labelled_slices import LabelledSlices

HEAD_COPIES, CROP_COPIES, EMPTY_COPIES = 3, 6, 2  # views of a slice
NO_TUMOUR = 0.2  # share of a batch


Rows: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True)
class FeatureBank:
    """Tensors [slices, copies, ...]: features of half precision first, then truth, if it is not one for all copies."""

    parts: dict[str, Tensor]

    def take(self, name: str, rows: Rows, copies: Rows) -> Tensor:
        """[n, ...] of some copies of some slices."""
        taken = self.parts[name][torch.from_numpy(rows), torch.from_numpy(copies)].float()
        return taken.contiguous(memory_format=torch.channels_last) if taken.dim() == 4 else taken

    def draw_heads(self, rows: Rows, rng: Random) -> tuple[list[Tensor], Tensor, Tensor]:
        """Features, heat and boxes for finder_loss."""
        copies = rng.integers(HEAD_COPIES, size=len(rows))
        early, middle, heat, boxes = (self.take(name, rows, copies) for name in ("early", "middle", "heat", "boxes"))
        return [early, middle], heat, boxes

    def draw_crops(self, rows: Rows, types: Rows, rng: Random) -> tuple[list[Tensor], Tensor]:
        """Features and types for reader_loss; `types` are those of the slices."""
        empty = rng.random(len(rows)) < NO_TUMOUR
        copies = rng.integers(CROP_COPIES, size=len(rows))
        copies[empty] = CROP_COPIES + rng.integers(EMPTY_COPIES, size=empty.sum())
        return [self.take("crops", rows, copies)], torch.from_numpy(np.where(empty, NONE, types))


def draw_rows(types: Rows, rows: Rows, count: int, rng: Random) -> Rows:
    """So many of some slices, the types equally often."""
    kinds = [rows[types[rows] == kind] for kind in range(len(TYPES))]
    return np.array([rng.choice(kinds[n]) for n in rng.integers(len(TYPES), size=count)])


def _kept(path: Path, make: Callable[[], dict[str, Tensor]]) -> FeatureBank:
    if not path.exists():
        save_file(make(), path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)
    return FeatureBank(load_file(path))


@torch.inference_mode()
def head_bank(path: Path, net: TumourFinder, slices: LabelledSlices, seed: int) -> FeatureBank:
    """Views of whole heads, kept in a file."""

    def make() -> dict[str, Tensor]:
        source = SampleSource(slices)
        out: dict[str, list[Tensor]] = {"early": [], "middle": [], "heat": [], "boxes": []}
        for row in range(len(source.heads)):
            rng: Random = np.random.default_rng((seed, row))
            drawn = [source.draw_head(row, rng) for _ in range(HEAD_COPIES)]
            views, heat, boxes = (torch.stack(part) for part in zip(*drawn, strict=True))
            with autocast("cpu"):
                early, middle = net.frozen(views.to(memory_format=torch.channels_last))
            for name, value in zip(out, (early, middle, heat, boxes), strict=True):
                out[name].append(value.half() if name != "boxes" else value)
        return {name: torch.stack(values).contiguous() for name, values in out.items()}

    return _kept(path, make)


@torch.inference_mode()
def crop_bank(path: Path, net: TypeReader, slices: LabelledSlices, seed: int) -> FeatureBank:
    """Small views, those of the tumour first, kept in a file."""

    def make() -> dict[str, Tensor]:
        source, out = SampleSource(slices), []
        for row in range(len(source.heads)):
            rng: Random = np.random.default_rng((seed, row))
            views = [source.draw_crop(row, n % len(SCALES), rng) for n in range(CROP_COPIES)]
            views += [source.draw_empty_crop(row, n % len(SCALES), rng) for n in range(EMPTY_COPIES)]
            with autocast("cpu"):
                out.append(net.frozen(torch.stack(views).to(memory_format=torch.channels_last))[0].half())
        return {"crops": torch.stack(out).contiguous()}

    return _kept(path, make)
