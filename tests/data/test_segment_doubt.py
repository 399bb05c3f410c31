"""Doubts of structures."""

from __future__ import annotations

import json
import math
from dataclasses import asdict

import pytest

from viewer.data.annotations.doubt import Doubt, DoubtFlag
from viewer.data.segmentation import Segment
from viewer.scene.journal.serialization import restore_segments

FLAG = DoubtFlag("islands", "12 % of it lies in 3 parts apart from the largest.")


@pytest.mark.parametrize("field", ["dice", "agreement", "expected", "entropy", "island_share", "border"])
@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan])
def test_a_share_lies_between_0_and_1(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=field):
        Doubt(**{field: value})


@pytest.mark.parametrize("wrong", [{"volume": -1.0}, {"plausible": (0.0, math.inf)}, {"variation": math.nan}])
def test_sizes_are_finite_and_not_negative(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="finite"):
        Doubt(**wrong)  # type: ignore[arg-type]


def test_the_most_doubtful_comes_first() -> None:
    sure, doubtful, flagged, unknown = Doubt(0.9), Doubt(0.3), Doubt(0.9, flags=(FLAG,)), Doubt()
    assert sorted([unknown, sure, flagged, doubtful], key=lambda one: one.rank) == [doubtful, flagged, sure, unknown]


def test_a_segment_carries_it_through_json() -> None:
    doubt = Doubt(0.4, 0.5, 0.1, 0.6, 0.2, 3, 0.12, 1, 0.01, 0.05, 1200.0, (800.0, 2000.0), (FLAG,))
    segment = Segment(3, "Thalamus", review="edited", doubt=doubt)
    assert restore_segments(json.loads(json.dumps([asdict(segment)]))) == (segment,)


def test_a_sentence_shows_no_control_characters() -> None:
    assert "\n" not in DoubtFlag("holes", "one\ntwo").sentence
