"""Strokes against a model that keeps every state whole: undo, redo, and what the journal gives back."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from numpy.typing import NDArray

from viewer.data.box import Box, label_box, mask_box
from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.scene.document import Document
from viewer.scene.edits import AddLayer
from viewer.scene.history import History
from viewer.scene.journal.journal import Journal
from viewer.scene.journal.replay import find_recoveries
from viewer.scene.segmentation.edits import EditLabels
from viewer.scene.segmentation.label_delta import LabelDelta
from viewer.scene.segmentation.masking import Masking, erase, paint
from viewer.scene.segmentation.stroke import Stroke
from viewer.scene.segmentation_layer import SegmentationLayer, segmentation_layer

SHAPE = (5, 40, 70)  # three blocks, of which the last are cut
WHOLE = (slice(0, 5), slice(0, 40), slice(0, 70))
State = tuple[tuple[Segment, ...], tuple[bytes, ...]]


def painted(layer: SegmentationLayer, label: str, *changes: tuple[int, Box, NDArray[Any]]) -> EditLabels | None:
    """The step that puts labels into boxes (map, box, labels), with nothing written yet; None where nothing changes."""
    maps, segments = layer.segmentation.maps, layer.segmentation.segments
    boxes = LabelDelta.of((map, box, maps[map][box], labels) for map, box, labels in changes)
    return EditLabels(layer, label, segments, segments, boxes) if boxes else None


def blank(*segments: Segment, dtype: Any = np.uint8) -> SegmentationLayer:
    return segmentation_layer(Segmentation(np.zeros(SHAPE, dtype), Grid.of(SHAPE), segments, "labels"))


def state(layer: SegmentationLayer) -> State:
    maps = layer.segmentation.maps
    return layer.segmentation.segments, tuple(map.astype(np.uint16).tobytes() for map in maps)


@st.composite
def boxes(draw: st.DrawFn) -> tuple[slice, slice, slice]:
    ends = [sorted(draw(st.tuples(st.integers(0, size - 1), st.integers(1, size)))) for size in SHAPE]
    k, j, i = (slice(low, max(high, low + 1)) for low, high in ends)
    return k, j, i


class Model(RuleBasedStateMachine):
    """`past` and `future` hold whole states of the layer; the history must lead to the very same ones."""

    @initialize(wide=st.booleans())
    def begin(self, wide: bool) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.journal = Journal(Path(self.folder.name))
        self.history = History(Document(), record=self.journal.record)
        self.layer = blank(Segment(1, "one"), Segment(2, "two"), dtype=np.uint16 if wide else np.uint8)
        self.history.do(AddLayer(self.layer))
        self.past: list[State] = []
        self.future: list[State] = []

    def keys(self) -> list[tuple[int, int]]:
        return [segment.key for segment in self.layer.segmentation.segments]

    def end(self, before: State, edit: EditLabels | None) -> None:
        assert (edit is None) == (state(self.layer) == before)
        if edit is not None:
            self.history.do(edit)
            self.past.append(before)
            self.future.clear()

    @precondition(lambda self: self.keys())
    @rule(
        data=st.data(),
        parts=st.lists(boxes(), min_size=1, max_size=3),
        overlap=st.sampled_from(["replace others", "keep others", "allow overlap"]),
        rub=st.booleans(),
        kept=st.booleans(),
    )
    def stroke(self, data: st.DataObject, parts: list[Any], overlap: Any, rub: bool, kept: bool) -> None:
        before, stroke, key = state(self.layer), Stroke(self.layer), data.draw(st.sampled_from(self.keys()))
        for box in parts:
            mask = np.ones([part.stop - part.start for part in box], bool)
            if rub:
                erase(stroke, key, box, mask, Masking(overlap=overlap))
            else:
                key = paint(stroke, key, box, mask, Masking(overlap=overlap))
        if kept:
            self.end(before, stroke.edit("Brush"))
        else:
            stroke.undo()
            assert state(self.layer) == before

    @precondition(lambda self: self.keys())
    @rule(data=st.data(), box=boxes())
    def compute(self, data: st.DataObject, box: Any) -> None:
        before, (map, label) = state(self.layer), data.draw(st.sampled_from(self.keys()))
        shape = [part.stop - part.start for part in box]
        edit = painted(self.layer, "Grow", (map, box, np.full(shape, label, np.uint16)))
        assert state(self.layer) == before
        if edit is not None:
            self.history.do(edit)
            self.past.append(before)
            self.future.clear()

    @rule(label=st.sampled_from([3, 255, 256, 300]))
    def add(self, label: int) -> None:
        if (0, label) not in self.keys():
            before, segments = state(self.layer), self.layer.segmentation.segments
            self.end_segments(before, (*segments, Segment(label, f"segment {label}")))

    def end_segments(self, before: State, after: tuple[Segment, ...]) -> None:
        self.history.do(EditLabels(self.layer, "Segments", before[0], after))
        self.past.append(before)
        self.future.clear()

    @precondition(lambda self: self.keys())
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        before, key = state(self.layer), data.draw(st.sampled_from(self.keys()))
        stroke = Stroke(self.layer)
        stroke.fill(key[0], WHOLE, self.layer.segmentation.maps[key[0]] == key[1], 0)
        stroke.set_segments(tuple(one for one in self.layer.segmentation.segments if one.key != key))
        self.end(before, stroke.edit("Remove"))

    @rule(live=st.booleans())
    def undo(self, live: bool) -> None:
        """Also while a stroke is drawn, which is taken back then."""
        if self.past:
            self.future.append(state(self.layer))
            if live and self.keys():
                Stroke(self.layer).fill(self.keys()[0][0], WHOLE, np.ones(SHAPE, bool), 0)
            self.history.undo()
            assert state(self.layer) == self.past.pop()

    @rule()
    def redo(self) -> None:
        if self.future:
            self.past.append(state(self.layer))
            self.history.redo()
            assert state(self.layer) == self.future.pop()

    @invariant()
    def no_voxel_is_of_a_segment_that_is_not_there(self) -> None:
        for map, array in enumerate(self.layer.segmentation.maps):
            assert {(map, int(label)) for label in np.unique(array[array > 0])} <= set(self.keys())

    def teardown(self) -> None:
        if not hasattr(self, "journal"):
            return
        self.journal.abandon()
        (left,) = find_recoveries(Path(self.folder.name))
        again = History(Document())
        left.replay(again, left.layers(lambda key: None))
        (layer,) = again.document.segmentation_layers
        assert state(layer) == state(self.layer)
        assert again.undo_labels == self.history.undo_labels
        assert again.redo_labels == self.history.redo_labels
        while len(again.undo_labels) > 1:
            again.undo()
        assert not any(map.any() for map in layer.segmentation.maps)
        self.folder.cleanup()


TestStrokesAgainstModel = Model.TestCase
TestStrokesAgainstModel.settings = settings(max_examples=30, stateful_step_count=15, deadline=None)


def test_what_is_drawn_is_told_once_a_write_and_once_a_step() -> None:
    layer, told = blank(Segment(1, "one")), []
    layer.touched.connect(lambda map, box: told.append((map, box)))
    history = History(Document())
    history.do(AddLayer(layer))
    stroke = Stroke(layer)
    first, second = (slice(0, 2), slice(0, 2), slice(0, 2)), (slice(3, 5), slice(30, 40), slice(60, 70))
    for box in (first, second):
        paint(stroke, (0, 1), box, np.ones([part.stop - part.start for part in box], bool), Masking())
    edit = stroke.edit("Brush")
    assert edit is not None
    history.do(edit)
    assert told == [(0, first), (0, second)]  # the stroke was seen already: the step draws nothing again
    history.undo()
    assert told[2:] == [(0, (slice(0, 5), slice(0, 40), slice(0, 70)))]
    assert not layer.segmentation.array.any()
    assert layer.generation > 3


def test_a_step_under_a_stroke_takes_it_back_and_it_goes_on_as_a_new_one() -> None:
    layer, history = blank(Segment(1, "one")), History(Document())
    history.do(AddLayer(layer))
    first, second = (slice(0, 1), slice(0, 1), slice(0, 1)), (slice(4, 5), slice(4, 5), slice(4, 5))
    stroke = Stroke(layer)
    for box in (first, second):
        paint(stroke, (0, 1), box, np.ones((1, 1, 1), bool), Masking())
        history.do(EditLabels(layer, "Rename", layer.segmentation.segments, (Segment(1, f"name {box[0].start}"),)))
        assert not layer.segmentation.array.any()
    paint(stroke, (0, 1), second, np.ones((1, 1, 1), bool), Masking())
    edit = stroke.edit("Brush")
    assert edit is not None
    history.do(edit)
    assert layer.segmentation.array.sum() == 1
    assert layer.cancel_stroke is None
    history.undo()
    history.undo()
    assert layer.segmentation.segments[0].name == "name 0"
    assert not layer.segmentation.array.any()


def test_a_stroke_that_changes_nothing_is_no_step() -> None:
    layer = blank(Segment(1, "one", state="in progress"))
    stroke = Stroke(layer)
    stroke.write(0, WHOLE, np.zeros(SHAPE, np.uint8))
    assert stroke.edit("Brush") is None
    assert painted(layer, "Grow", (0, WHOLE, np.zeros(SHAPE, np.uint8))) is None


@pytest.mark.parametrize("box", [(slice(-1, 2), slice(0, 2), slice(0, 2)), (slice(0, 2), slice(0, 2), slice(60, 71))])
def test_a_box_outside_the_label_map_is_refused_before_anything_is_written(box: Any) -> None:
    layer = blank(Segment(1, "one"))
    with pytest.raises(ValueError, match="outside"):
        Stroke(layer).write(0, box, np.uint8(1))
    assert not layer.segmentation.array.any()


def test_fifty_strokes_take_less_than_one_percent_of_the_volume_each() -> None:
    shape = (60, 128, 128)
    layer = segmentation_layer(
        Segmentation(np.zeros(shape, np.uint8), Grid.of(shape), (Segment(1, "a"), Segment(2, "b")))
    )
    history, random = History(Document()), np.random.default_rng(0)
    history.do(AddLayer(layer))
    k, j, i = np.mgrid[-6:7, -6:7, -6:7]
    ball, states = k * k + j * j + i * i <= 36, []
    for number in range(60):
        states.append(layer.segmentation.array.copy())
        stroke, place, drift = Stroke(layer), random.uniform((20, 30, 30), (40, 98, 98)), random.normal(0, 1, 3)
        for _ in range(20):
            place = np.clip(place + drift, 6, np.array(shape) - 7)
            box: Any = tuple(slice(int(at) - 6, int(at) + 7) for at in place)
            paint(stroke, (0, 1 + number % 2), box, ball, Masking())
        edit = stroke.edit(f"Brush {number}")
        assert edit is not None
        history.do(edit)
    sizes = [edit.size for edit in history._done if isinstance(edit, EditLabels)]
    assert np.mean(sizes) < 0.01 * layer.bytes
    assert history.undo_labels[:2] == ("Brush 59", "Brush 58")
    for before in reversed(states[10:]):
        history.undo()
        assert np.array_equal(layer.segmentation.array, before)


@given(arrays(np.uint8, (4, 5, 6), elements=st.integers(0, 1)), st.integers(1, 2))
def test_the_box_around_a_label_is_the_smallest_that_holds_it(labels: np.ndarray, label: int) -> None:
    found, places = label_box(labels, label), np.argwhere(labels == label)
    assert found == mask_box(labels == label)
    if found is None:
        assert not len(places)
    else:
        assert [part.start for part in found] == places.min(axis=0).tolist()
        assert [part.stop - 1 for part in found] == places.max(axis=0).tolist()


@pytest.mark.parametrize(
    "change",
    [
        lambda boxes: {"after": boxes.after[:-4]},
        lambda boxes: {"before": b"no zlib"},
        lambda boxes: {"places": (*boxes.places, boxes.places[0])},
        lambda boxes: {"places": ((0, 0, 0, 60, 5, 32, 32),)},
        lambda boxes: {"places": ((0, -1, 0, 0, 1, 1, 1),)},
    ],
)
def test_boxes_that_are_not_whole_or_lie_outside_are_refused(change: Callable[[LabelDelta], dict[str, Any]]) -> None:
    boxes = LabelDelta.of([(0, WHOLE, np.zeros(SHAPE, np.uint8), np.ones(SHAPE, np.uint8))])
    assert boxes is not None
    boxes.check(SHAPE)
    with pytest.raises(ValueError, match=r"not whole|outside"):
        replace(boxes, **change(boxes)).check(SHAPE)
