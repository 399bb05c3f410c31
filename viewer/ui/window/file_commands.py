"""Files and folders: opened, saved, and asked for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog

from viewer.data.printable_text import printable
from viewer.io.project.project_file import ENDING
from viewer.scene.active_image import selected_image
from viewer.tools.segment.paint_tool import chosen_segmentation
from viewer.ui.widgets.basics import show_dialog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from viewer.session.projects import ProjectOpening
    from viewer.ui.actions.context import ActionContext
    from viewer.ui.views.view_grid import ViewGrid

IMAGES = "Images (*.dcm *.ima *.nii *.nii.gz *.nrrd *.nhdr *.mha *.mhd *.hdr *.zip DICOMDIR *.png *.jpg);;All files (*)"
PICTURES = "PNG picture (*.png)"
PROJECTS = "Projects (*.tomolens)"
SEGMENTATIONS = "Segmentations (*.seg.nrrd *.dcm *.nii.gz *.nii *.nrrd *.mha *.stl *.ply *.obj);;All files (*)"


class FileCommands:
    """The verbs of the File menu. views: of which a picture is saved."""

    def __init__(self, context: ActionContext, views: ViewGrid) -> None:
        self.context, self.views, self.session = context, views, context.session

    def open_files(self) -> None:
        """Ask which images or archives, and open them."""
        paths, _ = QFileDialog.getOpenFileNames(self.context.window(), "Open files", self._last_folder(), IMAGES)
        if paths:
            self.context.open(paths)

    def open_folder(self) -> None:
        """Ask which folder, and look through it for images."""
        path = QFileDialog.getExistingDirectory(self.context.window(), "Open folder", self._last_folder())
        if path:
            self.context.open([path])

    def open_found(self, keys: Sequence[str]) -> None:
        """Show images by their keys, and files of segments by their paths."""
        known = {image.key: image for images in self.session.studies.images.values() for image in images}
        for image in (known[key] for key in keys if key in known):
            self.session.studies.load(image)
        for labels in filter(None, map(self.session.studies.label_files.get, keys)):
            self.session.studies.open_labels(labels)

    def recent(self, place: int) -> str:
        """The path opened `place` studies ago; "" where there is none."""
        return self.context.preferences.recent[place] if self.has_recent(place) else ""

    def has_recent(self, place: int) -> bool:
        """Whether so many paths were opened before."""
        return place < len(self.context.preferences.recent)

    def recent_title(self, place: int) -> str:
        """The name of a path that was opened before, and its folder; "" where there is none."""
        path = Path(self.recent(place))
        return printable(f"{path.name} — {path.parent}") if path.name else ""

    def save_image(self) -> None:
        """Show the dialog that writes the active image."""
        from viewer.ui.dialogs.export_dialog import ExportDialog

        layer = selected_image(self.session.document, self.session.state)
        if layer is not None:
            ExportDialog(self.session, layer, self.context.window()).open()

    def open_segmentation(self) -> None:
        """Ask which segmentations, and open each over its image."""
        title, folder = "Open segmentations", self._last_folder()
        paths, _ = QFileDialog.getOpenFileNames(self.context.window(), title, folder, SEGMENTATIONS)
        for path in paths:
            self.session.segment_files.open(Path(path))

    def save_segmentation(self) -> None:
        """Ask where to, and write the segmentation; the dialog asks before it replaces a file."""
        layer = chosen_segmentation(self.session.document, self.session.state)
        if layer is None:
            return
        name = re.sub(r"[^\w.-]+", "-", layer.name).strip("-.") or "segments"
        start = str(Path(self._last_folder()) / f"{name}.seg.nrrd")
        path, _ = QFileDialog.getSaveFileName(self.context.window(), "Save segmentation", start, SEGMENTATIONS)
        if path:
            self.session.segment_files.save(layer, Path(path), overwrite=Path(path).exists())

    def open_project(self) -> None:
        """Ask which project; it takes the place of what is open."""
        title, folder = "Open project", self._last_folder()
        paths, _ = QFileDialog.getOpenFileNames(self.context.window(), title, folder, PROJECTS)
        if paths:
            self.context.open(paths[:1])

    def ask_for_images(self, opening: ProjectOpening) -> None:
        """Ask for the images of a project that are not where they were."""
        from viewer.ui.dialogs.missing_images import MissingImagesDialog

        show_dialog(MissingImagesDialog(self.session, opening, self.context.window()))

    def save_project(self) -> None:
        """Save the project where it was saved or opened last; ask only where somebody else has changed it."""
        if self.session.projects.path is None:
            self.save_project_as()
        else:
            self.session.projects.save(self.session.projects.path)

    def save_project_as(self, voxels: bool = False) -> None:
        """Ask where to, and save the project; the dialog asks before it replaces a file. voxels: with the images."""
        title = "Save project with its images" if voxels else "Save project"
        start = str(self.session.projects.path or Path(self._last_folder()) / "project.tomolens")
        path, _ = QFileDialog.getSaveFileName(self.context.window(), title, start, PROJECTS)
        if path:
            target = Path(path) if path.lower().endswith(ENDING) else Path(path + ENDING)
            self.session.projects.save(target, voxels=voxels, overwrite=str(target) == path and target.exists())

    def save_picture(self) -> None:
        """Ask where to, and write the views as PNG."""
        start = str(Path(self._last_folder()) / "picture.png")
        path, _ = QFileDialog.getSaveFileName(self.context.window(), "Save picture of the views", start, PICTURES)
        if not path:
            return
        target = Path(path).with_suffix(".png")
        if self.views.picture().save(str(target)):
            self.context.show_message(f"Picture saved as {target.name}.")
        else:
            self.context.show_message(f"{target.name} could not be written: choose another folder.", "error")

    def copy_picture(self) -> None:
        """Put a picture of the views on the clipboard."""
        QGuiApplication.clipboard().setImage(self.views.picture())
        self.context.show_message("Picture of the views copied.")

    def _last_folder(self) -> str:
        recent = self.recent(0)
        return str(Path(recent).parent) if recent else str(Path.home())
