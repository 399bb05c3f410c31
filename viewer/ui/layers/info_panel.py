"""Everything known of the active layer: identity, geometry, pixels, files, warnings and how it was made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QGuiApplication, QResizeEvent
from PySide6.QtWidgets import (
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from viewer.data.grid import orientation_letters
from viewer.data.printable_text import printable
from viewer.scene.layer import VolumeLayer
from viewer.ui.widgets import text_format, theme
from viewer.ui.widgets.basics import button, label

if TYPE_CHECKING:
    from collections.abc import Iterator

    from viewer.data.volume import Volume
    from viewer.session.session import Session

ItkHeader = dict[str, str]
MARGIN = 8


class InfoPanel(QWidget):
    """Follows the active layer; every fact can be copied."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.setAccessibleName("Info")
        self.empty = label("Open an image to see its facts.", "dim")
        self.tree = QTreeWidget(columnCount=2)
        self.tree.setHeaderHidden(True)
        self.tree.setRootIsDecorated(False)
        self.tree.setWordWrap(True)
        self.tree.setAccessibleName("Facts of the active layer")
        self.tree.setIndentation(8)
        self.tree.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.tree.setItemDelegate(_WrappedText(self.tree))
        self.tree.header().sectionResized.connect(lambda: self.tree.scheduleDelayedItemsLayout())
        self.copy_button = button("Copy all", "copy", self.copy, "quiet")
        self.other_button = button("", "file", self._open_other, "quiet")
        self.other_button.setToolTip("Opens it as a layer of its own; nothing that is shown is moved")
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        for widget in (self.empty, self.tree, self.other_button, self.copy_button):
            column.addWidget(widget)
        document, events = session.document, session.state.events
        for signal in (document.inserted, document.removed, events.active, events.timepoint, session.history.changed):
            signal.connect(self.refresh)
        self.refresh()

    @property
    def layer(self) -> VolumeLayer | None:
        """The active layer, else the lowest that is shown."""
        found = self.session.document.find(self.session.state.active)
        return found if isinstance(found, VolumeLayer) else self.session.document.base

    def refresh(self) -> None:
        """Show the active layer as it is now."""
        layer = self.layer
        known = layer is not None
        self.empty.setVisible(not known)
        self.tree.setVisible(known)
        self.copy_button.setVisible(known)
        other = layer.other_placement if layer else None
        self.other_button.setVisible(other is not None)
        self.other_button.setText(text_format.other_placement(other))
        self.tree.clear()
        if layer is not None:
            for title, found in self._visible_groups(layer):
                self._add(title, found)
            self.tree.expandAll()
            self._fit()

    def _open_other(self) -> None:
        if self.layer is not None and (image := self.layer.other_placement):
            self.session.studies.load(image)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Wrap the values anew."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """The names take the room they need, the values at least three fifths."""
        self.tree.setColumnWidth(0, min(self.tree.sizeHintForColumn(0), self.width() * 2 // 5))

    def copy(self) -> None:
        """Put all facts on the clipboard, one a line."""
        layer = self.layer
        if layer is not None:
            lines = []
            for title, found in self._visible_groups(layer):
                lines += [title, *(f"  {name}: {value}" for name, value in found.items())]
            QGuiApplication.clipboard().setText("\n".join(lines))

    def _visible_groups(self, layer: VolumeLayer) -> Iterator[tuple[str, ItkHeader]]:
        """In a blinded list not where the files are: folders bear the names of cases."""
        hidden = ("Files",) if self.session.state.blinded else ()
        return (one for one in groups(layer, self.session.state.timepoint) if one[0] not in hidden)

    def _add(self, title: str, found: ItkHeader) -> None:
        group = QTreeWidgetItem([title])
        font = group.font(0)
        font.setBold(True)
        group.setFont(0, font)
        self.tree.addTopLevelItem(group)
        group.setFirstColumnSpanned(True)
        for name, value in found.items():
            row = QTreeWidgetItem([name, value])
            row.setToolTip(1, value)
            row.setForeground(0, theme.DIM)
            if title == "Warnings":
                row.setIcon(0, theme.icon("warning", theme.WARNING))
            group.addChild(row)


class _WrappedText(QStyledItemDelegate):
    """Gives a fact as many lines as its words need in the column as wide as it is."""

    def __init__(self, tree: QTreeWidget) -> None:
        super().__init__(tree)
        self._tree = tree

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        size = super().sizeHint(option, index)
        if not index.parent().isValid():  # a heading runs over both columns
            return size
        room = QRect(0, 0, self._tree.columnWidth(index.column()) - 2 * MARGIN, 10_000)
        lines = option.fontMetrics.boundingRect(room, Qt.TextFlag.TextWordWrap, str(index.data() or ""))
        return QSize(size.width(), max(size.height(), lines.height() + MARGIN))


def groups(layer: VolumeLayer, timepoint: int) -> Iterator[tuple[str, ItkHeader]]:
    """The facts of a layer under their headings; what a file does not say is left out."""
    volume = layer.volume(timepoint)
    notices = layer.image.notices if layer.image else ()
    explained = {notice.badge for notice in notices}
    warnings = (
        *(badge for badge in layer.badges if badge not in explained),
        *(notice.sentence for notice in notices),
    )
    for title, found in (
        ("Patient and study", _identity(volume)),
        ("Geometry", _geometry(volume)),
        ("Pixels", _pixels(layer, volume)),
        ("Warnings", {str(n): text for n, text in enumerate(dict.fromkeys(warnings), 1)}),
        ("How it was made", _provenance(volume)),
        ("Files", _files(layer)),
    ):
        facts = {name: value for name, value in found.items() if value}
        if facts:
            yield title, facts


def _identity(volume: Volume) -> ItkHeader:
    source = volume.source.shown
    return {
        "Patient": text_format.person(source.patient_name),
        "Patient ID": source.patient_id,
        "Born": text_format.date(source.patient_birth_date),
        "Sex": source.patient_sex,
        "Study": f"{text_format.date(source.study_date)} {source.study_description}".strip(),
        "Accession": source.accession_number,
        "Series": f"{source.series_number or ''} {source.series_description}".strip(),
        "Modality": source.modality,
        "Body part": source.body_part,
        "Device": source.manufacturer,
        "Study UID": source.study_uid,
        "Series UID": source.series_uid,
    }


def _geometry(volume: Volume) -> ItkHeader:
    grid = volume.grid
    k, j, i = grid.shape
    if not grid.placed:
        return {"Size": f"{i} × {j} × {k} voxels", "Place": "not told: neither sides nor positions are known"}
    letters = " · ".join(orientation_letters(grid.direction[:, axis]) for axis in range(3))
    corner = ", ".join(text_format.number(mm, 5) for mm in grid.origin)
    return {
        "Size": f"{i} × {j} × {k} voxels",
        "Placed by": " and ".join(volume.source.placement),
        "Spacing": text_format.spacing(grid),
        "Origin": f"{corner} mm (LPS)",
        "Axes run to": f"{letters}{' (oblique)' if grid.oblique else ''}",
        "Reference": printable(grid.frame_of_reference) or "none: positions are those of this file only",
    }


def _pixels(layer: VolumeLayer, volume: Volume) -> ItkHeader:
    sign = "+" if volume.intercept >= 0 else "−"
    rescale = f"stored × {text_format.number(volume.slope, 6)} {sign} {text_format.number(abs(volume.intercept), 6)}"
    return {
        "Type": f"{volume.array.dtype}{', RGB' if volume.color else ''}",
        "Unit": text_format.unit(volume.unit) or "not told",
        "Value": rescale if (volume.slope, volume.intercept) != (1, 0) else "as stored",
        "Time points": f"{len(layer.volumes)}, now {volume.time}" if len(layer.volumes) > 1 else "",
        "Memory": text_format.size(layer.bytes),
        "Stored as": printable(layer.image.transfer_syntax) if layer.image else "",
    }


def _provenance(volume: Volume) -> ItkHeader:
    made = volume.provenance
    if made is None:
        return {}
    return {
        "Plugin": f"{made.plugin} {made.plugin_version}",
        "Parameters": "\n".join(printable(f"{name}: {value}") for name, value in made.parameters.items()),
        "Model": printable(f"{made.model} {made.model_sha256}".strip()),
        "Computed with": f"{made.engine} on {made.device}, {made.precision}",
        "When": f"{text_format.moment(made.started)}, in {text_format.seconds(made.seconds)}",
        "From": printable(", ".join(made.inputs)),
        "Tomolens": made.application_version,
    }


def _files(layer: VolumeLayer) -> ItkHeader:
    files = layer.image.source.files if layer.image else ()
    beside = [Path(path).name for path in layer.image.beside] if layer.image else []
    return {
        "Path": printable(files[0]) if files else "",
        "Files": str(len(files)) if len(files) > 1 else "",
        "Gradients": printable(", ".join(beside)),
    }
