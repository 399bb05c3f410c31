"""Disks that refuse, and journals that were damaged: said at once, in one sentence, and no more is lost than that."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.scene.document import Document
from viewer.scene.editable import EVERYWHERE, paint
from viewer.scene.edits import AddLayer, RenameLayer
from viewer.scene.history import History
from viewer.scene.journal import LINES, STROKES, JournalKeeper
from viewer.scene.journal_lines import DAMAGED, read_steps, sealed
from viewer.scene.painting import Stroke
from viewer.scene.recovery import Recovery, unfinished
from viewer.scene.segmentation_layer import SegmentationLayer, segmentation_layer

SHAPE = (3, 40, 40)


class Work:
    """Somebody who paints, journalled under a folder."""

    def __init__(self, root: Path) -> None:
        self.root, self.said = root, list[str]()
        self.keeper = JournalKeeper(root, self.said.append)
        self.history = History(Document(), record=self.keeper.record)
        labels = np.random.default_rng(0).integers(0, 2, SHAPE, np.uint8)  # as it came: does not compress well
        values = Segmentation(labels, Grid.of(SHAPE), (Segment(1, "a"), Segment(2, "b")), "labels")
        self.layer = segmentation_layer(values)
        self.history.do(AddLayer(self.layer))

    def paint(self, row: int, noise: int = 0) -> None:
        """One row of the second segment; noise: voxels whose labels do not compress."""
        stroke = Stroke(self.layer)
        box = slice(0, 3), slice(row, row + 1), slice(0, 40)
        paint(stroke, (0, 2), box, np.ones((3, 1, 40), bool), EVERYWHERE)
        for _ in range(noise):
            stroke.write(
                0, (slice(0, 3), slice(0, 40), slice(0, 40)), np.random.default_rng(row).integers(0, 3, SHAPE, np.uint8)
            )
        edit = stroke.edit(f"row {row}")
        assert edit is not None
        self.history.do(edit)

    @property
    def folder(self) -> Path:
        (folder,) = self.root.iterdir()
        return folder

    def abandoned(self) -> Recovery:
        """What the next start finds after a kill."""
        assert self.keeper._journal is not None
        self.keeper._journal.abandon()
        (found,) = unfinished(self.root)
        return found


def again(found: Recovery) -> tuple[History, SegmentationLayer]:
    history = History(Document())
    found.replay(history, found.layers(lambda key: None))
    (layer,) = history.document.segmentation_layers
    return history, layer


def painted(layer: SegmentationLayer) -> list[int]:
    return [row for row in range(40) if (layer.segmentation.array[:, row] == 2).all()]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EIO, errno.ENODEV])
@pytest.mark.parametrize("call", ["fsync", "fstat"])
def test_a_disk_that_refuses_is_told_once_and_what_it_missed_is_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, call: str
) -> None:
    work = Work(tmp_path)
    work.paint(0)

    def refuse(*_: Any) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as trouble:
        trouble.setattr(f"viewer.scene.journal.os.{call}", refuse)
        work.paint(1)
        work.paint(2)
    cure = "free some space" if code == errno.ENOSPC else f"see to it that {tmp_path} can be written"
    assert work.said == [f"Unsaved work is not safe from a crash now ({os.strerror(code)}): save soon, and {cure}."]
    assert painted(work.layer) == [0, 1, 2]
    work.paint(3)
    assert work.said[1:] == ["Unsaved work is safe from a crash again."]
    history, layer = again(work.abandoned())
    assert np.array_equal(layer.segmentation.array, work.layer.segmentation.array)
    assert history.undo_labels == work.history.undo_labels
    while len(history.undo_labels) > 1:
        history.undo()
    assert layer.segmentation.array.max() == 1  # as it came


def test_a_journal_whose_folder_is_taken_away_is_told_at_once(tmp_path: Path) -> None:
    work = Work(tmp_path)
    work.paint(0)
    shutil.rmtree(work.folder)
    work.paint(1)
    assert len(work.said) == 1
    assert "No such file" in work.said[0]
    assert painted(work.layer) == [0, 1]


def test_no_folder_to_write_to(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    work = Work(tmp_path / "taken")
    work.paint(0)
    assert len(work.said) == 1
    assert painted(work.layer) == [0]


def test_a_label_map_that_is_written_late_is_still_undone_rightly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as trouble:
        trouble.setattr("viewer.scene.journal.Journal.store", lambda *_, **__: os.stat("/not/there"))
        work = Work(tmp_path)
        work.paint(0)
    work.paint(1)  # the label map is stored now, with the first row in it
    work.history.undo()
    work.history.undo()
    _, layer = again(work.abandoned())
    assert painted(layer) == painted(work.layer) == []


@pytest.fixture
def small_disk(mounted: Callable[[str], Path]) -> Path:
    """A real file system of 256 KB."""
    return mounted("size=256k")


def test_a_disk_that_is_really_full_and_has_room_again(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(220_000))
    work = Work(small_disk / "journal")
    for row in range(40):
        work.paint(row, noise=1)
    assert len(work.said) == 1
    assert "No space left" in work.said[0]
    ballast.unlink()
    work.history.do(RenameLayer(work.layer, "labels", "renamed"))
    assert work.said[1:] == ["Unsaved work is safe from a crash again."]
    history, layer = again(work.abandoned())
    assert np.array_equal(layer.segmentation.array, work.layer.segmentation.array)
    assert history.undo_labels == work.history.undo_labels


def test_a_disk_that_is_read_only(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    work = Work(small_disk / "journal")
    work.paint(0)
    assert len(work.said) == 1
    assert "Read-only" in work.said[0]
    assert painted(work.layer) == [0]


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
    found = unfinished(copy)
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
    (found,) = unfinished(tmp_path)
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
    (found,) = unfinished(tmp_path)
    history, layer = again(found)
    assert found.damage == DAMAGED.format(3)
    assert history.undo_labels == work.history.undo_labels
    assert painted(layer) == [0]


def test_an_edit_of_another_version_is_named_and_not_taken_for_a_review(tmp_path: Path) -> None:
    work = Work(tmp_path)
    work.paint(0)
    found = work.abandoned()
    rewrite(work.folder / LINES, [*found.steps, edited(work, kind="annotation", after="accepted")], True)
    (found,) = unfinished(tmp_path)
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
    (found,) = unfinished(tmp_path)
    assert painted(again(found)[1]) == [0]
    assert found.damage == DAMAGED.format(3)


def test_a_journal_whose_first_line_is_damaged_is_offered_and_never_thrown_away_unasked(tmp_path: Path) -> None:
    work = Work(tmp_path)
    work.paint(0)
    work.abandoned()
    path = work.folder / LINES
    path.write_bytes(b"#" + path.read_bytes()[1:])
    for _ in range(2):  # every later start
        (found,) = unfinished(tmp_path)
        assert (found.steps, found.summary) == ((), "damaged: nothing of it can be read")
    assert found.discard()
    assert unfinished(tmp_path) == []


def test_a_journal_of_the_version_before_comes_back(tmp_path: Path) -> None:
    """It has no checksums and no lock, and it names its process."""
    work = Work(tmp_path)
    work.paint(0)
    work.paint(1)
    found = work.abandoned()
    rewrite(work.folder / LINES, found.steps, False)
    (work.folder / "lock").unlink()
    (work.folder / "pid").write_text("999999999 0")
    (found,) = unfinished(tmp_path)
    assert found.claim()
    (found,) = unfinished(tmp_path / "..") or [found]
    found = Recovery(found.folder, found.when, *read_steps(found.folder / LINES))  # claimed, then killed as well
    assert painted(again(found)[1]) == [0, 1]
    assert found.damage == ""


def rewrite(path: Path, entries: Sequence[Any], checked: bool) -> None:
    """A journal's lines, as this version writes them or as the one before did."""
    total, lines = 0, []
    for entry in entries:
        line, total = sealed(entry, total) if checked else (json.dumps(entry).encode() + b"\n", 0)
        lines.append(line)
    path.write_bytes(b"".join(lines))


def test_what_cannot_be_read_now_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = Work(tmp_path)
    work.paint(0)
    work.abandoned()
    with monkeypatch.context() as trouble:
        trouble.setattr(Path, "read_bytes", lambda self: os.stat("/not/there"))
        assert unfinished(tmp_path) == []
    assert len(unfinished(tmp_path)) == 1


def test_a_name_that_no_journal_has_breaks_no_start(tmp_path: Path) -> None:
    work = Work(tmp_path)
    work.paint(0)
    found = work.abandoned()
    work.folder.rename(tmp_path / "my-copy")
    (found,) = unfinished(tmp_path)
    assert found.when == "my-copy"


class Torn:
    """A file that takes ten bytes and no more."""

    def __init__(self, file: Any) -> None:
        self.fileno = file.fileno
        self.write = lambda data: file.write(data[:10]) and os.stat("/not/there")
        self.truncate = lambda _: os.stat("/not/there")


def test_a_torn_write_leaves_no_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk takes half a line and then refuses even to take it off again."""
    work = Work(tmp_path)
    work.paint(0)
    journal = work.keeper._journal
    assert journal is not None
    with monkeypatch.context() as trouble:
        trouble.setattr(journal._lines, "_file", Torn(journal._lines._file))
        work.paint(1)
    work.paint(2)
    assert painted(again(work.abandoned())[1]) == [0, 1, 2]
