"""Palette, key map, settings, about, errors, and the question before leaving."""

from __future__ import annotations

import logging
import sys

import pytest
from psygnal import Signal
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QKeySequence
from PySide6.QtWidgets import QApplication, QDialog, QMessageBox, QPushButton, QTableWidget

from viewer.scene.task import Message
from viewer.ui.actions.command_palette import Entry, Palette, search
from viewer.ui.actions.shortcut_editor import ShortcutsDialog
from viewer.ui.dialogs.about import LIBRARIES, AboutDialog
from viewer.ui.dialogs.errors import ErrorDialog, explain, install_excepthook, start_log
from viewer.ui.dialogs.settings_dialog import SettingsDialog
from viewer.ui.window.close_question import may_leave, question

PATIENT = "DOE^JANE"


# ---- palette
def _entries(*titles):
    return [Entry(title, "View", "", lambda: None) for title in titles]


def test_search_needs_every_word_and_puts_beginnings_first():
    entries = _entries("Save picture", "Open sample", "Picture in colour", "Sample the picture")
    found = [entry.title for entry in search(entries, "pic")]
    assert found == ["Picture in colour", "Save picture", "Sample the picture"]
    assert [entry.title for entry in search(entries, "picture sa")] == ["Save picture", "Sample the picture"]
    assert search(entries, "zzz") == []


def test_palette_does_what_is_chosen_by_keyboard(window, qtbot):
    done = []
    palette = Palette([Entry(name, "", "", lambda name=name: done.append(name)) for name in ("one", "two")], window)
    palette.show()
    qtbot.keyClick(palette.box, Qt.Key.Key_Down)
    qtbot.keyClick(palette.box, Qt.Key.Key_Return)
    assert done == ["two"]
    palette.deleteLater()


def test_palette_finds_actions(window, add_image, qtbot):
    add_image()
    window.actions_["palette"].trigger()
    palette = window.findChild(Palette)
    qtbot.keyClicks(palette.box, "one and three")
    qtbot.keyClick(palette.box, Qt.Key.Key_Return)
    assert window.session.state.layout == "1+3"


def test_palette_says_where_nothing_is_found(window, qtbot):
    palette = Palette(_entries("one"), window)
    palette.show()
    qtbot.keyClicks(palette.box, "qqq")
    assert palette.nothing.isVisible()
    qtbot.keyClick(palette.box, Qt.Key.Key_Return)
    palette.deleteLater()


# ---- keys
@pytest.fixture
def keys(window):
    dialog = ShortcutsDialog(window.actions_, window.preferences, window.apply_preferences, window)
    yield dialog
    dialog.deleteLater()


def _choose(dialog, name):
    item = next(item for item in dialog._items() if item.data(0, Qt.ItemDataRole.UserRole) == name)
    dialog.list.setCurrentItem(item)
    return item


def test_all_actions_and_gestures_are_listed(window, keys):
    titles = {item.text(0) for item in keys._items()}
    assert {action.text for action in window.actions_ if action.text} <= titles
    assert "One view and back" in titles
    assert any(item.text(1) == "Ctrl + wheel" for item in keys._items())


def test_a_key_is_changed_kept_and_reset(window, keys):
    item = _choose(keys, "fit")
    keys.key.setKeySequence(QKeySequence("Ctrl+Alt+F"))
    keys.set_key()
    assert item.text(1) == "Ctrl+Alt+F"
    assert window.actions_["fit"].shortcut() == QKeySequence("Ctrl+Alt+F")
    assert window.preferences.own_keys == {"fit": "Ctrl+Alt+F"}
    keys.reset_all()
    assert window.actions_["fit"].shortcut() == QKeySequence("F")


def test_a_taken_key_is_refused_by_name(window, keys):
    _choose(keys, "fit")
    keys.key.setKeySequence(QKeySequence("Ctrl+O"))
    keys.set_key()
    assert "Ctrl+O is taken by “Open files…”" in keys.note.text()
    assert window.preferences.own_keys == {}


def test_the_list_of_keys_can_be_filtered(keys):
    keys.filter.setText("ctrl+k")
    assert [item.text(0) for item in keys._items() if not item.isHidden()] == ["Search everything…"]


# ---- settings
def test_settings_take_effect_at_once(window, qtbot):
    dialog = SettingsDialog(window.preferences, window.apply_preferences, window.commands.show_shortcuts, window)
    for box, row in ((dialog.theme, 1), (dialog.scale, 2), (dialog.memory, 0)):
        box.setCurrentIndex(row)
        box.activated.emit(row)
    assert window.preferences.theme == "light"
    assert QApplication.font().pixelSize() == round(13 * 1.5)
    assert window.session.history.budget == 512 << 20
    dialog.deleteLater()
    window.preferences.theme, window.preferences.scale = "dark", 1.0
    window.apply_preferences()


def test_about_names_every_library_with_its_licence(window):
    dialog = AboutDialog(window)
    table = dialog.findChild(QTableWidget)
    rows = [[table.item(row, column).text() for column in range(3)] for row in range(table.rowCount())]
    assert {row[0] for row in rows} == set(LIBRARIES)
    assert all(row[1] and row[2] for row in rows)
    assert not any("GPL" in row[2] and "LGPL" not in row[2] for row in rows)
    dialog.deleteLater()


def test_about_lists_what_the_project_depends_on():
    from importlib.metadata import requires

    needed = {line.split(";")[0].strip() for line in requires("tomolens") or [] if "extra ==" not in line}
    assert needed <= set(LIBRARIES)


# ---- errors
@pytest.fixture
def hooks():
    before = sys.excepthook
    yield
    sys.excepthook = before


def test_an_unexpected_error_is_told_and_logged_without_its_values(hooks, tmp_path):
    told = []
    install_excepthook(told.append)
    log = start_log(tmp_path)
    try:
        raise KeyError(PATIENT)
    except KeyError:
        sys.excepthook(*sys.exc_info())
    (message,) = told
    assert message.severity == "error"
    assert "Traceback" not in message.text
    assert PATIENT in message.detail
    written = log.read_text()
    assert "unexpected KeyError" in written
    assert "DOE" not in written
    _stop_log(log)


def test_an_interrupt_is_not_an_error(hooks, capsys):
    told = []
    install_excepthook(told.append)
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert told == []
    assert "KeyboardInterrupt" in capsys.readouterr().err


def test_errors_are_explained_by_their_kind():
    assert "memory" in explain(MemoryError()).text
    missing = explain(FileNotFoundError(2, "No such file or directory", "/data/a.dcm"))
    assert missing.text == "a.dcm could not be used: No such file or directory."
    assert missing.cure == "Show folder"
    assert explain(RuntimeError("x")).cure == "Open log"


def test_an_error_inside_a_signal_is_explained_by_its_cause():
    class Emitter:
        happened = Signal()

    def fail():
        raise MemoryError

    emitter = Emitter()
    emitter.happened.connect(fail)
    with pytest.raises(Exception) as caught:  # noqa: PT011
        emitter.happened.emit()
    assert "memory" in explain(caught.value).text


def test_the_error_dialog_has_its_cure_and_folds_the_details(qtbot):
    cured = []
    dialog = ErrorDialog(Message("It failed.", "error", "Use CPU", lambda: cured.append(1), "line 1\nline 2"))
    qtbot.addWidget(dialog)
    dialog.show()
    assert not dialog.details.isVisible()
    for button in dialog.findChildren(QPushButton):
        if button.text() in ("Details", "Copy details"):
            button.click()
    assert dialog.details.isVisible()
    assert QGuiApplication.clipboard().text() == "line 1\nline 2"
    dialog.cure.click()
    assert cured == [1]
    assert not dialog.isVisible()


def test_the_log_stays_small(tmp_path):
    path = start_log(tmp_path)
    for _ in range(60):
        logging.getLogger("test").info("x" * 100_000)
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 5_000_000
    _stop_log(path)


def _stop_log(path):
    root = logging.getLogger()
    for handler in [h for h in root.handlers if getattr(h, "baseFilename", "") == str(path)]:
        root.removeHandler(handler)
        handler.close()


# ---- leaving
def test_leaving_names_what_is_not_saved_and_what_runs(session, add_image):
    assert question(session) == ""
    add_image("CT chest")
    assert question(session) == ""
    smoothed = add_image("Smoothed", review="unreviewed")
    add_image("Bad", review="rejected")
    task = session.tasks.add("run", "Denoise: CT chest")
    task.begin()
    assert question(session) == "Not saved: Smoothed.\nStill running: Denoise: CT chest."
    task.end("cancelled")
    saved = session.tasks.add("save", "Save Smoothed")
    saved.about = smoothed.id
    saved.begin()
    saved.end("done")
    assert question(session) == ""
    add_image("Smoothed", review="accepted")
    assert question(session) == "Not saved: Smoothed."  # another one of that name


def test_leaving_names_segmentations_that_were_changed_since_they_were_saved(session, add_image):
    layer = session.segments.new_layer(add_image("CT chest"))
    assert question(session) == ""  # there is nothing in it yet
    session.segments.add(layer)
    assert question(session) == "Not saved: Segments of CT chest."
    layer.saved = layer.generation
    assert question(session) == ""
    session.history.undo()
    session.history.redo()
    assert question(session) == "Not saved: Segments of CT chest."


@pytest.mark.parametrize(("button", "leaves"), [("Quit without saving", True), ("Stay", False)])
def test_the_answer_counts(window, add_image, monkeypatch, button, leaves):
    add_image("Smoothed", review="unreviewed")

    def press(box):
        chosen = next(one for one in box.buttons() if one.text() == button)
        monkeypatch.setattr(QMessageBox, "clickedButton", lambda self: chosen)
        return 0

    monkeypatch.setattr(QMessageBox, "exec", press)
    assert may_leave(window.session, window) is leaves


@pytest.mark.parametrize("name", ["shortcuts", "settings", "messages", "about", "palette"])
def test_dialogs_open_and_are_gone_after_they_close(window, qtbot, name):
    window.actions_[name].trigger()
    (dialog,) = window.findChildren(QDialog)
    assert dialog.isVisible()
    dialog.reject()
    qtbot.waitUntil(lambda: not window.findChildren(QDialog))
