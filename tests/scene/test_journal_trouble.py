"""Disks that refuse, and journals that were damaged: said at once, in one sentence, and no more is lost than that."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.scene.document import Document
from viewer.scene.editable import EVERYWHERE, paint
from viewer.scene.edits import AddLayer, RenameLayer
from viewer.scene.history import History
from viewer.scene.journal import STROKES, JournalKeeper
from viewer.scene.painting import Stroke
from viewer.scene.recovery import Recovery, unfinished
from viewer.scene.segmentation_layer import SegmentationLayer, segmentation_layer

SHAPE = (3, 40, 40)


class Work:
    """Somebody who paints, journalled under a folder."""

    def __init__(self, root: Path) -> None:
        self.root, self.said = root, list[str]()
        self.history = History(Document(), record=JournalKeeper(root, self.said.append).record)
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
        (self.folder / "pid").write_text("999999999 0")
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
    assert work.said == [f"Unsaved work is not safe from a crash now ({os.strerror(code)}): save soon, or free space."]
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
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 256 KB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
    if os.name != "posix" or shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no small file system can be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


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
def test_a_stroke_whose_bytes_were_cut_short_costs_that_stroke_only(tmp_path: Path, cut: int) -> None:
    work = Work(tmp_path)
    for row in range(4):
        work.paint(row)
    found = work.abandoned()
    path = work.folder / STROKES
    path.write_bytes(path.read_bytes()[:-cut])
    history, layer = again(found)
    assert painted(layer) == [0, 1, 2]
    assert history.undo_labels == work.history.undo_labels  # it keeps its place, so that an undo means the right step


def test_a_stroke_whose_bytes_were_damaged_costs_that_stroke_only(tmp_path: Path) -> None:
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
    assert history.redo_labels == ("row 2",)


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
