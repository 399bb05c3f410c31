"""After a crash one patient is on the screen, as it was, and not all of them on top of each other."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.uid import generate_uid
from PySide6.QtCore import Qt
from shell import drop

from tests.fixtures.dicom_phantom import ramp, write_series
from viewer.app import Post
from viewer.data.grid import Grid
from viewer.data.volume import Window
from viewer.scene.journal.journal import VIEW
from viewer.session.session import Session
from viewer.ui.dialogs.recovery_dialog import RecoveryDialog
from viewer.ui.window.main_window import MainWindow

ROOT = Path(__file__).parents[3]
SHAPE = (6, 20, 24)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """The folder of a journal that a window which was killed left."""
    studies = []
    for number, name in enumerate(("First^One", "Second^Two"), 1):
        studies.append(str(tmp_path / f"study {number}"))
        uids = {"StudyInstanceUID": generate_uid(), "SeriesInstanceUID": generate_uid()}
        facts = uids | {"PatientName": name, "PatientID": f"id {number}", "PatientBirthDate": f"19{number}00101"}
        write_series(Path(studies[-1]), ramp(SHAPE), Grid.of(SHAPE, spacing=(2.0, 1.0, 1.0)), **facts)
    script = [sys.executable, str(Path(__file__).with_name("killed_session.py")), str(tmp_path), *studies]
    done = subprocess.run(
        script, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=150
    )
    assert done.returncode == -9, done.stderr
    return tmp_path / "journal"


@pytest.fixture
def started(killed: Path, qtbot, make_window, no_leaks) -> Iterator[MainWindow]:
    """The next start, with the question about what was left."""
    session = Session(Post(), in_process=True, journal=killed)
    window = make_window(session)
    qtbot.addWidget(window)
    window.show()
    yield window
    drop(window)
    session.close()


def recover(window: MainWindow, qtbot) -> None:
    """By a click."""
    dialog = RecoveryDialog(window.session, window)
    dialog.open()
    qtbot.mouseClick(dialog.recover_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not dialog.isVisible())


def shown(session: Session) -> list[str]:
    return [layer.source.patient_id for layer in session.document.shown]


def test_the_patient_who_was_on_the_screen_is_there_again_as_before(started: MainWindow, qtbot) -> None:
    session = started.session
    recover(started, qtbot)
    assert shown(session) == ["id 1"]
    first, second = session.document.volume_layers
    assert (first.window, second.visible, second.name) == (Window(111.0, 222.0, "mine"), False, "the other one")
    assert session.state.active == first.id
    assert (session.state.layout, session.state.crosshair) == ("1+3", (1.0, 2.0, 3.0))
    qtbot.waitUntil(lambda: len(session.studies.images) == 2)  # the list of studies
    assert started.actions_["undo"].isEnabled()
    started.actions_["undo"].trigger()
    assert second.name != "the other one"


def test_a_damaged_view_costs_the_view_only_and_shows_one_patient(started: MainWindow, qtbot, killed: Path) -> None:
    (view,) = killed.glob(f"*/{VIEW}")
    data = bytearray(view.read_bytes())
    data[len(data) // 2] ^= 4
    view.write_bytes(data)
    recover(started, qtbot)
    assert len(started.session.document) == 2
    assert shown(started.session) == ["id 2"]
    assert started.session.state.active == started.session.document.volume_layers[1].id


def test_two_windows_do_not_bring_back_the_same_work(started: MainWindow, qtbot, killed: Path) -> None:
    other = Session(Post(), in_process=True, journal=killed)
    (found,) = other.recovery.unfinished()
    said: list[str] = []
    other.messages.added.connect(lambda message: said.append(message.text))
    (claimed,) = started.session.recovery.unfinished()
    assert claimed.claim()
    assert other.recovery.recover(found).state == "failed"
    assert said == ["Another window is bringing this work back, or has done so: look there."]
    assert not found.discard()
    assert other.recovery.unfinished() == []
    other.close()
    assert claimed.discard()
