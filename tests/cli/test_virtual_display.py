from __future__ import annotations

import os
import subprocess
import sys

import pytest

from viewer.cli.virtual_display import NoDisplayError, ensure_display


def test_a_screen_that_is_there_is_kept(monkeypatch):
    monkeypatch.setenv("DISPLAY", ":77")
    display = ensure_display()
    assert (display.name, display.server) == (":77", None)
    display.stop()
    assert os.environ["DISPLAY"] == ":77"


@pytest.mark.skipif(sys.platform != "linux", reason="virtual screens are X11's")
def test_a_virtual_screen_is_started_and_ended(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    display = ensure_display()
    assert display.server is not None
    assert os.environ["DISPLAY"] == display.name
    server = display.server
    display.stop()
    assert server.poll() is not None
    assert "DISPLAY" not in os.environ
    display.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="virtual screens are X11's")
def test_the_lack_of_xvfb_is_said_with_its_cure(monkeypatch, tmp_path):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoDisplayError, match="apt install xvfb"):
        ensure_display()


@pytest.mark.skipif(sys.platform != "linux", reason="virtual screens are X11's")
def test_a_server_that_fails_is_said(monkeypatch, tmp_path):
    program = tmp_path / "Xvfb"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(NoDisplayError, match="did not start"):
        ensure_display()


@pytest.mark.skipif(sys.platform != "linux", reason="virtual screens are X11's")
def test_a_program_with_a_window_on_the_virtual_screen_ends_well():
    code = (
        "from viewer.cli.virtual_display import ensure_display; display = ensure_display();"
        "from PySide6.QtWidgets import QApplication, QWidget; a = QApplication([]); w = QWidget(); w.show();"
        "a.processEvents(); print(display.name)"
    )
    quiet = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    done = subprocess.run([sys.executable, "-c", code], env=quiet, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(":")
