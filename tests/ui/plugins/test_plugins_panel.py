"""The plugins panel: a form from the signature, a run in the engine, a result for review."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QPushButton
from shiboken6 import isValid

from viewer.api import Job, Range, Volume, plugin
from viewer.ui.plugins.panel import PluginsPanel
from viewer.ui.widgets.parameter_form import ParameterForm


@plugin("Everything", group="Test")
def everything(
    volume: Volume,
    job: Job,
    *,
    amount: Annotated[float, Range(0, 10)] = 2.5,
    times: Annotated[int, Range(1, 5)] = 3,
    smooth: bool = True,
    method: Literal["fast", "fine"] = "fine",
    note: str = "",
) -> Volume:
    """Take one of each.

    Parameters
    ----------
    amount
        How much.
    times
        How often.
    smooth
        Whether to smooth.
    method
        Which way.
    note
        A remark.
    """
    return volume


@plugin("Choose", group="Test", model="no-such-model")
def choose(
    volume: Volume, job: Job, *, parts: tuple[Literal["a", "b", "c"], ...] = ("a", "c"), weights: Path | None = None
) -> Volume:
    """Take some of several, and a file perhaps."""
    return volume


@plugin("Placed", group="Test")
def placed(volume: Volume, job: Job, *, where: Path = Path()) -> Volume:
    """Take a path."""
    return volume


@pytest.fixture
def panel(session, qtbot):
    panel = PluginsPanel(session)
    qtbot.addWidget(panel)
    panel.show()
    return panel


def choose_quick(panel: PluginsPanel) -> None:
    """Denoising by a method that needs no network."""
    panel.choose("denoise")
    next(field for field in panel.page.form.fields if field.name == "method").value = "curvature diffusion"


def test_the_form_has_a_field_for_every_parameter(qtbot):
    form = ParameterForm(everything, {})
    qtbot.addWidget(form)
    assert form.values == {"amount": 2.5, "times": 3, "smooth": True, "method": "fine", "note": ""}
    field = {one.name: one for one in form.fields}
    assert (field["amount"].min, field["amount"].max) == (0, 10)
    assert field["method"].choices == ("fast", "fine")
    assert field["amount"].tooltip == "How much."
    assert field["times"].native.accessibleName() == "Times"


def test_a_path_is_a_file_or_a_folder(qtbot, tmp_path, monkeypatch):
    form = ParameterForm(placed, {})
    qtbot.addWidget(form)
    folder = next(one for one in form.findChildren(QPushButton) if one.text() == "Folder…")
    monkeypatch.setattr("viewer.ui.widgets.parameter_form.QFileDialog.getExistingDirectory", lambda *_: str(tmp_path))
    qtbot.mouseClick(folder, Qt.MouseButton.LeftButton)
    assert form.values == {"where": tmp_path}
    monkeypatch.setattr("viewer.ui.widgets.parameter_form.QFileDialog.getExistingDirectory", lambda *_: "")
    qtbot.mouseClick(folder, Qt.MouseButton.LeftButton)
    assert form.values == {"where": tmp_path}


def test_values_are_kept_and_reset(qtbot):
    form = ParameterForm(everything, {"amount": 7.0, "method": "fast"})
    qtbot.addWidget(form)
    assert form.values["amount"] == 7.0
    form.reset()
    assert form.values["amount"] == 2.5
    assert form.values["method"] == "fine"


def test_nothing_runs_without_an_image(panel):
    panel.choose("denoise")
    assert not panel.page.run_button.isEnabled()
    assert "Open an image first" in panel.page.verdict.text()


def test_the_active_layer_is_offered_first(panel, add_image):
    add_image("first")
    second = add_image("second")
    panel.choose("denoise")
    box = panel.page.inputs["image"]
    assert [box.itemText(place) for place in range(box.count())] == ["second", "first"]
    panel.session.state.active = panel.session.document.volume_layers[0].id
    assert box.currentText() == "first"
    panel.session.state.active = second.id
    assert box.currentText() == "second"


def test_run_from_the_form_gives_a_result_for_review(panel, add_image, qtbot):
    add_image()
    choose_quick(panel)
    qtbot.mouseClick(panel.page.run_button, Qt.MouseButton.LeftButton)
    task = panel.session.tasks[-1]
    qtbot.waitUntil(lambda: not task.running)
    assert task.state == "done"
    assert [layer.review for layer in panel.session.document] == ["source", "unreviewed", "unreviewed"]
    made = panel.session.document.volume_layers[1].volumes[0].provenance
    assert made.parameters["method"] == "curvature diffusion"
    assert panel.page.row.state.text() == "Done"


def test_values_are_remembered_from_visit_to_visit(panel, add_image):
    add_image()
    panel.choose("denoise")
    strength = next(field for field in panel.page.form.fields if field.name == "strength")
    strength.value = 1.5
    panel.choose(next(one for one in panel.session.plugins if one != "denoise"))
    panel.choose("denoise")
    assert panel.page.form.values["strength"] == 1.5


def test_search(panel):
    panel.search.setText("denoise")
    group = panel.tree.topLevelItem(0)
    assert [group.child(n).text(0) for n in range(group.childCount())] == ["Denoise"]
    panel.search.setText("no such thing")
    assert panel.tree.topLevelItemCount() == 0


def test_a_broken_plugin_is_listed_in_grey(home, make_session, qtbot):
    folder = home / "data" / "plugins"
    folder.mkdir(parents=True)
    (folder / "torn.py").write_text("import no_such_package_at_all\n")
    panel = PluginsPanel(make_session())
    qtbot.addWidget(panel)
    last = panel.tree.topLevelItem(panel.tree.topLevelItemCount() - 1)
    assert last.text(0) == "Cannot be used"
    assert "no_such_package_at_all" in last.child(0).text(0)
    assert last.child(0).isDisabled()


def test_the_input_stays_when_the_result_becomes_active(panel, add_image, qtbot):
    first = add_image("first")
    choose_quick(panel)
    task = panel.page.run()
    qtbot.waitUntil(lambda: not task.running)
    assert panel.session.state.active != first.id
    assert panel.page.inputs["image"].currentText() == "first"


def test_enter_runs(panel, add_image, qtbot):
    add_image()
    choose_quick(panel)
    strength = next(field for field in panel.page.form.fields if field.name == "strength")
    qtbot.keyClick(strength.native, Qt.Key.Key_Return)
    assert [task.kind for task in panel.session.tasks] == ["run"]
    qtbot.waitUntil(lambda: not panel.session.tasks[0].running)


def test_a_page_left_while_its_run_goes_on_is_told_nothing(panel, add_image, qtbot, qapp):
    add_image()
    choose_quick(panel)
    left = panel.page
    task = left.run()
    panel.choose("correct_bias")
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    add_image("another")
    assert not isValid(left)
    qtbot.waitUntil(lambda: not task.running)
    assert task.state == "done"


def test_several_choices_are_ticked_by_clicks(qtbot):
    form = ParameterForm(choose, {})
    qtbot.addWidget(form)
    form.show()
    ticks = form.fields["parts"].native
    assert [ticks.item(row).checkState() == Qt.CheckState.Checked for row in range(3)] == [True, False, True]
    assert choose.validate(form.values)["parts"] == ("a", "c")
    for row in (0, 1):
        place = ticks.visualItemRect(ticks.item(row)).center()
        qtbot.mouseClick(ticks.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert choose.validate(form.values) == {"parts": ("b", "c"), "weights": None}
    assert [ticks.item(row).checkState() == Qt.CheckState.Checked for row in range(3)] == [False, True, True]
    ticks.clearSelection()
    assert "at least" in form.problem.text()
    form.reset()
    assert choose.validate(form.values)["parts"] == ("a", "c")


def test_weights_of_ones_own_stand_in_for_a_model_that_is_not_there(session, add_image, qtbot, tmp_path):
    session.plugins = {"choose": choose}
    add_image()
    panel = PluginsPanel(session)
    qtbot.addWidget(panel)
    panel.choose("choose")
    qtbot.waitUntil(lambda: session.models.known)
    page = panel.page
    page.refresh()
    assert "not installed" in page.verdict.text()
    assert page.verdict.text().endswith("Or choose a file of weights of your own.")
    assert not page.run_button.isEnabled()
    page.form.fields["weights"].value = tmp_path / "mine.safetensors"
    assert page.run_button.isEnabled()
