"""Take out of a trained denoiser what it does not use: python -m plugins.denoise.prune WEIGHTS --out FOLDER [--flat].

In most channels inside the coarse blocks the ReLU never opens (as Hu et al., arXiv 1607.03250, found in other
networks): noise is told from signal close by. Each channel's share in its block's result is measured on images to
train on; channels without one go, and the network says the same, sooner. Then the ranges are measured in which it may
compute in 8-bit integers.

WEIGHTS are those of a training run. FOLDER gets what is left of them, and the card's entry about it (network.json).
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from plugins.training import loop
from plugins.training.hooks import watch
from plugins.training.quantization_ranges import ranges

from .network import Block, HaarDenoiser
from .train import SEED, Patches

LEAST = 1e-3  # root mean square of what a channel adds to the result of its block: the images' noise is 1
STEP = 16  # channels that a processor works on at once: a row of blocks keeps a multiple of them
BATCHES = 40
EXACT = ("stem", "head")  # what comes in and goes out is never rounded


def shares(net: nn.Module, batches: Sequence[Tensor]) -> dict[str, Tensor]:
    """What each channel inside each block adds to its result, root mean square over images [n, c, k, j, i]."""
    blocks = {name: part for name, part in net.named_modules() if isinstance(part, Block)}
    squares = {name: torch.zeros(block.second.in_channels) for name, block in blocks.items()}

    def look(name: str, values: Tensor) -> None:
        squares[name.removesuffix(".second")] += values.square().mean((0, 2, 3, 4)) / len(batches)

    watch(net, [f"{name}.second" for name in blocks], batches, look)
    return {name: (squares[name] * _outward(block)).sqrt() for name, block in blocks.items()}


def _outward(block: Block) -> Tensor:
    """Mean square of what one unit of each channel adds to the channels of the result."""
    return block.second.weight.detach().square().sum((0, 2, 3, 4)) / block.second.out_channels


def prune_channels(weights: dict[str, Tensor], share: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights without channels of too small a share; the best of them fill up each block to a multiple of STEP."""
    found = dict(weights)
    for name, each in share.items():
        count = min(len(each), -(-max(1, int((each > LEAST).sum())) // STEP) * STEP)
        kept = each.topk(count).indices.sort().values
        for part, axis in (("first.weight", 0), ("first.bias", 0), ("second.weight", 1)):
            found[f"{name}.{part}"] = found[f"{name}.{part}"].index_select(axis, kept)
    return found


def widths(weights: dict[str, Tensor]) -> list[list[int]]:
    """The widths inside the blocks: HaarDenoiser's `hidden`."""
    rows = ("fine", "middle", "coarse", "middle_again", "fine_again")
    return [
        [len(bias) for name, bias in sorted(weights.items()) if name.startswith(f"{row}.") and "first.bias" in name]
        for row in rows
    ]


def main() -> None:
    """Prune the network that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--flat", action="store_true", help="the network of thick slices")
    options = parser.parse_args()
    weights = {name: value.float() for name, value in load_file(options.weights).items()}
    patches = islice(Patches(Path(os.environ["TOMOLENS_DATA"]), SEED + 1, options.flat), BATCHES)
    batches = [inputs for inputs, _ in patches]
    kept = prune_channels(weights, shares(network(weights, options.flat), batches))
    slim = network(kept, options.flat)
    options.out.mkdir(parents=True, exist_ok=True)
    loop.write_weights(slim, options.out / "weights.safetensors")
    entry = {"arguments": {"flat": options.flat, "hidden": widths(kept)}, "ranges": ranges(slim, batches, EXACT)}
    (options.out / "network.json").write_text(json.dumps(entry, indent=2))
    print(widths(kept), sum(value.numel() for value in kept.values()), "weights")


def network(weights: dict[str, Tensor], flat: bool) -> HaarDenoiser:
    """The network of those weights, in evaluation mode; flat: that of thick slices."""
    net = HaarDenoiser(flat, hidden=widths(weights)).eval()
    net.load_state_dict(weights)
    return net


if __name__ == "__main__":
    main()
