"""What an earlier session left behind, offered back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QDialog, QHBoxLayout, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from viewer.data.printable_text import printable
from viewer.ui.widgets import theme
from viewer.ui.widgets.basics import Bar, button, label

if TYPE_CHECKING:
    from viewer.scene.task import Task
    from viewer.session.session import Session

SURE = "Discard for good"


class RecoveryDialog(QDialog):
    """Recover, discard, or decide at the next start."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.recoveries = session.recovery.unfinished()
        self.task: Task | None = None
        self.bar = Bar("Bringing work back")
        self.bar.hide()
        self.setWindowTitle("Unsaved work")
        self.setMinimumWidth(480)
        self.list = QListWidget()
        self.list.setAccessibleName("Sessions that did not end cleanly")
        for recovery in self.recoveries:
            text = "\n".join(filter(None, [printable(f"{recovery.when}: {recovery.summary}"), recovery.damage]))
            self.list.addItem(QListWidgetItem(theme.icon("warning" if recovery.damage else "time"), text))
        self.list.setWordWrap(True)
        self.list.setSizeAdjustPolicy(QListWidget.SizeAdjustPolicy.AdjustToContents)
        self.list.setCurrentRow(0)
        self.recover_button = button("Recover", "undo", self.recover, "primary", theme.CHROME)
        self.recover_button.setDefault(True)
        buttons = QHBoxLayout()
        self.discard_button = button("Discard", "remove", self._ask, "danger", theme.DANGER)
        self.list.currentRowChanged.connect(lambda: self.discard_button.setText("Discard"))
        buttons.addWidget(self.discard_button)
        buttons.addStretch()
        self.later_button = button("Decide later", "", self.reject)
        buttons.addWidget(self.later_button)
        buttons.addWidget(self.recover_button)
        column = QVBoxLayout(self)
        column.setSpacing(16)
        column.addWidget(label("An earlier session did not end cleanly. Its work was kept:", "heading"))
        column.addWidget(self.list)
        column.addWidget(
            label(
                "Images are read again from where they were. What you saw and what can be undone come back, too.", "dim"
            )
        )
        column.addWidget(self.bar)
        column.addLayout(buttons)

    def recover(self) -> None:
        """Bring the chosen session's work back into this one; nothing else is done in its window meanwhile."""
        task = self.task = self.session.recovery.recover(self.recoveries[self.list.currentRow()])
        for one in (self.list, self.recover_button, self.discard_button, self.later_button):
            one.setEnabled(False)
        self.bar.show()
        task.events.progress.connect(self.bar.advance)
        task.events.state.connect(self._follow)
        self._follow(task.state)

    def reject(self) -> None:
        """Decide later; what is being brought back is not left half-way."""
        if self.task is None:
            super().reject()

    def _follow(self, state: str) -> None:
        if state not in ("queued", "running"):
            self.accept()

    def _ask(self) -> None:
        """What is discarded cannot be brought back: it takes a second click."""
        if self.discard_button.text() == SURE:
            self.discard()
        else:
            self.discard_button.setText(SURE)

    def discard(self) -> None:
        """Remove the chosen session's work for good."""
        row = self.list.currentRow()
        if not self.recoveries.pop(row).discard():
            self.session.messages.warn("Another window is bringing this work back: it was left alone.")
        self.list.takeItem(row)
        if not self.recoveries:
            self.reject()
