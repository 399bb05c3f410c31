"""Findings in the window, by mouse and keys: a row leads to its place, verdicts are steps, AI is hidden by one key."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel
from two_patients import click, click_tab

from viewer.data.annotations.finding import (
    SALIENCY,
    Finding,
    FindingAlgorithm,
    InputCheck,
    InputRefusal,
    Measurement,
    Probability,
    SegmentRegion,
)
from viewer.data.annotations.packed_mask import mask_checksum
from viewer.data.annotations.region import Region
from viewer.data.provenance import Provenance
from viewer.data.segmentation import Segment, Segmentation
from viewer.data.terminology import finding_site, statement
from viewer.render.slices.slice_view import SliceView
from viewer.scene.edits import AddLayer, CompositeEdit
from viewer.scene.findings.edits import add_findings
from viewer.scene.findings.finding_list import FindingEntry
from viewer.scene.layer import heat_map_layer
from viewer.scene.segmentation.given_labels import GivenLabels
from viewer.scene.segmentation_layer import segmentation_layer
from viewer.ui.findings.finding_list import ENTRY
from viewer.ui.window.close_question import question

LEFT = Qt.MouseButton.LeftButton
MADE = Provenance("diagnose_x", "1.0", "0.1.0", learned=True)
MODEL = FindingAlgorithm("diagnose_x", "1.0", "c" * 64, learned=True)
LESION, PLAQUE = statement("52988006"), statement("ms-plaque")
CHECKS = (InputCheck("contrast agent", "unknown", "Contrast agent: the image does not tell."),)


@pytest.fixture
def panel(window, session, add_image, tmp_path):
    """A sure and an unsure finding with masks, one in a box with a heat map; the model is a trained one."""
    image = add_image()
    session.review.trail.move_to(tmp_path)
    labels = np.zeros(image.grid.shape, np.uint8)
    labels[2:5, 4:9, 4:10], labels[6:9, 14:20, 20:28] = 1, 2
    segments = tuple(Segment(n, f"Lesion {n}", review="unreviewed") for n in (1, 2))
    values = Segmentation(labels, image.grid, segments, "Lesions", provenance=MADE)
    layer = segmentation_layer(values, image)
    layer.review, layer.given = "unreviewed", GivenLabels.of(values)
    saliency = np.zeros(image.grid.shape, np.float32)
    saliency[5:8, 8:12, 8:12] = 2.0
    map = heat_map_layer(replace(image.volumes[0], array=saliency, unit=SALIENCY, name="Map", provenance=MADE))
    map.made_from = image.id

    def finding(number, value, place, **fields):
        x, y, z = image.grid.to_world(place).tolist()
        figures = (Measurement(("SCT", "118565006", "Volume"), 0.18 * number, "ml"),)
        told = {"tracking_id": f"Lesion {number}", "measurements": figures, "algorithm": MODEL, "checks": CHECKS}
        return Finding(LESION, Probability(value, (value - 0.1, value + 0.05), 0.5), (x, y, z), **told, **fields)

    regions = [SegmentRegion(layer.id, (0, n), mask_checksum(labels == n)) for n in (1, 2)]
    corner = tuple(image.grid.to_world((6, 10, 10)).tolist())
    box = Region("box", corner, (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (4.0, 4.0), 4.0)
    findings = (
        finding(1, 0.93, (3, 6, 7), segment=regions[0]),
        finding(2, 0.55, (7, 17, 24), segment=regions[1]),
        finding(3, 0.7, (6, 10, 10), box=box, heat_map=map.id),
    )
    entries = [FindingEntry(image.id, one, run="r", title="Test model") for one in findings]
    edits = (AddLayer(map), AddLayer(layer), add_findings(session.document, "Add", entries))
    session.history.do(CompositeEdit("Diagnose", edits))
    click_tab(window, "Findings")
    return window.findings


def names(panel) -> list[str]:
    model = panel.list.model()
    return [model.index(row, 0).data() for row in range(model.rowCount())]


def click_row(panel, row: int) -> None:
    at = panel.list.visualRect(panel.list.model().index(row, 0)).center()
    QTest.mouseClick(panel.list.viewport(), LEFT, pos=at)


def views(window):
    return [view for view in window.views.findChildren(SliceView) if view.isVisible()]


def text_of(view) -> list[str]:
    return [line.text for line in view.overlay().top_right]


def labels_of(session):
    (layer,) = session.document.segmentation_layers
    return layer


def test_the_least_sure_stands_first_with_its_review_in_words(panel):
    assert names(panel) == ["Lesion 2", "Lesion 3", "Lesion 1"]
    said = panel.list.model().index(0, 0).data(Qt.ItemDataRole.AccessibleTextRole)
    assert said == "Lesion 2: AI, not reviewed, 0.36 ml, 55 % (45–60 %)"
    assert panel.count.text() == "0 of 3 reviewed"


def test_a_click_takes_every_view_to_the_finding_and_its_region(panel, session, window):
    click_row(panel, 0)
    layer = labels_of(session)
    index = layer.grid.nearest(session.state.crosshair)
    assert index == (7, 17, 24)
    assert layer.active == (0, 2)
    k, j, i = index
    assert {view.plane.name: view.index for view in views(window)} == {"axial": k, "coronal": j, "sagittal": i}
    marks = [view.overlay().findings for view in views(window)]
    assert [mark.text for found in marks for mark in found if mark.text] == ["Lesion 2 55%"] * 3
    assert panel.details.isVisible()
    assert "called positive from 50 % on" in panel.details.certainty.text()
    assert "diagnose_x 1.0, weights cccccccccccc…" in panel.details.made.text()


def test_the_arrow_keys_go_from_finding_to_finding(panel, session):
    click_row(panel, 0)
    panel.list.setFocus()
    QTest.keyClick(panel.list, Qt.Key.Key_Down)
    assert panel.controller.entry.name == "Lesion 3"
    assert labels_of(session).grid.nearest(session.state.crosshair) == (6, 10, 10)
    QTest.keyClick(panel.list, Qt.Key.Key_Up)
    assert panel.controller.entry.name == "Lesion 2"


def test_not_reviewed_stands_in_every_view_until_the_last_is_decided(panel, session, window):
    assert all("AI, not reviewed" in text_of(view) for view in views(window))
    session.state.show_text = False
    assert all("AI, not reviewed" in text_of(view) for view in views(window))
    session.state.show_text = True
    click_row(panel, 0)
    click(panel.details.accept)
    assert panel.controller.entry.name == "Lesion 3"  # the next that is not reviewed
    click(panel.details.accept)
    assert all("AI, not reviewed" in text_of(view) for view in views(window))
    panel.details.reason.setCurrentText("Vessel or flow")
    click(panel.details.reject)
    assert [one.state for one in session.document.findings] == ["rejected", "accepted", "accepted"]
    assert next(iter(session.document.findings)).finding.reason == "Vessel or flow"
    assert panel.count.text() == "3 of 3 reviewed"
    assert not panel.next.isEnabled()
    assert all("AI, not reviewed" not in text_of(view) for view in views(window))
    for _ in range(3):
        session.history.undo()
    assert panel.count.text() == "0 of 3 reviewed"


def test_one_key_hides_all_that_algorithms_made(panel, session, window, qtbot):
    click_row(panel, 1)
    panel.controller.flip_heat_map()
    assert panel.controller.heat_map in window.views.slices.shown
    window.views.slices.setFocus()
    QTest.keyClick(window, Qt.Key.Key_I, Qt.KeyboardModifier.ShiftModifier)
    assert not session.state.show_ai
    assert names(panel) == []
    for view in views(window):
        assert view.labels == ()
        assert [layer.name for layer in view.shown] == ["CT chest"]
        assert view.overlay().findings == ()
        assert "AI hidden" in text_of(view)
        assert "AI, not reviewed" not in text_of(view)
    assert window.views.probe.read(session.state.crosshair).segments == ()
    assert panel.note.text().startswith("What algorithms found is hidden")
    click(panel.show_ai)
    assert names(panel) == ["Lesion 2", "Lesion 3", "Lesion 1"]
    assert all(view.labels for view in views(window))


def test_a_heat_map_says_its_unit_and_follows_opacity_and_threshold(panel, session, window):
    click_row(panel, 0)
    assert not panel.heat_map.isVisible()
    click_row(panel, 1)
    assert panel.heat_map.isVisible()
    panel.heat_map.show_map.click()
    bars = window.views.slices.overlay().color_bars
    assert [bar.unit for bar in bars] == ["saliency, not a probability"]
    panel.heat_map.opacity.setValue(80)
    panel.heat_map.threshold.setValue(50)
    map = panel.controller.heat_map
    assert (map.opacity, map.window.lower, map.window.upper) == (0.8, pytest.approx(1.0), pytest.approx(2.0))


def test_a_box_is_drawn_dashed_until_it_is_reviewed_and_only_in_its_slices(panel, session, window):
    click_row(panel, 1)
    for view in views(window):
        (mark,) = [one for one in view.overlay().findings if one.corners]
        assert len(mark.corners) == 4
        assert (mark.decided, mark.color) == (False, "#a890f0")
    click(panel.details.accept)
    click_row(panel, [*names(panel)].index("Lesion 3"))
    assert next(one for one in window.views.slices.overlay().findings if one.corners).decided
    x, y, z = session.state.crosshair
    session.state.crosshair = (x, y, z + 14)
    assert not [one for one in window.views.slices.overlay().findings if one.corners]


def test_edit_opens_the_editor_on_the_region_and_a_change_is_said(panel, session, window, qtbot):
    click_row(panel, 0)
    qtbot.waitUntil(window.actions_["edit_finding"].isEnabled)
    click(panel.details.edit)
    assert window.inspector.currentWidget() is window.segments
    assert window.segments.controller.segment.name == "Lesion 2"
    assert session.state.tool == "brush"
    box = (slice(9, 10), slice(14, 16), slice(20, 22))
    session.segments.apply_mask(labels_of(session), (0, 2), np.ones((1, 2, 2), bool), box, "Paint")
    click_tab(window, "Findings")
    qtbot.waitUntil(panel.details.stale.isVisible)
    assert panel.list.model().index(0, 0).data(ENTRY)[1]
    click(panel.details.measure)
    qtbot.waitUntil(lambda: panel.controller.finding.state == "edited")
    assert panel.controller.finding.measurements[0].value == pytest.approx((3 * 6 * 8 + 4) * 2 / 1000)
    qtbot.waitUntil(lambda: not panel.details.stale.isVisible())
    session.history.undo()
    qtbot.waitUntil(panel.details.stale.isVisible)
    session.history.undo()
    qtbot.waitUntil(lambda: not panel.details.stale.isVisible())
    assert panel.controller.finding.state == "unreviewed"


def test_a_finding_in_a_box_cannot_be_edited_as_a_mask(panel):
    click_row(panel, 1)
    assert not panel.details.edit.isEnabled()
    assert "no mask" in panel.details.edit.toolTip()


def test_what_is_said_can_be_changed(panel):
    click_row(panel, 0)
    box = panel.details.statement
    place = next(n for n in range(box.count()) if box.itemData(n) == PLAQUE)
    box.setCurrentIndex(place)
    box.activated.emit(place)
    assert panel.controller.finding.statement == PLAQUE
    assert panel.controller.finding.probability is None
    assert box.currentText() == "Multiple sclerosis plaque · 多发性硬化斑块"


def test_a_finding_of_ones_own_stands_where_the_cross_hair_is(panel, session, window):
    session.state.crosshair = (5.0, 6.0, 7.0)
    panel.statement.setCurrentIndex(panel.statement.findText("Lesion · 病灶"))
    click(panel.add_own)
    assert panel.controller.finding.point == (5.0, 6.0, 7.0)
    assert panel.controller.entry.state == "manual"
    assert panel.controller.entry.mark == ""
    session.state.show_ai = False
    assert names(panel) == ["Lesion 4"]
    session.history.undo()
    assert names(panel) == []


def test_the_reading_order_is_the_users_and_goes_to_the_next_run(panel, session, preferences):
    assert session.runs.reading == "at once"
    panel.order.setCurrentIndex(1)
    panel.order.activated.emit(1)
    assert (session.runs.reading, preferences.reading) == ("after own look", "after own look")
    preferences._set("reading", "nonsense")
    assert preferences.reading == "at once"


def test_a_refusal_stands_on_top_with_its_reason_and_nothing_to_accept(panel, session):
    (image, *_) = session.document.volume_layers
    refusal = InputRefusal("Modality: it is CT, and it must be MR.", CHECKS, MODEL)
    refused = FindingEntry(image.id, None, refusal, run="s", title="Tumour type")
    session.history.do(add_findings(session.document, "Add", [refused]))
    assert names(panel)[0] == "Tumour type: refused"
    click_row(panel, 0)
    assert panel.details.refusal.text() == "Modality: it is CT, and it must be MR."
    assert not panel.details.accept.isVisible()
    assert not panel.details.certainty.isVisible()
    click(panel.details.remove)
    assert "Tumour type: refused" not in names(panel)


def test_asking_for_ai_after_ones_own_look_is_in_the_trail(panel, session):
    from viewer.io.reports.audit_log import entries

    (image, *_) = session.document.volume_layers
    late = FindingEntry(image.id, Finding(LESION, algorithm=MODEL), run="t", title="Late", reading="after own look")
    session.history.do(add_findings(session.document, "Add", [late]))
    session.state.show_ai = False
    panel.controller.flip_ai()
    assert entries(session.review.trail.path)[-1].facts["verdict"] == "shown on request"


def test_closing_names_findings_that_no_project_holds(panel, session):
    assert "Not saved: 3 findings; a project keeps them." in question(session)
    session.document.findings.saved = tuple(session.document.findings)
    assert "finding" not in question(session)


def test_the_site_is_said_in_both_languages(panel, session):
    (image, *_) = session.document.volume_layers
    found = Finding(LESION, site=finding_site("periventricular"), tracking_id="Here", algorithm=MODEL)
    session.history.do(add_findings(session.document, "Add", [FindingEntry(image.id, found, run="u")]))
    click_row(panel, names(panel).index("Here"))
    said = [one.text() for one in panel.details.findChildren(QLabel)]
    assert "Periventricular · 脑室旁" in said


def test_every_verb_has_its_action(panel, window):
    click_row(panel, 0)
    window.actions_.refresh_now()
    for name in ("next_finding", "accept_finding", "edit_finding", "reject_finding", "add_finding", "show_ai"):
        assert window.actions_[name].isEnabled(), name
    window.actions_["next_finding"].trigger()
    assert panel.controller.entry.name == "Lesion 3"
    window.actions_["remove_run_findings"].trigger()
    assert names(panel) == []


def test_nothing_of_it_is_cut_off_in_a_narrow_panel(panel, window, qtbot):
    """Every tab of the inspector is in sight, and no text of the details runs out of its column."""
    click_row(panel, 0)
    bar = window.inspector.tabBar()
    assert bar.tabRect(bar.count() - 1).right() <= bar.width()
    assert panel.details.width() <= panel.viewport().width()


def test_a_finding_of_an_image_that_is_hidden_brings_it_back(panel, session, add_image):
    image = session.document.volume_layers[0]
    other = add_image()
    session.layers.show(other, overlay=False)
    assert not image.visible
    panel.controller.visit(next(one.id for one in session.document.findings if one.image == image.id))
    assert image.visible
    assert not other.visible
    assert panel.controller.image is image
