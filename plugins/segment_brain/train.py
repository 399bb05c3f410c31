"""Train the network that takes a first look at a brain.

python -m plugins.segment_brain.train --minutes 120 --out FOLDER [--start STATE] [--weights FILE]

TOMOLENS_DATA names the folder of label maps: the first eight of brain-labelmaps-synthseg are trained on, the last two
are for validation, and no real image is read. What was done before, in the folder or the state, is gone on with.
"""

from __future__ import annotations

import argparse
import copy
import math
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from plugins.training.loop import autocast, write_weights
from plugins.training.training_state import read_training_state, write_training_state

from .head_image import SPACING
from .labels import CLASSES, OUTPUTS
from .loss import loss
from .network import SubvoxelUNet
from .samples.head_maps import Random, draw_head, read_head_map
from .samples.head_samples import HELD_OUT, MAPS, Sample, Samples, draw_sample, lower_priority

SEED = 20261130
RATE, WARM_UP, FULL = 2e-3, 200, 1500  # of learning: highest; steps until then; steps until it falls with their root
AVERAGE = 0.998
DICE_FROM, PLAIN_FROM = 600, 1000  # steps until the Dice loss comes, and until classes have no weights any more
SAVE_EVERY, VALIDATE_EVERY = 60, 600  # seconds
VOLUMES = (  # ml, of the classes in the label maps
    5498, 459, 478, 32, 1.8, 30, 112, 15, 7.5, 10, 2.9, 6.8, 2.9, 1.0, 8.3, 3.4, 1.7, 1.9, 22, 385,
)  # fmt: skip
WEIGHTS = torch.tensor(VOLUMES) ** -0.4


@dataclass
class Run:
    """A training under way: the network, the moving average of its weights, and how many steps were made."""

    net: SubvoxelUNet
    average: SubvoxelUNet
    optimiser: torch.optim.Optimizer
    steps: int = 0

    def save(self, folder: Path) -> None:
        """All that it takes to go on; a file is whole or the one before it."""
        write_training_state(self.net, self.average, self.steps, folder / "state.safetensors")
        torch.save(self.optimiser.state_dict(), folder / "optimiser.part")
        (folder / "optimiser.part").replace(folder / "optimiser.pt")

    def step(self, sample: Sample) -> float:
        """One of the optimiser, from one sample; returns the loss."""
        self.optimiser.param_groups[0]["lr"] = rate(self.steps)
        with autocast("cpu"):
            weights = WEIGHTS if self.steps < PLAIN_FROM else torch.ones(CLASSES)
            value = loss(self.net, sample, weights, float(self.steps >= DICE_FROM))
        self.optimiser.zero_grad(set_to_none=True)
        value.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimiser.step()
        self.steps += 1
        keep = min(AVERAGE, self.steps / (self.steps + 10))
        with torch.no_grad():
            for a, b in zip(self.average.parameters(), self.net.parameters(), strict=True):
                a.lerp_(b, 1 - keep)
        return value.item()


def rate(step: int) -> float:
    """A linear start, then with the root of the steps: the end need not be known."""
    return RATE * min((step + 1) / WARM_UP, math.sqrt(FULL / max(step, FULL)))


def begin(folder: Path, start: Path | None) -> Run:
    """From the folder, else the state, else anew."""
    torch.manual_seed(SEED)
    net = SubvoxelUNet(1, OUTPUTS).to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    run = Run(net, copy.deepcopy(net).eval(), torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=1e-4))
    state = folder / "state.safetensors"
    source = state if state.exists() else start
    if source:
        run.steps = read_training_state(run.net, run.average, source)
    if source == state:
        run.optimiser.load_state_dict(torch.load(folder / "optimiser.pt", weights_only=True))
    return run


class Validation:
    """Dice of the classes on heads of the maps that are not trained on, always the same."""

    def __init__(self, data: Path) -> None:
        rng: Random = np.random.default_rng(SEED)
        heads = [draw_head(read_head_map(data / MAPS.format(n)), SPACING, rng) for n in HELD_OUT]
        self.samples = [draw_sample(head, SPACING, rng) for head in heads for _ in range(3)]

    def __call__(self, net: SubvoxelUNet) -> str:
        """Mean Dice of the held-out heads, in words."""
        dice, right = np.zeros((len(self.samples), CLASSES)), []
        for row, sample in zip(dice, self.samples, strict=True):
            with torch.inference_mode(), autocast("cpu"):
                answer = net(sample.image)[0].float()
            found, side = answer[:CLASSES].argmax(0), sample.sides
            row[:] = [_dice(found == n, sample.classes == n) for n in range(CLASSES)]
            right.append(float(((answer[CLASSES] > 0) == (side == 1))[side > 0].float().mean()))
        each = " ".join(f"{value:.2f}" for value in np.nanmean(dice, 0)[1:])
        return f"Dice {np.nanmean(dice[:, 1:]):.3f}  side {np.mean(right):.4f}  each {each}"


def _dice(a: Tensor, b: Tensor) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum())) if b.any() else float("nan")


def train(run: Run, data: Path, folder: Path, minutes: float) -> None:
    """For so many minutes from now."""
    folder.mkdir(parents=True, exist_ok=True)
    validate = Validation(data)
    samples = Samples(data, SPACING, SEED + run.steps)
    stream = DataLoader(samples, batch_size=None, num_workers=1, prefetch_factor=8, worker_init_fn=lower_priority)
    begun = saved = validated = time.monotonic()
    mean = 0.0
    for sample in stream:
        now = time.monotonic()
        if now - begun >= 60 * minutes:
            break
        value = run.step(sample)
        mean = 0.99 * mean + 0.01 * value if mean else value
        if now - saved >= SAVE_EVERY:
            saved = now
            run.save(folder)
        if now - validated >= VALIDATE_EVERY:
            validated = now
            _log(
                folder,
                f"{run.steps:7d} steps  {time.process_time():7.0f} CPU-s  loss {mean:.3f}  {validate(run.average)}",
            )
    run.save(folder)
    _log(folder, f"{run.steps:7d} steps  {time.process_time():7.0f} CPU-s  loss {mean:.3f}  {validate(run.average)}")


def _log(folder: Path, line: str) -> None:
    print(line, flush=True)
    with (folder / "log.txt").open("a") as log:
        log.write(line + "\n")


def main() -> None:
    """Train for so many minutes, or go on with what is in the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="a state of training to go on from")
    parser.add_argument("--weights", type=Path, help="train nothing: write the averaged weights, as a model has them")
    options = parser.parse_args()
    run = begin(options.out, options.start)
    if options.weights:
        write_weights(run.average, options.weights)
    else:
        train(run, Path(os.environ["TOMOLENS_DATA"]), options.out, options.minutes)


if __name__ == "__main__":
    main()
