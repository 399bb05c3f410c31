"""How things are looked at is written a moment later, seldom, and comes back whole or not at all."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.data.volume import Volume, Window
from viewer.scene.edits import AddLayer
from viewer.scene.journal import view_snapshot
from viewer.scene.journal.journal import VIEW
from viewer.scene.journal.journal_lines import encode_line
from viewer.scene.journal.replay import Recovery
from viewer.scene.journal.view_snapshot import describe_view, restore_view
from viewer.scene.layer import VolumeLayer, volume_layer
from viewer.scene.segmentation_layer import SegmentationLayer, segmentation_layer
from viewer.session.session import Session

SHAPE = (3, 4, 5)


@pytest.fixture
def space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(view_snapshot, "DELAY", 0.05)
    space = Session(lambda function: function(), journal=tmp_path)
    yield space
    space.close()


def image(name: str) -> VolumeLayer:
    return volume_layer((Volume(np.zeros(SHAPE, np.int16), Grid.of(SHAPE), name),), review="unreviewed")


def labels() -> SegmentationLayer:
    return segmentation_layer(
        Segmentation(np.zeros(SHAPE, np.uint8), Grid.of(SHAPE), (Segment(1, "a"), Segment(2, "b")), "labels")
    )


def soon(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def left(root: Path) -> Any:
    """What is written at the moment."""
    found = list(root.glob("*/view.json"))
    return json.loads(found[0].read_text()) if found else None


def test_it_follows_layers_and_views(space: Session, tmp_path: Path) -> None:
    layer = image("CT")
    space.journal.paths.append("/somewhere/study")
    space.history.do(AddLayer(layer))
    soon(lambda: left(tmp_path) is not None)
    layer.window, layer.visible = Window(5.0, 6.0, "w"), False
    space.state.layout = "1-up"
    soon(lambda: left(tmp_path)["state"]["layout"] == "1-up")
    assert left(tmp_path)["layers"][layer.id]["window"] == {"center": 5.0, "width": 6.0, "name": "w"}
    assert left(tmp_path)["layers"][layer.id]["visible"] is False
    assert left(tmp_path)["paths"] == ["/somewhere/study"]


def test_nothing_is_written_where_nothing_could_be_recovered(space: Session, tmp_path: Path) -> None:
    space.state.layout = "1-up"
    time.sleep(0.2)
    assert list(tmp_path.iterdir()) == []


def test_many_changes_are_written_once(space: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Any] = []
    monkeypatch.setattr(space.journal._snapshots, "_write", written.append)
    monkeypatch.setattr(view_snapshot, "DELAY", 0.5)
    for number in range(100):
        space.state.crosshair = (float(number), 0.0, 0.0)
    soon(lambda: bool(written))
    assert len(written) == 1


def test_nothing_is_left_after_a_clean_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view_snapshot, "DELAY", 0.05)
    space = Session(lambda function: function(), journal=tmp_path)
    space.history.do(AddLayer(image("CT")))
    soon(lambda: left(tmp_path) is not None)
    space.state.layout = "1-up"
    space.close()
    time.sleep(0.2)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_refuses_costs_the_view_only(space: Session, tmp_path: Path) -> None:
    space.history.do(AddLayer(image("CT")))
    soon(lambda: left(tmp_path) is not None)
    (folder,) = tmp_path.iterdir()
    (folder / "view.json.new").mkdir()
    before = left(tmp_path)
    space.state.layout = "1-up"
    time.sleep(0.2)
    assert left(tmp_path) == before
    (folder / "view.json.new").rmdir()
    space.state.layout = "1+3"
    soon(lambda: left(tmp_path)["state"]["layout"] == "1+3")


def test_the_look_of_segments_comes_back(space: Session) -> None:
    layer, other = labels(), image("another patient")
    space.history.do(AddLayer(layer))
    layer.hidden, layer.locked, layer.active = frozenset({(0, 2)}), frozenset({(0, 1)}), (0, 2)
    layer.fill, layer.opacity, layer.visible = 0.9, 0.25, True
    kept = json.loads(json.dumps(describe_view(space.document, space.state, ())))
    layer.hidden, layer.locked, layer.active = frozenset(), frozenset(), None
    layer.fill, layer.opacity, layer.visible = 0.1, 1.0, False
    space.history.do(AddLayer(other))
    restore_view(kept, space.document, space.state)
    assert (layer.hidden, layer.locked, layer.active) == (frozenset({(0, 2)}), frozenset({(0, 1)}), (0, 2))
    assert (layer.fill, layer.opacity, layer.visible) == (0.9, 0.25, True)
    assert not other.visible  # it was not there


@pytest.mark.parametrize(
    "change",
    [
        {"layers": []},
        {"layers": {"x": 3}},
        {"state": None},
        {"state": {"layout": "9x9"}},
        {"state": {"layout": ["2x2"]}},
        {"state": {"crosshair": [1, 2]}},
        {"state": {"crosshair": "abc"}},
        {"state": {"compared": "abc"}},
        {"look": {"visible": "yes"}},
        {"look": {"window": {"center": "1", "width": 2, "name": ""}}},
        {"look": {"window": 7}},
        {"look": {"opacity": None}},
    ],
    ids=str,
)
def test_what_is_no_view_raises_what_is_caught(space: Session, change: dict[str, Any]) -> None:
    layer = image("CT")
    space.history.do(AddLayer(layer))
    kept = json.loads(json.dumps(describe_view(space.document, space.state, ())))
    if "look" in change:
        kept["layers"][layer.id] |= change["look"]
    elif isinstance(change.get("state"), dict):
        kept["state"] |= change["state"]
    else:
        kept |= change
    if change == {"layers": {"x": 3}}:
        restore_view(kept, space.document, space.state)  # a layer that is not there
        return
    with pytest.raises((KeyError, TypeError, ValueError)):
        restore_view(kept, space.document, space.state)


def left_so(folder: Path, view: Any) -> Path:
    """The folder of a session that looked at things so."""
    made = folder / "left"
    made.mkdir()
    (made / VIEW).write_bytes(encode_line(view)[0])
    return made


def test_where_what_was_seen_did_not_come_back_the_latest_image_is_shown(space: Session, tmp_path: Path) -> None:
    first, second, gone = image("first"), image("second"), image("gone")
    for layer in (first, second, gone):
        space.history.do(AddLayer(layer))
    space.layers.show(gone, overlay=False)
    kept = json.loads(json.dumps(describe_view(space.document, space.state, ())))
    space.history.undo()
    space.recovery.show_recovered(Recovery(left_so(tmp_path, kept), "now", ()))
    assert space.document.shown == (second,)
    assert space.state.active == second.id


def test_where_the_chosen_layer_did_not_come_back_what_is_shown_is_chosen(space: Session, tmp_path: Path) -> None:
    first, gone = image("first"), image("gone")
    for layer in (first, gone):
        space.history.do(AddLayer(layer))
    space.layers.show(first, overlay=False)
    space.state.active = gone.id
    kept = json.loads(json.dumps(describe_view(space.document, space.state, ())))
    space.history.undo()
    space.recovery.show_recovered(Recovery(left_so(tmp_path, kept), "now", ()))
    assert space.document.shown == (first,)
    assert space.state.active == first.id
