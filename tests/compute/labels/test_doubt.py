"""Doubts from label maps, passes and doubt maps, on phantoms of known faults."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from tests.fixtures.doubt_phantom import degraded_cases, true_dice
from viewer.api import Calibration, Refusal, Segment, Segmentation, with_doubts
from viewer.compute.labels.doubt_map import doubt_map, entropy, most_doubtful, winner_table
from viewer.data.grid import Grid
from viewer.data.study import Source

SHAPE = (20, 24, 28)


def segmentation(*boxes: tuple[slice, slice, slice], spacing=(1.0, 1.0, 1.0)) -> Segmentation:
    array = np.zeros(SHAPE, np.uint8)
    for box in boxes:
        array[box] = 1
    return Segmentation(array, Grid.of(SHAPE, spacing), (Segment(1, "one"),))


BODY = (slice(4, 14), slice(4, 14), slice(4, 14))


def doubt_of(labels: Segmentation, *passes, doubt=None, **more):
    (segment,) = with_doubts(labels, passes, doubt, **more).segments
    return segment.doubt


def codes(doubt) -> set[str]:
    return {flag.code for flag in doubt.flags}


def test_a_sound_structure_has_no_flag_and_waits_for_review():
    sound = with_doubts(segmentation(BODY, spacing=(2.0, 1.0, 0.5)))
    doubt = sound.segments[0].doubt
    assert sound.segments[0].review == "unreviewed"
    assert (doubt.flags, doubt.islands, doubt.holes, doubt.border) == ((), 0, 0, 0)
    assert doubt.volume == 1000
    assert doubt.dice is None  # nothing tells it


def test_islands_and_holes_are_counted_and_lower_the_prediction():
    apart = segmentation(BODY, (slice(16, 19), slice(4, 14), slice(4, 14)))  # 300 of 1300 voxels
    doubt = doubt_of(apart, apart.array)
    assert (doubt.islands, doubt.island_share) == (1, pytest.approx(300 / 1300))
    assert doubt.dice == pytest.approx(2000 / 2300)  # the Dice of the whole with its largest part
    assert codes(doubt) == {"islands"}
    assert "23% of it lies in one part" in doubt.flags[0].sentence
    assert codes(doubt_of(apart, apart.array, scattered={1})) == set()
    hollow = segmentation(BODY)
    hollow.array[6:12, 6:12, 6:12] = 0
    doubt = doubt_of(hollow, hollow.array)
    assert (doubt.holes, doubt.hole_share) == (1, pytest.approx(216 / 784))
    assert doubt.dice == pytest.approx(2 * 784 / (784 + 1000))  # the Dice with the filled one
    assert codes(doubt) == {"holes"}


def test_parts_of_a_large_structure_are_found_in_blocks(monkeypatch):
    apart = segmentation(BODY, (slice(17, 20), slice(4, 14), slice(4, 14)))
    fine = doubt_of(apart)
    monkeypatch.setattr("viewer.compute.labels.doubt.MOST", 1000)
    coarse = doubt_of(apart)
    assert (coarse.islands, coarse.volume, coarse.border) == (1, fine.volume, fine.border)
    assert coarse.island_share == pytest.approx(fine.island_share, abs=0.05)


def test_what_reaches_the_end_of_the_image_is_flagged():
    cut = segmentation((slice(0, 10), slice(4, 14), slice(4, 14)))
    doubt = doubt_of(cut)
    assert doubt.border == pytest.approx(100 / (1000 - 8**3))
    assert codes(doubt) == {"border"}
    flat = Segmentation(np.ones((1, 8, 8), np.uint8), Grid.of((1, 8, 8)), (Segment(1, "one"),))
    flat.array[0, 0] = flat.array[0, -1] = flat.array[0, :, 0] = flat.array[0, :, -1] = 0
    assert doubt_of(flat).border == 0  # a single slice has no end across it


def test_what_was_filled_up_ends_where_the_image_does():
    labels = segmentation(BODY)
    seen = (slice(4, SHAPE[0]), slice(0, SHAPE[1]), slice(0, SHAPE[2]))
    assert doubt_of(labels, shown=seen).border == pytest.approx(100 / (1000 - 8**3))
    assert codes(doubt_of(labels, shown=seen)) == {"border"}
    beyond = (slice(6, SHAPE[0]), *seen[1:])
    assert doubt_of(labels, shown=beyond).border > doubt_of(labels, shown=seen).border
    inside = (slice(3, SHAPE[0]), *seen[1:])
    assert doubt_of(labels, shown=inside).border == 0


def test_a_model_may_have_its_own_bound_of_trust():
    labels, even = segmentation(BODY), np.full(SHAPE, 255, np.uint8)
    told = doubt_of(labels, doubt=even).expected
    assert codes(doubt_of(labels, doubt=even, trusted=told + 0.01)) == {"uncertain"}
    assert codes(doubt_of(labels, doubt=even, trusted=told - 0.01)) == set()


def test_volumes_that_are_not_usual_bound_the_dice():
    labels = segmentation(BODY)
    small = doubt_of(labels, labels.array, plausible={1: (3000.0, 5000.0)})
    large = doubt_of(labels, labels.array, plausible={1: (100.0, 500.0)})
    usual = doubt_of(labels, labels.array, plausible={1: (900.0, 1100.0)})
    assert (small.dice, large.dice, usual.dice) == pytest.approx((2 / 4, 2 * 500 / 1500, 1.0))
    assert "below the usual 3 to 5 ml" in small.flags[0].sentence
    assert "above" in large.flags[0].sentence
    assert usual.flags == ()


def test_agreement_is_the_mean_dice_of_all_pairs_of_passes():
    labels = segmentation(BODY)
    shifted, empty = np.roll(labels.array, 5, axis=0), np.zeros(SHAPE, np.uint8)
    assert doubt_of(labels, shifted).agreement == 0.5  # a single pass, against the segmentation
    three = doubt_of(labels, labels.array, shifted, empty)
    assert three.agreement == pytest.approx((0.5 + 0 + 0) / 3)
    assert three.variation == pytest.approx(np.std([1, 1, 0]) / np.mean([1, 1, 0]))
    assert codes(three) == {"disagreement"}


def test_a_structure_that_was_not_found_is_doubtful():
    doubt = doubt_of(segmentation(), segmentation(BODY).array)
    assert doubt.dice == 0
    assert codes(doubt) == {"missing"}


def test_the_doubt_map_tells_what_dice_to_expect():
    labels = segmentation(BODY)
    sure, even = np.zeros(SHAPE, np.uint8), np.full(SHAPE, 255, np.uint8)
    assert doubt_of(labels, doubt=sure).dice == 1
    guess = doubt_of(labels, doubt=even)
    shell = 6 * 10 * 10  # voxels with a face on the structure
    assert guess.expected == pytest.approx(2 * 500 / (1000 + 500 + shell / 2))
    assert guess.entropy == 1
    assert codes(guess) == {"uncertain"}


def test_entropy_and_its_inverse():
    p = np.linspace(0.5, 1, 200)
    assert winner_table()[entropy(p)] == pytest.approx(p, abs=0.05)  # near even odds entropy is flat
    assert winner_table()[entropy(p[p > 0.8])] == pytest.approx(p[p > 0.8], abs=0.004)
    assert entropy(np.array([0.2, np.nan, 0.5, 1.0])).tolist() == [255, 255, 255, 0]
    volume = doubt_map(entropy(np.full((2, 3, 4), 0.75)), Grid.of((2, 3, 4)), Source())
    assert volume.unit == "bit"
    assert volume.values() == pytest.approx(np.full((2, 3, 4), 0.8113), abs=0.003)


def test_maps_of_another_shape_are_refused():
    for passes, doubt in (((np.zeros((2, 2, 2), np.uint8),), None), ((), np.zeros((2, 2, 2), np.uint8))):
        with pytest.raises(Refusal, match="shape"):
            with_doubts(segmentation(BODY), passes, doubt)


def test_a_calibration_is_fitted_on_known_truth():
    scores = np.linspace(0.05, 0.95, 30)
    truth = Calibration(-1.0, 1.5)
    found = Calibration.fitted(scores, [truth(one) for one in scores])
    assert (found.intercept, found.slope) == pytest.approx((-1.0, 1.5), abs=1e-3)
    labels = segmentation(BODY)
    shifted = np.roll(labels.array, 5, axis=0)
    assert doubt_of(labels, shifted, calibration=found).dice == pytest.approx(truth(0.5))
    with pytest.raises(ValueError, match="three"):
        Calibration.fitted([0.5, 0.6], [0.5, 0.6])


def test_the_prediction_orders_degraded_structures_as_their_true_dice_does():
    told, true, flagged = [], [], []
    for case in degraded_cases(21, strengths=(0.5, 1.0)):
        for segment in with_doubts(case.found, case.passes, case.doubt).segments:
            told.append(segment.doubt.dice)
            true.append(true_dice(case, segment.label))
            flagged.append(codes(segment.doubt) - {"border"} != set())  # that some are cut is no error
    low, high = np.array(true) < 0.5, np.array(true) > 0.8
    assert low.sum() > 20  # they are degraded
    assert high.sum() > 20
    assert spearmanr(told, true)[0] > 0.7
    assert np.mean(np.array(flagged)[low]) > 0.9
    assert np.mean(np.array(flagged)[high]) < 0.2


def test_the_most_doubtful_voxel_lies_in_the_shell():
    labels, bits = segmentation(BODY).array, np.zeros(SHAPE, np.uint8)
    bits[9, 9, 9] = 255  # inside
    bits[0, 0, 0] = 255  # far away
    bits[5, 20, 20] = 255
    bits[7:10, 14, 8:11] = 120  # at the border
    assert most_doubtful(labels, 1, bits) == (8, 14, 9) or most_doubtful(labels, 1, bits) == (8, 13, 9)
    assert all(8 <= at <= 9 for at in most_doubtful(labels, 1))  # the middle
    assert most_doubtful(labels, 2, bits) is None
