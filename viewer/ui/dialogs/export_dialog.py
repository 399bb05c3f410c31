"""Saving a layer: what, where and under which marks, asked in one dialog."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from viewer.settings import NOTICE
from viewer.ui.widgets import text_format, theme
from viewer.ui.widgets.basics import button, label, set_role

if TYPE_CHECKING:
    from viewer.io.images.save import Format
    from viewer.scene.layer import VolumeLayer
    from viewer.scene.task import Task
    from viewer.session.session import Session

FORMATS: dict[Format, tuple[str, str]] = {  # what the list says, and the ending ("" for a folder)
    "dicom": ("DICOM: a derived series in a folder", ""),
    "nifti": ("NIfTI with a JSON file beside it", ".nii.gz"),
    "nrrd": ("NRRD with a JSON file beside it", ".nrrd"),
    "mha": ("MetaImage with a JSON file beside it", ".mha"),
}
MARK = {"unreviewed": "-not-reviewed", "rejected": "-rejected"}


class ExportDialog(QDialog):
    """Closes once the file was read back and found equal; until then it shows the progress, or why it failed."""

    def __init__(self, session: Session, layer: VolumeLayer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session, self.layer = session, layer
        self.task: Task | None = None
        self.setWindowTitle(f"Save {layer.name}")
        self.setMinimumWidth(560)
        self._build()
        self.format.currentIndexChanged.connect(self._check)
        for box in (self.unreviewed, self.overwrite):
            box.toggled.connect(self._check)
        for line in (self.folder, self.name):
            line.textChanged.connect(self._check)
        self._check()

    @property
    def chosen(self) -> Format:
        """The form that the file is to have."""
        kind: Format = self.format.currentData()
        return kind

    @property
    def target(self) -> Path:
        """The file or the folder that is written; the name of what was not accepted says so."""
        mark = "" if self.reviewed else MARK[self.layer.review]
        return Path(self.folder.text()).expanduser() / f"{self.name.text()}{mark}{FORMATS[self.chosen][1]}"

    @property
    def reviewed(self) -> bool:
        """Whether the layer needs no warning: it is an original, or a person has accepted it."""
        return self.layer.review in ("source", "accepted")

    def save(self) -> None:
        """Begin; the dialog closes when it is done."""
        self.task = self.session.saving.save(self.layer, self.target, self.chosen, overwrite=self.overwrite.isChecked())
        self.task.events.state.connect(self._follow)
        self._follow()

    def _build(self) -> None:
        self.format = QComboBox()
        for kind, (text, _) in FORMATS.items():
            self.format.addItem(text, kind)
        self.format.setCurrentIndex(0 if self.layer.source.dicom else 1)
        self.folder = QLineEdit(str(Path.home()))
        self.name = QLineEdit(proposed_name(self.layer))
        browse = button("Choose…", "open", self._browse)
        line = QHBoxLayout()
        line.addWidget(self.folder, 1)
        line.addWidget(browse)
        self.unreviewed = QCheckBox("Save although it was not accepted; the mark stays in its name")
        self.overwrite = QCheckBox("Replace what is there")
        form = QFormLayout()
        for title, part in (("Format", self.format), ("Folder", line), ("Name", self.name)):
            form.addRow(title, part)
        self.format.setAccessibleName("Format")
        self.folder.setAccessibleName("Folder")
        self.name.setAccessibleName("Name")
        self.verdict = label(role="dim")
        self.bar = QProgressBar(maximum=0, textVisible=False)
        self.bar.setAccessibleName("Saving")
        self.save_button = button("Save", "save", self.save, "primary", theme.CHROME)
        self.save_button.setDefault(True)
        buttons = QHBoxLayout()
        buttons.addStretch()
        buttons.addWidget(button("Cancel", "", self.reject))
        buttons.addWidget(self.save_button)
        column = QVBoxLayout(self)
        column.setSpacing(16)
        column.addLayout(form)
        column.addWidget(label(contents(self.layer), "dim"))
        for widget in (self.unreviewed, self.overwrite, self.verdict, self.bar):
            column.addWidget(widget)
        column.addLayout(buttons)
        self.unreviewed.setVisible(not self.reviewed)
        self.bar.hide()

    def _browse(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Save in", self.folder.text())
        if folder:
            self.folder.setText(folder)

    def _check(self) -> None:
        """Whether it can be saved so, and if not, why."""
        there = self.target.exists()
        self.overwrite.setVisible(there or self.overwrite.isChecked())
        reason = ""
        if not self.name.text() or "/" in self.name.text():
            reason = "Give it a name without a slash."
        elif not self.target.parent.is_dir():
            reason = f"There is no folder {self.target.parent}: choose another one."
        elif there and not self.overwrite.isChecked():
            reason = f"{self.target.name} is there already: choose another name, or replace it."
        elif not self.reviewed and not self.unreviewed.isChecked():
            reason = "The result was not accepted: review it first, or tick that it is saved all the same."
        self._say(reason or f"Writes {self.target}", "warning" if reason else "dim")
        self.save_button.setEnabled(not reason)

    def _follow(self) -> None:
        if self.task is None:
            return
        self.bar.setVisible(self.task.running)
        self.save_button.setEnabled(not self.task.running)
        if self.task.state == "done":
            self.accept()
        elif self.task.state == "failed":
            self._say(self.task.error, "danger")

    def _say(self, text: str, role: str) -> None:
        self.verdict.setText(text)
        set_role(self.verdict, role)

    def reject(self) -> None:
        """Stop what runs, and close."""
        if self.task is not None:
            self.task.cancel()
        super().reject()


def proposed_name(layer: VolumeLayer) -> str:
    """From series and layer, never from the patient."""
    source = layer.source
    parts = [source.modality, str(source.series_number or ""), layer.name if source.dicom else "image"]
    return re.sub(r"[^\w.-]+", "-", " ".join(parts)).strip("-.").lower() or "image"


def contents(layer: VolumeLayer) -> str:
    """What is written, in words."""
    marks = f" Marked “{', '.join(layer.badges)}”." if layer.badges else ""
    made = " With how it was made." if layer.volumes[0].provenance else ""
    return f"{text_format.size(layer.bytes)}, read back and compared before it counts as saved.{marks}{made} {NOTICE}"
