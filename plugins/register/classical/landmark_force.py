"""Pairs of points as a pull on a deformation."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from viewer.api import Landmarks

from .lattice import Floats

REACH = 12.0  # mm: sigma of the neighbourhood that a landmark pulls along
RATE = 0.25  # of a landmark's residual that is made good in a step


class LandmarkForce:
    """Draws a field towards the landmarks: x ↦ matrix·(x + u(x)) is to take each fixed point to its moving point."""

    def __init__(self, landmarks: Landmarks, matrix: Floats) -> None:
        self._fixed = landmarks.fixed
        back = np.linalg.inv(matrix)
        self._goal = landmarks.moving @ back[:3, :3].T + back[:3, 3]

    def __call__(self, field: Tensor, affine: Floats) -> Tensor:
        """[3, k, j, i] in mm along k, j, i, for a field in the same and its affine."""
        spacing = np.linalg.norm(affine[:3, :3], axis=0)
        inverse = np.linalg.inv(affine)
        index = self._fixed @ inverse[:3, :3].T + inverse[:3, 3]
        axes = affine[:3, :3] / spacing
        nearest = np.clip(np.rint(index), 0, np.array(field.shape[1:]) - 1).astype(int)
        now = field[:, nearest[:, 0], nearest[:, 1], nearest[:, 2]].T.double().cpu().numpy()
        rest = torch.as_tensor(
            ((self._goal - self._fixed) @ axes - now) * RATE, dtype=torch.float32, device=field.device
        )
        shares = self._shares(field, index * spacing, spacing)
        return torch.einsum("nkji,nc->ckji", shares, rest)

    def _shares(self, field: Tensor, places: Floats, spacing: Floats) -> Tensor:
        """[n, k, j, i]: how much each landmark has to say in each voxel; together 1 at most."""
        parts = []
        for axis, (n, mm) in enumerate(zip(field.shape[1:], spacing, strict=True)):
            away = np.subtract.outer(places[:, axis], np.arange(n) * mm) / REACH
            parts.append(torch.as_tensor(np.exp(-0.5 * away**2), dtype=torch.float32, device=field.device))
        shares = torch.einsum("nk,nj,ni->nkji", *parts)
        return shares / shares.sum(0, keepdim=True).clamp(min=1.0)
