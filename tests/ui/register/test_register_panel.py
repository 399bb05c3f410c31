"""The registration panel: the pair, the ways to align it, and what can be done with the transform."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt

from viewer.compute.registration.decomposition import motion
from viewer.data.grid import Grid
from viewer.data.study import Source
from viewer.data.transform import SignOff, Transform
from viewer.data.volume import Volume, Window
from viewer.scene.edits import AddLayer
from viewer.scene.layer import volume_layer
from viewer.session.session import Session
from viewer.ui.register.result import motion_rows, origin

SHIFT = (4.0, -3.0, 2.0)
PLUGIN = f'''
"""A registration for tests: it knows the answer, and finds it in steps."""
import numpy as np
from viewer.api import CurvePoint, Job, Segmentation, Transform, Volume, plugin


@plugin("Known shift", group="Registration")
def known_shift(
    fixed: Volume, moving: Volume, fixed_mask: Segmentation | None, initial: Transform | None, job: Job, *,
    steps: int = 5,
) -> Transform:
    """Move by a known vector.

    Parameters
    ----------
    steps
        How many.
    """
    matrix = np.eye(4)
    for step in range(1, steps + 1):
        matrix = np.eye(4)
        matrix[:3, 3] = np.array({SHIFT}) * step / steps
        job.preview(CurvePoint("similarity", step / steps))
        job.preview(Transform(matrix))
        job.progress(step / steps)
    return Transform(matrix)
'''


@pytest.fixture
def known_shift(home: Path, monkeypatch) -> str:
    """A registration plugin in the user's folder, offered by the panel."""
    folder = home / "data" / "plugins"
    folder.mkdir(parents=True)
    (folder / "known_shift.py").write_text(PLUGIN)
    monkeypatch.setattr("viewer.ui.register.align.METHODS", {"known_shift": "Known shift"})
    return "known_shift"


def blob(session: Session, name: str, centre: tuple[float, float, float], **source: str):
    grid = Grid.of((16, 32, 32), (2.0, 1.0, 1.0))
    points = grid.to_world(np.moveaxis(np.indices(grid.shape), 0, -1))
    array = np.int16(400 * np.exp(-(((points - np.array(centre)) / 6) ** 2).sum(-1)))
    known = Source(modality="MR", series_description=name, files=(f"{name}.dcm",), **source)
    layer = volume_layer((Volume(array, grid, name, windows=(Window(200, 400),), source=known),))
    session.history.do(AddLayer(layer))
    return layer


@pytest.fixture
def pair(known_shift, session, window):
    fixed = blob(session, "baseline", (15, 15, 15))
    moving = blob(session, "follow-up", tuple(np.add((15, 15, 15), SHIFT)))
    session.layers.centre(fixed)
    window.inspector.setCurrentWidget(window.register)
    return fixed, moving


def shifted(*vector: float) -> Transform:
    matrix = np.eye(4)
    matrix[:3, 3] = vector
    return Transform(matrix)


def cells(table) -> list[str]:
    grid = table.layout()
    return [grid.itemAt(n).widget().text() for n in range(grid.count())]


def test_the_lowest_image_stays_and_the_uppermost_is_aligned(pair, window):
    panel = window.register
    assert (panel.controller.fixed, panel.controller.moving) == pair
    assert panel.pair.fixed.currentText() == "baseline"
    assert panel.pair.moving.currentText() == "follow-up"


def test_swapping_and_choosing(pair, window, session):
    controller, fixed, moving = window.register.controller, *pair
    window.register.pair.swap.click()
    assert (controller.fixed, controller.moving) == (moving, fixed)
    controller.choose(fixed, fixed)  # both the same: they change places
    assert (controller.fixed, controller.moving) == (fixed, moving)
    session.layers.remove(moving)
    assert (controller.fixed, controller.moving) == (fixed, None)
    assert not window.register.align.align.isEnabled()


def test_it_aligns_with_a_live_curve_and_one_step_of_history(pair, window, session, qtbot):
    fixed, moving = pair
    panel = window.register
    shown: list[float] = []
    moving.events.transform.connect(lambda placed: shown.append(0.0 if placed is None else placed.matrix[0, 3]))
    before = len(session.history.undo_labels)
    qtbot.mouseClick(panel.align.align, Qt.MouseButton.LeftButton)
    task = panel.align.task
    qtbot.waitUntil(lambda: not task.running)
    assert task.state == "done", task.error
    assert moving.transform.matrix[:3, 3] == pytest.approx(SHIFT)
    assert len(session.history.undo_labels) == before + 1
    assert task.curves["similarity"] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    qtbot.waitUntil(lambda: panel.align.curves.isVisible() and len(panel.align.curves.listDataItems()) == 1)
    qtbot.waitUntil(lambda: len(panel.align.curves.listDataItems()[0].getData()[1]) == 5)
    assert set(np.round(np.array(shown) / SHIFT[0], 6)) & {0.2, 0.4, 0.6, 0.8}  # it was seen on its way
    assert "not reviewed" in panel.result.about.text()
    assert fixed.transform is None
    session.history.undo()
    assert moving.transform is None


def test_a_run_from_the_plugins_page_is_shown_too(pair, window, qtbot):
    fixed, moving = pair
    window.register.controller.choose(moving, fixed)
    qtbot.mouseClick(window.register.align.settings, Qt.MouseButton.LeftButton)
    page = window.plugins.page
    assert window.inspector.currentWidget() is window.plugins
    assert page.plugin.id == "known_shift"
    assert page.inputs["fixed"].currentData() == moving.id
    assert page.inputs["moving"].currentData() == fixed.id
    assert page.inputs["fixed_mask"].currentText() == "none"
    assert "initial" not in page.inputs  # it starts from where the image stands
    page.form.fields["steps"].value = 2
    task = page.run()
    qtbot.waitUntil(lambda: not task.running)
    assert task.state == "done", task.error
    assert window.register.align.task is task
    assert fixed.transform is not None
    again = window.register.align.run()  # with the settings of the page
    qtbot.waitUntil(lambda: not again.running)
    assert len(again.curves["similarity"]) == 2


def test_the_way_back_is_registered_and_measured(pair, window, qtbot):
    """The known shift is found in both directions: there and back is twice as far from home."""
    panel = window.register
    done = panel.align.run()
    qtbot.waitUntil(lambda: not done.running)
    assert not panel.quality.back.isEnabled()  # measured first
    panel.assessor.assess()
    qtbot.waitUntil(lambda: panel.assessor.assessment is not None)
    qtbot.mouseClick(panel.quality.back, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.assessor.assessment.inverse_consistency is not None)
    far = 2 * float(np.linalg.norm(SHIFT))
    found = panel.assessor.assessment.inverse_consistency
    assert (found.mean, found.largest) == pytest.approx((far, far), abs=1e-3)
    assert panel.controller.fixed.transform is None  # nothing but figures came of it


def test_another_patient_is_asked_about(known_shift, session, window):
    one = blob(session, "one", (15, 15, 15), patient_id="A")
    other = blob(session, "other", (15, 15, 15), patient_id="B")
    panel = window.register
    window.inspector.setCurrentWidget(panel)
    assert (panel.controller.fixed, panel.controller.moving) == (one, None)
    panel.controller.choose(one, other)
    assert "different patients" in panel.pair.doubt.text()
    assert not panel.align.align.isEnabled()
    panel.pair.sure.setChecked(True)
    assert panel.align.align.isEnabled()
    session.layers.rename(panel.controller.moving, "another name")  # nothing new to ask about
    assert panel.align.align.isEnabled()


def test_units_that_do_not_fit_are_asked_about(pair, window, session):
    _, moving = pair
    volume = replace(moving.volumes[0], unit="HU")
    session.history.do(AddLayer(volume_layer((volume,))))
    assert "different units" in window.register.pair.doubt.text()


def test_the_transform_is_told_in_words(pair, window, session):
    _, moving = pair
    session.transforms.align(moving, shifted(3.0, -4.0, 0.0))
    said = cells(window.register.result.table)
    assert said[:2] == ["Rotation", "0.00° (x 0.00°, y 0.00°, z 0.00°)"]
    assert said[2:4] == ["Translation", "5.00 mm: 3.00 to the left, 4.00 to the front"]
    assert "without a method on record: not reviewed" in window.register.result.about.text()
    session.transforms.align(moving, None)
    assert window.register.result.table is None


def test_scale_shear_and_mirror_are_told_where_there_are_some():
    matrix = np.diag([1.1, 1.0, 0.9, 1.0])
    assert ["Scale", "110.0 % × 100.0 % × 90.0 %"] in motion_rows(motion(Transform(matrix), np.zeros(3)))
    matrix[0, 0] = -1.1
    assert "Mirrored" in [name for name, _ in motion_rows(motion(Transform(matrix), np.zeros(3)))]
    matrix = np.eye(4)
    matrix[0, 1] = 0.3
    assert "Shear" in [name for name, _ in motion_rows(motion(Transform(matrix), np.zeros(3)))]


def test_who_signed_is_said():
    signed = Transform(np.eye(4), sign_off=SignOff("rejected", "Dr. Okafor", "", "2026-11-22T10:00:00+00:00"))
    assert "rejected by Dr. Okafor" in origin(signed)


def test_inverting_copying_chaining_and_resetting(pair, window, session, qtbot):
    fixed, moving = pair
    controller, result = window.register.controller, window.register.result
    third = blob(session, "flair", (15, 15, 15))
    controller.choose(fixed, moving)
    assert not result.invert.isEnabled()
    session.transforms.align(moving, replace(shifted(1, 2, 3), sign_off=SignOff("accepted", "R", "", "now")))
    [copy] = [one for one in result.copy.menu().actions() if one.text() == "flair"]
    copy.trigger()
    assert third.transform.matrix[:3, 3] == pytest.approx((1, 2, 3))
    assert third.transform.sign_off is None  # nobody has looked at that one
    result.invert.click()
    qtbot.waitUntil(lambda: np.allclose(moving.transform.matrix[:3, 3], (-1, -2, -3)))
    assert moving.transform.sign_off is None
    [chain] = [one for one in result.chain.menu().actions() if one.text() == "flair"]
    chain.trigger()
    qtbot.waitUntil(lambda: np.allclose(moving.transform.matrix[:3, 3], 0))
    result.reset.click()
    assert moving.transform is None
    session.history.undo()
    assert moving.transform is not None
