"""MIND-SSC: descriptors of local self-similarity, the same in every modality (Heinrich et al., MICCAI 2013)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from .lattice import apply_matrices, box_matrix

RADIUS, DILATION = 1, 2  # voxels: of the patches, and between the patches that are compared
# The six neighbours of a voxel; pairs of them that lie at a right angle are compared.
NEIGHBOURS = ((0, 1, 1), (1, 1, 0), (1, 0, 1), (1, 1, 2), (2, 1, 1), (1, 2, 1))
PAIRS = tuple(
    (a, b)
    for a in range(6)
    for b in range(a)
    if sum((p - q) ** 2 for p, q in zip(NEIGHBOURS[a], NEIGHBOURS[b], strict=True)) == 2
)


def descriptors(image: Tensor) -> Tensor:
    """[12, k, j, i] in 0…1 of an image [1, k, j, i]."""
    padded = functional.pad(image[None], (DILATION,) * 6, mode="replicate")[0]
    shape = image.shape[1:]
    moved = [
        padded[(slice(None), *(slice(n * DILATION, n * DILATION + size) for n, size in zip(at, shape, strict=True)))]
        for at in NEIGHBOURS
    ]
    mean = [box_matrix(n, RADIUS, image) for n in shape]
    distance = torch.cat([apply_matrices((moved[a] - moved[b]) ** 2, mean) for a, b in PAIRS])
    distance -= distance.amin(dim=0, keepdim=True)
    spread = distance.mean(dim=0, keepdim=True)
    middle = float(spread.mean()) + 1e-12
    return torch.exp(-distance / spread.clamp(0.001 * middle, 1000 * middle))
