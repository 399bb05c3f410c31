"""The weights of nnInteractive: their folder and their licence, before they are used for the first time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QDialog, QFileDialog, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from viewer.compute.progress import Refusal
from viewer.data.printable_text import printable
from viewer.session.runs.nninteractive import is_weights, licence
from viewer.ui.widgets.basics import button, label

if TYPE_CHECKING:
    from viewer.session.runs.nninteractive import NnInteractive

ABOUT = (
    "nnInteractive is a program of others (DKFZ and Helmholtz Imaging; Isensee et al. 2025), and its weights are not "
    "part of Tomolens. What it makes is marked as made by it. Read the licence of the weights that you have."
)
NO_FOLDER = "No folder chosen yet."
NO_WEIGHTS = "This folder holds no weights of nnInteractive: choose the one with plans.json and fold_… in it."


class NnInteractiveDialog(QDialog):
    """Accepted only with a folder whose licence was on the screen."""

    def __init__(self, nninteractive: NnInteractive, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("nnInteractive")
        self.nninteractive = nninteractive
        self.shown: tuple[Path, str] | None = None  # a folder, and the licence of what is in it
        self.place = label(NO_FOLDER, "dim")
        self.text = QPlainTextEdit(readOnly=True)
        self.text.setAccessibleName("Licence of the weights")
        self.accept_button = button("Accept the licence", "", self.accept, "primary")
        self.accept_button.setEnabled(False)
        self._build()
        self.resize(640, 560)

    def _build(self) -> None:
        row = QHBoxLayout()
        row.addWidget(button("Choose folder…", "open", self.choose))
        row.addWidget(self.place, 1)
        buttons = QHBoxLayout()
        buttons.addWidget(button("Cancel", "", self.reject))
        buttons.addStretch()
        buttons.addWidget(self.accept_button)
        column = QVBoxLayout(self)
        column.setSpacing(12)
        column.addWidget(label("Segment with nnInteractive", "heading"))
        column.addWidget(label(ABOUT, "dim"))
        column.addLayout(row)
        column.addWidget(self.text, 1)
        column.addLayout(buttons)

    def choose(self) -> None:
        """Ask for the folder of the weights."""
        if chosen := QFileDialog.getExistingDirectory(self, "Folder of nnInteractive's weights"):
            self.show_folder(Path(chosen))

    def show_folder(self, folder: Path) -> None:
        """Show the licence of a folder's weights, or why it cannot be used."""
        try:
            text = licence(folder) if is_weights(folder) else ""
            self.place.setText(printable(str(folder)) if text else NO_WEIGHTS)
        except Refusal as refusal:
            text = ""
            self.place.setText(str(refusal))
        self.shown = (folder, text) if text else None
        self.text.setPlainText(printable(text))
        self.accept_button.setEnabled(bool(text))

    def accept(self) -> None:
        """Use these weights from now on."""
        if self.shown is None:
            return
        try:
            self.nninteractive.accept(*self.shown)
        except OSError as error:
            self.place.setText(f"That cannot be kept: {error}.")
        else:
            super().accept()
