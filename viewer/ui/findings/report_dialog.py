"""The report of an image's findings: the page as it will be saved, in which language, and who signs it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from viewer.compute.images.key_image import key_image
from viewer.io.reports.finding_page import finding_page
from viewer.io.reports.phrases import phrases
from viewer.ui.widgets.basics import button, label, set_role
from viewer.ui.widgets.pdf_page import png, write_pdf

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.data.annotations.region import Point
    from viewer.scene.findings.finding_list import FindingEntry
    from viewer.scene.findings.finding_report import FindingReport
    from viewer.scene.layer import VolumeLayer
    from viewer.session.background import BackgroundCall
    from viewer.session.session import Session

SIZE = (860, 900)
NAME = "findings"
FORMATS = "DICOM structured report (*.dcm);;PDF (*.pdf);;Web page (*.html)"
ENDINGS = {"DICOM": ".dcm", "PDF": ".pdf", "Web": ".html"}
MOST_PICTURES = 30  # on a page: what a person leafs through
OPENED = "Structured reports (*.dcm *.DCM);;All files (*)"


class ReportDialog(QDialog):
    """The page follows the findings and what is chosen; what cannot be reported is said in a sentence."""

    def __init__(self, session: Session, image: VolumeLayer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session, self.image = session, image
        self.report: FindingReport | None = None
        self._pictures: dict[tuple[str, Point], bytes] = {}  # by entry and place, which an edit may move
        self._call: BackgroundCall[None, dict[tuple[str, Point], bytes]] | None = None
        self.setWindowTitle("Report of findings")
        self.resize(*SIZE)
        self.page, self.note = QTextBrowser(), label(role="dim")
        self.page.setAccessibleName("Report")
        self.page.setObjectName("page")  # paper: see the theme
        self.reader = QLineEdit(session.review.trail.reader)
        self.language, self.unreviewed = QComboBox(), QCheckBox("With what nobody has reviewed, marked as such")
        self.signed = QCheckBox("Signed by the reader: verified and final")
        self.save_button = button("Save…", "save", self._ask, "primary")
        self._build()
        self.reader.textChanged.connect(self.refresh)
        self.language.currentIndexChanged.connect(self.refresh)
        for box in (self.unreviewed, self.signed):
            box.toggled.connect(self.refresh)
        session.document.findings.changed.connect(self.refresh)
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Write the page anew, or why there is none."""
        self.session.review.trail.reader = self.reader.text().strip()
        try:
            self.report = self.session.reports.report(
                self._entries(),
                signed=self.signed.isChecked(),
                unreviewed=self.unreviewed.isChecked(),
                language=self.language.currentData(),
            )
        except ValueError as error:
            self.report = None
            self._say(str(error), "danger")
        else:
            self._say("Look through it, then save it. Rejected findings are left out.", "dim")
            self._take_pictures(self.report)
        self.save_button.setEnabled(self.report is not None)
        self._show()

    def save(self, target: Path) -> None:
        """Write the report by the ending of the name: DICOM with regions and key images beside it, PDF or HTML."""
        report = self.report
        if report is None:
            return
        if target.suffix.lower() != ".pdf":
            self.session.reports.save(report, target, key_images=self._key_images(report), overwrite=target.exists())
            return
        try:
            write_pdf(finding_page(report, self._key_images(report)), phrases(report.language).title, target)
        except OSError as error:
            self._say(f"{target.name} could not be written ({error}): choose another folder.", "danger")
        else:
            self.session.reports.note_saved(report)
            self._say(f"Saved {target}", "good")

    def _entries(self) -> list[FindingEntry]:
        return [one for one in self.session.document.findings if one.image == self.image.id]

    def _show(self) -> None:
        self.page.setVisible(self.report is not None)
        if self.report is not None:
            self.page.setHtml(finding_page(self.report, self._key_images(self.report)))

    def _take_pictures(self, report: FindingReport) -> None:
        """Those that are not there yet, in the background."""
        volume, window = self.image.volume(0), self.image.window
        missing = [one for one in _places(report) if one not in self._pictures]
        if not missing:
            return

        def work(_: Callable[[None], None]) -> dict[tuple[str, Point], bytes]:
            return {(name, point): png(key_image(volume, window, point)) for name, point in missing}

        def done(found: dict[tuple[str, Point], bytes]) -> None:
            self._pictures |= found
            self._show()

        if self._call is not None:
            self._call.stop()
        self._call = self.session.background.call("display", work, done)

    def _key_images(self, report: FindingReport) -> dict[str, bytes]:
        """By entry, those that are there of where its finding is now."""
        return {one[0]: self._pictures[one] for one in _places(report) if one in self._pictures}

    def _ask(self) -> None:
        start = str(Path.home() / f"{NAME}.dcm")
        path, kind = QFileDialog.getSaveFileName(self, "Save the report", start, FORMATS)
        if path:
            target = Path(path)
            self.save(target if target.suffix else target.with_suffix(ENDINGS[kind.split()[0]]))

    def _say(self, text: str, role: str) -> None:
        self.note.setText(text)
        set_role(self.note, role)

    def _build(self) -> None:
        for code, name in (("en", "English"), ("zh", "中文")):
            self.language.addItem(name, code)
        self.reader.setAccessibleName("Reader")
        self.reader.setPlaceholderText("Who reports")
        self.language.setAccessibleName("Language")
        form, buttons = QFormLayout(), QHBoxLayout()
        form.addRow("Reader", self.reader)
        form.addRow("Language", self.language)
        form.addRow("", self.unreviewed)
        form.addRow("", self.signed)
        buttons.addWidget(self.note, 1)
        buttons.addWidget(button("Close", "", self.close))
        buttons.addWidget(self.save_button)
        column = QVBoxLayout(self)
        column.addWidget(self.page, 1)
        column.addStretch()
        column.addLayout(form)
        column.addLayout(buttons)

    def done(self, code: int) -> None:
        """Stop following, and close."""
        self.session.document.findings.changed.disconnect(self.refresh)
        if self._call is not None:
            self._call.stop()
        super().done(code)


def _places(report: FindingReport) -> list[tuple[str, Point]]:
    """Entries and where their findings are, as many as get a picture."""
    found = [(one.id, one.finding.point) for one in report.entries if one.finding and one.finding.point]
    return found[:MOST_PICTURES]


def open_reports(session: Session, parent: QWidget) -> None:
    """Ask which structured reports, and add their findings to the list of the images that they refer to."""
    paths, _ = QFileDialog.getOpenFileNames(parent, "Open reports", str(Path.home()), OPENED)
    for path in paths:
        session.reports.open(Path(path))
