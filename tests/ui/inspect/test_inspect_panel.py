"""The inspection panel: a result held against its input, measured, and said in words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton

from viewer.compute.images.region_statistics import measure
from viewer.compute.images.residual import Residual
from viewer.data.annotations.region import Region
from viewer.data.grid import Grid
from viewer.data.study import Source
from viewer.data.volume import Volume, Window
from viewer.io.sample.truth import Retention, truth_of
from viewer.scene.edits import AddLayer
from viewer.scene.layer import volume_layer
from viewer.ui.inspect.residual import scope, warnings

GRID = Grid.of((10, 40, 40), (2.0, 1.0, 1.0))


@pytest.fixture
def given(session):
    """A noisy ball, open and active."""
    rng = np.random.default_rng(11)
    k, j, i = np.indices(GRID.shape)
    ball = (((k - 5) * 2) ** 2 + (j - 20) ** 2 + (i - 20) ** 2 < 15**2) * 200.0
    array = np.rint(ball + rng.normal(0, 15, GRID.shape)).astype(np.int16)
    source = Source(modality="CT", series_description="ball", files=("a.dcm",))
    layer = volume_layer((Volume(array, GRID, "ball", "HU", source=source, windows=(Window(100, 400),)),))
    session.history.do(AddLayer(layer))
    session.layers.centre(layer)
    session.state.active = layer.id
    return layer


@pytest.fixture
def result(window, session, given, qtbot):
    """Denoised by a plugin, active, waiting for review."""
    task = session.runs.run_plugin("denoise", {"image": given.id}, {"method": "curvature diffusion"})
    qtbot.waitUntil(lambda: not task.running)
    assert task.state == "done", task.error
    window.inspector.setCurrentWidget(window.inspect)
    return session.document.volume_layers[1]


def cells(table) -> list[str]:
    grid = table.layout()
    return [grid.itemAt(n).widget().text() for n in range(grid.count())]


def test_a_run_links_its_result_and_difference_to_the_input(given, result, session):
    gap = session.document.volume_layers[2]
    assert result.made_from == gap.made_from == given.id
    assert session.document.find(result.made_from) is given


def test_without_a_result_it_says_what_to_do(window, given):
    panel = window.inspect
    window.inspector.setCurrentWidget(panel)
    assert panel.empty.isVisible()
    assert not panel.modes.isVisible()
    assert not panel.residual.isVisible()


def test_modes_by_button_and_by_key(window, result, session, qtbot):
    panel, state = window.inspect, session.state
    assert panel.modes.isVisible()
    assert panel.modes.choices[None].isChecked()
    qtbot.mouseClick(panel.modes.choices["blend"], Qt.MouseButton.LeftButton)
    assert (state.inspection.mode, state.inspection.blend) == ("blend", 0.5)
    panel.modes.blend.setValue(80)
    assert state.inspection.blend == 0.8
    qtbot.keyClick(window, Qt.Key.Key_W, Qt.KeyboardModifier.ShiftModifier)
    assert (state.inspection.mode, state.inspection.at) == ("wipe", state.crosshair)
    assert panel.modes.choices["wipe"].isChecked()
    qtbot.waitUntil(window.actions_["turn_wipe"].isEnabled)
    qtbot.keyClick(window, Qt.Key.Key_X, Qt.KeyboardModifier.ShiftModifier)
    assert not state.inspection.upright
    qtbot.keyClick(window, Qt.Key.Key_D, Qt.KeyboardModifier.ShiftModifier)
    assert state.inspection.mode == "difference"
    qtbot.keyClick(window, Qt.Key.Key_D, Qt.KeyboardModifier.ShiftModifier)
    assert state.inspection is None
    assert panel.modes.choices[None].isChecked()


def test_the_input_is_seen_while_a_key_is_held(window, given, result, session, qtbot):
    view = window.views.by_name["axial"]
    for before in (None, "wipe"):
        if before:
            window.inspect.controller.turn_on(before)
        start = session.state.inspection
        qtbot.keyPress(window, Qt.Key.Key_I)
        assert view.shown == (given,)
        qtbot.keyRelease(window, Qt.Key.Key_I)
        assert session.state.inspection == start
        assert result in view.shown


def test_side_by_side_gives_way_to_a_view_that_holds_both(window, result, session):
    session.state.layout = "compare"
    window.inspect.controller.turn_on("wipe")
    assert session.state.layout != "compare"


def test_the_difference_reaches_evenly_and_comes_back_when_it_was_removed(window, result, session, qtbot):
    controller, modes = window.inspect.controller, window.inspect.modes
    controller.turn_on("difference")
    modes.reach.setValue(33)
    assert modes.difference.window == Window(0, 66, "even about zero")
    session.layers.remove(modes.difference)
    assert modes.difference is None
    controller.turn_off()
    controller.turn_on("difference")
    qtbot.waitUntil(lambda: modes.difference is not None)
    qtbot.waitUntil(lambda: controller.is_on("difference"))
    expected = result.volumes[0].values() - session.document.find(result.made_from).volumes[0].values()
    assert np.array_equal(modes.difference.volumes[0].values(), expected)
    assert session.history.undo_labels[0].startswith("Add")


def test_a_region_shows_input_and_result_and_the_noise_before_and_after(window, given, result, session, qtbot):
    section = window.inspect.region
    qtbot.mouseClick(section.here, Qt.MouseButton.LeftButton)
    region = session.state.region
    qtbot.waitUntil(lambda: section.table is not None)
    before, after = (measure(layer.volumes[0], region) for layer in (given, result))
    assert after.sd < before.sd
    said = cells(section.table)
    assert said[:4] == ["in HU", "input", "result", "change"]
    assert f"× {after.sd / before.sd:.2f}" in said
    assert str(after.voxels) in said
    section.slices.setValue(2)
    assert session.state.region.depth == 5.0
    qtbot.waitUntil(lambda: str(measure(result.volumes[0], session.state.region).voxels) in cells(section.table))
    remove = next(one for one in section.findChildren(QPushButton) if one.text() == "Remove")
    qtbot.mouseClick(remove, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: section.table is None)
    assert session.state.region is None


def test_a_source_alone_is_measured_too(window, given, session, qtbot):
    window.inspector.setCurrentWidget(window.inspect)
    window.actions_["region_here"].trigger()
    qtbot.waitUntil(lambda: window.inspect.region.table is not None)
    found = measure(given.volumes[0], session.state.region)
    assert str(found.voxels) in cells(window.inspect.region.table)


def test_the_residual_is_measured_whole_then_in_the_region(window, given, result, session, qtbot):
    section = window.inspect.residual
    qtbot.waitUntil(lambda: section.residual is not None)
    whole = section.residual
    gap = result.volumes[0].values() - given.volumes[0].values()
    inside = gap[given.volumes[0].values() > whole.background]
    assert whole.mean == pytest.approx(inside.mean(), abs=1e-3)
    assert whole.sd == pytest.approx(inside.std(), rel=1e-3)
    assert "without its background (up to" in section.scope.text()
    assert section.plot.listDataItems()[0].getData()[1].sum() == whole.counts.sum()
    window.inspect.controller.region_here()
    qtbot.waitUntil(lambda: section.residual is not whole)
    assert section.residual.voxels == measure(result.volumes[0], session.state.region).voxels
    assert section.scope.text().startswith("In the region")
    session.state.region = session.state.region.moved((900, 0, 0))
    qtbot.waitUntil(lambda: section.residual is None)
    assert "draw the region within" in section.scope.text()


def found(**changes) -> Residual:
    plain = Residual(10_000, 0.0, 20.0, 0.0027, np.ones(3, int), np.arange(4.0), 1.0, -300.0, (64, 100))
    return replace(plain, **changes)


def test_doubts_are_said_in_words_with_their_numbers():
    assert warnings(found(), "HU") == []
    (biased,) = warnings(found(mean=-4.2), "HU")
    assert "4.2 HU darker" in biased
    (structured,) = warnings(found(structure=1.84), "HU")
    assert "1.8 times as strong at edges" in structured
    assert warnings(found(mean=4.2, voxels=20, sd=20.0), "HU") == []  # so few voxels may differ by chance


def test_the_scope_says_what_was_left_out():
    assert (
        scope(found(), None, "HU") == "Image without its background (up to −300 HU), 64 of 100 slices: 10 000 voxels."
    )
    assert scope(found(background=None, slices=(9, 9)), None, "") == "Whole image, every slice (9): 10 000 voxels."
    drawn = Region("box", (0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (1.0, 1.0), 1.0)
    assert scope(found(), drawn, "HU") == "In the region: 10 000 voxels."


def test_no_truth_is_claimed_for_other_images(window, result, tmp_path: Path):
    assert not window.inspect.truth.isVisible()
    assert truth_of(result.source) is None
    assert truth_of(Source()) is None


def test_truth_is_shown_as_shares_of_it(window, result):
    from viewer.compute.images.detail_retention import Lesion

    section = window.inspect.truth
    small, large = (Lesion(n, size, -90.0, 1.0) for n, size in ((3, 3.5), (7, 8.1)))
    pairs = ((small, replace(small, retention=0.82)), (large, replace(large, retention=0.991)))
    section._draw(Retention((0.98, 0.91), pairs))
    assert cells(section.table) == [
        "", "size", "input", "result", "Edges", "", "98%", "91%",
        "Lesion 7", "8.1 mm", "100%", "99%", "Lesion 3", "3.5 mm", "100%", "82%",
    ]  # fmt: skip
