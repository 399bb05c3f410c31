"""Structures by doubt in the window, by mouse and keys: a row leads to its place, verdicts are steps."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from two_patients import click, click_tab

from viewer.compute.labels.doubt import with_doubts
from viewer.compute.labels.doubt_map import doubt_map, entropy
from viewer.data.provenance import Provenance
from viewer.data.segmentation import Segment, Segmentation
from viewer.render.slices.slice_view import SliceView
from viewer.scene.edits import AddLayer, CompositeEdit
from viewer.scene.layer import doubt_layer
from viewer.scene.segmentation.given_labels import GivenLabels
from viewer.scene.segmentation_layer import segmentation_layer
from viewer.ui.review.doubt_list import BADGES, DICE, NAME

LEFT = Qt.MouseButton.LeftButton
MADE = Provenance("segment", "1", "0.1.0", learned=True, started="2026-11-30T12:00:00+00:00")


@pytest.fixture
def section(window, session, add_image, tmp_path):
    """Three structures of a model, the third the most doubtful, the first with a doubtful corner."""
    image = add_image()
    session.review.trail.move_to(tmp_path)
    labels = np.zeros(image.grid.shape, np.uint8)
    labels[3:9, 4:12, 4:12], labels[3:9, 4:12, 18:26], labels[3:9, 15:21, 4:12] = 1, 2, 3
    winner = np.ones(labels.shape)
    winner[7:10, 10:13, 10:13] = 0.55
    again = np.where(labels == 3, 0, labels)
    again[5:9, 15:21, 4:12] = 3
    segments = tuple(Segment(n, name) for n, name in ((1, "Liver"), (2, "Spleen"), (3, "Kidney")))
    values = Segmentation(labels, image.grid, segments, "Organs", provenance=MADE)
    found = with_doubts(values, [np.roll(again, 1, 0)], entropy(winner))
    volume = doubt_map(entropy(winner), image.grid, image.source)
    map = doubt_layer(type(volume)(**{**vars(volume), "provenance": MADE}))
    layer = segmentation_layer(found, image)
    layer.review, layer.given, map.made_from = "unreviewed", GivenLabels.of(found), image.id
    session.history.do(CompositeEdit("Segment", (AddLayer(map), AddLayer(layer))))
    session.state.active = layer.id
    click_tab(window, "Review")
    return window.review.doubt


def shown(section, row: int, column: int = NAME):
    return section.list.model().index(row, column)


def click_row(section, qtbot, row: int) -> None:
    at = section.list.visualRect(shown(section, row)).center()
    QTest.mouseClick(section.list.viewport(), LEFT, pos=at)


def layer_of(session):
    (layer,) = session.document.segmentation_layers
    return layer


def test_the_most_doubtful_stands_first_with_its_flags_in_words(section):
    assert [shown(section, row).data() for row in range(3)] == ["Kidney", "Liver", "Spleen"]
    assert shown(section, 0).data(BADGES) == ["not reviewed", "disagree"]
    told = float(shown(section, 0, DICE).data())
    assert told == pytest.approx(layer_of(section.controller.session).segmentation.segments[2].doubt.dice, abs=0.006)
    assert "The passes agree by a Dice of" in shown(section, 0).data(Qt.ItemDataRole.ToolTipRole)


def test_a_click_takes_every_view_to_the_most_doubtful_place(section, session, window, qtbot):
    before = session.state.crosshair
    click_row(section, qtbot, 1)
    qtbot.waitUntil(lambda: session.state.crosshair != before)
    layer = layer_of(session)
    k, j, i = layer.grid.nearest(session.state.crosshair)
    assert (k >= 7, j >= 10, i >= 10) == (True, True, True)
    assert layer.active == (0, 1)
    views = [view for view in window.views.findChildren(SliceView) if view.isVisible()]
    assert {view.plane.name: view.index for view in views} == {"axial": k, "coronal": j, "sagittal": i}


def test_review_next_accept_and_reject_by_mouse(section, session, window, qtbot):
    layer = layer_of(session)
    click(section.next)
    assert layer.active == (0, 3)
    click(section.reject)
    assert not (layer.segmentation.array == 3).any()
    click(section.next)
    assert layer.active == (0, 1)
    click(section.accept)
    click(section.next)
    click(section.accept)
    assert [shown(section, row).data(BADGES)[0] for row in range(3)] == ["rejected", "accepted", "accepted"]
    assert layer.review == "accepted"
    assert layer.badges == ("AI-altered, accepted",)
    assert not section.next.isEnabled()
    assert section.count.text() == "3 of 3 reviewed"
    for _ in range(3):
        QTest.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert (layer.segmentation.array == 3).any()
    assert layer.badges == ("AI, not reviewed",)


def test_correct_leads_to_the_tools_and_an_edit_takes_acceptance_away(section, session, window, qtbot):
    layer = layer_of(session)
    click_row(section, qtbot, 1)
    click(section.accept)
    click(section.correct)
    assert window.inspector.currentWidget() is window.segments
    assert session.state.tool == "prompt_point"
    session.segments.apply_mask(layer, (0, 1), np.ones((1, 1, 1), bool), (slice(0, 1),) * 3, "Dab")
    click_tab(window, "Review")
    assert shown(section, 1).data(BADGES)[0] == "edited"
    assert section.accept.isEnabled()
    click(section.accept)
    assert shown(section, 1).data(BADGES)[0] == "corrected"
    click(section.restore)
    qtbot.waitUntil(lambda: shown(section, 1).data(BADGES)[0] == "not reviewed")
    assert layer.segmentation.array[0, 0, 0] == 0


def test_keys_review_show_the_map_and_go_to_the_place(section, session, window, qtbot):
    control, shift = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
    layer, map, said = layer_of(session), section.controller.doubt_map, list[str]()
    session.messages.added.connect(lambda message: said.append(message.text))
    QTest.keyClick(window, Qt.Key.Key_R)
    QTest.keyClick(window, Qt.Key.Key_R, control)
    assert layer.segmentation.segment((0, 3)).review == "accepted"
    assert not map.visible
    QTest.keyClick(window, Qt.Key.Key_M, shift)
    assert map.visible
    assert section.map.isChecked()
    layer.active = (0, 1)
    before = session.state.crosshair
    QTest.keyClick(window, Qt.Key.Key_R, shift)
    qtbot.waitUntil(lambda: session.state.crosshair != before)
    QTest.keyClick(window, Qt.Key.Key_R, control | shift)
    assert layer.segmentation.segment((0, 1)).review == "rejected"
    QTest.keyClick(window, Qt.Key.Key_R, shift)
    qtbot.waitUntil(lambda: any("no voxel" in text for text in said))


def test_a_locked_structure_is_not_rejected(section, session, qtbot):
    layer, said = layer_of(session), list[str]()
    session.messages.added.connect(lambda message: said.append(message.text))
    click_row(section, qtbot, 0)
    layer.locked = frozenset({(0, 3)})
    click(section.reject)
    assert (layer.segmentation.array == 3).any()
    assert any("is locked" in text for text in said)


def test_segments_that_were_drawn_are_not_listed(window, session, add_image):
    image = add_image()
    layer = session.segments.new_layer(image)
    session.segments.add(layer, "drawn")
    click_tab(window, "Review")
    assert window.review.doubt.list.model().rowCount() == 0
    assert not window.review.doubt.list.isVisible()
    assert window.review.doubt.note.text().startswith("Run a model")
