"""Every effect of the palette, from its form to the masks it answers with."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from viewer.compute.effects.image import growcut
from viewer.compute.progress import Refusal
from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.data.volume import Volume
from viewer.effects.catalogue import OPERATIONS
from viewer.effects.effect import EffectContext
from viewer.effects.snake_steps import snake_masks
from viewer.scene.segmentation_layer import segmentation_layer

BY_ID = {one.id: one for one in OPERATIONS}
GRID = Grid.of((24, 40, 40), (2.0, 1.0, 1.0))
K, J, I = np.indices(GRID.shape)  # noqa: E741
OFF = np.sqrt(((K - 12) * 2.0) ** 2 + (J - 20.0) ** 2 + (I - 20.0) ** 2)
ORGAN = OFF <= 12


@pytest.fixture
def given() -> EffectContext:
    """A bright ball of 12 mm in noise; the first segment has its middle, the second a rim around it."""
    noise = np.random.default_rng(0).normal(0, 5, GRID.shape)
    image = Volume(np.where(ORGAN, 100, 0).astype(np.float32) + noise.astype(np.float32), GRID, "ball", "HU")
    labels = np.zeros(GRID.shape, np.uint8)
    labels[OFF <= 6], labels[(OFF > 16) & (OFF < 18)] = 1, 2
    segments = Segment(1, "organ"), Segment(2, "around")
    layer = segmentation_layer(Segmentation(labels, GRID, segments, "labels"))
    return EffectContext(layer, segments[0], image, segments[1], (12, 20, 20))


def done(given: EffectContext, name: str, **values) -> np.ndarray:
    """What becomes of the first segment."""
    out = given.segment_mask(given.segment, given.whole)
    for key, mask, box in BY_ID[name].call(given, values)(lambda fraction: None):
        if key == given.key:
            out[box] = mask
    return out


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


@pytest.mark.parametrize("one", OPERATIONS, ids=lambda one: one.id)
def test_each_explains_itself_and_what_it_asks_for(one):
    assert one.form.summary
    assert all(parameter.description for parameter in one.form.parameters)


@pytest.mark.parametrize("one", [one for one in OPERATIONS if one.live != "play"], ids=lambda one: one.id)
def test_each_answers_with_masks_that_fit_their_boxes(given, one):
    if one.id == "fill_between":
        given.layer.segmentation.array[11] = 0
    keys = {segment.key for segment in given.layer.segmentation.segments}
    for key, mask, box in one.call(given, {})(lambda fraction: None):
        assert key in keys
        assert mask.shape == tuple(part.stop - part.start for part in box)
        assert mask.dtype == bool


@pytest.mark.parametrize("name", ["islands", "fill_holes", "margin", "hollow", "smooth", "fill_between", "extend"])
def test_an_empty_segment_is_refused_in_a_sentence(given, name):
    given.layer.segmentation.array[:] = 0
    with pytest.raises(Refusal, match="organ is empty"):
        list(BY_ID[name].call(given, {})(lambda fraction: None))


@pytest.mark.parametrize("name", ["threshold", "otsu", "local_threshold", "grow_from_seeds", "watershed", "extend"])
def test_without_an_image_it_says_so(given, name):
    blind = EffectContext(given.layer, given.segment, None)
    with pytest.raises(Refusal, match="no grey image"):
        list(BY_ID[name].call(blind, {})(lambda fraction: None))


def test_a_threshold_takes_the_range(given):
    assert dice(done(given, "threshold", lower=50.0, upper=200.0), ORGAN) == 1
    with pytest.raises(Refusal, match="exchange"):
        done(given, "threshold", lower=5.0, upper=1.0)


def test_otsu_finds_the_bright_class(given):
    assert dice(done(given, "otsu"), ORGAN) > 0.99
    with pytest.raises(Refusal, match="2 classes"):
        done(given, "otsu", take=3)


@pytest.mark.parametrize("name", ["grow_from_seeds", "watershed", "extend"])
def test_seeds_find_the_organ(given, name):
    assert dice(done(given, name), ORGAN) > 0.95


def test_locked_seeds_keep_their_segments(given):
    given.layer.locked = frozenset({(0, 2)})
    keys = {key for key, *_ in BY_ID["grow_from_seeds"].call(given, {})(lambda fraction: None)}
    assert keys == {(0, 1)}


def test_a_margin_is_measured_in_mm(given):
    assert dice(done(given, "margin", distance=4.0), OFF <= 10) > 0.93
    assert dice(done(given, "margin", distance=-3.0), OFF <= 3) > 0.7


def test_gaps_between_slices_are_filled(given):
    before = given.segment_mask(given.segment, given.whole)
    given.layer.segmentation.array[[10, 12, 13]] = 0
    assert dice(done(given, "fill_between"), before) > 0.85


def test_the_island_at_the_crosshair_is_kept_or_removed(given):
    given.layer.segmentation.array[2:4, 2:5, 2:5] = 1
    kept = done(given, "islands", do="keep the one at the cross-hair")
    assert not kept[:5].any()
    gone = done(given, "islands", do="remove that one")
    assert gone.sum() == 18
    away = EffectContext(given.layer, given.segment, given.image, None, (0, 0, 0))
    with pytest.raises(Refusal, match="cross-hair"):
        list(BY_ID["islands"].call(away, {"do": "remove that one"})(lambda fraction: None))


def test_another_segment_is_added_subtracted_or_met(given):
    array = given.layer.segmentation.array
    its = array == 2
    assert (done(given, "combine") == ((array == 1) | its)).all()
    assert (done(given, "combine", do="subtract the other") == (array == 1)).all()
    assert not done(given, "combine", do="keep what both have").any()
    with pytest.raises(Refusal, match="another segment"):
        BY_ID["combine"].call(EffectContext(given.layer, given.segment, given.image), {})


def test_a_wrong_setting_is_refused_by_name(given):
    with pytest.raises(Refusal, match="distance"):
        BY_ID["margin"].call(given, {"distance": 500.0})


def test_a_snake_creeps_to_the_edge_step_by_step(given):
    box, masks = snake_masks(given, {"reach": 10.0})
    for mask in islice(masks, 60):
        last = mask
    whole = np.zeros(GRID.shape, bool)
    whole[box] = last
    assert dice(whole, ORGAN) > 0.9
    with pytest.raises(Refusal, match="Play"):
        list(BY_ID["snake"].call(given, {})(lambda fraction: None))


def test_growing_goes_on_from_the_look_before(given, monkeypatch):
    made = []
    first = growcut.GrowCut.__init__
    monkeypatch.setattr(growcut.GrowCut, "__init__", lambda self, *rest: (made.append(self), first(self, *rest))[1])
    done(given, "grow_from_seeds")
    seeds = given.layer.segmentation.array
    seeds[tuple(np.argwhere(seeds == 2)[0] + [1, 0, 0])] = 2  # another stroke beside it
    went_on = done(given, "grow_from_seeds")
    assert len(made) == 1
    anew = done(replace(given, cache={}), "grow_from_seeds")
    assert len(made) == 2
    assert np.array_equal(went_on, anew)
    other = replace(given.image, array=given.image.array.copy())
    done(replace(given, image=other), "grow_from_seeds")  # what was kept is of another image
    assert len(made) == 3
