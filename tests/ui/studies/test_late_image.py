"""An image that comes late takes neither the screen nor a form from one that was shown meanwhile."""

from __future__ import annotations

import pytest
from PySide6.QtTest import QTest
from two_patients import LEFT, click_eye, click_plugin, double_click, layer, row

from viewer.scene.active_image import active_image


class Held:
    """What a reader tells of some images is held back, as by a slow disk, until it is let go."""

    def __init__(self, reader, *names):
        self._real, self._names = reader.load, names
        self.waiting = []

    def load(self, image, *, started, **rest):
        late = next((name for name in self._names if name in (image.source.series_description, image.name)), None)
        if late is None:
            return self._real(image, started=started, **rest)

        def hold(answer):
            return lambda *facts: self.waiting.append(lambda: answer(*facts))

        return self._real(image, started=hold(started), **{name: hold(answer) for name, answer in rest.items()})

    def let_go(self):
        while self.waiting:
            self.waiting.pop(0)()


@pytest.fixture
def hold(session, monkeypatch):
    """hold("lung"): that one comes when `let_go` is called."""

    def begin(*names):
        held = Held(session.reader, *names)
        monkeypatch.setattr(session.reader, "load", held.load)
        return held

    return begin


def ask_for(window, session, qtbot, title, held=None):
    """Double click a series; all that its reader has to tell is held back."""
    before = len(held.waiting) if held else 0
    index, view = row(window, title), window.studies.view
    view.scrollTo(index)
    at = view.visualRect(index).center()
    QTest.mouseClick(view.viewport(), LEFT, pos=at)
    QTest.mouseDClick(view.viewport(), LEFT, pos=at)
    if held:
        qtbot.waitUntil(lambda: len(held.waiting) >= before + 3)  # the first slice, some more, all


def seen(session):
    return [one.name for one in session.document.shown]


def test_an_image_that_comes_late_takes_nothing_from_the_one_that_is_shown(window, session, studies, hold, qtbot):
    held = hold("lung")
    ask_for(window, session, qtbot, "lung", held)
    brain = double_click(window, session, qtbot, "brain")
    page = click_plugin(window, "Correct shading (N4)")
    place = session.state.crosshair
    held.waiting.pop(0)()
    assert layer(session, "lung").loaded == 0
    assert seen(session) == ["brain"]
    assert active_image(session.document, session.state) is brain
    assert page.inputs["image"].currentData() == brain.id
    assert page.target.text() == "Run on brain · Roe, Ann"
    assert session.state.crosshair == place
    assert window.status.messages[-1].text.startswith("lung is there, but hidden")
    ask_for(window, session, qtbot, "lung")
    assert seen(session) == ["lung"]
    held.let_go()
    assert layer(session, "lung").loaded == 1
    assert page.inputs["image"].currentData() == layer(session, "lung").id


def test_an_eye_that_was_opened_meanwhile_counts(window, session, studies, hold, qtbot):
    double_click(window, session, qtbot, "liver")
    double_click(window, session, qtbot, "brain")
    held = hold("lung")
    ask_for(window, session, qtbot, "lung", held)
    click_eye(window, session, "liver")
    click_eye(window, session, "brain")
    held.let_go()
    assert seen(session) == ["liver"]


def test_of_two_that_are_late_the_last_one_that_was_asked_for_is_seen(window, session, studies, hold, qtbot):
    held = hold("lung", "brain")
    ask_for(window, session, qtbot, "lung", held)
    first, held.waiting = held.waiting, []
    ask_for(window, session, qtbot, "brain", held)
    held.waiting += first
    held.let_go()
    assert seen(session) == ["brain"]
