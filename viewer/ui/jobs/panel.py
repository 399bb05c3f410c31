"""The job list: what runs, how far it is, and what became of what ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from viewer.ui.jobs.details import JobDetails, report, summary
from viewer.ui.widgets import text_format, theme
from viewer.ui.widgets.basics import Bar, Elided, button, label, set_role, tabular

if TYPE_CHECKING:
    from viewer.scene.task import State, Task
    from viewer.session.session import Session

TICK = 500  # ms between looks at the clock, for the time left
STATES: dict[State, tuple[str, str, str]] = {  # word, icon, role
    "queued": ("Waiting", "time", "dim"),
    "running": ("Running", "job", ""),
    "done": ("Done", "good", "good"),
    "failed": ("Failed", "error", "danger"),
    "cancelled": ("Cancelled", "cancel", "dim"),
}


class JobsPanel(QWidget):
    """Every task of the session, the latest first."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.setAccessibleName("Jobs")
        self.rows: dict[str, JobRow] = {}
        self._list = QVBoxLayout()
        self._list.setSpacing(4)
        self._list.addStretch()
        inside = QWidget()
        inside.setLayout(self._list)
        area = QScrollArea(widgetResizable=True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidget(inside)
        self.empty = label("Nothing has run yet.", "dim")
        self.clear_button = button("Clear finished", "remove", self.clear, "quiet")
        bar = QHBoxLayout()
        bar.addWidget(self.empty)
        bar.addStretch()
        bar.addWidget(self.clear_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.addLayout(bar)
        column.addWidget(area, 1)
        for task in session.tasks:
            self._add(task)
        session.tasks.added.connect(self._add)
        self._show_state()

    def clear(self) -> None:
        """Forget the rows of what has ended."""
        for key, row in list(self.rows.items()):
            if not row.task.running:
                self._list.removeWidget(row)
                row.close_row()
                del self.rows[key]
        self._show_state()

    def _add(self, task: Task) -> None:
        self.rows[task.id] = row = JobRow(task)
        self._list.insertWidget(0, row)
        self._show_state()

    def _show_state(self) -> None:
        self.empty.setVisible(not self.rows)
        self.clear_button.setVisible(bool(self.rows))


class JobRow(QFrame):
    """One task: state by icon and word, bar, what it does, time left or taken, Cancel; once it has ended its details.

    Of a failure the details can be copied.
    """

    def __init__(self, task: Task, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.task = task
        self.setAccessibleName(task.title)
        self.icon, self.state, self.title = label(), label(wrap=False), Elided()
        self.title.say(task.title)
        set_role(self.title, "heading")
        self.text, self.time = label(role="dim"), label(role="dim", wrap=False)
        self.time.setFont(tabular(self.font()))
        self.bar = Bar(f"Progress of {task.title}")
        self.cancel = button("Cancel", "cancel", task.cancel, "quiet")
        self.unfold = button("Details", "down", self.flip_details, "quiet", theme.ACCENT)
        self.copy = button("Copy details", "copy", self._copy, "quiet", theme.ACCENT)
        self.details: JobDetails | None = None
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 4, 0, 4)
        self._grid.setColumnStretch(2, 1)
        for widget, row, column, columns in (
            (self.icon, 0, 0, 1),
            (self.state, 0, 1, 1),
            (self.title, 0, 2, 1),
            (self.cancel, 0, 3, 1),
            (self.unfold, 0, 3, 1),
            (self.copy, 0, 3, 1),
            (self.bar, 1, 0, 4),
            (self.text, 2, 0, 3),
            (self.time, 2, 3, 1),
        ):
            self._grid.addWidget(widget, row, column, 1, columns)
        self._grid.setAlignment(self.time, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
        self._clock = QTimer(self, interval=TICK)
        self._clock.timeout.connect(self._show_time)
        for signal in (task.events.state, task.events.progress, task.events.text):
            signal.connect(self._show)
        self._show()

    def close_row(self) -> None:
        """Stop following the task, and go."""
        for signal in (self.task.events.state, self.task.events.progress, self.task.events.text):
            signal.disconnect(self._show)
        self.deleteLater()

    def flip_details(self) -> None:
        """Show what it did, or hide that again."""
        if self.details is None:
            self.details = JobDetails(self.task)
            self._grid.addWidget(self.details, 3, 0, 1, 4)
        else:
            self._grid.removeWidget(self.details)
            self.details.deleteLater()
            self.details = None
        self.unfold.setIcon(theme.icon("up" if self.details else "down", theme.ACCENT))
        self.unfold.setAccessibleName("Hide details" if self.details else "Details")

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(report(self.task))

    def _show(self) -> None:
        task = self.task
        word, icon, role = STATES[task.state]
        self.state.setText(word)
        self.icon.setPixmap(theme.icon(icon, theme.NAMES.get(role, theme.TEXT)).pixmap(16, 16))
        set_role(self.state, role)
        self.bar.setVisible(task.running)
        self.cancel.setVisible(task.running and task.stop is not None)
        self.unfold.setVisible(task.state == "done" and bool(task.stages))
        self.copy.setVisible(task.state == "failed" and bool(task.detail))
        self.bar.advance(task.progress)
        self.text.setText(task.error or (task.text if task.running else summary(task)))
        self.text.setVisible(bool(self.text.text()))
        self._show_time()
        if task.running and not self._clock.isActive():
            self._clock.start()
        elif not task.running:
            self._clock.stop()

    def _show_time(self) -> None:
        task = self.task
        left = task.seconds_left
        if left is not None:
            self.time.setText(f"{task.progress:.0%} · {text_format.seconds(left)} left")
        else:
            self.time.setText(text_format.seconds(task.seconds) if task.started else "")
