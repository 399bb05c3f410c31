"""Disks that refuse, and journals that were damaged: said at once, in one sentence, and no more is lost than that."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from journalled import Work, again, painted

from viewer.scene.edits import RenameLayer
from viewer.scene.journal.replay import find_recoveries


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
        trouble.setattr(f"viewer.scene.journal.journal.os.{call}", refuse)
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
    work.keeper.close()


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
        trouble.setattr("viewer.scene.journal.journal.Journal.store", lambda *_, **__: os.stat("/not/there"))
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


class Torn:
    """A file that takes ten bytes and no more."""

    def __init__(self, file: Any) -> None:
        self.fileno, self.seek = file.fileno, file.seek
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


def test_what_cannot_be_read_now_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = Work(tmp_path)
    work.paint(0)
    work.abandoned()
    with monkeypatch.context() as trouble:
        trouble.setattr(Path, "read_bytes", lambda self: os.stat("/not/there"))
        assert find_recoveries(tmp_path) == []
    assert len(find_recoveries(tmp_path)) == 1
