"""The segments of a segmentation as a list: shown or hidden, colour, name, state, locked or free. Made for hundreds."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QKeyEvent, QMouseEvent, QPixmap
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QMenu, QTableView

from viewer.data.printable_text import printable
from viewer.ui.widgets import badges, theme

if TYPE_CHECKING:
    from viewer.data.segmentation import Segment, State
    from viewer.scene.segmentation_layer import SegmentationLayer
    from viewer.ui.segments.controller import SegmentsController

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole
EYE, NAME, STATE, LOCK = range(4)
HEADS = ("Shown", "Segment", "State", "Locked")
STATES: dict[State, tuple[str, str]] = {  # icon, role
    "not started": ("checkbox-blank-circle", "dim"),
    "in progress": ("edit-circle", "accent"),
    "completed": ("checkbox-circle", "good"),
    "flagged": ("flag", "warning"),
    "rejected": ("close-circle", "danger"),
}


class SegmentListModel(QAbstractTableModel):
    """A row a segment, in the segmentation's order."""

    def __init__(self, controller: SegmentsController) -> None:
        super().__init__()
        self.controller = controller
        self.segments: tuple[Segment, ...] = ()
        self._layer: SegmentationLayer | None = None
        self.refresh()

    def refresh(self) -> None:
        """Follow the layer: rows anew only where they are others."""
        layer = self.controller.layer
        segments = layer.segmentation.segments if layer else ()
        if layer is self._layer and len(segments) == len(self.segments):
            self.segments = segments
            if segments:
                self.dataChanged.emit(self.index(0, 0), self.index(len(segments) - 1, LOCK))
            return
        self.beginResetModel()
        self._layer, self.segments = layer, segments
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        """One row a segment."""
        return 0 if parent is not None and parent.isValid() else len(self.segments)

    def columnCount(self, parent: Index | None = None) -> int:
        """One column a head."""
        return len(HEADS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole) -> Any:
        """The heads."""
        return HEADS[section] if orientation == Qt.Orientation.Horizontal and role == Role.DisplayRole else None

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Names can be edited in place."""
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return flags | Qt.ItemFlag.ItemIsEditable if index.column() == NAME else flags

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        """What a cell shows of its segment: its name and colour, or the icon of a state, with words for it."""
        segment, layer, column = self.segments[index.row()], self._layer, index.column()
        if layer is None:
            return None
        if column == NAME:
            return _name(segment, role, hidden=segment.key in layer.hidden)
        if role in (Role.ToolTipRole, Role.AccessibleTextRole):
            return self._words(segment, column, layer)
        if role == Role.DecorationRole:
            return self._icon(segment, column, layer)
        return None

    def setData(self, index: Index, value: Any, role: int = Role.EditRole) -> bool:
        """Rename a segment, as one step. False where there is no name."""
        name = str(value).strip()
        if role != Role.EditRole or not name:
            return False
        self.controller.change(self.segments[index.row()], name=name)
        return True

    def _icon(self, segment: Segment, column: int, layer: SegmentationLayer) -> QIcon | None:
        if column == EYE:
            hidden = segment.key in layer.hidden
            return theme.icon("hidden", theme.DIM) if hidden else theme.icon("visible")
        if column == STATE:
            if mark := layer.review_mark(segment):
                return theme.icon(*badges.meaning(mark))
            icon, role = STATES[segment.state]
            return theme.icon(icon, theme.NAMES[role]) if segment.state != "not started" else None
        return theme.icon("lock") if segment.key in layer.locked else theme.icon("lock-unlock", theme.LINE)

    def _words(self, segment: Segment, column: int, layer: SegmentationLayer) -> str:
        if column == EYE:
            return f"{segment.name} is {'hidden' if segment.key in layer.hidden else 'shown'} (Space)"
        if column == STATE:
            parts = (layer.review_mark(segment), segment.state, segment.reader, segment.remark)
            return " · ".join(part for part in parts if part)
        return f"{segment.name} {'is locked' if segment.key in layer.locked else 'can be changed'} (L)"


class SegmentList(QTableView):
    """Click an eye or a lock to flip it; double click, or Enter, names the segment; F2 edits the name in place."""

    naming_asked = Signal()

    def __init__(self, controller: SegmentsController) -> None:
        super().__init__()
        self.controller = controller
        self.rows = SegmentListModel(controller)
        self.setModel(self.rows)
        self.setAccessibleName("Segments")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setIconSize(QSize(16, 16))
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(28)
        head = self.horizontalHeader()
        head.hide()
        head.setMinimumSectionSize(28)
        for column in (EYE, STATE, LOCK):
            head.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            self.setColumnWidth(column, 30)
        head.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        self.selectionModel().currentRowChanged.connect(self._chosen)
        controller.changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Follow the layer and the chosen segment."""
        self.rows.refresh()
        active = self.controller.segment
        row = self.rows.segments.index(active) if active in self.rows.segments else -1
        if row >= 0 and row != self.currentIndex().row():
            self.setCurrentIndex(self.rows.index(row, NAME))

    def sizeHint(self) -> QSize:
        """Between three and eight rows high, px."""
        return QSize(super().sizeHint().width(), min(max(len(self.rows.segments), 3), 8) * 28 + 4)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Space, L, Del and Enter: hide, lock, remove and name the chosen segment."""
        deeds = {
            Qt.Key.Key_Space: self.controller.flip_hidden,
            Qt.Key.Key_L: self.controller.flip_locked,
            Qt.Key.Key_Delete: self.controller.remove,
            Qt.Key.Key_Return: self.naming_asked.emit,
            Qt.Key.Key_Enter: self.naming_asked.emit,
        }
        deed = deeds.get(Qt.Key(event.key()))
        if deed and not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            deed()
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The eye, the lock and the state of a row need not be those of the chosen one."""
        index = self.indexAt(event.position().toPoint())
        if event.button() != Qt.MouseButton.LeftButton or index.column() not in (EYE, LOCK, STATE):
            super().mousePressEvent(event)
            return
        segment = self.rows.segments[index.row()]
        if index.column() == STATE:
            self.states(segment).popup(event.globalPosition().toPoint())
        else:
            (self.controller.flip_hidden if index.column() == EYE else self.controller.flip_locked)(segment.key)

    def states(self, segment: Segment) -> QMenu:
        """How far a segment is, to choose from."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for state, (icon, role) in STATES.items():
            chosen = menu.addAction(theme.icon(icon, theme.NAMES[role]), state.capitalize())
            chosen.triggered.connect(partial(self.controller.change, segment, state=state))
        return menu

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Name the segment whose name is meant; a state is flipped once more."""
        if self.indexAt(event.position().toPoint()).column() == NAME:
            self.naming_asked.emit()
        else:
            self.mousePressEvent(event)

    def _chosen(self, index: QModelIndex) -> None:
        if 0 <= index.row() < len(self.rows.segments):
            self.controller.choose(self.rows.segments[index.row()].key)


def _name(segment: Segment, role: int, *, hidden: bool) -> Any:
    if role in (Role.DisplayRole, Role.EditRole):
        return segment.name
    if role == Role.DecorationRole:
        return swatch(segment.color)
    if role == Role.ForegroundRole and hidden:
        return theme.DIM
    if role == Role.ToolTipRole:
        code = f"{segment.code[2]} ({segment.code[0]} {segment.code[1]})" if segment.code else "Not coded"
        return f"{segment.name}\n{printable(code)}"
    return None


def swatch(color: tuple[int, int, int]) -> QIcon:
    """A square of a colour."""
    picture = QPixmap(14, 14)
    picture.fill(QColor(*color))
    icon = QIcon(picture)
    icon.addPixmap(picture, QIcon.Mode.Selected)  # else a chosen row would show another colour
    return icon
