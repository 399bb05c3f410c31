"""History against a model that keeps every state whole: undo, redo, merging, the budget of bytes, and the journal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from viewer.scene.document import Document
from viewer.scene.edits import AddLayer, Edit, MoveLayer, RemoveLayer, RenameLayer
from viewer.scene.history import History
from viewer.scene.layer import Layer, VolumeLayer

Make = Callable[..., VolumeLayer]
State = list[tuple[str, str]]


class Model(RuleBasedStateMachine):
    """`past` and `future` hold whole states of the document; the history must lead to the very same ones."""

    def __init__(self) -> None:
        super().__init__()
        self.document = Document()
        self.record: list[tuple[str, str]] = []
        self.history = History(self.document, record=lambda step, edit: self.record.append((step, edit.label)))
        self.past: list[State] = []
        self.future: list[State] = []
        self.renamed: Layer | None = None  # what the latest edit renamed: the next name merges with it

    def state(self) -> State:
        return [(layer.id, layer.name) for layer in self.document]

    def do(self, edit: Edit, renamed: Layer | None = None) -> None:
        before = self.state()
        self.history.do(edit)
        if renamed is None or renamed is not self.renamed:
            self.past.append(before)
        self.renamed, self.future = renamed, []

    def pick(self, data: st.DataObject) -> tuple[Layer, int]:
        place = data.draw(st.integers(0, len(self.document) - 1))
        return list(self.document)[place], place

    @rule(name=st.text(max_size=3), data=st.data())
    def add(self, name: str, data: st.DataObject) -> None:
        place = data.draw(st.none() | st.integers(0, len(self.document)))
        self.do(AddLayer(Layer(name=name), place))

    @precondition(lambda self: len(self.document) > 0)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        self.do(RemoveLayer(*self.pick(data)))

    @precondition(lambda self: len(self.document) > 0)
    @rule(data=st.data())
    def move(self, data: st.DataObject) -> None:
        layer, place = self.pick(data)
        self.do(MoveLayer(layer, place, data.draw(st.integers(0, len(self.document) - 1))))

    @precondition(lambda self: len(self.document) > 0)
    @rule(name=st.text(max_size=3), data=st.data())
    def rename(self, name: str, data: st.DataObject) -> None:
        layer, _ = self.pick(data)
        self.do(RenameLayer(layer, layer.name, name), renamed=layer)

    @rule()
    def undo(self) -> None:
        now = self.state()
        self.history.undo()
        if self.past:
            self.future.append(now)
            assert self.state() == self.past.pop()
            self.renamed = self.latest()

    @rule()
    def redo(self) -> None:
        now = self.state()
        self.history.redo()
        if self.future:
            self.past.append(now)
            assert self.state() == self.future.pop()
            self.renamed = self.latest()

    def latest(self) -> Layer | None:
        edit = self.history._done[-1] if self.history._done else None
        return edit.layer if isinstance(edit, RenameLayer) else None

    @invariant()
    def as_many_steps_as_the_model(self) -> None:
        assert len(self.history.undo_labels) == len(self.past)
        assert len(self.history.redo_labels) == len(self.future)


TestHistoryAgainstModel = Model.TestCase
TestHistoryAgainstModel.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_every_step_is_recorded_before_it_is_made(layer: Make) -> None:
    document = Document()
    seen: list[Any] = []
    history = History(document, record=lambda step, edit: seen.append((step, edit.label, len(document))))
    history.do(AddLayer(layer("CT")))
    history.undo()
    history.redo()
    assert seen == [("do", "Add CT", 0), ("undo", "Add CT", 1), ("redo", "Add CT", 0)]


def test_what_cannot_be_recorded_is_not_done(layer: Make) -> None:
    def full(step: str, edit: Edit) -> None:
        raise OSError("No space left on device")

    document = Document()
    history = History(document, record=full)
    with pytest.raises(OSError, match="No space"):
        history.do(AddLayer(layer("CT")))
    assert len(document) == 0
    assert history.undo_labels == ()


def test_the_oldest_steps_are_forgotten_within_the_budget(layer: Make) -> None:
    history = History(Document(), budget=100)
    for n in range(6):
        history.do(AddLayer(layer(f"{n}", size=30)))
    assert history.size <= 100
    assert history.undo_labels == ("Add 5", "Add 4", "Add 3")
    for _ in range(6):
        history.undo()
    assert [one.name for one in history.document] == ["0", "1", "2"]
    assert history.redo_labels == ("Add 3", "Add 4", "Add 5")


def test_the_latest_step_can_be_undone_though_it_is_larger_than_the_budget(layer: Make) -> None:
    history = History(Document(), budget=10)
    history.do(AddLayer(layer("small", size=3)))
    history.do(AddLayer(layer("large", size=1000)))
    assert history.undo_labels == ("Add large",)
    history.undo()
    assert [one.name for one in history.document] == ["small"]


def test_a_new_step_ends_what_could_be_redone(layer: Make) -> None:
    history = History(Document())
    history.do(AddLayer(layer("a")))
    history.undo()
    assert history.redo_labels == ("Add a",)
    history.do(AddLayer(layer("b")))
    assert history.redo_labels == ()


def test_followers_hear_of_every_step_and_of_no_other(layer: Make) -> None:
    history, heard = History(Document()), []
    history.changed.connect(lambda: heard.append(history.undo_labels))
    history.undo()
    history.redo()
    assert not heard
    history.do(AddLayer(layer("a")))
    history.undo()
    history.redo()
    assert heard == [("Add a",), (), ("Add a",)]
