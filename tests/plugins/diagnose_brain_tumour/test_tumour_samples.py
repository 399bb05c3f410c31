"""Labelled slices, their blocks, and the views that are drawn from them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from plugins.diagnose_brain_tumour.networks import CROP_SIZE, HEAD_SIZE, TYPES
from plugins.diagnose_brain_tumour.samples.degradation import compress, degrade
from plugins.diagnose_brain_tumour.samples.drawn_samples import SampleSource, draw_heat
from plugins.diagnose_brain_tumour.samples.feature_bank import draw_rows
from plugins.diagnose_brain_tumour.samples.labelled_slices import BLOCKS, GAP, LabelledSlices, read_labelled_slices
from plugins.diagnose_brain_tumour.samples.tumour_edits import fill_tumour, paste_tumour
from plugins.diagnose_brain_tumour.views import Square, find_head
from tests.plugins.diagnose_brain_tumour.brain_phantom import head, write_folder


@pytest.fixture(scope="module")
def slices(tmp_path_factory: pytest.TempPathFactory) -> LabelledSlices:
    data = tmp_path_factory.mktemp("data")
    write_folder(data)
    return read_labelled_slices(data)


def test_boxes_are_read_in_pixels(slices: LabelledSlices) -> None:
    assert len(slices.images) == 30
    assert np.bincount(slices.types).tolist() == [10, 10, 10]
    assert np.allclose(slices.boxes[0], [178, 198, 222, 242], atol=0.1)


def test_blocks_are_consecutive_numbers_and_their_neighbours_are_in_no_set() -> None:
    count = 120
    slices = LabelledSlices((), np.zeros(count, int), np.arange(count), np.zeros((count, 4)))
    assert (np.diff(slices.blocks) >= 0).all()
    assert set(slices.blocks) == set(range(BLOCKS))
    train, tested = slices.split(2)
    assert tested.tolist() == list(range(48, 72))
    assert train.max() < count
    assert not set(train) & set(range(48 - GAP, 72 + GAP))
    assert len(slices.split(None)[0]) == count


def test_a_head_is_found_wherever_it_lies() -> None:
    found = find_head(np.roll(head(), (20, -40), (0, 1)))
    assert abs(found.square.x - 216) < 6
    assert abs(found.square.y - 276) < 6
    assert 350 < found.square.side < 400
    nothing = find_head(np.zeros((64, 64), np.float32))
    assert nothing.square.side > 60
    assert torch.isfinite(nothing.scaled(torch.zeros(1, 8, 8))).all()


@pytest.mark.parametrize("turn", [0.0, 0.5, -2.0])
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_point_is_where_its_square_says(turn: float, mirrored: bool) -> None:
    """A dot in the slice is seen where `inside` says that it is."""
    image = torch.zeros(400, 512)
    image[150:156, 320:326] = 1
    square = Square(300, 180, 200, turn, mirrored)
    view = square.sample(image, 128)[0]
    row, column = (float((view.sum(1 - axis) * torch.arange(128)).sum() / view.sum()) + 0.5 for axis in (0, 1))
    assert np.allclose(square.inside(np.array([[323.0, 153.0]]))[0] * 128, [column, row], atol=1.0)


def test_large_and_small_views_show_the_same_place() -> None:
    image, square = torch.from_numpy(head(200, 300)), Square(256, 256, 500)
    small = torch.nn.functional.interpolate(square.sample(image, 256)[None], (64, 64), mode="area")[0]
    assert (small - square.sample(image, 64)).abs().mean() < 3


def test_the_box_of_a_turned_square_is_around_the_turned_ellipse() -> None:
    box = np.array([100.0, 140.0, 180.0, 180.0])
    straight = Square(140, 160, 200).box(box)
    assert np.allclose(straight, [0.3, 0.4, 0.7, 0.6])
    assert np.allclose(Square(140, 160, 200, np.pi / 2).box(box), [0.4, 0.3, 0.6, 0.7])


def test_heat_is_one_in_the_middle_of_a_box_and_nothing_where_there_is_none() -> None:
    heat = draw_heat(np.array([0.2, 0.5, 0.3, 0.7]))
    assert heat.max() == 1
    assert divmod(int(heat.argmax()), 24) in {(14, 5), (13, 5), (14, 6)}
    assert draw_heat(np.array([3.0, 3.0, 3.1, 3.1])).max() < 0.01


def test_a_filled_tumour_is_gone_and_the_rest_stays() -> None:
    image, box = head(200, 240, 20), np.array([180.0, 220.0, 220.0, 260.0])
    for seed in range(12):
        filled = fill_tumour(image, box, 256.0, np.random.default_rng(seed))
        assert np.abs(filled - image)[225:255, 185:215].mean() > 5, seed
        assert np.array_equal(filled[:150], image[:150])
        assert np.array_equal(filled[330:], image[330:])


def test_a_moved_tumour_lies_in_its_new_box() -> None:
    image, gone = head(radius=0.0), head(200, 240, 20)
    moved, box = paste_tumour(
        image, gone, np.array([180.0, 220.0, 220.0, 260.0]), (256.0, 256.0, 370.0), np.random.default_rng(3)
    )
    x, y = ((box[:2] + box[2:]) / 2).astype(int)
    assert moved[y, x] > 200
    assert np.allclose(box[2:] - box[:2], 40)


def test_degraded_views_stay_in_range(slices: LabelledSlices) -> None:
    view = torch.rand(1, 64, 64)
    for seed in range(20):
        out = degrade(view, np.random.default_rng(seed))
        assert out.shape == view.shape
        assert out.min() >= 0
        assert out.max() <= 1
    assert not torch.equal(compress(view, 10), compress(view, 90))


def test_what_is_drawn_fits_the_networks_and_comes_again(slices: LabelledSlices) -> None:
    source = SampleSource(slices)
    view, heat, box = source.draw_head(3, np.random.default_rng(1))
    assert view.shape == (1, HEAD_SIZE, HEAD_SIZE)
    assert heat.shape == (24, 24)
    assert box.shape == (4,)
    again = source.draw_head(3, np.random.default_rng(1))
    assert torch.equal(view, again[0])
    assert torch.equal(heat, again[1])
    for draw in (source.draw_crop, source.draw_empty_crop):
        assert draw(3, 0, np.random.default_rng(1)).shape == (1, CROP_SIZE, CROP_SIZE)


def test_types_are_drawn_equally_often(slices: LabelledSlices) -> None:
    types = np.repeat([0, 1, 2], [90, 6, 4])
    rows = draw_rows(types, np.arange(100), 600, np.random.default_rng(0))
    assert np.bincount(types[rows], minlength=len(TYPES)).min() > 150
