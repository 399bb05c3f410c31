"""The report as a reader makes it: looked at, signed or not, saved as a page."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from viewer.data.annotations.finding import Finding, FindingAlgorithm
from viewer.data.terminology import statement
from viewer.scene.findings.edits import add_findings, change_finding
from viewer.scene.findings.finding_list import FindingEntry
from viewer.ui.findings.report_dialog import ReportDialog

MODEL = FindingAlgorithm("diagnose_x", "1.0", "c" * 64, learned=True)


@pytest.fixture
def dialog(window, session, add_image, qtbot, tmp_path):
    """A finding of a person, and one of a model that nobody reviewed."""
    image = add_image()
    session.review.trail.move_to(tmp_path / "trail")
    session.review.trail.reader = "Dr Li"
    places = [tuple(image.grid.to_world(index).tolist()) for index in ((2, 4, 5), (3, 8, 9))]
    own = Finding(statement("52988006"), point=places[0], tracking_id="Own 1", state="manual", reader="Dr Li")
    made = Finding(statement("ms-plaque"), point=places[1], tracking_id="Plaque 1", algorithm=MODEL)
    entries = [FindingEntry(image.id, own), FindingEntry(image.id, made, run="r", title="Diagnose X")]
    session.history.do(add_findings(session.document, "Add", entries))
    dialog = ReportDialog(session, image, window)
    qtbot.addWidget(dialog)
    dialog.show()
    yield dialog
    dialog.close()


def text_of(dialog: ReportDialog) -> str:
    return dialog.page.toPlainText()


def click(box) -> None:
    QTest.mouseClick(box, Qt.MouseButton.LeftButton, pos=box.rect().center().__class__(8, box.height() // 2))


def test_what_nobody_reviewed_is_left_out_until_asked_for_and_then_marked(dialog) -> None:
    assert "Plaque 1" not in text_of(dialog)
    assert "Lesion" in text_of(dialog)
    click(dialog.unreviewed)
    assert "AI, not reviewed" in text_of(dialog)


def test_nothing_is_signed_under_what_nobody_reviewed_or_without_a_name(dialog) -> None:
    click(dialog.signed)
    assert dialog.save_button.isEnabled()
    click(dialog.unreviewed)
    assert not dialog.save_button.isEnabled()
    assert "is not reviewed" in dialog.note.text()
    click(dialog.unreviewed)
    dialog.reader.clear()
    assert not dialog.save_button.isEnabled()
    assert "named reader" in dialog.note.text()


def test_the_page_follows_the_list_and_the_language(dialog, session) -> None:
    (_, entry) = session.document.findings
    accepted = Finding(**{**vars(entry.finding), "state": "accepted", "reader": "Dr Li"})
    session.history.do(change_finding(session.document, "Accept", entry, accepted))
    assert "Multiple sclerosis plaque" in text_of(dialog)
    dialog.language.setCurrentIndex(1)
    assert "多发性硬化斑块" in text_of(dialog)
    session.history.undo()
    assert "多发性硬化斑块" not in text_of(dialog)


def test_pages_are_saved_with_their_key_images(dialog, qtbot, tmp_path) -> None:
    qtbot.waitUntil(lambda: bool(dialog._pictures))
    dialog.save(tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
    assert '"report"' in dialog.session.review.trail.path.read_text()
    dialog.save(tmp_path / "report.html")
    qtbot.waitUntil((tmp_path / "report.html").exists)
    page = (tmp_path / "report.html").read_text()
    assert "data:image/png;base64," in page
    assert "Not a medical device" in page


def test_a_finding_that_moved_has_no_picture_of_where_it_was(dialog, session, qtbot) -> None:
    qtbot.waitUntil(lambda: len(dialog._key_images(dialog.report)) == 1)
    entry = next(iter(session.document.findings))
    before = dialog._key_images(dialog.report)[entry.id]
    x, y, z = entry.finding.point
    moved = replace(entry.finding, point=(x + 6, y + 4, z))
    session.history.do(change_finding(session.document, "Measure", entry, moved))
    assert dialog._key_images(dialog.report).get(entry.id) != before
    qtbot.waitUntil(lambda: entry.id in dialog._key_images(dialog.report))
    assert dialog._key_images(dialog.report)[entry.id] != before
