"""From an image on any grid to structures on it: with a network's stand-in that tells tissues by their brightness."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from plugins.segment_brain.head_image import head_grid, normalize
from plugins.segment_brain.labels import CLASSES, CSF, OUTPUTS, numbers
from plugins.segment_brain.plausibility import largest_part
from plugins.segment_brain.prediction import Prediction
from plugins.segment_brain.segmentation import FoundBrain, brain_mask, find_brain, segment_brain
from plugins.segment_brain.segments import BRAIN
from tests.fixtures.brain_phantom import MIDDLE, head, place, truth
from viewer.api import Grid, Job, Refusal, Volume, resample_labels

WHITE, CORTEX, CEREBELLUM = 1, 2, 6  # classes
LEFT, RIGHT = (tuple(number for number, _, side in numbers() if side == which) for which in ("left", "right"))


class Brightness:
    """A Net: bright is white matter, less so cortex, then cerebellum; left of the middle of what is bright is left."""

    engine, precision, device = "none", "float32", "cpu"

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        image = batch[0, 0]
        answer = np.full((1, OUTPUTS, *image.shape), -9, np.float32)
        answer[0, 0] = 40 * (0.48 - image)
        answer[0, CEREBELLUM] = 40 * (0.06 - np.abs(image - 0.56))
        answer[0, CORTEX] = 40 * (0.1 - np.abs(image - 0.7))
        answer[0, WHITE] = 40 * (image - 0.82)
        inside = np.argwhere(image > 0.8)
        answer[0, CLASSES] = np.arange(image.shape[2]) - (inside[:, 2].mean() if len(inside) else 0)
        return answer


def grids() -> list[Grid]:
    """Every order and direction of the axes of one box of voxels."""
    found = []
    for order in permutations(range(3)):
        for signs in product((1, -1), repeat=3):
            axes = np.eye(3)[:, order] * signs
            spacing = np.array((2.4, 1.9, 2.1))[np.argsort(np.argsort(order))]
            shape = tuple(int(n) for n in np.array((80, 100, 84))[np.argsort(np.argsort(order))])
            grid = Grid.of(shape, spacing, direction=axes[:, ::-1])
            found.append(Grid.of(shape, spacing, -grid.centre + MIDDLE, axes[:, ::-1]))
    return found


UPRIGHT = Grid.of((90, 100, 90), (2, 2, 2), (-78, -107, -85))


def dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return 2 * np.count_nonzero(one & other) / (np.count_nonzero(one) + np.count_nonzero(other))


@pytest.mark.parametrize("grid", grids()[::17])
def test_left_is_left_on_every_grid(grid: Grid) -> None:
    found = segment_brain(head(grid), Brightness(), Job())
    assert found.grid is grid
    x = place(grid)[0]
    assert x[np.isin(found.array, LEFT)].min() > -8
    assert x[np.isin(found.array, RIGHT)].max() < 8
    for number in (2, 41, 3, 42, 10, 49, 8, 47, 16):
        assert dice(found.array == number, truth(grid) == number) > 0.8, number


def test_every_segment_has_its_label_map() -> None:
    found = segment_brain(head(grids()[0]), Brightness(), Job())
    assert len(found.segments) == 35
    brain = found.segments[-1]
    assert np.array_equal(found.mask(brain), found.maps[1] == BRAIN)
    assert found.mask(brain).sum() >= np.count_nonzero((found.array > 0) & (found.array != CSF))
    assert [one.side for one in found.segments[:2]] == ["left", "right"]


def test_an_oblique_head_is_found_where_it_is() -> None:
    turn = np.radians(12)
    axes = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    flat = Grid.of((90, 100, 100), (2, 2, 2), direction=axes)
    grid = Grid.of((90, 100, 100), (2, 2, 2), -flat.centre + MIDDLE, axes)
    found = segment_brain(head(grid, stripped=True), Brightness(), Job())
    assert dice(found.array > 0, truth(grid) > 0) > 0.93


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
    image = head(UPRIGHT)
    with pytest.raises(Refusal, match="cerebellum"):
        segment_brain(replace(image, array=image.array[::-1]), Brightness(), Job())


def test_a_head_that_faces_backwards_is_refused() -> None:
    image = head(UPRIGHT)
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

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        return super().__call__(batch) * np.float32(0.01)


def test_an_answer_that_is_hardly_one_is_refused() -> None:
    with pytest.raises(Refusal, match="none for sure"):
        segment_brain(head(UPRIGHT), Unsure(), Job())


class Large(Brightness):
    """Takes all that is near for brain."""

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        answer = super().__call__(batch)
        middle = np.argwhere(batch[0, 0] > 0.8).mean(0)
        near = np.linalg.norm(np.indices(batch.shape[2:]).T - middle, axis=-1).T < 46
        answer[0, 0, near] = -20
        return answer


def test_two_answers_that_differ_are_marked() -> None:
    (badge,) = segment_brain(head(UPRIGHT, stripped=True), Large(), Job()).badges
    assert badge.startswith("uncertain: two ways to find the brain agree with a Dice of only 0.")
    assert segment_brain(head(UPRIGHT), Brightness(), Job()).badges == ()


def test_two_passes_find_the_same_and_doubt_lies_on_the_grid() -> None:
    grid = grids()[17]
    one, both = (find_brain(head(grid), Brightness(), Job(), mirrored=mirrored) for mirrored in (False, True))
    assert np.array_equal(one.labels, both.labels)
    assert [len(found.prediction.passes) for found in (one, both)] == [1, 2]
    first, second = (each[:CLASSES].argmax(0) for each in both.prediction.passes)
    assert np.mean(first[first > 0] == second[first > 0]) > 0.95
    doubt = both.doubt()
    assert doubt.grid is grid
    assert doubt.array.dtype == np.uint8
    labels = truth(grid)
    inner = ndimage.binary_erosion(np.isin(labels, (2, 41)), iterations=3)
    borders = ndimage.binary_dilation(labels == 10) & (labels != 10)  # of the thalamus
    assert doubt.values()[borders].mean() > doubt.values()[inner].mean() + 0.1


def test_labels_are_placed_as_if_all_of_the_image_was_looked_at() -> None:
    rng = np.random.default_rng(0)
    labels = np.zeros((192, 192, 192), np.uint8)
    labels[40:120, 60:180, 30:150] = rng.integers(0, 3, (80, 120, 120))
    cube = Grid.of(labels.shape, origin=(-90, -85, -100))
    for seed in range(4):
        axes = Rotation.random(rng=seed).as_matrix()
        centred = Grid.of((60, 90, 80), (3.1, 1.9, 2.4), direction=axes)
        grid = Grid.of(centred.shape, centred.spacing, rng.uniform(-60, 60, 3) - centred.centre, axes)
        image = Volume(np.zeros(grid.shape, np.int16), grid)
        found = FoundBrain(image, labels, labels, cube, Prediction(()), 1.0).segmentation()
        assert np.array_equal(found.array, resample_labels(labels, cube, grid))


def test_something_too_small_is_no_brain() -> None:
    image = head(UPRIGHT)
    small = image.array * (np.linalg.norm(place(UPRIGHT), axis=0) < 25)
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
