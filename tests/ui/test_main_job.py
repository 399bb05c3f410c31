"""The main job in the window as a user does it: open, run, cancel, run again, accept, save; and what the file holds."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton

from tests.fixtures.dicom_phantom import write_series
from viewer.app import Post
from viewer.data.grid import Grid
from viewer.scene.layer import VolumeLayer
from viewer.session.session import Session
from viewer.ui.dialogs.export_dialog import ExportDialog
from viewer.ui.window.main_window import MainWindow

DATA = os.environ.get("TOMOLENS_DATA", "")


@pytest.fixture
def engine_window(no_leaks, qtbot, make_window, tmp_path):
    """A window whose plugins run in the engine process, as at a user's."""
    session = Session(Post(), journal=tmp_path / "journal")
    window = make_window(session)
    window.show()
    yield window
    session.close()
    window.close()
    window.deleteLater()
    qtbot.wait(50)


def click(qtbot, parent, text: str) -> None:
    """Press the button that says `text`."""
    button = next(one for one in parent.findChildren(QPushButton) if one.text() == text)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def main_job(window: MainWindow, qtbot, folder: Path, out: Path, method: str) -> None:
    session = window.session
    window.open([folder])
    qtbot.waitUntil(lambda: any(layer.loaded == 1 for layer in session.document.volume_layers))
    source = session.document.volume_layers[0]
    window.choose_plugin("denoise")
    page = window.plugins.page
    next(field for field in page.form.fields if field.name == "method").value = method
    run = f"Run {page.plugin.title}"

    click(qtbot, page, run)
    first = session.tasks[-1]
    qtbot.waitUntil(lambda: first.state == "running")
    click(qtbot, page.row, "Cancel")
    qtbot.waitUntil(lambda: not first.running)
    assert first.state == "cancelled"
    assert list(session.document) == [source]

    click(qtbot, page, run)
    second = session.tasks[-1]
    qtbot.waitUntil(lambda: not second.running)
    assert second.state == "done", second.error
    result = session.document.volume_layers[1]
    assert "not reviewed" in result.badges[0]
    session.review.decide(result, "accepted")
    save(window, qtbot, result, out)
    compare(result, out / "denoised")


def save(window: MainWindow, qtbot, result: VolumeLayer, out: Path) -> None:
    dialog = ExportDialog(window.session, result, window)
    dialog.folder.setText(str(out))
    dialog.name.setText("denoised")
    dialog.show()
    with qtbot.waitSignal(dialog.accepted):
        click(qtbot, dialog, "Save")


def compare(result: VolumeLayer, folder: Path) -> None:
    """What SimpleITK reads is the result: every pixel, and the place."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    saved, grid = reader.Execute(), result.volumes[0].grid
    assert np.array_equal(sitk.GetArrayFromImage(saved), result.volumes[0].values())
    assert np.allclose(saved.GetOrigin(), grid.origin, atol=1e-3)
    assert np.allclose(saved.GetSpacing(), grid.spacing[::-1], atol=1e-4)
    assert np.allclose(np.reshape(saved.GetDirection(), (3, 3)), grid.direction, atol=1e-4)


def test_on_a_noisy_phantom(engine_window: MainWindow, qtbot, tmp_path: Path) -> None:
    k, j, i = np.indices((24, 96, 96))
    ball = ((k - 12) * 2.5) ** 2 + (j - 48) ** 2 + (i - 48) ** 2 < 30**2
    noise = np.random.default_rng(5).normal(0, 30, ball.shape)
    tilt = np.radians(12)
    axes = ((1, 0, 0), (0, np.cos(tilt), -np.sin(tilt)), (0, np.sin(tilt), np.cos(tilt)))
    grid = Grid.of(ball.shape, spacing=(2.5, 1, 1), origin=(-48, -30, 12), direction=axes, frame_of_reference="1.2.3.3")
    write_series(tmp_path / "ct", (ball * 300 - 200 + noise).astype(np.int16), grid)
    main_job(engine_window, qtbot, tmp_path / "ct", tmp_path, "non-local means")


@pytest.mark.slow
@pytest.mark.skipif(not DATA, reason="TOMOLENS_DATA names no shared data")
def test_on_a_real_ct(engine_window: MainWindow, qtbot, tmp_path: Path) -> None:
    main_job(engine_window, qtbot, Path(DATA) / "dicom" / "ct-cmb-crc-lung", tmp_path, "curvature diffusion")
