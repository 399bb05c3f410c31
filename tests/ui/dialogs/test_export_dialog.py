"""Saving from the window: nothing unreviewed by accident, nothing replaced unasked, closed only once it is saved."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import SimpleITK as sitk

from viewer.ui.dialogs.export_dialog import ExportDialog, proposed_name


@pytest.fixture
def dialog(session, add_image, qtbot, tmp_path):
    def make(**options):
        dialog = ExportDialog(session, add_image(**options))
        qtbot.addWidget(dialog)
        dialog.folder.setText(str(tmp_path))
        dialog.format.setCurrentIndex(dialog.format.findData("nifti"))
        dialog.name.setText("result")
        dialog.show()
        return dialog

    return make


def test_saved_then_closed(dialog, qtbot, tmp_path: Path):
    made = dialog()
    with qtbot.waitSignal(made.accepted):
        made.save()
    assert sitk.ReadImage(str(tmp_path / "result.nii.gz")).GetSize() == (32, 24, 12)


def test_an_unreviewed_result_is_not_saved_by_accident(dialog):
    made = dialog(review="unreviewed")
    assert not made.save_button.isEnabled()
    assert "not accepted" in made.verdict.text()
    made.unreviewed.setChecked(True)
    assert made.save_button.isEnabled()
    assert made.target.name == "result-not-reviewed.nii.gz"
    assert made.target.name in made.verdict.text()


def test_what_is_there_is_replaced_only_when_asked(dialog, tmp_path: Path):
    (tmp_path / "result.nii.gz").write_bytes(b"precious")
    made = dialog()
    assert not made.save_button.isEnabled()
    assert "is there already" in made.verdict.text()
    made.overwrite.setChecked(True)
    assert made.save_button.isEnabled()


@pytest.mark.parametrize(("folder", "name"), [("/no/such/folder", "x"), ("", ""), ("", "a/b")])
def test_what_cannot_be_written_is_said_before(dialog, folder, name):
    made = dialog()
    if folder:
        made.folder.setText(folder)
    made.name.setText(name)
    assert not made.save_button.isEnabled()
    assert made.verdict.text()


def test_a_failure_stays_on_the_screen(dialog, qtbot, tmp_path: Path):
    made = dialog()
    made.format.setCurrentIndex(made.format.findData("dicom"))
    (tmp_path / "result").write_bytes(b"in the way")
    made.overwrite.setChecked(True)
    made.save()
    qtbot.waitUntil(lambda: not made.task.running)
    assert made.task.state == "failed"
    assert made.isVisible()
    assert made.verdict.text() == made.task.error


def test_the_name_proposed_is_never_the_patients(session, add_image):
    layer = add_image("CT chest")
    named = replace(layer.source, patient_name="Doe^Jane", patient_id="P-77", series_number=3, dicom=True)
    layer.volumes = (replace(layer.volumes[0], source=named),)
    assert proposed_name(layer) == "ct-3-ct-chest"
