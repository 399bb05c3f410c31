"""What is said of a head: by the network, which takes a first look, or by an atlas; in one pass or in several."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from plugins.own_weights import own_network
from viewer.api import Job, Net

from .head_image import MULTIPLE, Floats
from .labels import CLASSES, OUTPUTS, STRUCTURES

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from .network import SubvoxelUNet

MODEL = "segment-brain"
TEMPERATURE = 1.5  # of what is said, which is too sure of itself: fitted on the heads that doubt_brain.py develops on
DEEPEST = 4  # levels of a network whose sides are multiples of MULTIPLE
PAIRED = np.array([0, *(one.paired for one in STRUCTURES)], np.float32)  # by class


@dataclass(frozen=True, eq=False)
class Prediction:
    """passes: probabilities [CLASSES + 1, k, j, i] of 2 mm voxels, one of each pass: of the classes, then of the left.

    That of the left holds for what has a side.
    """

    passes: tuple[Floats, ...]

    @cached_property
    def mean(self) -> Floats:
        """The mean over the passes [CLASSES + 1, k, j, i]."""
        return np.asarray(sum(self.passes) / np.float32(len(self.passes)), np.float32)

    def calibrated(self, temperature: float = TEMPERATURE) -> Prediction:
        """With probabilities that hold as often as they say (Guo et al., ICML 2017); the classes' order stays."""
        return Prediction(tuple(_softened(one, 1 / temperature) for one in self.passes))

    def winner(self) -> Floats:
        """The probability of the mean's answer [k, j, i], which side included."""
        left = self.mean[CLASSES]
        sure = np.maximum(left, 1 - left)
        shares = self.mean[:CLASSES] * np.where(PAIRED[:, None, None, None] > 0, sure, 1)
        return np.asarray(shares.max(0), np.float32)

    def confidence(self) -> float:
        """The mean probability of the answer, over the voxels that are found to be brain; 0 without any."""
        classes = self.mean[:CLASSES]
        inside = classes[1:].max(0) > classes[0]
        return float(classes[:, inside].max(0).mean()) if inside.any() else 0.0


def predict(image: Floats, net: Net) -> Floats:
    """What the network says of an image [k, j, i], i to the left, as head_image makes it: a pass of a Prediction."""
    return _probabilities(net(image[None, None])[0])


def mirror(shares: Floats) -> Floats:
    """A pass of the mirror image, which is as good as one of the image once it is turned back."""
    turned = shares[..., ::-1].copy()
    turned[CLASSES] = 1 - turned[CLASSES]
    return turned


def _softened(shares: Floats, power: float) -> Floats:
    """A pass in which the logarithms of all odds are multiplied by `power`."""
    classes = shares[:CLASSES] ** np.float32(power)
    left, right = shares[CLASSES] ** np.float32(power), (1 - shares[CLASSES]) ** np.float32(power)
    return np.concatenate([classes / classes.sum(0), (left / (left + right))[None]])


def _probabilities(answer: Floats) -> Floats:
    shares = np.empty_like(answer)
    shares[:CLASSES] = np.exp(answer[:CLASSES] - answer[:CLASSES].max(0))
    shares[:CLASSES] /= shares[:CLASSES].sum(0)
    shares[CLASSES] = 0.5 + 0.5 * np.tanh(0.5 * answer[CLASSES])
    return shares


def load_network(weights: Path | None, job: Job) -> Net:
    """The network with the user's weights, else as it comes with the program. Raises Refusal, one sentence."""
    engine: dict[str, Any] = {"channels": 1, "multiple": MULTIPLE, "example": example()}
    if weights is not None:
        return own_network(weights, job, _network, "plugins/segment_brain/train.py", "the brain", **engine)
    return job.model(MODEL, **engine)


def _network(state: Mapping[str, torch.Tensor]) -> SubvoxelUNet:
    """How wide it is, its weights tell. Raises KeyError or ValueError where it is no network of ours."""
    from .network import SubvoxelUNet

    count = sum(name.startswith("down.") and name.endswith(".weight") for name in state)
    if not 0 < count < DEEPEST:
        raise ValueError("it has another number of levels")
    names = ["stem.0.weight", *(f"down.{level}.weight" for level in range(count))]
    return SubvoxelUNet(1, OUTPUTS, [int(state[name].shape[0]) for name in names])


def example() -> Floats:
    """What engines are tried on [1, k, j, i]: balls in each other, with noise, as bright as a head."""
    axis = np.linspace(-1, 1, 2 * MULTIPLE, dtype=np.float32)
    radius = np.sqrt(axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2)
    image = np.select([radius < 0.3, radius < 0.6, radius < 0.7, radius < 0.9], [0.8, 0.5, 0.1, 0.9], 0.0)
    noise = np.random.default_rng(0).standard_normal(image.shape) * 0.05
    return np.abs(image + noise).astype(np.float32)[None]
