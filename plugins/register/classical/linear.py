"""Rigid, similarity and affine registration: preconditioned ascent of a metric on lattices, coarse to fine.

A step moves the fixed space by exp(δ): the slope with respect to δ is a product of the metric's slope, the slopes of
the warped image and the velocities that the generators give to each voxel. It is scaled by the Gauss-Newton matrix of
those velocities, and its length in mm shrinks when the metric stops rising.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from scipy.linalg import expm
from torch import Tensor

from viewer.api import Landmarks

from .lattice import Floats, central_differences
from .metric_level import MetricLevel
from .metrics import Slope

Kind = Literal["rigid", "similarity", "affine"]
DAMPING = 1e-3
ENOUGH = 1e-6  # gain of the metric that is more than rounding
LANDMARKS = 0.005  # likeness that a square millimetre between a pair of landmarks costs


def generators(kind: Kind, centre: Floats, reach: float, normal: Floats | None = None) -> Floats:
    """[n, 4, 4]: velocities about `centre` in LPS mm, of 1 mm: shifts, turns and stretches.

    reach: how far away, in mm, turns and stretches move by 1 mm. normal: of the plane that single slices stay in.
    """
    frame = np.eye(3) if normal is None else _frame(normal)  # columns: with a normal, that comes last
    axes = range(3) if normal is None else range(2)
    turns = ((1, 2), (2, 0), (0, 1)) if normal is None else ((0, 1),)
    linear: list[tuple[tuple[int, int, float], ...]] = [((b, a, 1.0), (a, b, -1.0)) for a, b in turns]
    if kind == "similarity":
        linear.append(tuple((a, a, 1.0) for a in axes))
    if kind == "affine":
        linear += [((a, a, 1.0),) for a in axes]
        linear += [((a, b, 1.0), (b, a, 1.0)) for a, b in turns]
    return np.array([_shift(frame[:, a]) for a in axes] + [_about(centre, reach, frame, entries) for entries in linear])


def _frame(normal: Floats) -> Floats:
    """Three unit directions at right angles; the last is the normal."""
    last = normal / np.linalg.norm(normal)
    first = np.cross(last, np.eye(3)[np.abs(last).argmin()])
    first /= np.linalg.norm(first)
    return np.column_stack([first, np.cross(last, first), last])


def _shift(direction: Floats) -> Floats:
    one = np.zeros((4, 4))
    one[:3, 3] = direction
    return one


def _about(centre: Floats, reach: float, frame: Floats, entries: tuple[tuple[int, int, float], ...]) -> Floats:
    inner = np.zeros((3, 3))
    for row, column, value in entries:
        inner[row, column] = value / reach
    one = np.zeros((4, 4))
    one[:3, :3] = frame @ inner @ frame.T
    one[:3, 3] = -one[:3, :3] @ centre
    return one


@dataclass(frozen=True)
class Fit:
    """A fit. matrix: 4×4, fixed to moving LPS mm. value: of the metric; -inf where images hardly overlap."""

    matrix: Floats
    value: float


class Objective:
    """A metric of two images as a function of the matrix between them, less what landmarks are apart."""

    def __init__(self, level: MetricLevel, landmarks: Landmarks | None = None) -> None:
        self._level, self._landmarks = level, landmarks
        fixed = level.fixed
        k, j, i = (torch.arange(n, dtype=torch.float32, device=fixed.values.device) for n in fixed.shape)
        index = torch.stack([part.reshape(-1) for part in torch.meshgrid(k, j, i, indexing="ij")])
        affine = torch.tensor(fixed.affine, dtype=torch.float32, device=index.device)
        world = affine[:3, :3] @ index + affine[:3, 3:]
        self._world = torch.cat([world, torch.ones_like(world[:1])])  # [4, n]: x, y, z, 1
        self._to_mm = torch.linalg.inv(affine[:3, :3]).T.contiguous()

    def evaluate(self, matrix: Floats) -> tuple[float, Tensor, Slope]:
        """The value, the warped image, and what gives the slope of the one with respect to the other."""
        sampler = self._level.sampler(matrix)
        warped, weight = self._level.split(sampler(), sampler.inside())
        assert weight is not None  # that of `inside`
        if not self._level.overlaps(weight):
            return -np.inf, warped, lambda: warped
        value, slope = self._level.metric.evaluate(warped, weight)
        rest = self._residuals(matrix)
        return value - LANDMARKS * (float((rest**2).sum(axis=1).mean()) if len(rest) else 0.0), warped, slope

    def _residuals(self, matrix: Floats) -> Floats:
        """[n, 3], mm: how far each landmark is from where the matrix takes its pair."""
        if self._landmarks is None:
            return np.empty((0, 3))
        return self._landmarks.moving - self._landmarks.fixed @ matrix[:3, :3].T - matrix[:3, 3]

    def velocity(self, matrix: Floats, warped: Tensor, slope: Slope, basis: Floats) -> Floats:
        """4×4: the way up, of 1 mm as the mean over the image; towards the landmarks as much as to likeness."""
        up = np.tensordot(self.gauss_newton_step(warped, slope, basis)[0], basis, axes=1)
        up /= max(self.mean_speed(up), 1e-12)
        rest = self._residuals(matrix)
        if self._landmarks is not None and len(rest):
            places = np.column_stack([self._landmarks.fixed, np.ones(len(rest))])
            moves = np.stack([(places @ (matrix @ one).T)[:, :3].ravel() for one in basis], axis=1)
            step = np.linalg.lstsq(moves, rest.ravel(), rcond=1e-3)[0]
            near = np.tensordot(step, basis, axes=1)
            up += near / max(self.mean_speed(near), 1.0)
            up /= max(self.mean_speed(up), 1e-12)
        return up

    def gauss_newton_step(self, warped: Tensor, slope: Slope, basis: Floats) -> tuple[Floats, Floats]:
        """The step along each generator, up to its length: the slope, scaled by the Gauss-Newton matrix; and that."""
        gained, squared = np.zeros(12), np.zeros((12, 12))
        for channel, force in zip(warped, slope(), strict=True):  # one by one: a label map has 32
            across = self._to_mm @ central_differences(channel[None]).reshape(3, -1)  # per mm along x, y, z
            moves = (across[:, None] * self._world[None]).reshape(12, -1)
            gained += (moves @ force.reshape(-1)).double().cpu().numpy()
            squared += (moves @ moves.T).double().cpu().numpy()
        vectors = basis[:, :3].reshape(len(basis), 12)
        gain, matrix = vectors @ gained, vectors @ squared @ vectors.T
        damped = matrix + DAMPING * np.trace(matrix) / len(matrix) * np.eye(len(matrix))
        return np.linalg.solve(damped, gain), damped

    def mean_speed(self, velocity: Floats) -> float:
        """The mean speed, mm, that a 4×4 velocity gives to the image's voxels."""
        moved = torch.as_tensor(velocity[:3], dtype=torch.float32, device=self._world.device) @ self._world[:, ::7]
        return float(moved.norm(dim=0).mean())


def ascend(
    objective: Objective,
    matrix: Floats,
    basis: Floats,
    *,
    steps: int,
    length: float,
    shortest: float,
    tell: Callable[[float], None] = lambda value: None,
) -> Fit:
    """The maximum nearest to `matrix`, 4×4. length, shortest: of the first step and of the last, mm."""
    value, warped, slope = objective.evaluate(matrix)
    velocity = None
    for _ in range(steps):
        if length < shortest or value == -np.inf:
            break
        if velocity is None:
            velocity = objective.velocity(matrix, warped, slope, basis)
        tried = matrix @ expm(length * velocity)
        found = objective.evaluate(tried)
        if found[0] > value + ENOUGH:
            (value, warped, slope), matrix, velocity = found, tried, None
            length *= 1.3
        else:
            length *= 0.4
        tell(value)
    return Fit(matrix, value)


def polish(objective: Objective, fit: Fit, basis: Floats, reach: float, tell: Callable[[], None] = lambda: None) -> Fit:
    """A step to the top of a parabola along each principal direction of the Gauss-Newton matrix, where that is better.

    It looks `reach` mm to either side, which evens out what linear interpolation does to the slope at a single place.
    tell: called before each direction.
    """
    value, warped, slope = objective.evaluate(fit.matrix)
    if value == -np.inf:
        return fit
    _, principal = np.linalg.eigh(objective.gauss_newton_step(warped, slope, basis)[1])
    total = np.zeros((4, 4))
    for direction in principal.T:
        tell()
        velocity = np.tensordot(direction, basis, axes=1)
        velocity *= reach / max(objective.mean_speed(velocity), 1e-12)
        ahead, behind = (objective.evaluate(fit.matrix @ expm(sign * velocity))[0] for sign in (1, -1))
        bend = ahead + behind - 2 * value
        at = np.clip((behind - ahead) / (2 * bend), -1, 1) if bend < 0 else np.sign(ahead - behind)
        total += at * velocity
    tried = fit.matrix @ expm(total)
    found = objective.evaluate(tried)[0]
    return Fit(tried, found) if found > value + ENOUGH else Fit(fit.matrix, value)
