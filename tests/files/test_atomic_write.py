"""What a killed save left behind goes at the next one, and what another window is saving never does."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from viewer.files import atomic_write


def test_what_is_being_saved_stays_however_late_the_clock_says_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: 1e12)
    with atomic_write.temporary_folder(tmp_path) as folder:
        (folder / "made").write_bytes(b"half")
        atomic_write.sweep(tmp_path)
        assert (folder / "made").exists()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_goes_at_once(tmp_path: Path) -> None:
    left = tmp_path / f"{atomic_write.TEMPORARY}dead"
    left.mkdir()
    for name in ("made", atomic_write.LOCK):
        (left / name).write_bytes(b"")
    atomic_write.sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_one_without_a_lock_goes_when_it_is_old(tmp_path: Path) -> None:
    old, new = tmp_path / f"{atomic_write.TEMPORARY}old", tmp_path / f"{atomic_write.TEMPORARY}new"
    for folder in (old, new):
        folder.mkdir()
    os.utime(old, (0, 0))
    atomic_write.sweep(tmp_path)
    assert list(tmp_path.iterdir()) == [new]
