"""Deformable registration by a network of the user's: what uniGradICON makes of two images, as a Transform."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from viewer.api import Job, Refusal, Transform, Volume, check_memory, read_weights

from .classical.greedy import Field
from .classical.lattice import (
    Floats,
    Lattice,
    Sampler,
    apply_matrices,
    column,
    interpolation_matrix,
    resize_affine,
    volume_lattice,
)
from .learned.unigradicon import UNet, identity, map_places, network
from .pipeline import transform_of

HU = (-1000.0, 1000.0)  # what the network sees of a CT
BRIGHT = 0.99  # of the voxels of another image are not cut off
COPIES = 90  # float32 images that the largest layers hold at a time


def register(fixed: Volume, moving: Volume, matrix: Floats | None, weights: Path, side: int, job: Job) -> Transform:
    """The transform x ↦ matrix·(x + u(x)), LPS mm.

    matrix: of an alignment that was made before; None: the network sees each image as it fills its own box, as its
    makers do. side: voxels of the cube that it sees. Raises Refusal where the file is not uniGradICON's.
    """
    check_memory(COPIES * 4 * side**3, "uniGradICON", job.device)
    net = _load(weights, job)
    with job.stage("preparing for uniGradICON"):
        here = _cube(_rescale(fixed, job.device), side)
        there = _rescale(moving, job.device)
        if matrix is None:
            cube = _cube(there, side)
            matrix = cube.affine @ np.linalg.inv(here.affine)
        else:
            between = np.linalg.inv(there.affine) @ matrix @ here.affine
            cube = Lattice(Sampler(there.values, between, here.shape)(), here.affine)
    with job.stage(f"uniGradICON, {side}³ voxels"), torch.inference_mode():
        places = identity(here.values[None])
        moved = map_places(net(cube.values[None], here.values[None]), places) - places
    mm = moved[0] * column((side - 1) * here.spacing, moved)
    return transform_of(Field(mm, here.affine), matrix, fixed.grid)


def _load(path: Path, job: Job) -> torch.nn.Module:
    with job.stage("reading the network"):
        weights = read_weights(path)
        with torch.device("meta"):
            net = network()
        try:
            net.load_state_dict(weights, assign=True)
        except RuntimeError as error:
            raise Refusal(
                f"{path.name} does not hold the weights of uniGradICON or multiGradICON: choose their file "
                "Step_2_final.trch."
            ) from error
    parts = [part for part in net.modules() if isinstance(part, UNet)]
    layers = 2 * len(parts[0].downConvs) * len(parts)
    done = 0

    def tell() -> None:
        nonlocal done
        job.progress(0.5 + 0.45 * done / layers)
        done += 1

    for part in parts:
        part.tell = tell
    return net.eval().requires_grad_(False).to(job.device)


def _rescale(image: Volume, device: str) -> Lattice:
    """In 0…1 as its makers scale it, axes towards the head, the back and the left."""
    end = volume_lattice(image, device)
    if image.modality == "CT":
        low, high = HU
    else:
        values = np.sort(end.values.cpu().numpy(), axis=None)
        low, high = float(values[0]), float(values[max(0, int(BRIGHT * values.size) - 1)])
    scaled = Lattice((end.values.clamp(low, high) - low) / max(high - low, 1e-6), end.affine)
    x, y, z = image.grid.plane_axes
    return _reorient(scaled, (z, y, x)) if image.grid.placed else scaled


def _reorient(end: Lattice, axes: tuple[int, int, int]) -> Lattice:
    """The same image with other array axes first, second and last, each towards the head, the back or the left."""
    to = np.diag([0.0, 0.0, 0.0, 1.0])
    values = end.values.permute(0, *(1 + axis for axis in axes))
    for place, axis in enumerate(axes):
        back = end.affine[2 - place, axis] < 0  # rows are x, y, z
        to[axis, place], to[axis, 3] = (-1, end.shape[axis] - 1) if back else (1, 0)
        values = values.flip(1 + place) if back else values
    return Lattice(values.contiguous(), end.affine @ to)


def _cube(end: Lattice, side: int) -> Lattice:
    """Stretched to so many voxels each way; the outer faces stay."""
    matrices = [interpolation_matrix(n, side, end.values) for n in end.shape]
    return Lattice(apply_matrices(end.values, matrices), resize_affine(end.affine, end.shape, [side] * 3))
