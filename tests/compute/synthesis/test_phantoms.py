from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.transform import Rotation

from tests.fixtures.head_phantom import head_phantom
from viewer.compute.registration.control_grid import control_grid
from viewer.compute.registration.transform_quality import jacobian
from viewer.compute.synthesis import phantoms
from viewer.data.grid import Grid
from viewer.data.transform import Transform

OBLIQUE = Rotation.from_euler("xyz", (10, -20, 30), degrees=True).as_matrix()


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def warp(grid: Grid) -> Transform:
    control = control_grid(grid, 4.0, 30.0)
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", (5, -3, 6), degrees=True).as_matrix()
    matrix[:3, 3] = (2, -3, 4)
    return Transform(matrix, phantoms.diffeomorphism(control, 4.0, 10.0, rng()), control)


def test_the_control_grid_covers_the_grid_and_its_margin() -> None:
    grid = Grid.of((20, 30, 41), (2, 1, 0.7), (5, 6, 7), OBLIQUE)
    control = control_grid(grid, 4.0, 10.0)
    index = control.to_index(grid.corners)
    assert (index >= 2.5 - 0.5).all()
    assert (index <= np.array(control.shape) - 1 - 2).all()
    np.testing.assert_allclose(control.centre, grid.centre)


@pytest.mark.parametrize("direction", [np.eye(3), OBLIQUE])
def test_the_warp_moves_by_millimetres_and_folds_nowhere(direction: np.ndarray) -> None:
    grid = Grid.of((30, 36, 32), (4, 4, 4), (0, 0, 0), direction)
    field = phantoms.diffeomorphism(grid, 4.0, 10.0, rng(5))
    size = np.linalg.norm(field, axis=-1)
    assert 2.0 < size.max() < 6.0
    assert max(size[0].max(), size[:, -1].max(), size[..., 0].max()) < 1e-9
    det = jacobian(Transform(np.eye(4), field, grid))[0]
    assert det.min() > 0.3
    assert det.max() > 1.1


def test_a_pulled_image_shows_each_point_where_the_transform_takes_it() -> None:
    grid = Grid.of((40, 44, 42), (1.5, 1.5, 1.5), (-30, -30, -30))
    origin = grid.centre - OBLIQUE @ (33, 34, 35)
    onto = Grid.of((48, 46, 44), (1.5, 1.5, 1.5), origin, OBLIQUE)
    values = ndimage.gaussian_filter(rng(2).standard_normal(grid.shape), 4) * 100
    transform = warp(grid)
    moved = phantoms.warped(values, grid, phantoms.source_points(onto, transform), order=3)
    points = rng(3).uniform(-12, 12, (300, 3))
    before = ndimage.map_coordinates(values, grid.to_index(points).T, order=3)
    after = ndimage.map_coordinates(moved, onto.to_index(transform(points)).T, order=3)
    assert np.abs(after - before).max() < 0.02 * np.ptp(values)
    assert np.corrcoef(after, before)[0, 1] > 0.9995
    still = ndimage.map_coordinates(moved, onto.to_index(points).T, order=3)
    assert np.corrcoef(still, before)[0, 1] < 0.9


def test_rician_noise_has_its_moments() -> None:
    empty = phantoms.rician(np.zeros((40, 40, 40), np.float32), 5.0, rng())
    assert empty.mean() == pytest.approx(5 * np.sqrt(np.pi / 2), rel=0.01)
    bright = phantoms.rician(np.full((40, 40, 40), 500, np.float32), 5.0, rng())
    assert bright.std() == pytest.approx(5, rel=0.02)
    assert bright.mean() == pytest.approx(np.sqrt(500**2 + 25), rel=1e-3)


def test_a_lesion_is_soft_and_as_large_as_asked() -> None:
    grid = Grid.of((40, 40, 40), (0.8, 1, 1.2), (3, 4, 5), OBLIQUE)
    sizes = []
    for seed in range(8):
        box, alpha = phantoms.lesion(grid, grid.centre, 4.0, rng(seed))
        assert alpha.shape == tuple(s.stop - s.start for s in box)
        assert alpha.max() > 0.95
        edge = np.concatenate([np.take(alpha, [0, -1], axis=axis).ravel() for axis in range(3)])
        assert edge.max() < 0.02
        assert max(np.abs(np.diff(alpha, axis=axis)).max() for axis in range(3)) < 0.85
        volume = (alpha > 0.5).sum() * np.prod(grid.spacing)
        sizes.append((volume * 3 / 4 / np.pi) ** (1 / 3))
    assert np.mean(sizes) == pytest.approx(4.0, rel=0.15)


def test_a_lesion_at_the_edge_stays_inside_the_grid() -> None:
    grid = Grid.of((10, 10, 10))
    box, alpha = phantoms.lesion(grid, np.zeros(3), 4.0, rng())
    assert all(0 <= s.start < s.stop <= 10 for s in box)
    assert alpha[0, 0, 0] > 0.9


def test_the_receive_field_is_smooth_and_as_strong_as_asked() -> None:
    field = phantoms.receive_field(Grid.of((20, 30, 40)), 0.2, rng())
    assert np.abs(field - 1).max() == pytest.approx(0.2, rel=1e-3)
    assert max(np.abs(np.diff(field, axis=axis)).max() for axis in range(3)) < 0.05


def test_the_head_phantom_has_its_tissues() -> None:
    grid = Grid.of((50, 60, 52), (2, 2, 2), (-50, 10, 20), OBLIQUE)
    head = head_phantom(grid)
    assert head[0, 0, 0] == pytest.approx(0, abs=1)
    assert head[25, 30, 26] == pytest.approx(60, abs=2)
    assert head[25, 12, 26] == pytest.approx(160, abs=20)
    assert ((head > 210) & (head < 225)).sum() > 1000


def test_the_same_seed_gives_the_same_values() -> None:
    grid = Grid.of((12, 12, 12), (4, 4, 4))
    one, two = (phantoms.diffeomorphism(grid, 3.0, 8.0, rng(7)) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, phantoms.diffeomorphism(grid, 3.0, 8.0, rng(8)))
