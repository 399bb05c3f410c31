"""A project whose images are not where they were: asked for, and known again by their bytes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QDialog, QFileDialog, QHBoxLayout, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from viewer.data.printable_text import printable
from viewer.ui.widgets import theme
from viewer.ui.widgets.basics import button, label

if TYPE_CHECKING:
    from viewer.session.projects import ProjectOpening
    from viewer.session.session import Session


class MissingImagesDialog(QDialog):
    """Find them, open the rest, or leave everything as it is."""

    def __init__(self, session: Session, opening: ProjectOpening, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session, self.opening = session, opening
        self.setWindowTitle(printable(opening.path.name))
        self.setMinimumWidth(560)
        self.list = QListWidget()
        self.list.setAccessibleName("Images that were not found")
        self.list.setSelectionMode(QListWidget.SelectionMode.NoSelection)
        self.list.setSizeAdjustPolicy(QListWidget.SizeAdjustPolicy.AdjustToContents)
        for one in opening.missing:
            files = f"{one.count} file{'' if one.count == 1 else 's'}"
            why = "changed since" if one.changed else "not there any more"
            text = f"{printable(opening.title(one.key))}\n{files} in {printable(str(one.folder))}, {why}"
            self.list.addItem(QListWidgetItem(theme.icon("warning"), text))
        buttons = QHBoxLayout()
        buttons.addWidget(button("Cancel", "", self.reject))
        buttons.addStretch()
        buttons.addWidget(button("Open without them", "", self.open_rest))
        self.find_button = button("Find folder…", "open", self.find_folder, "primary", theme.CHROME)
        self.find_button.setDefault(True)
        buttons.addWidget(self.find_button)
        column = QVBoxLayout(self)
        column.setSpacing(16)
        count = "An image" if len(opening.missing) == 1 else f"{len(opening.missing)} images"
        column.addWidget(label(f"{count} of this project cannot be found", "heading"))
        column.addWidget(self.list)
        column.addWidget(
            label("Choose a folder: the files are looked for in it and below, and known by their SHA-256.", "dim")
        )
        column.addLayout(buttons)

    def find_folder(self) -> None:
        """Ask for a folder, and look for them in there; a new dialog asks again while some are missing still."""
        folder = QFileDialog.getExistingDirectory(self, "Folder of the images", str(self.opening.path.parent))
        if folder:
            self.accept()
            self.session.projects.find_images(self.opening, Path(folder))

    def open_rest(self) -> None:
        """Open the project without them; segmentations of such images open on their own grid."""
        self.accept()
        self.session.projects.finish(self.opening)
