"""Verdicts on the segments of a model: what is edited loses its acceptance, and the layer follows its segments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from viewer.data.annotations.doubt import Doubt
from viewer.data.box import whole_box
from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.scene.document import Document
from viewer.scene.edits import AddLayer, ReviewLayer
from viewer.scene.history import History
from viewer.scene.journal.journal import JournalKeeper
from viewer.scene.journal.replay import find_recoveries
from viewer.scene.segmentation.edits import EditLabels
from viewer.scene.segmentation.given_labels import GivenLabels
from viewer.scene.segmentation.masking import EVERYWHERE, Masking, paint
from viewer.scene.segmentation.stroke import Stroke
from viewer.scene.segmentation_layer import SegmentationLayer, segmentation_layer

SHAPE = (4, 40, 40)
BOX = (slice(1, 3), slice(30, 34), slice(2, 6))


class Reader:
    """Somebody who reviews a result of two structures, journalled."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.keeper = JournalKeeper(root, lambda sentence: None)
        self.history = History(Document(), record=self.keeper.record)
        labels = np.zeros(SHAPE, np.uint8)
        labels[:, 5:15, 5:15], labels[:, 20:30, 5:15] = 1, 2
        segments = tuple(Segment(n, name, review="unreviewed", doubt=Doubt(0.5)) for n, name in ((1, "a"), (2, "b")))
        self.layer = segmentation_layer(Segmentation(labels, Grid.of(SHAPE), segments, "found"))
        self.layer.review, self.layer.given = "unreviewed", GivenLabels.of(self.layer.segmentation)
        self.history.do(AddLayer(self.layer))

    def give(self, label: int, verdict: str) -> None:
        before = self.layer.segmentation.segments
        after = tuple(replace(one, review=verdict) if one.label == label else one for one in before)
        self.history.do(EditLabels(self.layer, "verdict", before, after))

    def paint(self, label: int, masking: Masking = EVERYWHERE, box=BOX) -> None:
        stroke = Stroke(self.layer)
        paint(stroke, (0, label), box, np.ones(tuple(s.stop - s.start for s in box), bool), masking)
        self.history.do(stroke.edit("paint"))

    @property
    def reviews(self) -> list[str]:
        return [one.review for one in self.layer.segmentation.segments]


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    found = Reader(tmp_path)
    yield found
    found.keeper.close()


def state(layer: SegmentationLayer):
    return layer.review, layer.segmentation.segments, [map.tobytes() for map in layer.segmentation.maps]


def test_the_layer_is_accepted_with_the_last_of_its_structures(reader: Reader) -> None:
    reader.give(1, "accepted")
    assert reader.layer.review == "unreviewed"
    reader.give(2, "rejected")
    assert reader.layer.review == "accepted"
    reader.history.undo()
    assert reader.layer.review == "unreviewed"


def test_a_layer_whose_structures_are_all_rejected_is_rejected(reader: Reader) -> None:
    reader.give(1, "rejected")
    reader.give(2, "rejected")
    assert reader.layer.review == "rejected"


def test_what_is_edited_after_acceptance_loses_it_and_undo_gives_it_back_bit_for_bit(reader: Reader) -> None:
    reader.give(1, "accepted")
    reader.give(2, "corrected")
    before = state(reader.layer)
    reader.paint(2)
    after = state(reader.layer)
    assert (reader.reviews, reader.layer.review) == (["accepted", "edited"], "unreviewed")
    reader.history.undo()
    assert state(reader.layer) == before
    reader.history.redo()
    assert state(reader.layer) == after


def test_a_stroke_into_a_neighbour_takes_its_acceptance_too(reader: Reader) -> None:
    reader.give(1, "accepted")
    reader.give(2, "accepted")
    reader.paint(2, box=(slice(1, 3), slice(12, 22), slice(7, 9)))
    assert reader.reviews == ["edited", "edited"]


def test_a_segment_that_moves_to_another_map_loses_its_acceptance(reader: Reader) -> None:
    reader.give(2, "accepted")
    reader.paint(2, Masking(overlap="allow overlap"), (slice(1, 3), slice(12, 22), slice(7, 9)))
    assert len(reader.layer.segmentation.maps) == 2
    assert reader.reviews == ["unreviewed", "edited"]


def test_a_part_that_is_split_off_was_accepted_by_nobody(reader: Reader) -> None:
    reader.give(1, "accepted")
    stroke, before = Stroke(reader.layer), reader.layer.segmentation.segments
    stroke.set_segments((*before, replace(before[0], label=3, name="part")))
    stroke.fill(0, (slice(0, 1), slice(5, 15), slice(5, 15)), np.ones((1, 10, 10), bool), 3)
    reader.history.do(stroke.edit("split"))
    assert reader.reviews == ["edited", "unreviewed", "edited"]


def test_an_edit_that_gives_a_verdict_itself_keeps_it(reader: Reader) -> None:
    reader.give(1, "accepted")
    stroke = Stroke(reader.layer)
    stroke.fill(0, whole_box(SHAPE), reader.layer.segmentation.array == 1, 0)
    stroke.change((0, 1), lambda one: replace(one, review="rejected"))
    reader.history.do(stroke.edit("reject"))
    assert reader.reviews == ["rejected", "unreviewed"]


def test_colours_names_and_drawn_segments_change_no_verdict(reader: Reader) -> None:
    reader.give(1, "accepted")
    before = reader.layer.segmentation.segments
    more = (*(replace(one, color=(1, 2, 3)) for one in before), Segment(3, "drawn"))
    reader.history.do(EditLabels(reader.layer, "add", before, more))
    reader.paint(3, box=(slice(0, 1), slice(36, 38), slice(36, 38)))
    assert reader.reviews == ["accepted", "unreviewed", "source"]
    reader.history.do(ReviewLayer(reader.layer, "unreviewed", "accepted"))
    reader.paint(3, box=(slice(1, 2), slice(36, 38), slice(36, 38)))
    assert reader.layer.review == "accepted"


def test_a_killed_session_comes_back_with_verdicts_doubts_and_what_the_model_gave(reader: Reader) -> None:
    came = reader.layer.segmentation.array.copy()
    reader.give(1, "accepted")
    reader.give(2, "accepted")
    reader.paint(2)
    earlier = state(reader.layer)
    reader.give(2, "corrected")
    reader.paint(1)
    reader.history.undo()
    expected = state(reader.layer)
    reader.keeper._journal.abandon()
    (found,) = find_recoveries(reader.root)
    layers = found.layers(lambda key: None)
    history = History(Document())
    found.replay(history, layers)
    (layer,) = history.document.segmentation_layers
    assert state(layer) == expected
    given = layer.given.segmentation(layer.grid)
    assert np.array_equal(given.array, came)
    assert given.segments[0].doubt == Doubt(0.5)
    history.undo()
    assert state(layer) == earlier


def test_given_labels_that_are_damaged_are_refused_in_a_sentence(reader: Reader) -> None:
    given = reader.layer.given
    whole = given.segmentation(Grid.of(SHAPE))
    assert np.array_equal(whole.array, reader.layer.segmentation.array)
    for wrong in (
        replace(given, packed=given.packed[:-3]),
        replace(given, dtypes=("|O",)),
        replace(given, dtypes=()),
        replace(given, packed=np.zeros(9, np.uint8)),
    ):
        with pytest.raises(ValueError, match="damaged"):
            wrong.segmentation(Grid.of(SHAPE))
    with pytest.raises(ValueError, match="damaged"):
        given.segmentation(Grid.of((4, 40, 39)))
