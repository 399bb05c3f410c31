"""The job list: state in words, progress, cancel, and what became of it."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel

from viewer.data.provenance import Provenance
from viewer.ui.jobs.panel import JobsPanel


@pytest.fixture
def panel(session, qtbot):
    panel = JobsPanel(session)
    qtbot.addWidget(panel)
    panel.show()
    return panel


def _add(panel, title="Denoise"):
    task = panel.session.tasks.add("run", title)
    return task, panel.rows[task.id]


def test_a_task_from_waiting_to_done(panel):
    task, row = _add(panel)
    assert row.state.text() == "Waiting"
    task.begin()
    task.advance(0.25, "filtering")
    assert (row.state.text(), row.bar.value(), row.text.text()) == ("Running", 250, "filtering")
    assert row.unfold.isHidden()
    task.device = "cuda:0"
    task.stages, task.peak_memory = {"filtering": 2.0}, 3 << 20
    task.end("done")
    assert row.state.text() == "Done"
    assert row.text.text() == "graphics card (cuda:0) · at most 3 MB of memory"
    assert row.bar.isHidden()


def _texts(widget) -> list[str]:
    return [one.text() for one in widget.findChildren(QLabel)]


def test_a_finished_job_tells_its_stages_and_what_it_computed_with(panel, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("viewer.scene.task.time.monotonic", lambda: now[0])
    task, row = _add(panel)
    task.device = "cpu"
    task.begin()
    now[0] = 174.5
    task.stages, task.peak_memory = {"estimating noise": 2.0, "denoising": 70.4}, 3 << 30
    task.provenance = Provenance(
        "denoise", "2.0", "1", precision="bfloat16", engine="OpenVINO 2026.1", model="denoise-haar",
        model_sha256="0123456789abcdef" * 4,
    )  # fmt: skip
    task.end("done")
    assert not row.unfold.isHidden()
    row.unfold.click()
    assert _texts(row.details) == [
        "Estimating noise", "2.0 s",
        "Denoising", "1 min 10 s",
        "Everything else", "2.1 s",
        "Total", "1 min 14 s",
        "Device", "processor",
        "Precision", "bfloat16",
        "Engine", "OpenVINO 2026.1",
        "Peak memory", "3 GB",
        "Model", "denoise-haar · sha256 0123456789ab…",
    ]  # fmt: skip
    row.unfold.click()
    assert row.details is None


def test_what_has_no_stages_has_no_details(panel):
    task, row = _add(panel)
    task.begin()
    task.end("done")
    assert row.unfold.isHidden()


def test_a_failure_says_its_sentence(panel):
    task, row = _add(panel)
    task.begin()
    task.end("failed", "The disk is full: free some space.", "OSError: 28")
    assert row.state.text() == "Failed"
    assert row.text.text() == "The disk is full: free some space."
    row.copy.click()
    assert QGuiApplication.clipboard().text() == "The disk is full: free some space.\n\nOSError: 28"


def test_cancel_asks_the_task(panel):
    asked = []
    task, row = _add(panel)
    task.stop = lambda: asked.append(True)
    task.begin()
    assert not row.cancel.isHidden()
    row.cancel.click()
    assert asked == [True]
    task.end("cancelled")
    assert row.cancel.isHidden()


def test_time_left_comes_from_the_progress(panel, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("viewer.scene.task.time.monotonic", lambda: now[0])
    task, row = _add(panel)
    task.begin()
    now[0] = 110.0
    task.advance(0.25)
    assert task.seconds_left == pytest.approx(30)
    assert row.time.text() == "25% · 30 s left"


def test_clear_keeps_what_runs(panel):
    done, _ = _add(panel, "done")
    done.begin()
    done.end("done")
    running, _ = _add(panel, "running")
    running.begin()
    panel.clear()
    assert list(panel.rows) == [running.id]
    done.events.state.emit("done", "running")  # a row that went does not listen any more
