"""uniGradICON's network and what becomes of its answer. Its own weights are its makers': here they are drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from scipy.spatial.transform import Rotation

from plugins.register import register_network
from plugins.register.learned.unigradicon import UNet, network
from plugins.register.run_unigradicon import register
from tests.fixtures.phantom import clean
from viewer.api import Cancelled, Grid, Job, Refusal, Volume, resample

SIDE = 68  # the least that its halvings allow
Weights = Callable[..., Path]
SHAPE, SPACING = (40, 44, 48), (1.5, 1.2, 1.1)


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    """Of a network that answers `bias` / 10 in each of its four steps, and something of its own."""
    torch.manual_seed(3)
    net, folder = network(), tmp_path_factory.mktemp("weights")

    @cache
    def make(bias: tuple[float, float, float] = (0, 0, 0), drawn: float = 0.0) -> Path:
        for part in net.modules():
            if isinstance(part, UNet):
                torch.nn.init.normal_(part.lastConv.weight, std=drawn)
                part.lastConv.bias.data = torch.tensor(bias, dtype=torch.float32)
        path = folder / f"{bias}, {drawn}.safetensors"
        save_file(net.state_dict(), path)
        return path

    return make


def head(grid: Grid) -> Volume:
    return Volume(clean(SHAPE, SPACING).astype(np.float32), grid, "head")


def grid_of(degrees: float = 0.0, origin: tuple[float, float, float] = (-30, 12, 5)) -> Grid:
    turn = Rotation.from_euler("zyx", (degrees, degrees / 2, degrees), degrees=True).as_matrix()
    return Grid.of(SHAPE, SPACING, origin, turn)


def turned(image: Volume) -> Volume:
    """The same image, stored the other way round: j before k, and both backwards."""
    grid, order = image.grid, (1, 0, 2)
    to = np.zeros((4, 4))
    to[3, 3] = 1
    for place, axis in enumerate(order):
        to[axis, place], to[axis, 3] = (-1, grid.shape[axis] - 1) if place < 2 else (1, 0)
    array = np.ascontiguousarray(np.flip(image.array.transpose(order), (0, 1)))
    return Volume(array, Grid(array.shape, grid.affine @ to), image.name)


def test_a_network_that_moves_nothing_lays_box_on_box(weights: Weights) -> None:
    fixed, moving = head(grid_of()), head(grid_of(8, (3, -20, 40)))
    found = register(fixed, moving, None, weights(), SIDE, Job())
    corners = np.array([(0, 0, 0), (39, 43, 47), (39, 0, 20)])
    assert found(fixed.grid.to_world(corners)) == pytest.approx(moving.grid.to_world(corners), abs=0.05)


def test_displacements_add_up_along_the_right_axes(weights: Weights) -> None:
    fixed = head(grid_of())
    steps = (0.02, -0.03, 0.05)  # of the box, along k, j, i
    found = register(fixed, fixed, np.eye(4), weights(bias=tuple(10 * one for one in steps)), SIDE, Job())
    middle = np.array([[20, 22, 24]])
    # four steps; places count from the middle of the first of the network's voxels to that of the last
    moved = 4 * np.array(steps) * np.array(SHAPE) * (SIDE - 1) / SIDE
    assert fixed.grid.to_index(found(fixed.grid.to_world(middle)))[0] == pytest.approx(middle[0] + moved, abs=0.05)


def test_the_order_in_which_voxels_are_stored_does_not_matter(weights: Weights) -> None:
    fixed, moving = head(grid_of(5)), head(grid_of(-4, (-28, 10, 4)))
    file = weights(drawn=0.3)
    places = fixed.grid.to_world(np.argwhere(fixed.array > 100)[::501])
    plain = register(fixed, moving, None, file, SIDE, Job())(places)
    assert np.linalg.norm(plain - places, axis=1).max() > 2
    other = register(turned(fixed), turned(moving), None, file, SIDE, Job())(places)
    assert other == pytest.approx(plain, abs=0.01)


def test_after_an_alignment_it_sees_the_moved_image_on_the_fixed_grid(weights: Weights) -> None:
    """So the same answer follows whether the shift lies in the matrix or was made before."""
    fixed = head(grid_of())
    shift = np.eye(4)
    shift[:3, 3] = 4, -3, 2
    moving = Volume(fixed.array, Grid(SHAPE, shift @ fixed.grid.affine), "moving")
    file = weights(drawn=0.3)
    places = fixed.grid.to_world(np.argwhere(fixed.array > 100)[::501])
    here = register(fixed, fixed, np.eye(4), file, SIDE, Job())(places)
    there = register(fixed, moving, shift, file, SIDE, Job())(places)
    assert there == pytest.approx(here + shift[:3, 3], abs=1e-3)


def test_the_plugin_gives_the_transform_and_the_image(weights: Weights) -> None:
    fixed, moving = head(grid_of()), head(grid_of(3))
    transform, image = register_network(fixed, moving, Job(), weights=weights(drawn=0.1), before="rigid", side=70)
    again = resample(moving, fixed.grid, transform)
    assert image is not None
    assert np.array_equal(image.array, again.array)


def test_single_slices_are_refused(weights: Weights) -> None:
    flat = Volume(clean((1, 44, 48)).astype(np.float32), Grid.of((1, 44, 48)), "slice")
    with pytest.raises(Refusal, match="single slices: choose another method"):
        register_network(flat, flat, Job(), weights=weights())


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "Step_2_final.trch"
    torch.save(torch.nn.Conv3d(1, 1, 3).state_dict(), other)
    with pytest.raises(Refusal, match=r"Step_2_final.trch does not hold the weights of uniGradICON"):
        register(head(grid_of()), head(grid_of()), None, other, SIDE, Job())


def test_a_pickle_that_names_a_function_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "Step_2_final.trch"
    torch.save({"weight": Path}, path)
    with pytest.raises(Refusal, match="was not read"):
        register(head(grid_of()), head(grid_of()), None, path, SIDE, Job())


def test_a_file_with_something_else_is_refused(tmp_path: Path, weights: Weights) -> None:
    path = tmp_path / "Step_2_final.trch"
    torch.save([1, 2, 3], path)
    with pytest.raises(Refusal, match="holds no table of weights"):
        register(head(grid_of()), head(grid_of()), None, path, SIDE, Job())
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(weights().read_bytes()[:1000])
    with pytest.raises(Refusal, match="cut off"):
        register(head(grid_of()), head(grid_of()), None, cut, SIDE, Job())


def test_a_cancel_is_heard_between_layers(weights: Weights) -> None:
    asked = iter([False] * 12)
    job = Job(cancelled=lambda: next(asked, True))
    with pytest.raises(Cancelled):
        register(head(grid_of()), head(grid_of()), None, weights(), SIDE, job)
