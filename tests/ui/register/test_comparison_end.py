"""What holds two images against each other ends where one of them is hidden, or another one is shown."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QToolButton
from two_patients import both, click, click_eye, click_tab, double_click

from viewer.scene.edits import AddLayer
from viewer.scene.layer import volume_layer


@pytest.fixture
def compared(window, session, studies, qtbot):
    """The wipe is on."""
    pair = both(window, session, qtbot, "lung", "liver")
    click_tab(window, "Register")
    click(window.register.compare.choices["wipe"])
    assert window.views.slices.shown == tuple(pair)
    return pair


def test_a_comparison_ends_where_another_image_is_opened(window, session, compared, qtbot):
    brain = double_click(window, session, qtbot, "brain")
    assert session.state.comparison is None
    assert window.views.slices.shown == (brain,)
    assert window.register.compare.choices[None].isChecked()
    double_click(window, session, qtbot, "lung")
    assert session.state.comparison is None


@pytest.mark.parametrize("name", ["lung", "liver"])
def test_a_comparison_ends_where_one_of_the_two_is_hidden(window, session, compared, name):
    click_eye(window, session, name)
    assert session.state.comparison is None
    assert window.views.slices.shown == tuple(one for one in compared if one.name != name)


def test_a_comparison_ends_where_one_of_the_two_is_removed(window, session, compared):
    click_tab(window, "Layers")
    click(window.layers._rows[compared[0].id])
    (remove,) = [one for one in window.layers.findChildren(QToolButton) if one.toolTip() == "Remove"]
    click(remove)
    assert compared[0] not in tuple(session.document)
    assert session.state.comparison is None
    assert window.views.slices.shown == (compared[1],)


def test_a_comparison_of_a_hidden_image_shows_it(window, session, studies, qtbot):
    lung = double_click(window, session, qtbot, "lung")
    liver = double_click(window, session, qtbot, "liver")
    click_tab(window, "Register")
    click(window.register.compare.choices["blend"])
    assert window.views.slices.shown == (liver, lung)
    assert lung.visible
    assert (window.register.controller.fixed, window.register.controller.moving) == (liver, lung)


def result_of(session, given):
    """A result that lies over its input."""
    made = volume_layer((given.volumes[0].with_values(given.volumes[0].values() * 0.5),), review="unreviewed")
    made.name, made.made_from = "result", given.id
    session.history.do(AddLayer(made))
    session.state.active = made.id
    return made


@pytest.mark.parametrize("hidden", ["lung", "result"])
def test_an_inspection_ends_where_one_of_the_two_is_hidden(window, session, studies, qtbot, hidden):
    result = result_of(session, double_click(window, session, qtbot, "lung"))
    click_tab(window, "Inspect")
    click(window.inspect.modes.choices["wipe"])
    assert session.state.inspection.result == result.id
    click_eye(window, session, hidden)
    assert session.state.inspection is None


def test_an_inspection_ends_where_another_image_is_opened(window, session, studies, qtbot):
    result_of(session, double_click(window, session, qtbot, "lung"))
    click_tab(window, "Inspect")
    click(window.inspect.modes.choices["wipe"])
    brain = double_click(window, session, qtbot, "brain")
    assert session.state.inspection is None
    assert window.views.slices.shown == (brain,)


def test_side_by_side_gives_way_to_what_is_opened(window, session, studies, qtbot):
    lung, liver = both(window, session, qtbot, "lung", "liver")
    session.state.compared, session.state.layout = (lung.id, liver.id), "compare"
    assert list(window.views._compared) == [lung.id, liver.id]
    brain = double_click(window, session, qtbot, "brain")
    assert list(window.views._compared) == [brain.id]
