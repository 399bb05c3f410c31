"""Train the two networks of the brain tumour type: one tells where, the other what.

python -m plugins.diagnose_brain_tumour.train --minutes 4 --out FOLDER --start FILE.pth [--blocks 0 1 2 3 4 all]

TOMOLENS_DATA names the folder of shared data. FILE.pth: start_weights.py says where it comes from. Each block of
numbers has networks of its own, trained without it; `all` leaves none out and is what is shipped. Minutes are of a
processor, for each of the networks and in all: those before an interruption are counted. What the frozen blocks make of
the views is computed first and kept in the folder.
"""

from __future__ import annotations

import argparse
import copy
import functools
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .loss import finder_loss, reader_loss
from .networks import TumourFinder, TypeReader
from .samples.degradation import Random
from .samples.feature_bank import crop_bank, draw_rows, head_bank
from .samples.labelled_slices import BLOCKS, LabelledSlices, read_labelled_slices
from .start_weights import read_start_weights

Rows: TypeAlias = NDArray[np.int64]
Loss: TypeAlias = Callable[[nn.Module, Random], Tensor]
SEED = 20261201
RATES = (3e-4, 1.5e-3)  # of learning: the backbone, what is new
WARM_UP = 0.05  # of the training
AVERAGE = 0.995
HEADS, CROPS = 16, 32  # in a batch
PARTS = ("find", "read")
SAVE_EVERY = 60  # seconds of a processor


@dataclass
class Run:
    """The training of one network: it, the moving average of its weights, seconds and steps until now."""

    net: nn.Module
    average: nn.Module
    optimiser: torch.optim.Optimizer
    path: Path
    seconds: float = 0.0
    steps: int = 0

    def save(self) -> None:
        """All that it takes to go on; a file is whole or the one before it."""
        state = {name: getattr(self, name).state_dict() for name in ("net", "average", "optimiser")}
        beside = self.path.with_suffix(".part")
        torch.save({**state, "seconds": self.seconds, "steps": self.steps}, beside)
        beside.replace(self.path)

    def resume(self) -> None:
        """Go on with what is in the file, if there is one."""
        if self.path.exists():
            state: dict[str, Any] = torch.load(self.path, weights_only=True)
            for name in ("net", "average", "optimiser"):
                getattr(self, name).load_state_dict(state[name])
            self.seconds, self.steps = state["seconds"], state["steps"]

    def step(self, value: Tensor, part: float) -> None:
        """One of the optimiser; `part` of the training is done."""
        for group, rate in zip(self.optimiser.param_groups, RATES, strict=True):
            group["lr"] = rate * _schedule(part)
        self.optimiser.zero_grad(set_to_none=True)
        value.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.net.parameters(), 3.0)
        self.optimiser.step()
        self.steps += 1
        with torch.no_grad():
            for a, b in zip(self.average.parameters(), self.net.parameters(), strict=True):
                a.lerp_(b, 1 - min(AVERAGE, self.steps / (self.steps + 10)))


def _schedule(part: float) -> float:
    """A linear start, then a cosine to almost nothing (Loshchilov and Hutter, ICLR 2017)."""
    return min(part / WARM_UP, 1.0) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(part, 1.0))))


def begin(net: TumourFinder | TypeReader, path: Path) -> Run:
    """From the file, else from the net as it is."""
    net = copy.deepcopy(net)
    new = [p for name, p in net.named_parameters() if not name.startswith("backbone.")]
    old = list(net.backbone.blocks[net.FROZEN :].parameters())
    optimiser = torch.optim.AdamW([{"params": old}, {"params": new}], lr=RATES[0], weight_decay=0.02)
    run = Run(net, copy.deepcopy(net).eval(), optimiser, path)
    run.resume()
    return run


def train(run: Run, loss: Loss, minutes: float) -> None:
    """Until so many minutes of a processor were spent on it."""
    begun, before, mean = time.process_time(), run.seconds, 0.0
    saved = before
    run.net.train()
    while run.seconds < 60 * minutes:
        value = loss(run.net, np.random.default_rng((SEED, run.steps)))
        run.step(value, run.seconds / (60 * minutes))
        mean = value.item() if not mean else 0.98 * mean + 0.02 * value.item()
        run.seconds = before + time.process_time() - begun
        if run.seconds - saved > SAVE_EVERY or run.seconds >= 60 * minutes:
            saved = run.seconds
            run.save()
            print(f"{run.path.stem}  {run.steps:5d} steps  {run.seconds:5.0f} CPU-s  loss {mean:.3f}", flush=True)


def start_net(part: str, start: dict[str, Tensor]) -> TumourFinder | TypeReader:
    """One of the networks with the start weights, all else at random but always the same."""
    torch.manual_seed(SEED)
    net: TumourFinder | TypeReader = TumourFinder() if part == "find" else TypeReader()
    net.backbone.load_state_dict({name: start[name] for name in net.backbone.state_dict()})
    return net.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]  # torch leaves it out


def part_loss(part: str, net: Any, slices: LabelledSlices, folder: Path) -> Callable[[Rows], Loss]:
    """Loss of a batch of some rows, for one of the networks."""
    make = head_bank if part == "find" else crop_bank
    bank = make(folder / f"{part}-bank.safetensors", net, slices, SEED)

    def of_heads(rows: Rows, net: Any, rng: Random) -> Tensor:
        return finder_loss(net, *bank.draw_heads(draw_rows(slices.types, rows, HEADS, rng), rng))

    def of_crops(rows: Rows, net: Any, rng: Random) -> Tensor:
        drawn = draw_rows(slices.types, rows, CROPS, rng)
        return reader_loss(net, *bank.draw_crops(drawn, slices.types[drawn], rng))

    return lambda rows: functools.partial(of_heads if part == "find" else of_crops, rows)


def main() -> None:
    """Train for so many minutes, or go on with what is in the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", type=Path, required=True)
    parser.add_argument("--blocks", nargs="+", default=[*map(str, range(BLOCKS)), "all"])
    parser.add_argument("--parts", nargs="+", default=PARTS, choices=PARTS)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    slices, start = read_labelled_slices(Path(os.environ["TOMOLENS_DATA"])), read_start_weights(options.start)
    for part in options.parts:
        net = start_net(part, start)
        loss_of = part_loss(part, net, slices, options.out)
        for block in options.blocks:
            rows, _ = slices.split(None if block == "all" else int(block))
            train(begin(net, options.out / f"{part}-{block}.pt"), loss_of(rows), options.minutes)


if __name__ == "__main__":
    main()
