"""Journals that were damaged: what comes back was once there, it is said where it ends, and no start breaks on it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journalled import Work, again, painted

from viewer.scene.document import Document
from viewer.scene.history import History
from viewer.scene.journal.journal import LINES, STROKES
from viewer.scene.journal.journal_lines import DAMAGED, encode_line
from viewer.scene.journal.replay import find_recoveries


@pytest.mark.parametrize("cut", [1, 3, 10])
def test_a_stroke_whose_bytes_were_cut_short_ends_what_comes_back(tmp_path: Path, cut: int) -> None:
    work = Work(tmp_path)
    for row in range(4):
        work.paint(row)
    found = work.abandoned()
    path = work.folder / STROKES
    path.write_bytes(path.read_bytes()[:-cut])
    history, layer = again(found)
    assert painted(layer) == [0, 1, 2]
    assert history.undo_labels == work.history.undo_labels[1:]
    assert found.damage == DAMAGED.format(5)


def test_a_damaged_stroke_leaves_no_label_map_that_never_was(tmp_path: Path) -> None:
    work = Work(tmp_path)
    for row in range(3):
        work.paint(row)
    work.history.undo()
    found = work.abandoned()
    second = found.steps[2]["edit"]["boxes"]
    data = bytearray((work.folder / STROKES).read_bytes())
    data[second["at"] + 5] ^= 255
    (work.folder / STROKES).write_bytes(data)
    history, layer = again(found)
    assert painted(layer) == [0]
    assert history.undo_labels == ("row 0", "Add labels")
    assert found.damage == DAMAGED.format(3)


@pytest.mark.parametrize("tail", [b'{"step": "do", "ed', b"\x00" * 100, b"\xff\xfe\x80", b'{"step": "do"'])
def test_a_last_line_of_anything_costs_that_line_only(tmp_path: Path, tail: bytes) -> None:
    work = Work(tmp_path)
    work.paint(0)
    with (work.folder / "journal.jsonl").open("ab") as file:
        file.write(tail)
    _, layer = again(work.abandoned())
    assert painted(layer) == [0]


def test_label_maps_that_cannot_be_read_any_more_are_left_out(tmp_path: Path) -> None:
    work = Work(tmp_path)
    work.paint(0)
    found = work.abandoned()
    (stored,) = work.folder.glob("*.npy.gz")
    stored.write_bytes(stored.read_bytes()[:100])
    layers = found.layers(lambda key: None)
    assert (layers, found.layer_count) == ({}, 1)
    history = History(Document())
    found.replay(history, layers)
    assert len(history.document) == 0


def states(steps: int, root: Path) -> list[bytes]:
    """The label map of `Work` after every number of steps, from none."""
    work, found = Work(root), [b""]
    found.append(work.layer.segmentation.array.tobytes())
    for row in range(steps):
        work.paint(row)
        found.append(work.layer.segmentation.array.tobytes())
    work.abandoned()
    return found


@pytest.fixture(scope="module")
def left_behind(tmp_path_factory: pytest.TempPathFactory) -> Left:
    """A journal of six strokes, and the label map after every step."""
    root = tmp_path_factory.mktemp("left")
    return Left(root, states(6, root))


class Left:
    """root: of the journal. states: label maps after every step."""

    def __init__(self, root: Path, states: list[bytes]) -> None:
        self.root, self.states = root, states


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_whatever_happens_to_any_byte_what_comes_back_was_once_there(
    data: st.DataObject, left_behind: Left, tmp_path_factory: pytest.TempPathFactory
) -> None:
    states = left_behind.states
    copy = tmp_path_factory.mktemp("copy") / "journal"
    shutil.copytree(left_behind.root, copy)
    (folder,) = copy.iterdir()
    path = data.draw(st.sampled_from([one for one in sorted(folder.iterdir()) if one.name != "lock"]))
    whole = path.read_bytes()
    damage(path, data)
    left = path.read_bytes()
    found = find_recoveries(copy)
    if not found:
        assert (path.name, left) == (LINES, b"")
        return
    history = History(Document())
    layers = found[0].layers(lambda key: None)
    found[0].replay(history, layers)
    segmentations = history.document.segmentation_layers
    if path.suffix == ".gz" and not layers:
        assert left != whole
        assert found[0].layer_count == 1
        return
    now = segmentations[0].segmentation.array.tobytes() if segmentations else b""
    assert now in states
    assert (
        found[0].damage or now == states[-1] or (whole.startswith(left) and left.endswith(b"\n"))
    )  # cut off between two lines


def damage(path: Path, data: st.DataObject) -> None:
    """Flip bits of a byte, cut the file, take a part out, or fill it with zeros or the bytes of another encoding."""
    whole = bytearray(path.read_bytes())
    start = data.draw(st.integers(0, len(whole) - 1), "at")
    end = min(len(whole), start + data.draw(st.integers(1, 600), "length"))
    match data.draw(st.sampled_from(["flip", "cut", "out", "zeros", "utf-16"])):
        case "flip":
            whole[start] ^= data.draw(st.integers(1, 255), "bits")
        case "cut":
            del whole[start:]
        case "out":
            del whole[start:end]
        case "zeros":
            whole[start:end] = bytes(end - start)
        case "utf-16":
            whole[start:end] = bytes(whole[start:end]).decode("latin-1").encode("utf-16")
    path.write_bytes(whole)


WRONG_SHAPES: list[Any] = [
    None,
    [],
    "do",
    {},
    {"step": "do"},
    {"step": ["do"]},
    {"step": "do", "edit": []},
    {"step": "do", "edit": {"kind": ["add"]}},
    {"step": "do", "edit": {"kind": "add", "index": None}},
    {"step": "do", "edit": {"kind": "add", "index": None, "layer": {"id": 3}}},
    {"step": "do", "edit": {"kind": "add", "index": None, "layer": {"id": "x", "image": "k"}}},
    {"step": "do", "edit": {"kind": "add", "index": None, "layer": {"id": "x", "image": "k", "files": "abc"}}},
    {"step": "do", "edit": {"kind": "together", "label": "x", "edits": [{"kind": "rename", "layer": "x"}]}},
    {"step": "do", "edit": {"kind": "move", "layer": "x", "after": "top"}},
]


@pytest.mark.parametrize("checked", [True, False])
@pytest.mark.parametrize("entry", WRONG_SHAPES, ids=str)
def test_json_of_a_wrong_shape_ends_it_and_breaks_no_start(tmp_path: Path, entry: Any, checked: bool) -> None:
    work = Work(tmp_path)
    work.paint(0)
    work.paint(1)
    found = work.abandoned()
    rewrite(work.folder / LINES, [*found.steps[:2], entry, found.steps[2]], checked)
    (found,) = find_recoveries(tmp_path)
    assert (len(found.steps), found.damage) == (2, DAMAGED.format(3))
    assert found.summary == "1 segmentation, 1 edit of segments"
    assert painted(again(found)[1]) == [0]


def edited(work: Work, **changes: Any) -> Any:
    """A stroke of a layer that is there, with other values in it."""
    entry = {"kind": "labels", "layer": work.layer.id, "label": "x", "gesture": ""}
    return {"step": "do", "edit": {**entry, **changes}}


@pytest.mark.parametrize(
    "changes",
    [
        {"segments": 3},
        {"segments": [{"label": 1}]},
        {"segments": [{"label": 1, "name": ["a"]}]},
        {"segments": [{"label": 0, "name": "a"}]},
        {"segments": [{"label": 1, "name": "a", "colour": 3}]},
        {"segments": [{"label": 1, "name": "a", "color": [1, 2]}]},
        {"boxes": {}},
        {"boxes": {"lengths": [1, 2], "at": -5}},
        {"kind": "review", "after": "believed"},
        {"kind": "align", "after": {"matrix": "x"}},
        {"kind": "landmark", "id": "x", "index": 0, "after": {"of": [1, 2], "name": "L1", "fixed": "abc"}},
    ],
    ids=str,
)
def test_values_that_no_edit_has_end_it_before_anything_is_changed(tmp_path: Path, changes: Any) -> None:
    work = Work(tmp_path)
    work.paint(0)
    found = work.abandoned()
    rewrite(work.folder / LINES, [*found.steps, edited(work, **changes)], True)
    (found,) = find_recoveries(tmp_path)
    history, layer = again(found)
    assert found.damage == DAMAGED.format(3)
    assert history.undo_labels == work.history.undo_labels
    assert painted(layer) == [0]


def test_an_edit_of_another_version_is_named_and_not_taken_for_a_review(tmp_path: Path) -> None:
    work = Work(tmp_path)
    work.paint(0)
    found = work.abandoned()
    rewrite(work.folder / LINES, [*found.steps, edited(work, kind="annotation", after="accepted")], True)
    (found,) = find_recoveries(tmp_path)
    assert "step 3" in found.damage.lower()
    assert "does not know ('annotation')" in found.damage
    _, layer = again(found)
    assert layer.review == work.layer.review == "source"
    assert painted(layer) == [0]


def test_a_line_that_is_missing_is_noticed(tmp_path: Path) -> None:
    work = Work(tmp_path)
    for row in range(3):
        work.paint(row)
    work.abandoned()
    path = work.folder / LINES
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], *lines[3:]]))
    (found,) = find_recoveries(tmp_path)
    assert painted(again(found)[1]) == [0]
    assert found.damage == DAMAGED.format(3)


def test_a_journal_whose_first_line_is_damaged_is_offered_and_never_thrown_away_unasked(tmp_path: Path) -> None:
    work = Work(tmp_path)
    work.paint(0)
    work.abandoned()
    path = work.folder / LINES
    path.write_bytes(b"#" + path.read_bytes()[1:])
    for _ in range(2):  # every later start
        (found,) = find_recoveries(tmp_path)
        assert (found.steps, found.summary) == ((), "damaged: nothing of it can be read")
    assert found.discard()
    assert find_recoveries(tmp_path) == []


def test_a_journal_of_the_version_before_comes_back(tmp_path: Path) -> None:
    """It has no checksums and no lock, and it names its process."""
    work = Work(tmp_path)
    work.paint(0)
    work.paint(1)
    found = work.abandoned()
    rewrite(work.folder / LINES, found.steps, False)
    (work.folder / "lock").unlink()
    (work.folder / "pid").write_text("999999999 0")
    (found,) = find_recoveries(tmp_path)
    assert found.claim()
    assert find_recoveries(tmp_path) == []
    assert found._held is not None
    found._held.release()  # who was bringing it back was killed as well
    (found,) = find_recoveries(tmp_path)
    assert painted(again(found)[1]) == [0, 1]
    assert found.damage == ""


def rewrite(path: Path, entries: Sequence[Any], checked: bool) -> None:
    """A journal's lines, as this version writes them or as the one before did."""
    total, lines = 0, []
    for entry in entries:
        line, total = encode_line(entry, total) if checked else (json.dumps(entry).encode() + b"\n", 0)
        lines.append(line)
    path.write_bytes(b"".join(lines))


def test_a_name_that_no_journal_has_breaks_no_start(tmp_path: Path) -> None:
    work = Work(tmp_path)
    work.paint(0)
    found = work.abandoned()
    work.folder.rename(tmp_path / "my-copy")
    (found,) = find_recoveries(tmp_path)
    assert found.when == "my-copy"
