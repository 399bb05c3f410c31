"""Deformable registration by SynthMorph's network from the user's file: what it makes of two images, as a Transform."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from viewer.api import Grid, Job, Refusal, Transform, Volume, check_memory

from .classical.greedy import Field
from .classical.lattice import Floats, Lattice, Sampler, volume_lattice
from .learned import keras_weights
from .learned.synthmorph import Network, Shape
from .pipeline import transform_of

COPIES = 2  # of what the widest layer takes and gives
AXES = np.array([(1.0, 0, 0), (0, 0, -1), (0, -1, 0)]).T  # of its images in LPS: to the left, the feet and the front


def register(fixed: Volume, moving: Volume, matrix: Floats | None, weights: Path, job: Job) -> Transform:
    """The transform x ↦ matrix·(x + u(x)), LPS mm, in the box that the network sees.

    That has voxels of 1 mm round the fixed image's middle. matrix: of an alignment that was made before; None: the
    middles of the images are laid on each other. Raises Refusal where the file does not hold a SynthMorph network.
    """
    net = _load(weights, job)
    check_memory(COPIES * 4 * net.floats, "SynthMorph", job.device)
    with job.stage("preparing for SynthMorph"):
        box = _box(fixed.grid, net.shape)
        if matrix is None:
            matrix = np.eye(4)
            matrix[:3, 3] = moving.grid.centre - fixed.grid.centre
        here, there = (volume_lattice(one, job.device) for one in (fixed, moving))
        images = _network_input(there, matrix @ box, net.shape), _network_input(here, box, net.shape)
    with job.stage(f"SynthMorph, {' × '.join(map(str, net.shape))} voxels"), torch.inference_mode():
        moved = net.to(job.device).displacement(*images, lambda done: job.progress(0.5 + 0.45 * done))
    return transform_of(Field(moved, box), matrix, fixed.grid)


def _load(path: Path, job: Job) -> Network:
    with job.stage("reading the network"):
        settings, layers = keras_weights.read(path)
        try:
            return Network.of(settings, layers)
        except ValueError as error:
            raise Refusal(f"{path.name} does not hold a network of SynthMorph that is known here: {error}.") from error


def _box(grid: Grid, shape: Shape) -> Floats:
    """Index (k, j, i, 1) of the network's images to LPS mm."""
    affine = np.eye(4)
    affine[:3, :3] = AXES
    affine[:3, 3] = grid.centre - AXES @ ((np.array(shape) - 1) / 2)
    return affine


def _network_input(image: Lattice, to: Floats, shape: Shape) -> Tensor:
    """On the network's lattice, in 0…1; beyond the image nothing."""
    sampler = Sampler(image.values, np.linalg.inv(image.affine) @ to, shape)
    low = image.values.min()
    values = (sampler() - low) * sampler.inside()
    return values / values.max().clamp(min=1e-6)
