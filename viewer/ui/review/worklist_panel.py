"""The task list beside the studies: its cases, how far it is, and what the reader says of the open one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractTableModel, QEvent, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QCheckBox,
    QFileDialog,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QSplitter,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from viewer.data.printable_text import printable
from viewer.session.review.worklist_session import WorklistSession
from viewer.ui.widgets import theme
from viewer.ui.widgets.basics import Bar, Elided, button, label, set_role, tabular

if TYPE_CHECKING:
    from viewer.data.segmentation import State
    from viewer.session.session import Session

HEADS = {
    "Case": "",
    "State": "",
    "Predicted": "The lowest predicted Dice of its structures: how far the most doubtful one can be trusted",
    "Dice": "Mean over its structures: what was given against what was saved",
}
PREDICTED, DICE = 2, 3
ICONS: dict[State, str] = {
    "not started": "checkbox-blank-circle",
    "in progress": "edit-circle",
    "completed": "checkbox-circle",
    "flagged": "flag",
    "rejected": "close-circle",
}
INPUTS = frozenset({QEvent.Type.MouseMove, QEvent.Type.MouseButtonPress, QEvent.Type.KeyPress, QEvent.Type.Wheel})
TABLES = "Tables (*.csv *.tsv *.txt)"

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole


class WorklistModel(QAbstractTableModel):
    """A row a case, in the order of reading."""

    def __init__(self, controller: WorklistSession) -> None:
        super().__init__()
        self.controller = controller
        self._order: tuple[str, ...] = ()

    def refresh(self) -> None:
        """Rows anew only where they are others."""
        order = self.controller.worklist.order if self.controller.worklist else ()
        if order != self._order:
            self.beginResetModel()
            self._order = order
            self.endResetModel()
        elif order:
            self.dataChanged.emit(self.index(0, 0), self.index(len(order) - 1, len(HEADS) - 1))

    def case_id(self, row: int) -> str:
        """The case that a row shows."""
        return self._order[row]

    def row(self, case_id: str | None) -> int:
        """The row of a case; −1 where there is no such case."""
        return self._order.index(case_id) if case_id in self._order else -1

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """One row a case."""
        return 0 if parent.isValid() else len(self._order)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """One column a head."""
        return len(HEADS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole) -> Any:
        """The heads."""
        across = orientation == Qt.Orientation.Horizontal
        texts = {Role.DisplayRole: list(HEADS), Role.ToolTipRole: list(HEADS.values())}
        return texts[Role(role)][section] if across and role in texts else None

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        """What a cell shows of its case: name or state, its icon, and in the tool tip reader, time and remark."""
        worklist = self.controller.worklist
        if worklist is None:
            return None
        case_id = self._order[index.row()]
        case = worklist.case(case_id)
        if role == Role.DisplayRole:
            numbers = ("" if told is None else f"{told:.2f}" for told in (case.doubt, case.dice))
            return (printable(worklist.name(case_id)), case.state, *numbers)[index.column()]
        if role == Role.DecorationRole and index.column() == 1:
            return theme.icon(ICONS[case.state], theme.ACCENT if case_id == self.controller.case_id else theme.TEXT)
        if role == Role.TextAlignmentRole and index.column() >= PREDICTED:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Role.ToolTipRole and index.column() == DICE:
            return "\n".join(f"{printable(name)}: {dice:.2f}" for name, dice in case.dices)
        if role == Role.ToolTipRole:
            details = (f"Read by {case.reader}" * bool(case.reader), minutes(case.seconds), case.remark)
            return "\n".join(filter(None, details))
        if role == Role.FontRole and case_id == self.controller.case_id:
            font = tabular(QApplication.font())
            font.setBold(True)
            return font
        return None


class WorklistPanel(QWidget):
    """Hidden until a list is opened. controller: the verbs behind it."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.setAccessibleName("Tasks")
        trail = session.review.trail
        self.controller = WorklistSession(session)
        self.title, self.progress, self.summary = Elided(), Bar("Cases that are decided"), label(role="dim")
        self.blinded = QCheckBox("Blinded")
        self.blinded.setToolTip("Shuffled, and no name is shown; between two cases only")
        self.by_doubt = QCheckBox("By doubt")
        self.by_doubt.setToolTip("The most doubtful cases first: those with the lowest predicted Dice of a structure")
        self.rows = WorklistModel(self.controller)
        self.view = _view(self.rows)
        self.reader, self.remark = QLineEdit(trail.reader), QLineEdit()
        self.previous = button("Previous", "left", lambda: self.controller.go(-1))
        self.next = button("Next", "right", lambda: self.controller.go(1))
        self.complete = button("Complete", "accepted", lambda: self.decide("completed"), "primary", theme.CHROME)
        self.flag = button("Flag", "flag", lambda: self.decide("flagged"))
        self.reject = button("Reject", "rejected", lambda: self.decide("rejected"))
        self._at: str | None = None
        self._build()
        self.view.activated.connect(lambda index: self.controller.visit(self.rows.case_id(index.row())))
        self.blinded.clicked.connect(self.controller.blind)
        self.by_doubt.clicked.connect(self.controller.sort_by_doubt)
        self.reader.textChanged.connect(lambda text: setattr(trail, "reader", text.strip()))
        self.remark.textChanged.connect(self.controller.remark)
        self.controller.changed.connect(self.refresh)
        self.refresh()

    def ask_folder(self) -> None:
        """Choose a folder of cases."""
        if path := QFileDialog.getExistingDirectory(self, "Open a folder of cases"):
            self.controller.open(Path(path))

    def ask_table(self) -> None:
        """Choose a table of cases."""
        paths, _ = QFileDialog.getOpenFileNames(self, "Open a table of cases", "", TABLES)
        if paths:
            self.controller.open(Path(paths[0]))

    def decide(self, state: State) -> None:
        """Say what becomes of the open case."""
        if not self.reader.text().strip():
            self.controller.session.messages.warn("Say who you are first: the decision carries your name.")
            self.reader.setFocus()
            return
        self.controller.decide(state)

    def refresh(self, *_: object) -> None:
        """Show the list and the open case."""
        worklist, case = self.controller.worklist, self.controller.case
        self.setVisible(worklist is not None)
        self._listen(case is not None)
        self.rows.refresh()
        if worklist is None:
            return
        self.title.say(printable(f"Tasks: {worklist.title}") if not worklist.blinded else "Tasks (blinded)")
        count = len(worklist.cases)
        self.progress.advance(worklist.decided / count)
        spent = minutes(sum(one.seconds for one in worklist.cases))
        self.summary.setText(f"{worklist.decided} of {count} · {spent}" if spent else f"{worklist.decided} of {count}")
        self.summary.setToolTip("Cases that are decided, and the time that was spent on all of them")
        self.blinded.setChecked(worklist.blinded)
        self.blinded.setEnabled(case is None)
        self.by_doubt.setChecked(worklist.by_doubt)
        told = {PREDICTED: [one.doubt for one in worklist.cases], DICE: [one.dice for one in worklist.cases]}
        for column, values in told.items():
            self.view.setColumnHidden(column, all(value is None for value in values))
        self.by_doubt.setVisible(not self.view.isColumnHidden(PREDICTED))
        for one in (self.complete, self.flag, self.reject, self.remark):
            one.setEnabled(case is not None)
        if self.controller.case_id != self._at:
            self._at = self.controller.case_id
            self.remark.setText(case.remark if case else "")
            self.view.selectRow(self.rows.row(self.controller.case_id))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Time is counted while somebody is there."""
        if event.type() in INPUTS:
            self.controller.note_presence()
        return False

    def _listen(self, on: bool) -> None:
        app = QApplication.instance()
        if app is not None:
            app.removeEventFilter(self)
            if on:
                app.installEventFilter(self)

    def _build(self) -> None:
        set_role(self.title, "heading")
        for line, name in ((self.reader, "Reader"), (self.remark, "Remark")):
            line.setAccessibleName(name)
        self.remark.setPlaceholderText("What others should know")
        head = QHBoxLayout()
        head.addWidget(self.summary, 1)
        head.addWidget(self.by_doubt)
        head.addWidget(self.blinded)
        form = QFormLayout()
        form.addRow("Reader", self.reader)
        form.addRow("Remark", self.remark)
        buttons = QGridLayout()
        buttons.addWidget(self.complete, 0, 0, 1, 2)
        for place, one in enumerate((self.flag, self.reject, self.previous, self.next)):
            buttons.addWidget(one, 1 + place // 2, place % 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(6)
        column.addWidget(self.title)
        column.addWidget(self.progress)
        column.addLayout(head)
        column.addWidget(self.view, 1)
        column.addLayout(form)
        column.addLayout(buttons)


def minutes(seconds: float) -> str:
    """A time as "3:07 min"; "" where nothing was spent."""
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02} min" if whole else ""


def study_splitter(studies: QWidget, tasks: WorklistPanel) -> QSplitter:
    """The study browser with the task list below it."""
    both = QSplitter(Qt.Orientation.Vertical)
    both.setChildrenCollapsible(False)
    both.addWidget(studies)
    both.addWidget(tasks)
    return both


def _view(model: WorklistModel) -> QTableView:
    view = QTableView()
    view.setModel(model)
    view.setAccessibleName("Cases")
    view.setFont(tabular(view.font()))
    view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    view.setShowGrid(False)
    view.verticalHeader().hide()
    head = view.horizontalHeader()
    head.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    head.setResizeContentsPrecision(0)  # by the rows that are seen
    head.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    return view
