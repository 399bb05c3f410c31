"""What places the moving image: in words and numbers, and what can be done with it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog, QGridLayout, QMenu, QPushButton, QVBoxLayout, QWidget

from viewer.compute.registration.decomposition import Motion, motion
from viewer.ui.register.controller import RESAMPLE, RegistrationController
from viewer.ui.widgets.basics import button, discard, label, rule
from viewer.ui.widgets.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.data.transform import Transform
    from viewer.scene.layer import VolumeLayer

NOTHING = "The moving image is where its file puts it."
FORMATS = (
    "ITK transform (*.h5 *.tfm *.txt)",
    "Displacement field (*.nii.gz *.nii *.nrrd *.mha)",
    "DICOM Spatial Registration (*.dcm)",
)
ANY = "Transforms (*.h5 *.tfm *.txt *.nii *.nii.gz *.nrrd *.mha *.dcm);;All files (*)"
STILL = 1e-3  # mm, degrees or parts of a size that are told as none
SIDES = (("to the left", "to the right"), ("to the back", "to the front"), ("to the head", "to the feet"))


class ResultSection(QWidget):
    """Follows the pair."""

    def __init__(self, controller: RegistrationController) -> None:
        super().__init__()
        self.controller = controller
        self.about = label(NOTHING, "dim")
        self.table: Table | None = None
        self.invert = button("Invert", "reopen", controller.invert)
        self.reset = button("Reset", "undo", controller.reset)
        self.copy = _menu_button("Copy to", "copy")
        self.chain = _menu_button("By way of", "links")
        self.resample = _menu_button("Resample onto", "grid")
        self.save = button("Save…", "save", self._ask_save)
        self.load = button("Load…", "open", self._ask_load)
        self._build()
        controller.changed.connect(self.refresh)
        self.refresh()

    def _build(self) -> None:
        grid = QGridLayout()
        grid.setSpacing(4)
        buttons = (self.invert, self.reset, self.copy, self.chain, self.save, self.load, self.resample)
        for place, one in enumerate(buttons):
            grid.addWidget(one, place // 2, place % 2)
        self.invert.setToolTip("For a transform that was made from the moving to the fixed image")
        self.reset.setToolTip("Put the moving image back to where its file puts it")
        self.copy.setToolTip("Move another image of the same exam along")
        self.chain.setToolTip("The moving image was aligned to another one, which has been aligned itself")
        self.resample.setToolTip("Make voxels of it on another image's grid; until then nothing is resampled")
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        for widget in (rule(), label("Transform", "heading"), self.about):
            self._column.addWidget(widget)
        self._column.addLayout(grid)

    def refresh(self) -> None:
        """Show what places the moving image now."""
        now, fixed, moving = self.controller.transform, self.controller.fixed, self.controller.moving
        self.about.setText(origin(now) if now else NOTHING)
        rows = motion_rows(motion(now, fixed.volumes[0].grid.centre)) if now and fixed else []
        self._replace(Table([], rows, wide={1: 1}) if rows else None)
        for one in (self.invert, self.reset, self.save):
            one.setEnabled(now is not None)
        self.load.setEnabled(bool(self.controller.pair_inputs))
        others = [layer for layer in self.controller.layers if layer is not moving]
        placed = [layer for layer in others if layer.transform is not None]
        self._offer(self.copy, others if now else [], self.controller.copy_to)
        self._offer(self.chain, placed if now else [], self.controller.chain)
        resample = moving is not None and RESAMPLE in self.controller.session.plugins
        self._offer(self.resample, others if resample else [], self.controller.resample_onto)

    def _offer(self, made: QPushButton, layers: list[VolumeLayer], act: Callable[[VolumeLayer], object]) -> None:
        """The layers in a button's menu."""
        menu = made.menu()
        menu.clear()
        for layer in layers:
            menu.addAction(self.controller.title(layer).replace("&", "&&"), partial(act, layer))
        made.setEnabled(bool(layers))

    def _ask_save(self) -> None:
        start = str(Path.home() / "registration.h5")
        path, _ = QFileDialog.getSaveFileName(self, "Save the transform", start, ";;".join(FORMATS))
        if path:
            self.controller.save(Path(path))

    def _ask_load(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Load a transform", str(Path.home()), ANY)
        if path:
            self.controller.load(Path(path))

    def _replace(self, table: Table | None) -> None:
        if self.table is not None:
            discard(self.table)
        self.table = table
        if table is not None:
            self._column.insertWidget(self._column.indexOf(self.about) + 1, table)


def origin(transform: Transform) -> str:
    """Where a transform comes from and what a person said of it."""
    made, sign_off = transform.provenance, transform.sign_off
    by = f" ({made.plugin} {made.plugin_version}, {made.started[:16].replace('T', ' ')})" if made else ""
    verdict = f"{sign_off.verdict} by {sign_off.reader}" if sign_off else "not reviewed"
    return f"{transform.name or 'Placed without a method on record'}{by}: {verdict}."


def motion_rows(moved: Motion) -> list[list[str]]:
    """Rotation, translation, scale and shear, in words and numbers; what is none is left out but for the first two."""
    x, y, z = moved.rotation
    length = sum(part**2 for part in moved.translation) ** 0.5
    rows = [
        ["Rotation", f"{moved.angle:.2f}° (x {_signed(x)}°, y {_signed(y)}°, z {_signed(z)}°)"],
        ["Translation", f"{length:.2f} mm{_directions(moved.translation)}"],
    ]
    if any(abs(size - 1) > STILL for size in moved.scale):
        rows.append(["Scale", " × ".join(f"{100 * size:.1f} %" for size in moved.scale)])
    if moved.shear > STILL:
        rows.append(["Shear", f"{moved.shear:.3f}"])
    if moved.mirrored:
        rows.append(["Mirrored", "left and right have changed places"])
    return rows


def _signed(degrees: float) -> str:
    return f"{round(degrees, 2) + 0.0:.2f}".replace("-", "−")  # + 0.0: no minus before a zero


def _directions(shift: tuple[float, float, float]) -> str:
    parts = [f"{abs(mm):.2f} {SIDES[axis][mm < 0]}" for axis, mm in enumerate(shift) if abs(mm) > STILL]
    return f": {', '.join(parts)}" if parts else ""


def _menu_button(text: str, icon: str) -> QPushButton:
    made = button(text, icon, lambda: None)
    made.setMenu(QMenu(made))
    return made
