from __future__ import annotations

import gc
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import partialmethod
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from pytestqt.qtbot import QtBot

from viewer.cli.virtual_display import NoDisplayError, ensure_display

PATIENCE = 300_000  # ms that a test waits for what must come: no test may depend on how fast a machine is

# The check of a change must not depend on luck; `pytest --hypothesis-profile explore` goes on searching for examples.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("explore", derandomize=False, deadline=None)
settings.load_profile("repeatable")


def pytest_configure(config: pytest.Config) -> None:
    """Views are drawn on a real or a virtual screen: Qt's offscreen platform has no OpenGL for them.

    Where several processes run the tests, each has a virtual screen of its own: windows of two would take each other's
    focus. They do not split their sums over cores that the others use.
    """
    for wait in ("waitUntil", "waitSignal", "waitSignals", "waitActive", "waitExposed"):
        setattr(QtBot, wait, partialmethod(getattr(QtBot, wait), timeout=PATIENCE))
    gc.disable()  # circles are collected on the window's thread alone, see viewer.ui.window.garbage_collection
    if config.getoption("numprocesses", None):
        os.environ["OMP_NUM_THREADS"] = "1"
        return
    try:
        ensure_display()
    except NoDisplayError as error:
        raise pytest.UsageError(str(error)) from error


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Collect what a test has left, and all there is where a room ends: modules are not looked through after each."""
    if nextitem is None or nextitem.path.parent != item.path.parent:
        gc.unfreeze()
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def qapp_cls() -> Any:
    """The application as main.py makes it."""
    from PySide6.QtWidgets import QApplication

    from viewer.render.gl_view import GLView

    GLView.set_default_format()
    return QApplication


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing of the user's is read or written: journal, settings, plugins and logs are the test's own."""
    monkeypatch.setenv("TOMOLENS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts memory file systems with options such as "size=256k"; skips where that is not permitted."""
    places: list[Path] = []

    def mount(options: str) -> Path:
        place = tmp_path / f"mounted-{len(places)}"
        place.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
        if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("no file system can be mounted here")
        places.append(place)
        return place

    yield mount
    for place in places:
        subprocess.run(["umount", "-l", str(place)], check=True)
