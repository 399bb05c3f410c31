"""Pairs of landmarks: set, moved, renamed and taken away, each with its way back."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from viewer.data.transform import Transform
from viewer.scene.document import Document
from viewer.scene.edits import ChangeLandmark
from viewer.scene.history import History
from viewer.scene.journal.journal import Journal
from viewer.scene.journal.replay import Recovery
from viewer.scene.landmarks import LandmarkPair

OF = ("fixed", "moving")


@pytest.fixture
def history():
    return History(Document())


def add(history, name, **place):
    pairs = history.document.landmarks
    one = LandmarkPair(OF, name, place.get("fixed", (1.0, 2.0, 3.0)), place.get("moving", (1.0, 2.0, 7.0)))
    history.do(ChangeLandmark(None, one, len(pairs)))
    return one


def test_every_change_has_a_name_and_a_way_back(history):
    pairs = history.document.landmarks
    first, second = add(history, "L1"), add(history, "L2")
    moved = replace(first, fixed=(4.0, 5.0, 6.0))
    history.do(ChangeLandmark(first, moved, 0))
    history.do(ChangeLandmark(moved, replace(moved, name="apex"), 0))
    history.do(ChangeLandmark(pairs.find(first.id), None, 0))
    assert [pair.name for pair in pairs] == ["L2"]
    labels = ("Remove landmark apex", "Rename landmark L1", "Move landmark L1", "Add landmark L2", "Add landmark L1")
    assert history.undo_labels == labels
    history.undo()
    assert [pair.name for pair in pairs] == ["apex", "L2"]
    history.undo()
    history.undo()
    assert pairs.find(first.id) == first
    assert pairs.index(second.id) == 1
    history.undo()
    history.undo()
    assert len(pairs) == 0
    history.redo()
    assert list(pairs) == [first]


def test_the_steps_of_one_gesture_are_one(history):
    first = add(history, "L1")
    halfway, there = replace(first, moving=(0.0, 0.0, 1.0)), replace(first, moving=(0.0, 0.0, 2.0))
    history.do(ChangeLandmark(first, halfway, 0, "drag 1"))
    history.do(ChangeLandmark(halfway, there, 0, "drag 1"))
    history.do(ChangeLandmark(there, halfway, 0, "drag 2"))
    history.undo()
    assert history.document.landmarks.find(first.id) == there
    history.undo()
    assert history.document.landmarks.find(first.id) == first


def test_pairs_are_told_of_and_kept_apart_by_their_layers(history):
    pairs, told = history.document.landmarks, []
    pairs.changed.connect(lambda: told.append(len(pairs)))
    add(history, "L1")
    assert pairs.free_name(*OF) == "L2"
    assert pairs.free_name("fixed", "another") == "L1"
    assert len(pairs.of("fixed", "another")) == 0
    assert pairs.values("fixed", "another").fixed.shape == (0, 3)
    values = pairs.values(*OF)
    assert values.names == ("L1",)
    assert values.moving.tolist() == [[1, 2, 7]]
    assert told == [1]


def test_the_residual_is_measured_in_the_moving_space():
    one = LandmarkPair(OF, "L1", (1.0, 2.0, 3.0), (1.0, 2.0, 7.0))
    assert one.residual(None) == pytest.approx(4)
    shift = np.eye(4)
    shift[:3, 3] = (0, 3, 4)
    assert one.residual(Transform(shift)) == pytest.approx(3)


def test_a_crash_costs_no_landmark(tmp_path):
    journal = Journal(tmp_path)
    history = History(Document(), record=journal.record)
    first, second = add(history, "L1"), add(history, "L2")
    moved = replace(first, name="apex", moving=(0.5, 0.25, -8.0))
    history.do(ChangeLandmark(first, moved, 0, "drag"))
    history.do(ChangeLandmark(second, None, 1))
    history.undo()
    lines = tuple(map(json.loads, (journal.folder / "journal.jsonl").read_text().splitlines()))
    again = History(Document())
    Recovery(journal.folder, "", lines).replay(again, {})
    assert list(again.document.landmarks) == [moved, second]
    assert again.undo_labels == history.undo_labels
    journal.close()
