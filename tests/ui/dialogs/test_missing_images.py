"""The dialog for images that a project does not find, and what the window does with projects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from pytestqt.qtbot import QtBot

from viewer.ui.dialogs.missing_images import MissingImagesDialog
from viewer.ui.window.main_window import MainWindow


@pytest.fixture
def project(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> Path:
    """Of one image, which is gone now."""
    image = sitk.GetImageFromArray(np.random.default_rng(0).integers(0, 900, (6, 16, 20)).astype(np.int16))
    sitk.WriteImage(image, str(tmp_path / "t1.nii.gz"))
    session = window.session
    window.open([tmp_path / "t1.nii.gz"])
    qtbot.waitUntil(lambda: bool(session.document.volume_layers) and session.document.volume_layers[0].loaded == 1)
    path = tmp_path / "case.tomolens"
    task = session.projects.save(path)
    qtbot.waitUntil(lambda: not task.running)
    assert task.state == "done", task.error
    session.layers.remove(session.document.volume_layers[0])
    (tmp_path / "kept").mkdir()
    (tmp_path / "t1.nii.gz").rename(tmp_path / "kept" / "other.nii.gz")
    return path


def asked(window: MainWindow, qtbot: QtBot) -> MissingImagesDialog:
    qtbot.waitUntil(lambda: bool(window.findChildren(MissingImagesDialog)))
    return window.findChildren(MissingImagesDialog)[-1]


def test_it_names_what_is_missing_and_where_it_was(window: MainWindow, qtbot: QtBot, project: Path) -> None:
    window.open([project])
    dialog = asked(window, qtbot)
    assert dialog.list.count() == 1
    assert dialog.list.item(0).text() == f"t1.nii.gz\n1 file in {project.parent}, not there any more"


def test_the_folder_that_a_person_names_is_looked_through(
    window: MainWindow, qtbot: QtBot, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.open([project])
    dialog = asked(window, qtbot)
    chosen = "viewer.ui.dialogs.missing_images.QFileDialog.getExistingDirectory"
    monkeypatch.setattr(chosen, lambda *arguments: str(project.parent / "kept"))
    dialog.find_button.click()
    qtbot.waitUntil(lambda: bool(window.session.document.volume_layers))
    (layer,) = window.session.document.volume_layers
    assert layer.source.files == (str(project.parent / "kept" / "other.nii.gz"),)


def test_without_them_the_rest_opens(window: MainWindow, qtbot: QtBot, project: Path) -> None:
    said: list[str] = []
    window.session.messages.added.connect(lambda message: said.append(message.text))
    window.open([project])
    asked(window, qtbot).open_rest()
    qtbot.waitUntil(lambda: bool(said))
    assert said == ["1 of the images of case.tomolens could not be found or read: the rest is open."]


def test_saving_again_asks_for_no_name(window: MainWindow, qtbot: QtBot, project: Path) -> None:
    window.files.save_project()
    task = window.session.tasks[-1]
    qtbot.waitUntil(lambda: not task.running)
    assert (task.title, task.state) == ("Save case.tomolens", "done")


def test_a_project_is_among_the_recent_ones(window: MainWindow, qtbot: QtBot, project: Path) -> None:
    window.open([project])
    asked(window, qtbot).reject()
    assert window.preferences.recent[0] == str(project)
