"""Decisions without a window: each is a step of the history, and a line of the audit trail."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from viewer.cli.headless_session import HeadlessStage
from viewer.data.grid import Grid
from viewer.data.volume import Volume
from viewer.io.reports.audit_log import check, entries
from viewer.scene.edits import AddLayer
from viewer.scene.layer import VolumeLayer, volume_layer
from viewer.session.session import Session
from viewer.settings import state_folder


@pytest.fixture
def session() -> Iterator[Session]:
    with HeadlessStage() as stage:
        yield stage.session


@pytest.fixture
def result(session: Session) -> VolumeLayer:
    voxels = np.zeros((4, 5, 6), np.int16)
    layer = volume_layer((Volume(voxels, Grid.of(voxels.shape), "smoothed"),), review="unreviewed")
    session.history.do(AddLayer(layer))
    return layer


def test_a_verdict_is_in_the_audit_trail(session: Session, result: VolumeLayer) -> None:
    session.review.trail.reader = "MK"
    session.review.decide(result, "accepted")
    session.review.decide(result, "accepted")  # nothing new
    session.history.undo()
    trail = state_folder() / "audit.jsonl"
    verdicts = [(entry.reader, entry.what, entry.facts["verdict"]) for entry in entries(trail)]
    assert verdicts == [("MK", "result", "accepted"), ("MK", "result", "unreviewed")]
    assert check(trail) == ""


def test_the_state_of_a_segment_is_in_the_audit_trail(session: Session, result: VolumeLayer) -> None:
    layer = session.segments.new_layer(result)
    segment = session.segments.add(layer, "liver")
    session.segments.change(layer, segment.key, state="completed", reader="AB")
    (entry,) = entries(state_folder() / "audit.jsonl")
    assert (entry.reader, entry.what) == ("AB", "segment")
    assert entry.facts == {"segment": "liver", "state": "completed"}
