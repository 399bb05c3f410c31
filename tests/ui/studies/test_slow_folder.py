"""A folder on a slow drive, and one that goes away half-way: the window goes on, what was read stays."""

from __future__ import annotations

import shutil
import time

import pytest
from PySide6.QtCore import QTimer
from two_patients import GRID, click, row

from tests.fixtures.dicom_phantom import ramp, write_series
from tests.io.misbehaviour import SLOW, on_a_slow_drive, process
from viewer.data.grid import Grid

FILES = 20
TICK = 10  # ms


@pytest.fixture
def folder(tmp_path, monkeypatch, request):
    """A quick series, and one of so many files on a drive that is "slow" or "stuck"."""
    on_a_slow_drive(monkeypatch)
    slow = Grid.of((FILES, 4, 5))
    uids = {"StudyInstanceUID": "1.2.8", "SeriesInstanceUID": "1.2.3.8"}
    write_series(tmp_path / "both" / "a", ramp(GRID.shape), GRID, SeriesDescription="quick", SeriesNumber=None)
    write_series(
        tmp_path / "both" / request.param, ramp(slow.shape), slow, SeriesDescription="late", SeriesNumber=None, **uids
    )
    return tmp_path / "both"


@pytest.fixture
def longest():
    """How long the window's thread was busy at most, in seconds, as the latest item."""
    found, before = [0.0], [time.monotonic()]

    def tick():
        now = time.monotonic()
        found.append(max(found[-1], now - before[0]))
        before[0] = now

    timer = QTimer(interval=TICK)
    timer.timeout.connect(tick)
    timer.start()
    yield found
    timer.stop()


def begin(window, session, folder, qtbot):
    """Open it, and wait until the quick series is listed while slow files are still to come."""
    task = window.open([folder])
    qtbot.waitUntil(lambda: row(window, "quick") is not None)
    assert task.running
    return task


@pytest.mark.parametrize("folder", ["stuck"], indirect=True)
def test_a_stuck_folder_holds_nobody_up_and_is_left_at_once(window, session, folder, longest, qtbot):
    task = begin(window, session, folder, qtbot)
    qtbot.waitUntil(lambda: window.studies.reading.text().endswith(f"of {GRID.shape[0] + FILES} files"))
    assert window.studies.progress.isVisible()
    assert 0 < task.progress < 1
    window.docks.flip("bottom")
    asked = time.monotonic()
    click(window.jobs.rows[task.id].cancel)
    assert task.state == "cancelled"
    answered = []
    session.reader.call(process, done=answered.append, failed=pytest.fail)
    qtbot.waitUntil(lambda: bool(answered))
    assert time.monotonic() - asked < SLOW["stuck"] / 2
    assert row(window, "quick") is not None
    assert not window.studies.progress.isVisible()
    assert longest[-1] < SLOW["stuck"] / 10


@pytest.mark.parametrize("folder", ["slow"], indirect=True)
def test_a_folder_that_goes_away_costs_what_was_not_read_and_one_sentence(window, session, folder, qtbot):
    task = begin(window, session, folder, qtbot)
    shutil.rmtree(folder / "slow")
    qtbot.waitUntil(lambda: not task.running)
    assert task.state == "done"
    assert row(window, "quick") is not None
    assert len(session.studies.refusals) == 1
    said = [message.text for message in window.status.messages]
    assert len(said) == 1
    assert said[0].startswith("both: ")
    assert "went away while it was read" in said[0]
    (image,) = (
        one for images in session.studies.images.values() for one in images if one.source.series_uid == "1.2.3.2"
    )
    assert image.grid.shape == GRID.shape
