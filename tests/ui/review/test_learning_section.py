"""Learning from corrections in the window: the choice is closed until the whole table was on the screen."""

from __future__ import annotations

import json

import pytest
from PySide6.QtGui import QRegion
from PySide6.QtWidgets import QLabel
from two_patients import click, click_tab

from tests.fixtures.prompt_model import write_prompt_model
from viewer.session.learning.learning import SEE_FIRST
from viewer.session.runs.prompts import MODEL

NAME = f"{MODEL}-tuned-0123abcd"
FIGURES = [
    {"held_back": True, "clicks": 1, "old": 0.512, "new": 0.584, "structures": 4},
    {"held_back": True, "clicks": 5, "old": 0.801, "new": 0.8012, "structures": 4},
    {"held_back": False, "clicks": 1, "old": 0.6, "new": 0.595, "structures": 8},
]
TRAINING = {"tuned_for": "segment_prompt", "base": MODEL, "cases": ["0a", "0b"], "held_back": ["0c"]}


def gates(passed: bool) -> list[dict[str, object]]:
    name = "Dice after 1 click on held-back cases, tuned minus old"
    return [{"name": name, "required": 0.0, "measured": 0.072 if passed else -0.01, "interval": None, "passed": passed}]


@pytest.fixture
def models(home):
    folder = home / "data" / "models"
    write_prompt_model(folder)
    write_prompt_model(folder, NAME, training=TRAINING, gates=gates(True), metrics={"comparison": FIGURES})
    return folder


@pytest.fixture
def section(models, window, session, tmp_path, qtbot):
    session.review.trail.move_to(tmp_path)
    click_tab(window, "Review")
    qtbot.waitUntil(lambda: session.models.known)
    return window.review.learning


def texts(section) -> list[str]:
    return [one.text() for one in section.comparison.findChildren(QLabel) if one.text()]


def test_old_and_tuned_stand_side_by_side(section):
    shown = texts(section)
    assert shown[:4] == ["Mean Dice", "Old", "Tuned", "Change"]
    assert shown[4:8] == ["Held back, 1 click", "0.512", "0.584", "+0.072"]
    assert shown[8:12] == ["Held back, 5 clicks", "0.801", "0.801", "0.000"]
    assert shown[12:] == ["Made up, 1 click", "0.600", "0.595", "−0.005"]
    assert section.facts.text().startswith(
        f"Old: {MODEL}. Learned from 2 cases, compared on 4 structures of 1 held-back case."
    )


def test_the_choice_is_closed_until_the_whole_table_was_seen(section, window, session, qtbot):
    table, scroll = section.comparison, window.review.verticalScrollBar()
    scroll.setValue(0)
    window.review.learning.learning._shown.clear()
    table._unseen = QRegion(table.rect())
    top = table.mapTo(window.review.widget(), table.rect().topLeft()).y()
    window.review.widget().setMinimumHeight(top + 4000)  # room to scroll it out of sight
    qtbot.waitUntil(lambda: scroll.maximum() > top + table.height())
    scroll.setValue(top + table.height() + 50)
    section.refresh()
    qtbot.waitUntil(lambda: table.visibleRegion().isEmpty())
    table.repaint()
    assert not section.use.isEnabled()
    assert section.reason.text() == SEE_FIRST
    scroll.setValue(top + table.height() // 2)  # half of it
    qtbot.waitUntil(lambda: not table.visibleRegion().isEmpty())
    table.repaint()
    assert not section.use.isEnabled()
    scroll.setValue(max(top - 20, 0))
    qtbot.waitUntil(section.use.isEnabled)
    assert session.prompts.model == MODEL


def test_one_click_uses_it_and_one_takes_it_back(section, window, session, qtbot):
    window.review.ensureWidgetVisible(section.comparison)
    qtbot.waitUntil(section.use.isEnabled)
    assert not section.take_back.isEnabled()
    window.review.ensureWidgetVisible(section.use)
    click(section.use)
    assert session.prompts.model == NAME
    assert NAME in section.in_use.text()
    assert not section.use.isEnabled()
    click(section.take_back)
    assert session.prompts.model == MODEL
    assert section.use.isEnabled()
    assert not section.take_back.isEnabled()


def test_a_tuned_model_that_is_worse_is_not_offered_and_says_why(section, models, session, qtbot):
    path = models / NAME / "card.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"gates": gates(False)}))
    session.models.look()
    qtbot.waitUntil(lambda: "no better than the old model" in section.reason.text())
    assert not section.use.isEnabled()


def test_without_an_accepted_case_it_says_what_to_do(section, window, session, qtbot):
    window.review.ensureWidgetVisible(section.tune)
    click(section.tune)
    qtbot.waitUntil(lambda: not section.learning.running)
    assert section.state.text().startswith("No correction is accepted yet: accept structures")
    assert section.tune.isEnabled()


def test_without_the_model_there_is_nothing_to_tune(window, session, qtbot):
    click_tab(window, "Review")
    qtbot.waitUntil(lambda: session.models.known)
    section = window.review.learning
    assert section.problem.text() == f"The model {MODEL} is not installed: add it to the models first."
    assert not section.tune.isEnabled()
    assert not section.take_back.isVisible()
