"""The sign-off: the page as it will be saved, and the word of the person who has looked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from viewer.io.reports.sign_off_report import Report, html, write
from viewer.ui.jobs.panel import JobRow
from viewer.ui.register.quality.report import quality_report
from viewer.ui.widgets import theme
from viewer.ui.widgets.basics import button, label, set_role
from viewer.ui.widgets.pdf_page import write_pdf

if TYPE_CHECKING:
    from viewer.scene.task import Task
    from viewer.ui.register.controller import Word
    from viewer.ui.register.quality.assessment import Assessor

SIZE = (860, 900)
NAME = "registration-sign-off"
FORMATS = "PDF (*.pdf);;Web page (*.html)"


class SignOffDialog(QDialog):
    """Measures first what was not measured yet. The page follows what is said of the registration."""

    def __init__(self, assessor: Assessor, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.assessor, self.controller = assessor, assessor.controller
        self.setWindowTitle("Sign off the registration")
        self.resize(*SIZE)
        self.report: Report | None = None
        self.page = QTextBrowser()
        self.page.setAccessibleName("Sign-off page")
        self.page.setObjectName("page")
        self.reader, self.remark = QLineEdit(self.controller.reader), QLineEdit()
        self.verdict = label(role="dim")
        self.accept_button = button("Accept", "accepted", lambda: self.sign("accepted"), "primary", theme.CHROME)
        self.reject_button = button("Reject", "rejected", lambda: self.sign("rejected"), "danger", theme.DANGER)
        self.save_button = button("Save page…", "save", self._ask)
        self.row: JobRow | None = None
        self._build()
        for line in (self.reader, self.remark):
            line.textChanged.connect(self._check)
        for signal in (self.controller.changed, assessor.changed):
            signal.connect(self.refresh)
        if assessor.assessment is None:
            self._wait(assessor.assess())
        self.refresh()

    def refresh(self) -> None:
        """Write the page anew."""
        fixed, moving, assessment = self.controller.fixed, self.controller.moving, self.assessor.assessment
        known = fixed is not None and moving is not None and assessment is not None
        self.report = (
            quality_report(fixed, moving, assessment, self.controller.landmarks)
            if fixed and moving and assessment
            else None
        )
        self.page.setVisible(known)
        if self.report is not None:
            self.page.setHtml(html(self.report))
        if self.row is not None:
            self.row.setVisible(not known)
        self._check()

    def sign(self, word: Word) -> None:
        """Accept or reject the registration; that is saved with the transform, and can be undone like any step."""
        self.controller.sign_off(word, self.reader.text().strip(), self.remark.text().strip())

    def save(self, target: Path) -> None:
        """Write the page as PDF or HTML, by the ending."""
        if self.report is None:
            return
        try:
            if target.suffix.lower() == ".html":
                write(self.report, target)
            else:
                write_pdf(html(self.report), self.report.title, target)
        except (OSError, ValueError) as error:
            self._say(f"{target.name} could not be written ({error}): choose another folder.", "danger")
            return
        self._say(f"Saved {target}", "good")

    def _check(self) -> None:
        """Whether it can be signed, and if not, why."""
        ready, named = self.report is not None, bool(self.reader.text().strip())
        for one in (self.accept_button, self.reject_button):
            one.setEnabled(ready and named)
        self.save_button.setEnabled(ready)
        text = "Look at the pictures and figures, then say whether the registration may be used."
        self._say(text if named or not ready else "Say who you are: the sign-off carries your name.", "dim")

    def _ask(self) -> None:
        start = str(Path.home() / f"{NAME}.pdf")
        path, kind = QFileDialog.getSaveFileName(self, "Save the page", start, FORMATS)
        if path:
            target = Path(path)
            self.save(target if target.suffix else target.with_suffix(".html" if "html" in kind else ".pdf"))

    def _say(self, text: str, role: str) -> None:
        self.verdict.setText(text)
        set_role(self.verdict, role)

    def _wait(self, task: Task | None) -> None:
        if task is not None:
            self.row = JobRow(task)
            self._column.insertWidget(0, self.row, 0, Qt.AlignmentFlag.AlignTop)

    def _build(self) -> None:
        self.reader.setAccessibleName("Reader")
        self.reader.setPlaceholderText("Who has looked")
        self.remark.setAccessibleName("Remark")
        self.remark.setPlaceholderText("What others should know")
        form = QFormLayout()
        form.addRow("Reader", self.reader)
        form.addRow("Remark", self.remark)
        buttons = QHBoxLayout()
        buttons.addWidget(self.save_button)
        buttons.addStretch()
        for one in (button("Close", "", self.close), self.reject_button, self.accept_button):
            buttons.addWidget(one)
        self._column = QVBoxLayout(self)
        self._column.addWidget(self.page, 1)
        self._column.addLayout(form)
        self._column.addWidget(self.verdict)
        self._column.addLayout(buttons)

    def done(self, code: int) -> None:
        """Stop following, and close."""
        for signal in (self.controller.changed, self.assessor.changed):
            signal.disconnect(self.refresh)
        if self.row is not None:
            self.row.close_row()
        super().done(code)
