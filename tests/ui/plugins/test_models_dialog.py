"""The models panel and the model's line on a plugin's page."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel, QPushButton

from tests.fixtures.model_card import write_model
from viewer.compute.networks.model_cards import Gate
from viewer.ui.plugins.model_card_page import ModelCardPage, bound_text, key_figure
from viewer.ui.plugins.models_dialog import APPLY, ModelsDialog
from viewer.ui.plugins.panel import PluginsPanel

GATES = [
    {"name": "Gain in dB", "required": 1.0, "measured": 1.62, "interval": [1.41, 1.83], "passed": True},
    {"name": "Bias in sigma", "required": 0.02, "measured": 0.006, "interval": None, "passed": True},
    {"name": "Contrast kept in %", "required": 95, "measured": 93.2, "interval": None, "passed": False},
]
PLUGIN = '''
from viewer.api import Job, Volume, plugin


@plugin("Learned", group="Test", model="good")
def learned(image: Volume, job: Job) -> Volume:
    """Give it back."""
    return image
'''


@pytest.fixture
def folder(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's models and a plugin that declares one; there are no built-in models."""
    monkeypatch.setattr("viewer.compute.networks.model_cards.BUILT_IN", tmp_path / "built-in")
    plugins = home / "data" / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "learned.py").write_text(PLUGIN)
    return home / "data" / "models"


@pytest.fixture
def open_dialog(folder, session, qtbot):
    def make(name: str = "") -> ModelsDialog:
        dialog = ModelsDialog(session, lambda folder: None, name)
        qtbot.addWidget(dialog)
        dialog.show()
        qtbot.waitUntil(lambda: session.models.known)
        return dialog

    return make


def texts(widget) -> list[str]:
    return [one.text() for one in widget.findChildren(QLabel) if one.text()]


def rows(dialog: ModelsDialog) -> list[tuple[str, str]]:
    heading = dialog.tree.topLevelItem(0)
    return [(heading.child(n).text(0), heading.child(n).text(1)) for n in range(heading.childCount())]


def test_the_list_says_every_state_in_words(folder, open_dialog):
    write_model(folder, "good")
    write_model(folder, "other", b"another file")
    write_model(folder, "gone", None)
    dialog = open_dialog()
    assert rows(dialog) == [("Gone", "file missing"), ("Good", "verified"), ("Other", "wrong hash")]
    dialog.tree.setCurrentItem(dialog.tree.topLevelItem(0).child(2))
    assert any("is not the one that its card describes" in text for text in texts(dialog.area))


def test_the_page_tells_the_whole_card(folder, open_dialog):
    write_model(folder, "good", gates=GATES, labels={"1": "brain", "2": "bone"})
    dialog = open_dialog("good")
    page = dialog.area.widget()
    assert isinstance(page, ModelCardPage)
    said = texts(page)
    for text in (
        "Version 1.2 · denoising · Apache-2.0", "verified", "Removes noise.", "Reading.", "Not for measurement.",
        "≥ 1", "1.62 (1.41 to 1.83)", "≤ 0.02", "0.006", "≥ 95", "not passed", "image, noise level", "HU",
        "1 brain, 2 bone", "phantoms", "CC0", "12.5", "1 234 567", "700 bytes", "weights.safetensors",
        page_sha := dialog.session.models.find("good").card.sha256,
    ):  # fmt: skip
        assert text in said, text
    assert len(page_sha) == 64


def test_a_card_without_tests_says_so(folder, open_dialog):
    write_model(folder, "good")
    assert any("records no test" in text for text in texts(open_dialog().area))


def test_no_model_at_all(open_dialog):
    dialog = open_dialog()
    assert any("No model is installed" in text for text in texts(dialog.area))


def test_check_again_finds_what_changed_and_keeps_the_choice(folder, open_dialog, qtbot):
    write_model(folder, "first")
    place = write_model(folder, "second")
    dialog = open_dialog("second")
    (place / "weights.safetensors").unlink()
    dialog.again.click()
    qtbot.waitUntil(lambda: rows(dialog) == [("First", "verified"), ("Second", "file missing")])
    assert dialog.tree.currentItem().text(0) == "Second"


def test_a_closed_dialog_is_told_nothing(folder, open_dialog, qtbot):
    dialog = open_dialog()
    dialog.reject()
    write_model(folder, "late")
    dialog.session.models.look()
    qtbot.waitUntil(lambda: dialog.session.models.find("late") is not None)
    assert dialog.tree.topLevelItemCount() == 0


@pytest.mark.parametrize(
    ("bound", "measured", "passed", "text"),
    [(1.0, 1.5, True, "≥ 1"), (1.0, 0.5, True, "≤ 1"), (1.0, 0.5, False, "≥ 1"), (1.0, 1.5, False, "≤ 1"),
     (1.0, 1.0, True, "1")],
)  # fmt: skip
def test_the_side_of_a_bound(bound, measured, passed, text):
    assert bound_text(Gate("g", bound, measured, None, passed)) == text


@pytest.fixture
def panel(folder, make_session, qtbot):
    """Made when a test asks for it: after the test wrote its models."""

    def make() -> PluginsPanel:
        panel = PluginsPanel(make_session())
        qtbot.addWidget(panel)
        panel.show()
        panel.choose("learned")
        return panel

    return make


def image_of(panel: PluginsPanel, add_image, session) -> None:
    layer = add_image()
    panel.session.document.insert(0, layer)
    panel.session.state.active = layer.id


def test_a_page_shows_its_model_and_the_way_to_the_card(folder, panel, add_image, session, qtbot):
    write_model(folder, "good", gates=GATES)
    panel = panel()
    image_of(panel, add_image, session)
    line = panel.page.model
    assert "being checked" in texts(line)
    qtbot.waitUntil(lambda: panel.session.models.known)
    assert "verified" in texts(line)
    assert "being checked" not in texts(line)
    assert panel.page.run_button.isEnabled()
    assert line.title.toolTip() == "Good 1.2"
    assert line.figure.text() == "Gain in dB: 1.62 (required ≥ 1)"
    with qtbot.waitSignal(panel.card_asked) as asked:
        line.card.click()
    assert asked.args == ["good"]
    assert key_figure(panel.session.models.find("good").card) == line.figure.text()


@pytest.mark.parametrize(
    ("weights", "reason"), [(b"another file", "is not the one that its card describes"), (None, "is missing")]
)
def test_a_model_that_cannot_be_trusted_runs_nothing(folder, panel, add_image, session, qtbot, weights, reason):
    write_model(folder, "good", weights)
    panel = panel()
    image_of(panel, add_image, session)
    qtbot.waitUntil(lambda: panel.session.models.known)
    assert not panel.page.run_button.isEnabled()
    assert reason in panel.page.verdict.text()


def test_a_model_that_is_not_installed(panel, add_image, session, qtbot):
    panel = panel()
    image_of(panel, add_image, session)
    qtbot.waitUntil(lambda: panel.session.models.known)
    assert "not installed" in panel.page.verdict.text()
    assert panel.page.model.card.isHidden()


def test_the_way_from_the_models_to_a_model_file(folder, session, qtbot, monkeypatch):
    monkeypatch.delitem(session.plugins, APPLY, raising=False)
    dialog = ModelsDialog(session, lambda folder: None)
    qtbot.addWidget(dialog)
    assert "Use a model file…" not in [one.text() for one in dialog.findChildren(QPushButton)]
    dialog.reject()
    monkeypatch.setitem(session.plugins, APPLY, session.plugins["learned"])
    dialog = ModelsDialog(session, lambda folder: None)
    qtbot.addWidget(dialog)
    with qtbot.waitSignal(dialog.own_asked):
        next(one for one in dialog.findChildren(QPushButton) if one.text() == "Use a model file…").click()
    dialog.reject()


def test_the_window_opens_the_card_that_a_page_asks_for(folder, window, qtbot):
    write_model(folder, "first")
    write_model(folder, "good")
    window.plugins.card_asked.emit("good")
    dialog = window.findChild(ModelsDialog)
    qtbot.waitUntil(lambda: window.session.models.known)
    assert dialog.tree.currentItem().text(0) == "Good"
    dialog.reject()
