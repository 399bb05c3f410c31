"""One list of actions: complete, callable, with keys of their own."""

from __future__ import annotations

import json

import pytest
from PySide6.QtWidgets import QDialog, QFileDialog, QToolButton

from viewer.tools.mouse_profiles import profiles
from viewer.ui.actions.action import sequences

# What would leave the test: the window itself, and other programs.
OUTSIDE = {"quit", "plugin_folder", "log"}


def _menus(bar):
    waiting = [action.menu() for action in bar.actions()]
    while waiting:
        menu = waiting.pop()
        yield menu
        waiting += [action.menu() for action in menu.actions() if action.menu()]


def test_every_action_is_in_a_menu_and_every_menu_entry_is_an_action(window):
    entries = {a.objectName() for menu in _menus(window.menuBar()) for a in menu.actions() if a.objectName()}
    assert entries == {action.id for action in window.actions_}


def test_every_action_that_can_be_done_is_in_the_palette(window, add_image):
    add_image()
    found = {entry.title for entry in window.commands.entries()}
    possible = {action.text.rstrip("…") for action in window.actions_ if action.text and action.when()}
    assert possible <= found
    assert "Undo Add CT chest" in found


@pytest.mark.parametrize("name", profiles())
def test_keys_are_unique_in_every_profile(window, name):
    keys = profiles()[name].keys
    owners: dict[str, str] = {}
    for action in window.actions_:
        for sequence in sequences(keys.get(action.id, action.key)):
            assert not sequence.isEmpty(), f"{action.id}: {action.key} is no key"
            assert owners.setdefault(sequence.toString(), action.id) == action.id


@pytest.mark.parametrize("name", profiles())
def test_profiles_name_actions_that_there_are(window, name):
    assert set(profiles()[name].keys) <= set(window.actions_.actions)


def test_every_action_can_be_done_with_and_without_images(window, qtbot, add_image, monkeypatch, tmp_path):
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: ([], ""))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("", ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "")
    monkeypatch.setattr(window.session.studies, "open_sample", lambda: None)
    for fill in (lambda: None, lambda: (add_image(times=3), add_image("Result", review="unreviewed"))):
        fill()
        for action in window.actions_:
            if action.id not in OUTSIDE and action.when():
                window.actions_[action.id].trigger()
                for dialog in window.findChildren(QDialog):
                    dialog.reject()
    window.showNormal()


def test_what_cannot_be_done_is_disabled(window, add_image):
    assert not window.actions_["save"].isEnabled()
    assert not window.actions_["undo"].isEnabled()
    add_image()
    window.actions_.refresh_now()
    assert window.actions_["save"].isEnabled()
    assert window.actions_["undo"].isEnabled()


def test_undo_and_redo_say_what(window, add_image, qtbot):
    layer = add_image()
    window.session.layers.rename(layer, "Chest")
    window.actions_.refresh_now()
    assert window.actions_["undo"].text() == "Undo Rename CT chest"
    window.actions_["undo"].trigger()
    qtbot.waitUntil(lambda: window.actions_["redo"].text() == "Redo Rename CT chest")
    assert layer.name == "CT chest"


def test_window_presets_follow_the_modality(window, add_image, qtbot):
    layer = add_image()
    window.actions_.refresh_now()
    assert window.actions_["preset_2"].text() == "Lung"
    window.actions_["preset_2"].trigger()
    assert (layer.window.center, layer.window.width) == (-600, 1500)
    window.actions_["stored_window"].trigger()
    assert layer.window.name == "stored"
    add_image("T1", modality="MR")
    window.actions_.refresh_now()
    assert window.actions_["preset_1"].text() == "Auto"
    assert not window.actions_["preset_9"].isVisible()


def test_tool_bar_buttons_are_named_and_reached_by_tab(window):
    buttons = [window.bar.widgetForAction(made) for made in window.bar.actions()]
    buttons = [button for button in buttons if isinstance(button, QToolButton)]
    assert len(buttons) > 10
    assert all(button.accessibleName() and button.toolTip() for button in buttons)


def test_a_key_works_and_a_profile_changes_it(window, qtbot, add_image):
    add_image()
    window.apply_preferences()
    assert window.actions_.keys("fit") == "F"
    window.preferences.profile = "slicer"
    window.apply_preferences()
    assert window.actions_.keys("fit") == "R"
    assert window.session.state.tool == "crosshair"


def test_settings_survive_a_damaged_file(tmp_path, preferences):
    from viewer.ui.preferences import Preferences

    path = tmp_path / "damaged.ini"
    path.write_text(
        '[General]\ntheme=5\nscale="oh"\nrecent={\nprofile="nobody"\nkeys=[1]\nview=3\nundo_memory=-1\n'
        "geometry=nonsense\n"
    )
    damaged = Preferences(path)
    assert (damaged.theme, damaged.scale, damaged.recent, damaged.profile) == ("dark", 1.0, [], "default")
    assert (damaged.keys, damaged.view, damaged.undo_memory) == ({}, {}, 2048)
    assert all(part.isEmpty() for part in damaged.geometry)


def test_own_keys_are_kept(tmp_path):
    from viewer.ui.preferences import Preferences

    first = Preferences(tmp_path / "kept.ini")
    first.own_keys = {"fit": "Ctrl+Shift+F"}
    first.remember("/data/one")
    first.remember("/data/two")
    first.remember("/data/one")
    first.save()
    second = Preferences(tmp_path / "kept.ini")
    assert second.keys == {"fit": "Ctrl+Shift+F"}
    assert second.recent == ["/data/one", "/data/two"]
    assert json.dumps(second.own_keys)
