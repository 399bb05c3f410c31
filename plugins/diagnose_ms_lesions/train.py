"""Train the network for MS lesions.

python -m plugins.diagnose_ms_lesions.train --minutes 60 --out FOLDER [--start FILE]

TOMOLENS_DATA names the folder of data. Trained on: label maps 01 to 08, consensus masks of 15 patients, and three real
FLAIR without masks. Begun again with the same folder, a training goes on where it was.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader

from plugins.training import loop
from plugins.training.training_state import read_training_state, write_training_state

from .network import LesionNet
from .samples.lesion_samples import LesionSample, LesionSamples, head_with_lesions, painted, to_tensors

SEED = 20261201
BATCH = 3
MAPS, VALIDATION_MAPS, VALIDATION_PATIENTS = range(1, 9), (9,), (22, 23)
CROPS = 10  # of validation
WEIGHT = 4.0  # of a lesion's voxel in the cross-entropy


def batches(stream: Iterator[LesionSample]) -> Iterator[tuple[Tensor, Tensor]]:
    """BATCH samples at a time."""
    while True:
        yield to_tensors(list(islice(stream, BATCH)))


def lesion_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy and soft Dice of the whole batch, where it counts; targets: [n, 2, …], see LesionSample."""
    lesion, counts = targets[:, :1], targets[:, 1:]
    weights = counts * (1 + (WEIGHT - 1) * lesion)
    entropy = functional.binary_cross_entropy_with_logits(logits, lesion, weights, reduction="sum") / counts.sum()
    probability = logits.sigmoid() * counts
    overlap = 2 * (probability * lesion).sum() + 100
    dice = overlap / (probability.sum() + (lesion * counts).sum() + 100)
    return 3 * entropy + 1 - dice


class Validation:
    """Dice of the voxels of crops from maps and masks that are not trained on."""

    def __init__(self, data: Path) -> None:
        rng = np.random.default_rng(SEED)
        pairs = [(number, patient) for number in VALIDATION_MAPS for patient in VALIDATION_PATIENTS]
        heads = [head_with_lesions(data, *pair, rng) for pair in pairs]
        self.samples = [painted(heads[n % len(heads)], rng) for n in range(CROPS)]

    def __call__(self, net: nn.Module) -> str:
        """In words."""
        both, found, true = 0.0, 0.0, 0.0
        for sample in self.samples:
            with torch.inference_mode(), loop.autocast("cpu"):
                mask = net(torch.from_numpy(sample.inputs[None])).float().numpy()[0, 0] > 0
            lesion = sample.targets[0] > 0
            both, found, true = both + (mask & lesion).sum(), found + mask.sum(), true + lesion.sum()
        precision, recall = both / max(found, 1), both / true
        return f"Dice {2 * both / (found + true):.3f}  precision {precision:.3f}  recall {recall:.3f}"


def lower_priority(_: int) -> None:
    """Of the process that makes samples."""
    os.nice(2)


def main() -> None:
    """Train for so many minutes, or go on with what is in the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=1e-3, help="of learning, at its highest")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="a state to go on from, as this script writes it")
    options = parser.parse_args()
    data = Path(os.environ["TOMOLENS_DATA"])
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    net, earlier, state = LesionNet(), 0, options.out / "state.pt"
    if options.start:
        earlier = read_training_state(net, LesionNet(), options.start)
    samples = LesionSamples(data, SEED + earlier + _steps(state), MAPS)
    feed = DataLoader(samples, batch_size=None, num_workers=1, prefetch_factor=12, worker_init_fn=lower_priority)
    average = loop.train(
        net, batches(iter(feed)), lesion_loss, options.out,
        minutes=options.minutes, rate=options.rate, validate=Validation(data),
    )  # fmt: skip
    write_training_state(net, average, earlier + _steps(state), options.out / "diagnose-ms-lesions.safetensors")


def _steps(state: Path) -> int:
    return int(torch.load(state, weights_only=True)["steps"]) if state.exists() else 0


if __name__ == "__main__":
    main()
