"""Transforms from landmarks: what made the pairs comes back, what cannot be solved is told, splines hit every pair."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import RBFInterpolator
from scipy.spatial.transform import Rotation

from viewer.compute.registration.landmark_fit import LEAST, fit, residuals, rigid_fit
from viewer.data.annotations.landmarks import Landmarks
from viewer.data.grid import Grid

GRID = Grid.of((20, 22, 24), (5, 5, 5), (-50, -50, -50))
seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=20, deadline=None)


def points(rng: np.random.Generator, count: int) -> np.ndarray:
    return rng.uniform(-40, 40, (count, 3))


@few
@given(seeds, st.integers(3, 9), st.sampled_from(["rigid", "similarity"]))
def test_a_turn_comes_back(seed, count, kind):
    rng = np.random.default_rng(seed)
    fixed, turn, shift = points(rng, count), Rotation.random(random_state=seed).as_matrix(), rng.normal(0, 50, 3)
    scale = rng.uniform(0.5, 2) if kind == "similarity" else 1.0
    found = fit(Landmarks(fixed, scale * fixed @ turn.T + shift), kind)
    assert np.allclose(found.matrix[:3, :3], scale * turn, atol=1e-6)
    assert np.allclose(found.matrix[:3, 3], shift, atol=1e-4)


@few
@given(seeds)
def test_a_rigid_fit_is_the_best_one_and_never_a_mirror(seed):
    rng = np.random.default_rng(seed)
    fixed = points(rng, 6)
    landmarks = Landmarks(fixed, fixed * (-1, 1, 1) + rng.normal(0, 2, fixed.shape))
    found = fit(landmarks, "rigid")
    assert np.linalg.det(found.matrix[:3, :3]) == pytest.approx(1)
    theirs, _ = Rotation.align_vectors(landmarks.moving - landmarks.moving.mean(axis=0), fixed - fixed.mean(axis=0))
    assert np.allclose(found.matrix[:3, :3], theirs.as_matrix(), atol=1e-6)


@few
@given(seeds, st.integers(4, 9))
def test_an_affine_map_comes_back(seed, count):
    rng = np.random.default_rng(seed)
    fixed, matrix = points(rng, count), np.eye(3) + rng.uniform(-0.3, 0.3, (3, 3))
    landmarks = Landmarks(fixed, fixed @ matrix.T + 7)
    assert np.allclose(fit(landmarks, "affine").matrix[:3, :3], matrix, atol=1e-4)
    assert residuals(landmarks, "affine").max() < 1e-6


@few
@given(seeds)
def test_a_spline_is_scipys_and_hits_the_landmarks(seed):
    rng = np.random.default_rng(seed)
    corners = np.array(list(np.ndindex(2, 2, 2))) * 60.0 - 30
    fixed = corners + rng.uniform(-8, 8, corners.shape)
    landmarks = Landmarks(fixed, fixed * (1.1, 0.9, 1) + rng.uniform(-5, 5, fixed.shape))
    found = fit(landmarks, "spline", GRID)
    theirs = RBFInterpolator(fixed, landmarks.moving, kernel="linear", degree=1)
    voxels = found.grid.to_world(rng.integers(0, found.grid.shape, (50, 3)))
    assert np.allclose(found(voxels), theirs(voxels), atol=1e-3)
    assert residuals(landmarks, "spline", GRID).max() < 0.8  # the field is linear between its vectors


@pytest.mark.parametrize("kind", LEAST)
def test_too_few_or_flat_landmarks_are_told(kind):
    line = np.outer(np.arange(6.0), (1, 2, 3))
    square = np.array([[0.0, 0, 0], [10, 0, 0], [0, 10, 0], [10, 10, 0]])
    with pytest.raises(ValueError, match="more"):
        fit(Landmarks(line[:2], line[:2]), kind, GRID)
    with pytest.raises(ValueError, match="line"):
        fit(Landmarks(line, line), kind, GRID)
    with pytest.raises(ValueError, match="line"):
        fit(Landmarks(line * 0, line * 0), kind, GRID)
    if kind in ("affine", "spline"):
        with pytest.raises(ValueError, match="plane"):
            fit(Landmarks(square, square), kind, GRID)
    else:
        assert np.allclose(fit(Landmarks(square, square + 5), kind).matrix[:3, :3], np.eye(3), atol=1e-9)


def test_turns_that_the_landmarks_leave_open_are_not_made():
    line = np.outer(np.arange(4.0), (0, 0, 30))
    noisy = line + np.random.default_rng(0).normal(0, 0.2, line.shape)
    assert np.allclose(rigid_fit(Landmarks(line, noisy + 5), hold=1e-3)[:3, :3], np.eye(3), atol=0.02)
    one = rigid_fit(Landmarks(line[:1], line[:1] + 5))
    assert np.allclose(one, [[1, 0, 0, 5], [0, 1, 0, 5], [0, 0, 1, 5], [0, 0, 0, 1]])


def test_a_spline_needs_a_grid_and_points_apart():
    fixed = np.array([[0.0, 0, 0], [10, 0, 0], [0, 10, 0], [0, 0, 10], [0, 0, 10]])
    with pytest.raises(ValueError, match="grid"):
        fit(Landmarks(fixed, fixed), "spline")
    with pytest.raises(ValueError, match="same fixed point"):
        fit(Landmarks(fixed, fixed), "spline", GRID)
