"""Train the prompted network: python -m plugins.segment_prompt.train --minutes 130 --out FOLDER [--start FILE].

TOMOLENS_DATA names the folder of data; sources.py tells what is read of it, and what never is. Begun again with the
same folder, a training goes on where it was, with samples it has not seen. --start takes up what another run left.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader

from plugins.training import loop

from .network import PromptNet
from .prompt_channels import channels
from .prompts import Mask, Prompts
from .samples.prompt_simulation import click, next_prompt
from .samples.sample_set import Sample, Samples

SEED = 20261130
BATCH = 4
MOST_PROMPTS = 8  # on one sample
VALIDATION = 8  # samples
CLICKS = (1, 2, 5)


@dataclass
class Trajectory:
    """A sample with the prompts so far, the mask they gave, and how many prompts are still to come."""

    sample: Sample
    prompts: Prompts
    mask: Mask
    left: int

    def channels(self) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        """What the network sees of it by now: see prompt_channels."""
        return channels(self.sample.image, self.sample.edges, self.mask, self.prompts)


class Trajectories:
    """Endless batches: every answer of the network places the next prompt, so that no pass goes by without a gradient.

    `loss` must be called between two batches, as plugins.training.loop does.
    """

    def __init__(self, samples: Iterator[Sample], seed: int) -> None:
        self.samples, self.rng = samples, np.random.default_rng(seed)
        self.logits = torch.empty(0)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        under_way = [self._begin() for _ in range(BATCH)]
        while True:
            inputs = np.stack([one.channels() for one in under_way])
            targets = np.stack([one.sample.target[None] for one in under_way])
            yield torch.from_numpy(inputs), torch.from_numpy(targets)
            masks = (self.logits > 0).numpy()[:, 0]
            under_way = [self._next(one, mask) for one, mask in zip(under_way, masks, strict=True)]

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """See segmentation_loss; the logits place the next prompts."""
        self.logits = logits.detach()
        return segmentation_loss(logits, targets.float())

    def _begin(self) -> Trajectory:
        sample = next(self.samples)
        return Trajectory(sample, sample.prompts, sample.previous, int(self.rng.integers(MOST_PROMPTS)))

    def _next(self, one: Trajectory, mask: Mask) -> Trajectory:
        mask = one.prompts.constrain(mask)
        if not one.left or (mask == one.sample.target).all():
            return self._begin()
        prompts = next_prompt(one.prompts, mask, one.sample.target, self.rng)
        return Trajectory(one.sample, prompts, mask, one.left - 1)


def segmentation_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy plus one minus the mean of the samples' soft Dice (nnU-Net, Isensee et al., Nat Methods 2021)."""
    axes = (1, 2, 3, 4)
    probabilities = logits.sigmoid()
    overlap = 2 * (probabilities * targets).sum(axes) + 1
    dice = overlap / (probabilities.sum(axes) + targets.sum(axes) + 1)
    return functional.binary_cross_entropy_with_logits(logits, targets) + (1 - dice).mean()


class Validation:
    """Mean Dice after so many clicks on samples (of maps and scans trained on) that the training never sees."""

    def __init__(self, data: Path) -> None:
        samples = Samples(data, SEED + 1)
        self.samples = [samples[n] for n in range(VALIDATION)]

    def __call__(self, net: nn.Module) -> str:
        """Mean Dice after some clicks, in words."""
        scores = np.array([list(islice(dice_after_clicks(net, sample), max(CLICKS))) for sample in self.samples])
        return "Dice " + " ".join(f"{scores[:, n - 1].mean():.3f}" for n in CLICKS)


def dice_after_clicks(net: nn.Module, sample: Sample) -> Iterator[float]:
    """The Dice after one click more, for ever; each lies in the middle of what the network's last answer has wrong."""
    none = np.zeros_like(sample.target)
    one = Trajectory(sample, click(Prompts.none(none.shape), none, sample.target), none, 0)
    while True:
        with torch.inference_mode(), loop.autocast("cpu"):
            logits = net(torch.from_numpy(one.channels()[None]))
        one.mask = one.prompts.constrain((logits > 0).numpy()[0, 0])
        yield float(2 * (one.mask & sample.target).sum() / (one.mask.sum() + sample.target.sum()))
        one.prompts = click(one.prompts, one.mask, sample.target)


def lower_priority(_: int) -> None:
    """Of the process that makes samples: it has time enough."""
    os.nice(5)


def write_state(folder: Path, path: Path, earlier_steps: int) -> None:
    """A training without its optimiser: raw and averaged weights in half precision, and the steps so far."""
    state = torch.load(folder / "state.pt", weights_only=True)
    weights = {
        f"{part}.{name}": value.half().contiguous()
        for part in ("net", "average")
        for name, value in state[part].items()
    }
    save_file(weights, path, {"steps": str(earlier_steps + state["steps"]), "minutes": f"{state['minutes']:.1f}"})


def read_state(path: Path, part: str) -> tuple[dict[str, Tensor], int]:
    """The weights of one part ("net" or "average") of a file that write_state made, and the steps they took."""
    with safe_open(path, "pt") as file:
        names = [name for name in file.keys() if name.startswith(f"{part}.")]  # noqa: SIM118  # it is no dict
        weights = {name.removeprefix(f"{part}."): file.get_tensor(name).float() for name in names}
        return weights, int(file.metadata()["steps"])


def main() -> None:
    """Train for so many minutes, or go on with what is in the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=130)
    parser.add_argument("--rate", type=float, default=1e-3, help="of learning, at its highest")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="a state to go on from, as this script writes it")
    options = parser.parse_args()
    data = Path(os.environ["TOMOLENS_DATA"])
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    net, earlier = PromptNet(), 0
    if options.start:
        weights, earlier = read_state(options.start, "net")
        net.load_state_dict(weights)
    state = options.out / "state.pt"
    done = earlier + (torch.load(state, weights_only=True)["steps"] if state.exists() else 0)
    samples = Samples(data, SEED, first=done * BATCH)
    feed = DataLoader(samples, batch_size=None, num_workers=1, prefetch_factor=16, worker_init_fn=lower_priority)
    trajectories = Trajectories(iter(feed), SEED + done)
    loop.train(
        net, trajectories, trajectories.loss, options.out,
        minutes=options.minutes, rate=options.rate, validate=Validation(data), every=5.0,
    )  # fmt: skip
    write_state(options.out, options.out / "segment-prompt.safetensors", earlier)


if __name__ == "__main__":
    main()
