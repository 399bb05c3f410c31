"""What the actions do, where it takes more than one call."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QFileDialog, QToolTip, QWidget

from viewer.data.printable_text import printable
from viewer.data.study import Image
from viewer.data.volume import Window, automatic_window
from viewer.io.project.project_file import ENDING
from viewer.render.volumes.volume_presets import Preset as Look
from viewer.scene.layer import Layer, Review, VolumeLayer
from viewer.scene.view_state import LAYOUTS, VIEWS
from viewer.tools.navigate.timepoint import timepoints
from viewer.tools.window_presets import Preset, presets
from viewer.ui.actions.command_palette import Entry

if TYPE_CHECKING:
    from viewer.session.projects import Opening
    from viewer.ui.window.main_window import MainWindow

IMAGES = "Images (*.dcm *.ima *.nii *.nii.gz *.nrrd *.nhdr *.mha *.mhd *.hdr *.zip DICOMDIR *.png *.jpg);;All files (*)"
PICTURES = "PNG picture (*.png)"
PROJECTS = "Projects (*.tomolens)"
SEGMENTATIONS = "Segmentations (*.seg.nrrd *.dcm *.nii.gz *.nii *.nrrd *.mha *.stl *.ply *.obj);;All files (*)"


class Commands:
    """The verbs of one window."""

    def __init__(self, window: MainWindow) -> None:
        self.window = window
        self.session = window.session
        self.state = window.session.state

    # ---- history
    def undo(self) -> None:
        """Take the latest step back; a stroke that is under way is ended first, and is that step."""
        self.window.views.mouse.let_go()
        self.session.history.undo()

    def redo(self) -> None:
        self.window.views.mouse.let_go()
        self.session.history.redo()

    # ---- files
    def open_files(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(self.window, "Open files", self._last_folder(), IMAGES)
        if paths:
            self.window.open(paths)

    def open_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self.window, "Open folder", self._last_folder())
        if path:
            self.window.open([path])

    def open_found(self, keys: Sequence[str]) -> None:
        """Show images by their keys, and files of segments by their paths."""
        known = {image.key: image for images in self.session.images.values() for image in images}
        for image in (known[key] for key in keys if key in known):
            self.session.load(image)
        for labels in filter(None, map(self.session.label_files.get, keys)):
            self.session.open_labels(labels)

    def recent(self, place: int) -> str:
        """The path opened `place` studies ago; "" where there is none."""
        return self.window.preferences.recent[place] if self.has_recent(place) else ""

    def has_recent(self, place: int) -> bool:
        return place < len(self.window.preferences.recent)

    def recent_title(self, place: int) -> str:
        path = Path(self.recent(place))
        return printable(f"{path.name} — {path.parent}") if path.name else ""

    def save(self) -> None:
        from viewer.ui.dialogs.export_dialog import ExportDialog

        layer = self.layer
        if layer is not None:
            ExportDialog(self.session, layer, self.window).open()

    def open_segmentation(self) -> None:
        title, folder = "Open segmentations", self._last_folder()
        paths, _ = QFileDialog.getOpenFileNames(self.window, title, folder, SEGMENTATIONS)
        for path in paths:
            self.session.open_segmentation(Path(path))

    def save_segmentation(self) -> None:
        """The dialog asks before it replaces a file."""
        layer = self.window.segments.do.layer
        if layer is None:
            return
        name = re.sub(r"[^\w.-]+", "-", layer.name).strip("-.") or "segments"
        start = str(Path(self._last_folder()) / f"{name}.seg.nrrd")
        path, _ = QFileDialog.getSaveFileName(self.window, "Save segmentation", start, SEGMENTATIONS)
        if path:
            self.session.save_segmentation(layer, Path(path), overwrite=Path(path).exists())

    def open_project(self) -> None:
        title, folder = "Open project", self._last_folder()
        paths, _ = QFileDialog.getOpenFileNames(self.window, title, folder, PROJECTS)
        if paths:
            self.window.open(paths[:1])

    def ask_for_images(self, opening: Opening) -> None:
        """Of a project that is being opened."""
        from viewer.ui.dialogs.missing_images import MissingImagesDialog

        dialog = MissingImagesDialog(self.session, opening, self.window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def save_project(self) -> None:
        """Where it was saved or opened last, without a question, as long as nobody else has changed it."""
        if self.session.project is None:
            self.save_project_as()
        else:
            self.session.save_project(self.session.project)

    def save_project_as(self, voxels: bool = False) -> None:
        """The dialog asks before it replaces a file. voxels: with the images."""
        title = "Save project with its images" if voxels else "Save project"
        start = str(self.session.project or Path(self._last_folder()) / "project.tomolens")
        path, _ = QFileDialog.getSaveFileName(self.window, title, start, PROJECTS)
        if path:
            target = Path(path) if path.lower().endswith(ENDING) else Path(path + ENDING)
            self.session.save_project(target, voxels=voxels, overwrite=str(target) == path and target.exists())

    def save_picture(self) -> None:
        start = str(Path(self._last_folder()) / "picture.png")
        path, _ = QFileDialog.getSaveFileName(self.window, "Save picture of the views", start, PICTURES)
        if not path:
            return
        target = Path(path).with_suffix(".png")
        if self.window.views.picture().save(str(target)):
            self.window.status.say(f"Picture saved as {target.name}.")
        else:
            self.window.status.say(f"{target.name} could not be written: choose another folder.", "error")

    def copy_picture(self) -> None:
        QGuiApplication.clipboard().setImage(self.window.views.picture())
        self.window.status.say("Picture of the views copied.")

    def show_folder(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))

    def show_models(self, name: str = "") -> None:
        """The cards of all models; of the one by that name first."""
        from viewer.ui.plugins.models_dialog import APPLY, ModelsDialog

        dialog = ModelsDialog(self.session, self.show_folder, name, self.window)
        dialog.own_asked.connect(dialog.accept)
        dialog.own_asked.connect(partial(self.window.choose_plugin, APPLY))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    # ---- layers
    @property
    def layer(self) -> VolumeLayer | None:
        """The active image."""
        found = self.session.document.find(self.state.active)
        return found if isinstance(found, VolumeLayer) else self.session.document.base

    @property
    def chosen(self) -> Layer | None:
        """The active layer of whatever kind; without one the lowest image."""
        return self.session.document.find(self.state.active) or self.session.document.base

    @property
    def result(self) -> bool:
        """Whether the active layer was made by a plugin."""
        return self.chosen is not None and self.chosen.review != "source"

    def review(self, verdict: Review) -> None:
        if self.chosen is not None:
            self.session.review(self.chosen, verdict)

    def remove_layer(self) -> None:
        if self.chosen is not None:
            self.session.remove(self.chosen)

    def next_layer(self, step: int) -> None:
        layers = list(self.session.document)
        if layers:
            now = next((place for place, one in enumerate(layers) if one.id == self.state.active), 0)
            self.state.active = layers[(now + step) % len(layers)].id

    def compare(self) -> None:
        """Hide the active layer, or show it again, to see what is under it."""
        if self.chosen is not None:
            self.chosen.visible = not self.chosen.visible

    def raise_layer(self, by: int) -> None:
        if self.chosen is not None:
            place = self.session.document.index(self.chosen.id) + by
            self.session.move(self.chosen, min(max(place, 0), len(self.session.document) - 1))

    # ---- windows
    def preset(self, place: int) -> Preset | None:
        layer = self.layer
        known = presets(layer.volume(self.state.timepoint)) if layer else ()
        return known[place] if place < len(known) else None

    def use_preset(self, place: int) -> None:
        preset, layer = self.preset(place), self.layer
        if preset and layer:
            layer.window = preset.window(layer.volume(self.state.timepoint))

    def stored_window(self) -> None:
        """The first window of the file, or an automatic one."""
        layer = self.layer
        if layer:
            volume = layer.volume(self.state.timepoint)
            layer.window = volume.windows[0] if volume.windows else automatic_window(volume)

    def window_width(self, factor: float) -> None:
        if self.layer:
            self.layer.window = Window(self.layer.window.center, self.layer.window.width * factor)

    def window_centre(self, part: float) -> None:
        if self.layer:
            now = self.layer.window
            self.layer.window = Window(now.center + part * now.width, now.width)

    # ---- views
    def turn_layout(self) -> None:
        """The next one of those that any image fills."""
        layouts = [name for name in LAYOUTS if name != "compare"]
        now = layouts.index(self.state.layout) if self.state.layout in layouts else -1
        self.state.layout = layouts[(now + 1) % len(layouts)]

    def next_view(self, step: int) -> None:
        self.state.view = VIEWS[(VIEWS.index(self.state.view) + step) % len(VIEWS)]

    def offers(self, look: Look) -> bool:
        """Whether a look of the 3-D view is made for the active image."""
        layer = self.layer
        return layer is not None and (not look.modalities or layer.source.modality in look.modalities)

    @property
    def other_placement(self) -> Image | None:
        """The active image by the other placement of its file; None where that has none."""
        return self.layer.other_placement if self.layer else None

    def open_other_placement(self) -> None:
        """As a layer of its own: what was done on the image that is shown stays with it."""
        if (image := self.other_placement) is not None:
            self.session.load(image)

    def timepoint(self, step: int) -> None:
        last = timepoints(self.session.document) - 1
        self.state.timepoint = min(max(self.state.timepoint + step, 0), max(last, 0))

    def help_here(self) -> None:
        """What the widget under the mouse is for."""
        at = self.window.cursor().pos()
        widget: QWidget | None = self.window.childAt(self.window.mapFromGlobal(at))
        while widget is not None:
            text = widget.whatsThis() or widget.toolTip() or widget.accessibleDescription()
            if text:
                QToolTip.showText(at, text, widget)
                return
            widget = widget.parentWidget()
        self.window.show_shortcuts()

    def entries(self) -> list[Entry]:
        """What the palette finds: actions that can be done now, then the images of the study browser."""
        made = self.window.actions_
        actions = [
            Entry(
                action.text.rstrip("…"),
                "   ".join(filter(None, (action.menu.replace("/", " › "), made.keys(action.id)))),
                action.icon,
                action.run,
            )
            for action in made
            if action.text and action.when()
        ]
        images = [
            Entry(printable(image.name), f"{source.modality} {source.study_description}", "series", load)
            for series in self.session.images.values()
            for image in series
            for source, load in ((image.source.shown, partial(self.session.load, image)),)
        ]
        return actions + images

    def _last_folder(self) -> str:
        recent = self.recent(0)
        return str(Path(recent).parent) if recent else str(Path.home())
