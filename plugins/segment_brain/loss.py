"""What the network is asked for: the class of every voxel, and the side of what has one."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from .labels import CLASSES
from .network import SubvoxelUNet, to_blocks
from .samples.head_samples import Sample

OUTSIDE = 0.15  # of the blocks with nothing of the brain are asked about, and count for the others


def loss(net: SubvoxelUNet, sample: Sample, weights: Tensor, dice: float) -> Tensor:
    """Weighted cross-entropy + the side's + `dice` times the Dice loss of the classes that are there.

    weights: of each class. Most blocks outside the brain are left out: the answers for all voxels would cost as much as
    the network.
    """
    labels = to_blocks(sample.classes[None, None])[0].flatten(1).T.long()
    side = to_blocks(sample.sides[None, None])[0].flatten(1).T
    inside = (labels > 0).any(1)
    chosen = torch.nonzero(inside | (torch.rand(len(labels)) < OUTSIDE))[:, 0]
    share = torch.where(inside[chosen], 1.0, 1 / OUTSIDE).repeat_interleave(labels.shape[1])
    features = net.features(sample.image)[0].flatten(1).T[chosen]
    answers = net.logits(features).flatten(0, 1).T.float()
    target, side = labels[chosen].flatten(), side[chosen].flatten()
    logs = answers[:CLASSES].contiguous().log_softmax(0)
    weight = weights[target] * share
    entropy = -(logs.gather(0, target[None])[0] * weight).sum() / weight.sum()
    paired = side > 0
    which = functional.binary_cross_entropy_with_logits(answers[CLASSES][paired], (side[paired] == 1).float())
    return entropy + which + (dice * dice_loss(logs.exp(), target, share) if dice else 0.0)


def dice_loss(shares: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """1 - the mean soft Dice of the classes that are there, 0 left out. shares: [classes, n]; weight: of each n."""
    count = torch.zeros(len(shares)).index_add(0, target, weight)
    hit = torch.zeros(len(shares)).index_add(0, target, shares.gather(0, target[None])[0] * weight)
    present = count[1:] > 0
    dice = 2 * hit[1:] / (count[1:] + shares[1:] @ weight)
    return 1 - dice[present].mean()
