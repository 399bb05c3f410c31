"""Transforms: composed, inverted and sampled ones do what their parts do; ITK agrees; measures know hand-made cases."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from viewer.compute.images.resample import itk_image
from viewer.compute.registration.decomposition import motion
from viewer.compute.registration.transform_algebra import (
    as_field,
    compose,
    inverse,
    inverted_points,
    lattice_points,
    transform_points,
)
from viewer.compute.registration.transform_quality import (
    distances,
    inverse_consistency,
    jacobian,
    smoothness,
    target_errors,
    within_tg132,
)
from viewer.compute.synthesis.phantoms import diffeomorphism
from viewer.data.annotations.landmarks import Landmarks
from viewer.data.grid import Grid
from viewer.data.transform import Transform

GRID = Grid.of((18, 20, 22), (4, 4, 4), (-30, 12, 40), [[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]])
seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=5, deadline=None)


def matrix_of(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    matrix = np.eye(4)
    matrix[:3, :3] += rng.uniform(-0.2, 0.2, (3, 3))
    matrix[:3, 3] = rng.uniform(-20, 20, 3)
    return matrix


def bent(seed: int, amplitude: float = 4.0) -> Transform:
    field = diffeomorphism(GRID, amplitude, 16.0, np.random.default_rng(seed))
    return Transform(matrix_of(seed), field, GRID)


def inner(seed: int, count: int = 200) -> np.ndarray:
    part = np.random.default_rng(seed).uniform(0.1, 0.9, (count, 3))
    return GRID.to_world(part * np.array(GRID.shape) - 0.5)


@few
@given(seeds)
def test_moved_is_the_transform(seed):
    transform = bent(seed)
    points = np.vstack([inner(seed), inner(seed) * 3])  # beyond the field, too
    assert np.allclose(transform_points(transform, points), transform(points), atol=1e-9)


@few
@given(seeds)
def test_composed_with_a_matrix_it_is_exact(seed):
    field, matrix = bent(seed), Transform(matrix_of(seed + 1))
    points = inner(seed)
    assert np.allclose(compose(field, matrix)(points), matrix(field(points)), atol=1e-4)
    ahead = inverse(matrix)(points)
    assert np.allclose(compose(matrix, field)(ahead), field(points), atol=1e-4)


@few
@given(seeds)
def test_two_fields_are_composed_within_interpolation(seed):
    one, two = bent(seed), bent(seed + 1)
    both = compose(one, two)
    voxels = GRID.to_world(np.random.default_rng(seed).integers(0, GRID.shape, (100, 3)))
    assert np.allclose(both(voxels), two(one(voxels)), atol=1e-4)
    points = inner(seed)
    assert np.linalg.norm(both(points) - two(one(points)), axis=1).max() < 0.5
    outside = inverse(one)(GRID.corners * 0.999 + GRID.centre * 0.001)  # where only the second one bends
    assert np.linalg.norm(both(outside) - two(one(outside)), axis=1).max() < 1.0


def test_fields_that_lie_apart_are_not_composed():
    far = Transform(np.eye(4), np.zeros((2, 2, 2, 3), np.float32), Grid.of((2, 2, 2), origin=(9e4, 9e4, 9e4)))
    with pytest.raises(ValueError, match="too far apart"):
        compose(bent(1), far)


@few
@given(seeds)
def test_the_inverse_undoes_it(seed):
    transform = bent(seed)
    back = inverse(transform)
    points = inner(seed)
    assert np.linalg.norm(back(transform(points)) - points, axis=1).max() < 0.3
    at_nodes = back.grid.to_world(np.random.default_rng(seed).integers(0, back.grid.shape, (100, 3)))
    assert np.abs(transform(back(at_nodes)) - at_nodes).max() < 0.01


def test_a_matrix_is_inverted_exactly():
    matrix = Transform(matrix_of(3))
    assert np.allclose(compose(matrix, inverse(matrix)).matrix, np.eye(4), atol=1e-12)
    assert inverse(matrix).displacement is None


@few
@given(seeds)
def test_points_go_back_to_where_they_came_from(seed):
    transform, points = bent(seed), inner(seed)
    assert np.allclose(inverted_points(transform, transform(points)), points, atol=5e-3)


def test_a_map_that_stretches_four_times_has_an_inverse():
    """Fixed points alone run away where the slopes of the field are above 1."""
    grid = Grid.of((3, 4, 22), (2, 2, 2), (-30, 12, 40))
    field = np.zeros((*grid.shape, 3), np.float32)
    field[..., 0] = 8 * np.tanh(np.arange(22) - 11)
    transform = Transform(np.eye(4), field, grid)
    assert jacobian(transform)[0].max() > 4
    assert inverse_consistency(transform, inverse(transform), grid)[:, :, 1:-1].max() < 0.2


def test_what_folds_has_no_inverse():
    field = np.zeros((*GRID.shape, 3), np.float32)
    field[..., 0] = 20 * np.sin(np.arange(GRID.shape[2]))
    with pytest.raises(ValueError, match="folds"):
        inverse(Transform(np.eye(4), field, GRID))
    with pytest.raises(ValueError, match="folds"):
        inverted_points(Transform(np.eye(4), field, GRID), lattice_points(GRID, 9))


def test_a_shift_that_leaves_the_field_is_inverted_where_it_goes():
    field = np.zeros((*GRID.shape, 3), np.float32)
    field[..., 2] = 8  # two slices: the last ones go beyond the field, and its inverse has to reach there
    back = inverse(Transform(np.eye(4), field, GRID))
    last = GRID.to_world([17, 10, 11])
    assert np.allclose(back(last + np.array((0, 0, 8))), last, atol=1e-3)
    assert np.allclose(back(last + np.array((0, 0, 16))), last + np.array((0, 0, 16)))


def test_as_a_field_it_is_the_same_map_at_the_voxels():
    transform = bent(5)
    other = Grid.of((10, 11, 12), (5, 5, 5), (-20, 20, 45))
    voxels = other.to_world(np.moveaxis(np.indices(other.shape), 0, -1))
    whole = as_field(transform, other)
    assert np.array_equal(whole.matrix, np.eye(4))
    assert np.allclose(whole(voxels), transform(voxels), atol=1e-4)


def test_distances_between_two_shifts():
    one, other = np.eye(4), np.eye(4)
    one[:3, 3], other[:3, 3] = (5, 4, 1), (2, 0, 1)
    assert np.allclose(distances(Transform(one), Transform(other), GRID), np.full(27, 5))


@few
@given(seeds, st.floats(-60, 60), st.floats(-60, 60), st.floats(-60, 60))
def test_a_motion_reads_back_what_it_was_made_of(seed, x, y, z):
    from scipy.spatial.transform import Rotation

    rng = np.random.default_rng(seed)
    turn, size, shift = (
        Rotation.from_euler("xyz", (x, y, z), degrees=True),
        rng.uniform(0.8, 1.2, 3),
        rng.normal(0, 9, 3),
    )
    matrix = np.eye(4)
    matrix[:3, :3] = turn.as_matrix() @ np.diag(size)
    centre = rng.normal(0, 50, 3)
    matrix[:3, 3] = centre + shift - matrix[:3, :3] @ centre
    told = motion(Transform(matrix), centre)
    assert np.allclose(told.rotation, (x, y, z), atol=1e-6)
    assert np.allclose(told.translation, shift)
    assert np.allclose(told.scale, size)
    assert told.angle == pytest.approx(np.degrees(turn.magnitude()), abs=1e-6)
    assert told.shear < 1e-9
    assert not told.mirrored


def test_a_mirror_is_told():
    assert motion(Transform(np.diag([-1.0, 1, 1, 1])), np.zeros(3)).mirrored


def test_the_determinant_agrees_with_itk():
    transform = bent(2)
    straight = Grid.of(GRID.shape, GRID.spacing)  # ITK's filter knows spacing, but no direction
    ours, grid = jacobian(Transform(np.eye(4), transform.displacement, straight))
    assert grid is straight
    itk = sitk.DisplacementFieldJacobianDeterminant(itk_image(transform.displacement.astype(np.float64), straight))
    inside = (slice(2, -2),) * 3
    assert np.allclose(ours[inside], sitk.GetArrayFromImage(itk)[inside], atol=1e-4)


@given(st.floats(0.5, 2.0))
def test_the_determinant_of_a_scaling_is_its_volume(scale):
    field = (
        (scale - 1) * np.moveaxis(np.stack(np.meshgrid(*(np.arange(9.0),) * 3, indexing="ij"))[::-1], 0, -1)
    ).astype(np.float32)
    grid = Grid.of((9, 9, 9))
    values, _ = jacobian(Transform(np.diag([2.0, 1, 1, 1]), field, grid))
    assert np.allclose(values, 2 * scale**3, rtol=1e-4)
    told = smoothness(values)
    assert (told.folding, told.folds) == (0, 0)
    assert told.sd_log_j == pytest.approx(0, abs=1e-4)


def test_folds_are_counted():
    values = np.ones((4, 5, 5), np.float32)
    values[0, 0, :3] = -0.5
    told = smoothness(values)
    assert (told.folds, told.folding, told.lowest) == (3, 3.0, -0.5)
    assert smoothness(values, values > 0).folds == 0


def test_a_matrix_alone_needs_a_grid():
    with pytest.raises(ValueError, match="grid"):
        jacobian(Transform(np.eye(4)))
    assert np.allclose(jacobian(Transform(np.diag([2.0, 2, 2, 1])), GRID)[0], 8)


def test_inverse_consistency_is_near_zero_for_the_inverse_and_not_for_the_identity():
    transform = bent(4)
    assert np.percentile(inverse_consistency(transform, inverse(transform), GRID)[2:-2, 2:-2, 2:-2], 95) < 0.15
    apart = inverse_consistency(Transform(np.diag([1.0, 1, 1, 1])), Transform(np.eye(4)), GRID)
    assert apart.max() == 0
    shifted = np.eye(4)
    shifted[:3, 3] = (3, 4, 0)
    assert np.allclose(inverse_consistency(Transform(shifted), Transform(np.eye(4)), GRID), 5)


def test_target_errors_and_their_limit():
    fixed = np.array([[0.0, 0, 0], [10, 0, 0]])
    landmarks = Landmarks(fixed, fixed + np.array([[1.0, 0, 0], [0, 2.5, 0]]))
    errors = target_errors(None, landmarks)
    assert errors.tolist() == [1, 2.5]
    assert within_tg132(errors, Grid.of((9, 9, 9))).tolist() == [True, False]
    assert within_tg132(errors, Grid.of((9, 9, 9), (4, 1, 1))).tolist() == [True, True]


def test_the_lattice_lies_evenly_inside():
    points = lattice_points(Grid.of((3, 3, 3)))
    assert len(points) == 27
    assert np.allclose(sorted(set(points[:, 0])), [0, 1, 2])
