"""From an image on any grid to structures on it: with a network's stand-in that tells tissues by their brightness."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pytest
from numpy.typing import NDArray

from plugins.segment_brain.head_image import double, halve, head_grid, normalize
from plugins.segment_brain.labels import CLASSES, OUTPUTS
from plugins.segment_brain.segmentation import brain_mask, find_brain, largest_part, segment_brain
from plugins.segment_brain.segments import BRAIN
from viewer.api import Grid, Job, Refusal, Volume

WHITE, CORTEX, CEREBELLUM = 1, 2, 6  # classes
LEFT, RIGHT = (2, 3, 8), (41, 42, 47)


class Brightness:
    """A Net: bright is white matter, less so cortex, then cerebellum; left of the middle of what is bright is left."""

    engine, precision, device = "none", "float32", "cpu"

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        image = batch[0, 0]
        answer = np.full((1, OUTPUTS, *image.shape), -9, np.float32)
        answer[0, 0] = 9 * (0.3 - image)
        answer[0, CEREBELLUM] = 9 * (0.2 - np.abs(image - 0.35))
        answer[0, CORTEX] = 9 * (0.4 - np.abs(image - 0.6))
        answer[0, WHITE] = 9 * (image - 0.8)
        inside = np.argwhere(image > 0.4)
        answer[0, CLASSES] = np.arange(image.shape[2]) - (inside[:, 2].mean() if len(inside) else 0)
        return answer


def head(grid: Grid) -> Volume:
    """A ball of white matter with a rim of cortex, its middle at (12, -7, 5) mm, and a cerebellum below and behind."""
    index = np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij"), -1)
    x, y, z = np.moveaxis(grid.to_world(index) - (12, -7, 5), -1, 0)
    radius = np.sqrt(x**2 + y**2 + z**2)
    below = np.sqrt(x**2 + (y - 30) ** 2 + (z + 50) ** 2)
    values = np.select([radius < 45, radius < 55, below < 22], [200, 120, 70], 0)
    return Volume(values.astype(np.int16), grid)


def grids() -> list[Grid]:
    """Every order and direction of the axes of one box of voxels."""
    found = []
    for order in permutations(range(3)):
        for signs in product((1, -1), repeat=3):
            axes = np.eye(3)[:, order] * signs
            spacing = np.array((2.4, 1.7, 1.9))[np.argsort(np.argsort(order))]
            shape = tuple(int(n) for n in np.array((70, 96, 84))[np.argsort(np.argsort(order))])
            grid = Grid.of(shape, spacing, direction=axes[:, ::-1])
            found.append(Grid.of(shape, spacing, -grid.centre, axes[:, ::-1]))
    return found


@pytest.mark.parametrize("grid", grids()[::9])
def test_left_is_left_on_every_grid(grid: Grid) -> None:
    image = head(grid)
    found = segment_brain(image, Brightness(), Job())
    assert found.grid is grid
    index = np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij"), -1)
    x = grid.to_world(index)[..., 0]
    assert x[np.isin(found.array, LEFT)].min() > 12 - 3
    assert x[np.isin(found.array, RIGHT)].max() < 12 + 3
    truth = image.array > 0
    both = 2 * np.count_nonzero((found.array > 0) & truth)
    assert both / (np.count_nonzero(found.array) + np.count_nonzero(truth)) > 0.97


def test_every_segment_has_its_label_map() -> None:
    found = segment_brain(head(grids()[0]), Brightness(), Job())
    assert len(found.segments) == 35
    brain = found.segments[-1]
    assert np.array_equal(found.mask(brain), found.maps[1] == BRAIN)
    assert found.mask(brain).sum() >= np.count_nonzero(found.array)
    assert [one.side for one in found.segments[:2]] == ["left", "right"]


def test_an_oblique_head_is_found_where_it_is() -> None:
    turn = np.radians(12)
    axes = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    grid = Grid.of((80, 90, 90), (2, 2, 2), (-90, -100, -70), axes)
    image = head(grid)
    found = segment_brain(image, Brightness(), Job()).array > 0
    assert 2 * np.count_nonzero(found & (image.array > 0)) / (found.sum() + (image.array > 0).sum()) > 0.97


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda image: replace(image, array=image.array * 0), "one value"),
        (lambda image: replace(image, array=np.where(image.array > 150, np.nan, image.array)), "NaN"),
        (lambda image: replace(image, source=replace(image.source, modality="US")), "US"),
        (lambda image: replace(image, source=replace(image.source, modality="CT")), "CT"),
        (lambda image: replace(image, grid=replace(image.grid, placed=False)), "left and right"),
        (
            lambda image: replace(
                image, array=image.array[:1], grid=image.grid.crop((0, 0, 0), (1, *image.grid.shape[1:]))
            ),
            "single slice",
        ),
        (lambda image: replace(image, array=np.stack([image.array.astype(np.uint8)] * 3, -1)), "colour"),
    ],
)
def test_what_is_no_head_is_refused(change, words) -> None:
    with pytest.raises(Refusal, match=words):
        segment_brain(change(head(grids()[0])), Brightness(), Job())


def test_a_head_upside_down_is_refused() -> None:
    image = head(Grid.of((90, 90, 90), (2, 2, 2), (-80, -95, -85)))
    with pytest.raises(Refusal, match="cerebellum"):
        segment_brain(replace(image, array=image.array[::-1]), Brightness(), Job())


def test_a_head_that_faces_backwards_is_refused() -> None:
    image = head(Grid.of((90, 90, 90), (2, 2, 2), (-80, -95, -85)))
    with pytest.raises(Refusal, match="behind"):
        segment_brain(replace(image, array=image.array[:, ::-1]), Brightness(), Job())


class Swapped(Brightness):
    """Takes the left for the right."""

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        answer = super().__call__(batch)
        answer[0, CLASSES] *= -1
        return answer


def test_a_left_half_on_the_right_is_refused() -> None:
    with pytest.raises(Refusal, match="the left half was found on the right"):
        segment_brain(head(grids()[0]), Swapped(), Job())


class Unsure(Brightness):
    """Says the same with little conviction."""

    share = 0.02

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.maximum(super().__call__(batch), -9) * np.float32(self.share)


def test_an_answer_that_is_hardly_one_is_refused_and_an_uncertain_one_is_marked() -> None:
    image, net = head(grids()[0]), Unsure()
    with pytest.raises(Refusal, match="none for sure"):
        segment_brain(image, net, Job())
    net.share = 0.4
    (badge,) = segment_brain(image, net, Job()).badges
    assert badge.startswith("uncertain: mean probability 0.")
    net.share = 2.0
    assert segment_brain(image, net, Job()).badges == ()


def test_two_passes_find_the_same_and_doubt_lies_on_the_grid() -> None:
    grid = grids()[17]
    one, both = (find_brain(head(grid), Brightness(), Job(), mirrored=mirrored) for mirrored in (False, True))
    assert np.mean(one.labels != both.labels) < 0.002
    assert [len(found.prediction.passes) for found in (one, both)] == [1, 2]
    doubt = both.doubt()
    assert doubt.grid is grid
    assert doubt.array.dtype == np.uint8
    index = np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij"), -1)
    x, y, z = np.moveaxis(grid.to_world(index) - (12, -7, 5), -1, 0)
    inside, across = np.sqrt(x**2 + y**2 + z**2) < 35, np.abs(x)  # between the halves it is not sure of the side
    assert doubt.values()[inside & (across < 1.5)].mean() > doubt.values()[inside & (across > 12)].mean() + 0.3


def test_something_too_small_is_no_brain() -> None:
    image = head(Grid.of((90, 90, 90), (2, 2, 2), (-80, -95, -85)))
    small = image.array * (np.linalg.norm(np.indices(image.array.shape).T - 45, axis=-1).T < 12)
    with pytest.raises(Refusal, match="ml"):
        segment_brain(replace(image, array=small), Brightness(), Job())


def test_the_grid_of_the_head_holds_the_image() -> None:
    for grid in grids()[::7]:
        made = head_grid(grid)
        assert made.spacing == pytest.approx(1)
        assert made.axes == pytest.approx(np.eye(3)[:, ::-1])
        centres = grid.to_world([(0, 0, 0), np.array(grid.shape) - 1])
        index = made.to_index(centres)
        assert index.min() >= -1e-9
        assert (index.max(0) <= np.array(made.shape) - 1).all()
        assert not any(n % 32 for n in made.shape)


def test_double_is_the_way_back_from_halve() -> None:
    ramp = np.broadcast_to(np.arange(12, dtype=np.float32)[:, None, None], (12, 8, 8))
    assert double(halve(ramp))[1:-1] == pytest.approx(ramp[1:-1])
    assert double(halve(ramp)).shape == ramp.shape


def test_values_are_brought_to_one_scale() -> None:
    values = np.random.default_rng(0).uniform(50, 90, (20, 20, 20)).astype(np.float32)
    assert normalize(values) == pytest.approx(normalize(7 * values - 300), abs=1e-4)
    assert np.percentile(normalize(values), 50) == pytest.approx(0.5, abs=0.05)
    assert not normalize(np.full((4, 4, 4), 3, np.float32)).any()


def test_the_mask_has_furrows_but_no_fluid_around() -> None:
    labels = np.zeros((60, 60, 60), np.uint16)
    labels[5:55, 5:55, 5:55] = 24
    labels[10:50, 10:50, 10:50] = 3
    labels[10:50, 10:50, 29:32] = 24  # a furrow
    labels[28:32, 20:24, 20:24] = 0  # a hole
    mask = brain_mask(labels) > 0
    assert mask[12:48, 12:48, 12:48].all()
    assert not mask[:9].any()


def test_only_the_largest_part_counts() -> None:
    mask = np.zeros((9, 9, 9), bool)
    mask[:4, :4, :4] = mask[7:, 7:, 7:] = True
    assert largest_part(mask).sum() == 64
    assert not largest_part(np.zeros((3, 3, 3), bool)).any()
