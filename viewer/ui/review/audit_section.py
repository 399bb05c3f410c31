"""The latest entries of the audit trail, and whether its chain is whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QVBoxLayout, QWidget

from viewer.data.printable_text import printable
from viewer.io.reports.audit_log import Entry, check, entries
from viewer.ui.widgets.basics import button, label, set_role

if TYPE_CHECKING:
    from viewer.session.review.worklist_session import WorklistSession
    from viewer.session.session import Session

MOST = 100  # entries that are shown
SPOKEN = ("state", "verdict")


class AuditSection(QWidget):
    """controller: of the task list, whose names it shows: none of a blinded one."""

    def __init__(self, session: Session, controller: WorklistSession) -> None:
        super().__init__()
        self.session, self.trail, self.controller = session, session.review.trail, controller
        self.list = QListWidget()
        self.list.setAccessibleName("Audit trail")
        self.list.setWordWrap(True)
        self.list.setMinimumHeight(120)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.check = button("Check the chain", "shield-check", self.run)
        self.verdict = label(role="dim")
        line = QHBoxLayout()
        line.addWidget(self.check)
        line.addStretch()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.list)
        column.addLayout(line)
        column.addWidget(self.verdict)
        self.trail.added.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """List the decisions, the latest first."""
        self.list.clear()
        try:
            found = entries(self.trail.path, MOST)
        except OSError as error:
            self._say(f"It cannot be read ({error.strerror}): check {self.trail.path.parent}.", "warning")
            return
        self.list.addItems([self._line(entry) for entry in reversed(found)])
        self._say("" if found else "No decision yet.", "dim")

    def run(self) -> None:
        """Check the chain of checksums from its first line, in the background."""
        path = self.trail.path
        self.session.background.ask("Check the audit trail", lambda tell: check(path), self._checked)

    def _checked(self, broken: str) -> None:
        self._say(broken or "The chain is whole.", "danger" if broken else "good")

    def _line(self, entry: Entry) -> str:
        facts = dict(entry.facts)
        if "case" in facts:
            facts["case"] = self._name(facts["case"])
        spoken = {entry.what, *SPOKEN}  # what these are is plain from their values
        details = ", ".join(
            str(value) if name in spoken else f"{name} {value}" for name, value in facts.items() if value != ""
        )
        return printable(f"{entry.time[:16].replace('T', ' ')} {entry.reader}: {entry.what}: {details}")

    def _name(self, case_id: str) -> str:
        worklist = self.controller.worklist
        if worklist is None:
            return case_id
        return worklist.name(case_id) if case_id in worklist.order else "of an earlier list"

    def _say(self, text: str, role: str) -> None:
        self.verdict.setText(text)
        self.verdict.setVisible(bool(text))
        set_role(self.verdict, role)
