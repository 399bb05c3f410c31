"""The dialog that offers a killed session's work back: `python docs/recovery_picture.py` kills one to show it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]


def work() -> None:
    """Two segments on the sample's T1, and the session ends as a power cut would end it."""
    from segment_pictures import seed

    from viewer.app import Stage
    from viewer.cli.headless_session import find_images, finish
    from viewer.io.sample.sample import make_sample

    with Stage() as stage:
        finish(stage, stage.session.studies.load(find_images(stage, [make_sample().baseline / "t1"])[0]))
        stage.window.inspector.setCurrentWidget(stage.window.segments)
        stage.window.segments.controller.choose_tool("brush")
        layer = stage.window.segments.controller.layer
        assert layer is not None
        seed(stage, layer)
        os.kill(os.getpid(), signal.SIGKILL)


def offered(path: Path) -> None:
    """What the next start asks."""
    from viewer.app import Stage
    from viewer.ui.dialogs.recovery_dialog import RecoveryDialog

    with Stage() as stage:
        dialog = RecoveryDialog(stage.session, stage.window)
        dialog.open()
        dialog.adjustSize()
        dialog.grab().save(str(path / "recovery.png"))


def recovery(path: Path) -> None:
    """Its picture, in a folder."""
    with TemporaryDirectory() as home:
        places = {**os.environ, "TOMOLENS_HOME": home, "PYTHONPATH": str(ROOT)}
        for part in ("work", "offered"):
            subprocess.run([sys.executable, __file__, part, str(path)], env=places, check=part == "offered")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    from viewer.cli.virtual_display import ensure_display

    ensure_display()
    chosen = sys.argv[1:] or ["both"]
    if chosen[0] == "work":
        work()
    elif chosen[0] == "offered":
        offered(Path(chosen[1]))
    else:
        recovery(ROOT / "docs" / "pictures")
