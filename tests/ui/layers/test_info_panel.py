"""The facts of the active layer, and work offered back after a crash."""

from __future__ import annotations

from PySide6.QtGui import QGuiApplication

from viewer.scene.edits import AddLayer
from viewer.scene.journal.journal import Journal
from viewer.scene.layer import volume_layer
from viewer.ui.dialogs.recovery_dialog import RecoveryDialog
from viewer.ui.layers.info_panel import InfoPanel, groups


def test_facts_of_the_active_layer(session, add_image, qtbot):
    panel = InfoPanel(session)
    qtbot.addWidget(panel)
    assert panel.layer is None
    add_image()
    told = dict(groups(panel.layer, 0))
    assert told["Geometry"]["Size"] == "32 × 24 × 12 voxels"
    assert told["Geometry"]["Spacing"] == "1 × 1 × 2 mm"
    assert told["Geometry"]["Axes run to"] == "L · P · H"
    assert told["Pixels"]["Unit"] == "HU"
    panel.copy()
    assert "Size: 32 × 24 × 12 voxels" in QGuiApplication.clipboard().text()


def test_marks_are_among_the_facts(session, add_image, qtbot):
    layer = add_image(review="unreviewed")
    assert "processed, not reviewed" in dict(groups(layer, 0))["Warnings"].values()


def test_unsaved_work_is_offered_back(make_session, add_image, session, qtbot, tmp_path):
    made = volume_layer(add_image().volumes, review="unreviewed")
    journal = Journal(tmp_path / "journal-1")
    journal.record("do", AddLayer(made))
    journal.abandon()
    second = make_session()
    dialog = RecoveryDialog(second)
    qtbot.addWidget(dialog)
    assert "1 result" in dialog.list.item(0).text()
    dialog.open()
    dialog.recover()
    dialog.reject()
    assert dialog.isVisible()  # nobody edits under it
    qtbot.waitUntil(lambda: not dialog.isVisible())
    assert second.document.volume_layers[0].name == made.name
    assert second.recovery.unfinished() == []


def test_discarded_work_is_gone(make_session, add_image, tmp_path, qtbot):
    journal = Journal(tmp_path / "journal-1")
    journal.record("do", AddLayer(volume_layer(add_image().volumes)))
    journal.abandon()
    second = make_session()
    dialog = RecoveryDialog(second)
    qtbot.addWidget(dialog)
    dialog.discard_button.click()
    assert second.recovery.unfinished()  # it asks first
    dialog.discard_button.click()
    assert second.recovery.unfinished() == []
