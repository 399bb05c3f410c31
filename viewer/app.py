"""The program with a window: it puts a session behind one and lets it run, on a screen or for a picture."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from functools import partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Self

from PySide6.QtCore import QEvent, QEventLoop, QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QApplication

from viewer.compute.devices import Device, devices
from viewer.render.gl_view import GLView
from viewer.session.session import Session
from viewer.settings import NAME, log_folder
from viewer.ui.dialogs.errors import ErrorDialog, install_excepthook, start_log
from viewer.ui.preferences import Preferences
from viewer.ui.window.garbage_collection import Collector
from viewer.ui.window.main_window import MainWindow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from viewer.scene.task import Message

ROOT = Path(__file__).parents[1]
PICTURE_SIZE = (1600, 1000)
SETTLED = 0.3  # seconds without a new frame after which everything counts as drawn
SOON = 300  # ms after which the window is on the screen
PATIENCE = 60.0  # seconds a picture may take


class Post(QObject):
    """Runs functions on the thread that made it, in the order they came."""

    _call = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._call.connect(lambda function: function(), Qt.ConnectionType.QueuedConnection)

    def __call__(self, function: Callable[[], None]) -> None:
        """Queue a function without arguments; the main thread runs it in its next turn."""
        self._call.emit(function)


def start(paths: Sequence[str | Path], *, sample: bool = False) -> int:
    """Show the window, open paths (or the sample), and return the exit code once it is closed."""
    unwritable = _start_log()
    app = application()
    preferences = Preferences()
    session = Session(Post())
    window = MainWindow(session, preferences)
    install_excepthook(lambda message: _tell(window, message))
    window.show()
    if unwritable:
        session.messages.warn(unwritable)
    QTimer.singleShot(0, lambda: _begin(window, paths, sample))
    session.background.call("inventory", lambda tell: devices(), partial(_learn, window))
    code = app.exec()
    session.close()
    return code


def _start_log() -> str:
    """Why nothing can be kept, where that is so: the program starts all the same."""
    try:
        start_log()
    except OSError as error:
        return f"No log can be kept ({error.strerror}): see to it that {log_folder()} can be written."
    return ""


def application() -> QApplication:
    """The one QApplication, with the OpenGL format that all views share."""
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    GLView.set_default_format()
    app = QApplication(sys.argv[:1])
    app.setApplicationName("tomolens")
    app.setApplicationDisplayName(NAME)
    app.setDesktopFileName("tomolens")
    Collector(app)
    return app


class Stage:
    """A window for pictures: the default look, nothing restored, nothing kept.

    See viewer.cli.headless_session.WindowStage. make_session: another than one that runs plugins in this process.
    """

    placement = ""

    def __init__(self, make_session: Callable[[Post], Session] | None = None) -> None:
        self._app = application()
        self._folder = TemporaryDirectory()  # for preferences that nobody keeps
        self.session = make_session(Post()) if make_session else Session(Post(), in_process=True)
        self.window = MainWindow(self.session, Preferences(Path(self._folder.name) / "window.ini"))

    def __enter__(self) -> Self:
        self.window.resize(*PICTURE_SIZE)
        self.window.show()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.session.close()
        self.window.hide()
        self.window.deleteLater()
        self._app.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        self._folder.cleanup()

    def until(self, ready: Callable[[], bool]) -> None:
        """Handle events until `ready` says so."""
        while not ready():
            self._app.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 50)

    def picture(self, path: Path) -> None:
        """Write the window as PNG once every view is drawn. Raises TimeoutError; OSError where it cannot be written."""
        self._settle()
        if not self.window.picture().save(str(path), "PNG"):
            raise OSError(f"{path}: the picture could not be written; choose another folder.")

    def _settle(self) -> None:
        """Wait until nothing is loaded and no view draws any more."""
        deadline = time.monotonic() + PATIENCE
        frames, since = -1, time.monotonic()

        def settled() -> bool:
            nonlocal frames, since
            now = sum(view.frames for view in self.window.views.all)
            if now != frames or not self._complete():
                frames, since = now, time.monotonic()
            if time.monotonic() > deadline:
                raise TimeoutError("the window did not come to rest: the picture was given up.")
            return time.monotonic() - since > SETTLED

        self.until(settled)

    def _complete(self) -> bool:
        """Every image is loaded, and the 3-D view, where it shows one, has made its full picture."""
        if any(layer.loaded < 1 for layer in self.session.document.volume_layers):
            return False
        volume = self.window.views.volume
        return volume.is_complete or not volume.isVisible() or volume.layer is None or bool(volume.problem)


def _begin(window: MainWindow, paths: Sequence[str | Path], sample: bool) -> None:
    """After the first paint: what was left over, then what was asked for."""
    window.session.reader.warm()
    window.views.warm()
    QTimer.singleShot(SOON, partial(import_module, "viewer.ui.layers.image_display"))  # the first image needs it
    if window.session.recovery.unfinished():
        from viewer.ui.dialogs.recovery_dialog import RecoveryDialog

        RecoveryDialog(window.session, window).open()
    if paths:
        window.open(paths)
    if sample:
        window.session.studies.open_sample()


def _learn(window: MainWindow, found: Sequence[Device]) -> None:
    """What the machine computes on: runs go to the first graphics card that can be used."""
    usable = [device.id for device in found if not device.cure and device.id != "cpu"]
    session = window.session
    session.runs.device = session.prompts.device = usable[0] if usable else "cpu"
    window.status.show_devices(found)


def _tell(window: MainWindow, message: Message) -> None:
    """One dialog at a time: what comes meanwhile is in the list of messages."""
    window.session.messages.add(message)
    if not window.findChildren(ErrorDialog):
        dialog = ErrorDialog(message, window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()


def graphics() -> str:
    """The OpenGL renderer and version. It is asked in a process of its own: a broken driver may crash what asks.

    Raises RuntimeError where OpenGL 3.2 does not answer.
    """
    asked = [sys.executable, "-m", "viewer.render.gl_info"]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=30, check=False, cwd=ROOT)
    if done.returncode != 0:
        raise RuntimeError(f"the OpenGL driver crashed (code {done.returncode})")
    info = json.loads(done.stdout)
    if not info["works"]:
        raise RuntimeError(f"OpenGL 3.2 is not there (found: {info['version'] or 'none'})")
    return f"{info['renderer']}, OpenGL {info['version']}{' (software)' if info['software'] else ''}"
