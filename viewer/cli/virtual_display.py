"""A screen for a machine that has none: pictures are then drawn on a virtual X server by software OpenGL."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

SCREEN = "1920x1200x24"
CURE = "install it (Debian: apt install xvfb libgl1-mesa-dri) or set DISPLAY to a running X server"


class NoDisplayError(RuntimeError):
    """There is no screen and none could be made; the message says why and what to do."""


@dataclass
class Display:
    """The screen in use. `server` is the virtual one that was started for it, None where there was a screen."""

    name: str
    server: subprocess.Popen[bytes] | None = None

    def stop(self) -> None:
        """End the virtual screen; nothing where the screen was there before."""
        if self.server is None:
            return
        self.server.terminate()
        self.server.wait(10)
        self.server = None
        os.environ.pop("DISPLAY", None)


def ensure_display(seconds: float = 15.0) -> Display:
    """The present screen, or a virtual one (Xvfb) on Linux, named in DISPLAY for what is started from here.

    A virtual screen ends with this program, after Qt: its atexit call was there first, so it comes last.
    Raises NoDisplayError where Xvfb is missing or does not answer within `seconds`.
    """
    present = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY", "")
    if present or sys.platform != "linux":
        return Display(present)
    program = shutil.which("Xvfb")
    if program is None:
        raise NoDisplayError(f"There is no screen, and the virtual screen Xvfb is not installed: {CURE}.")
    with tempfile.TemporaryFile() as said:  # the server picks a free number and writes it here
        server = subprocess.Popen(
            [program, "-displayfd", str(said.fileno()), "-screen", "0", SCREEN, "-nolisten", "tcp", "-noreset"],
            pass_fds=(said.fileno(),),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + seconds
        while server.poll() is None and time.monotonic() < end:
            said.seek(0)
            number = said.read()
            if number.endswith(b"\n"):
                os.environ["DISPLAY"] = name = f":{int(number)}"
                display = Display(name, server)
                atexit.register(display.stop)
                return display
            time.sleep(0.02)
    server.kill()
    server.wait()
    raise NoDisplayError(f"The virtual screen Xvfb did not start within {seconds:.0f} s: {CURE}.")
