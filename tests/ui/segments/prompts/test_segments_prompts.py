"""The page of prompts: a click finds a structure, the list holds what was said, any of it is deleted again."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from tests.fixtures.model_card import write_model
from tests.fixtures.nninteractive import install as install_nninteractive
from tests.fixtures.nninteractive import write_weights
from viewer.data.grid import Grid
from viewer.data.volume import Volume, Window
from viewer.effects.prompted_edit import PromptRequest
from viewer.scene.edits import AddLayer
from viewer.scene.layer import volume_layer
from viewer.session.runs.nninteractive import licence
from viewer.settings import models_folder
from viewer.ui.review.doubt_list import BADGES
from viewer.ui.segments.prompts.nninteractive_dialog import NnInteractiveDialog
from viewer.ui.segments.segment_list import STATE

LEFT = Qt.MouseButton.LeftButton
FOUND = Qt.MatchFlag.MatchContains | Qt.MatchFlag.MatchRecursive
SHAPE = (24, 48, 48)
K, J, L = np.mgrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
BALL = (K - 12) ** 2 + (J - 24) ** 2 + (L - 24) ** 2 < 8**2


@pytest.fixture
def panel(window, session):
    noise = np.random.default_rng(1).normal(0, 4, SHAPE)
    volume = Volume((noise + 100 * BALL).astype(np.int16), Grid.of(SHAPE), "ball", windows=(Window(-50, 150),))
    layer = volume_layer((volume,))
    session.history.do(AddLayer(layer))
    session.state.active = layer.id
    session.state.crosshair = tuple(volume.grid.to_world((12, 24, 24)).tolist())
    window.inspector.setCurrentWidget(window.segments)
    window.actions_.refresh_now()
    window.actions_["tool_prompt_point"].trigger()
    return window.segments


@pytest.fixture
def click(window, session, qtbot):
    view = window.views.by_name["axial"]

    def go(dx: int = 0, modifier=Qt.KeyboardModifier.NoModifier) -> None:
        QTest.mouseClick(view, LEFT, modifier, QPoint(view.width() // 2 + dx, view.height() // 2))
        qtbot.waitUntil(lambda: not any(task.running for task in session.tasks))

    return go


def test_clicks_find_a_structure_and_stand_in_the_list(panel, session, click):
    assert panel.pages.tabText(panel.pages.currentIndex()) == "Prompts"
    click()
    layer = panel.controller.layer
    mask = layer.segmentation.mask(layer.segmentation.segments[0])
    assert 2 * (mask & BALL).sum() / (mask.sum() + BALL.sum()) > 0.9
    section = panel.prompts
    assert [section.list.item(row).text() for row in range(section.list.count())] == ["+ Point 1"]
    click(60, Qt.KeyboardModifier.AltModifier)
    assert [section.list.item(row).text()[0] for row in range(section.list.count())] == ["+", "−"]


def test_the_first_click_makes_the_segmentation_and_one_undo_takes_it_away(panel, session, click, window):
    assert panel.controller.layer is None
    steps = len(session.history.undo_labels)
    click()
    assert panel.controller.segment.prompts
    assert len(session.history.undo_labels) == steps + 1
    window.actions_["undo"].trigger()
    assert panel.controller.layer is None
    click()
    assert panel.controller.segment.prompts


def test_what_a_network_found_is_marked_in_every_place(window, panel, session, click, monkeypatch, tmp_path):
    install_nninteractive(monkeypatch)
    weights = write_weights(tmp_path / "weights")
    session.prompts.nninteractive.accept(weights, licence(weights))
    session.prompts.method = "nnInteractive"
    click()
    layer, mark = panel.controller.layer, "AI, not reviewed"
    model = panel.list.model()
    assert mark in model.data(model.index(0, STATE), Qt.ItemDataRole.ToolTipRole)
    assert panel.prompts.doubt.mark.text().startswith(mark)
    assert not panel.prompts.doubt.mark.isHidden()
    assert mark in [line.text for line in window.views.by_name["axial"].overlay().top_right]
    assert window.review.doubt.list.rows.data(window.review.doubt.list.rows.index(0, 0), BADGES)[0] == "not reviewed"
    window.actions_.refresh_now()
    window.actions_["accept_structure"].trigger()
    assert layer.badges == ("AI-altered, accepted",)
    assert panel.prompts.doubt.mark.isHidden()
    assert mark not in model.data(model.index(0, STATE), Qt.ItemDataRole.ToolTipRole)


def test_any_prompt_is_chosen_and_deleted(panel, session, click, qtbot, window):
    click()
    layer = panel.controller.layer
    before = layer.segmentation.array.copy()
    click(60, Qt.KeyboardModifier.AltModifier)
    section = panel.prompts
    assert not section.delete.isEnabled()
    section.list.setCurrentRow(1)
    assert session.state.prompt == layer.segmentation.segments[0].prompts[1].id
    QTest.mouseClick(section.delete, LEFT)
    qtbot.waitUntil(lambda: not any(task.running for task in session.tasks))
    assert [one.positive for one in layer.segmentation.segments[0].prompts] == [True]
    assert np.array_equal(layer.segmentation.array, before)
    QTest.mouseClick(section.clear, LEFT)
    qtbot.waitUntil(lambda: not any(task.running for task in session.tasks))
    assert not layer.segmentation.array.any()
    window.actions_["undo"].trigger()
    assert np.array_equal(layer.segmentation.array, before)
    assert section.list.count() == 1


def test_a_new_segment_starts_positive(panel, session, click):
    panel.prompts.sign.setCurrentIndex(1)
    panel.prompts.sign.activated.emit(1)
    assert not session.state.prompting.positive
    panel.controller.add("next")
    assert session.state.prompting.positive
    assert panel.prompts.sign.currentData() is True


def test_the_methods_are_those_of_the_plugin(panel, session):
    methods = [panel.prompts.method.itemData(row) for row in range(panel.prompts.method.count())]
    plugin = session.plugins["segment_prompt"]
    assert methods == list(next(one.choices for one in plugin.parameters if one.name == "method"))
    panel.prompts.method.setCurrentIndex(1)
    panel.prompts.method.activated.emit(1)
    assert session.prompts.method == methods[1]


def test_the_network_can_be_chosen_once_its_model_is_installed(panel, session, qtbot, home):
    method, models = panel.prompts.method, session.models
    row = method.findData("network")
    qtbot.waitUntil(lambda: models.known)
    assert not method.model().item(row).isEnabled()
    assert "segment-prompt is not installed" in method.itemData(row, Qt.ItemDataRole.ToolTipRole)
    write_model(models_folder(), "segment-prompt")
    models.look()
    qtbot.waitUntil(lambda: models.find("segment-prompt") is not None)
    assert method.model().item(row).isEnabled()


def test_nninteractive_is_used_once_its_licence_was_on_the_screen_and_accepted(panel, session, monkeypatch, tmp_path):
    method, weights = panel.prompts.method, session.prompts.nninteractive
    row = method.findData("nnInteractive")
    assert not method.model().item(row).isEnabled()
    assert "pip install nninteractive" in method.itemData(row, Qt.ItemDataRole.ToolTipRole)
    install_nninteractive(monkeypatch)
    panel.prompts.refresh()
    assert method.model().item(row).isEnabled()
    folder = write_weights(tmp_path / "weights", "Only on Sundays.")
    method.setCurrentIndex(row)
    method.activated.emit(row)
    dialog = panel.prompts.findChild(NnInteractiveDialog)
    assert session.prompts.method == method.currentData() == "watershed"
    assert not dialog.accept_button.isEnabled()
    dialog.show_folder(tmp_path)
    assert not dialog.accept_button.isEnabled()
    dialog.show_folder(folder)
    assert dialog.text.toPlainText() == "Only on Sundays."
    QTest.mouseClick(dialog.accept_button, LEFT)
    assert (weights.weights, session.prompts.method, method.currentData()) == (folder, *["nnInteractive"] * 2)
    panel.controller.choose_prompt_method("watershed")
    method.setCurrentIndex(row)
    method.activated.emit(row)  # it is not asked again
    assert session.prompts.method == "nnInteractive"


def test_no_form_asks_for_prompts(window, session):
    assert "segment_prompt" in session.plugins
    assert not window.plugins.tree.findItems(session.plugins["segment_prompt"].title, FOUND)
    assert window.plugins.tree.findItems(session.plugins["denoise"].title, FOUND)
    assert "plugin_segment_prompt" not in {action.id for action in window.actions_}


def test_the_page_says_how_sure_the_mask_is_and_leads_to_the_most_doubtful_place(window, panel, session, click, qtbot):
    section, actions = panel.prompts.doubt, window.actions_
    assert section.isHidden()
    click()
    segment = panel.controller.segment
    assert section.dice.text() == f"Predicted Dice {segment.mask_doubt.doubt.dice:.2f}"
    stored, grid = segment.mask_doubt.map()
    actions.refresh_now()
    actions["prompt_doubtful"].trigger()
    before = session.state.crosshair
    qtbot.waitUntil(lambda: session.state.crosshair != before)
    assert stored[grid.nearest(session.state.crosshair)] > stored.max() / 2
    middle = Grid.of(SHAPE).to_world((12, 24, 24))
    assert abs(np.linalg.norm(np.array(session.state.crosshair) - middle) - 8) < 4  # the edge of the ball


def test_a_prompt_that_leaves_little_of_the_mask_is_told_with_the_cure(window, panel, session, click, monkeypatch):
    section = panel.prompts.doubt
    click()
    click(10)
    assert section.jump.isHidden()
    corner = np.zeros(SHAPE, np.uint8)
    corner[:4, :4, :4] = 1
    monkeypatch.setattr(PromptRequest, "mask", lambda self, found, box: corner[box] > 0)
    click(-60)
    assert "Dice 0.00" in section.jump.text()
    assert "undo" in section.jump.text()
    assert not section.jump.isHidden()
    window.actions_["undo"].trigger()
    assert section.jump.isHidden()
    click(-60, Qt.KeyboardModifier.AltModifier)  # a negative one is meant to take away
    assert section.jump.isHidden()


def test_the_doubt_map_is_shown_over_the_image_until_the_mask_is_changed(window, panel, session, click):
    click()
    section, document = panel.prompts.doubt, session.document
    QTest.mouseClick(section.map, LEFT)
    (map,) = [layer for layer in document.shown if layer.is_doubt]
    assert map not in tuple(document)  # nothing that would be saved
    assert np.array_equal(map.volumes[0].array, panel.controller.segment.mask_doubt.map()[0])
    drawn = np.ones((1, 1, 1), bool)
    layer = panel.controller.layer
    session.segments.apply_mask(layer, layer.active, drawn, tuple(slice(2, 3) for _ in SHAPE), "Paint")
    assert not [layer for layer in document.shown if layer.is_doubt]
    assert "not known" in section.note.text()
    assert not section.note.isHidden()
    session.history.undo()
    assert [layer for layer in document.shown if layer.is_doubt]
    layer.hidden = frozenset({layer.active})
    assert not [layer for layer in document.shown if layer.is_doubt]
    layer.hidden = frozenset()
    window.actions_.refresh_now()
    window.actions_["prompt_doubt_map"].trigger()
    assert not [layer for layer in document.shown if layer.is_doubt]
