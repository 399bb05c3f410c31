"""What went wrong: the log, the door for exceptions nobody expected, and the dialogs that name the cure."""

from __future__ import annotations

import logging
import logging.handlers
import sys
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from psygnal import EmitLoopError
from PySide6.QtCore import QtMsgType, QUrl, qInstallMessageHandler
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from viewer.scene.task import Message, Severity
from viewer.settings import application_version, log_folder
from viewer.ui.widgets import theme
from viewer.ui.widgets.basics import button, label

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

log = logging.getLogger(__name__)

ICONS: dict[Severity, tuple[str, str]] = {
    "info": ("info", "accent"),
    "warning": ("warning", "warning"),
    "error": ("error", "danger"),
}
QT_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


def start_log(folder: Path | None = None) -> Path:
    """Write the log to a file that stays small; its path. Names, ids and dates of patients never go there."""
    target = (folder or log_folder()) / "tomolens.log"
    target.parent.mkdir(parents=True, exist_ok=True)
    file = logging.handlers.RotatingFileHandler(target, maxBytes=1_000_000, backupCount=3, encoding="utf-8")
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(file)
    root.setLevel(logging.INFO)
    qt = logging.getLogger("qt")
    qInstallMessageHandler(lambda kind, context, text: qt.log(QT_LEVELS[kind], "%s", text))
    return target


def install_excepthook(tell: Callable[[Message], None]) -> None:
    """From now on an exception that nobody expected is logged and told, on any thread; the program goes on."""

    def door(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None or not issubclass(kind, Exception):
            sys.__excepthook__(kind, error or kind(), trace)
            return
        log.error("unexpected %s\n%s", kind.__name__, "".join(traceback.format_tb(trace)))
        tell(explain(error))

    sys.excepthook = door
    threading.excepthook = lambda args: door(args.exc_type, args.exc_value, args.exc_traceback)


def explain(error: BaseException) -> Message:
    """One sentence about an exception, with the cure where there is one; the traceback is the detail."""
    detail = f"Tomolens {application_version()}, Python {sys.version.split()[0]}, {sys.platform}\n" + "".join(
        traceback.format_exception(error)
    )
    cause: BaseException = error
    while isinstance(cause, EmitLoopError) and cause.__cause__ is not None:
        cause = cause.__cause__
    if isinstance(cause, MemoryError):
        return Message("There is not enough memory: remove an image, then try again.", "error", detail=detail)
    if isinstance(cause, OSError) and cause.filename:
        path = Path(str(cause.filename))
        text = f"{path.name} could not be used: {cause.strerror}."
        return Message(text, "error", "Show folder", lambda: _show(path.parent), detail)
    text = "Something unexpected happened; your work is kept. Try again, or send the details to the makers."
    return Message(text, "error", "Open log", lambda: _show(log_folder()), detail)


class ErrorDialog(QDialog):
    """One sentence, the cure as a button, the details folded."""

    def __init__(self, message: Message, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("What went wrong")
        self.setMinimumWidth(520)
        self.details = QPlainTextEdit(message.detail)
        self.details.setReadOnly(True)
        self.details.setAccessibleName("Details")
        self.details.setMinimumHeight(240)
        self.details.hide()
        top = QHBoxLayout()
        top.setSpacing(16)
        top.addWidget(_sign(message.severity, 32))
        top.addWidget(label(message.text, selectable=True), 1)
        buttons = QHBoxLayout()
        if message.detail:
            buttons.addWidget(button("Details", "", self._flip, "quiet"))
            buttons.addWidget(button("Copy details", "", self._copy, "quiet"))
        buttons.addStretch(1)
        if message.cure and message.action:
            self.cure = button(message.cure, "", lambda: _cure(self, message), "primary")
            buttons.addWidget(self.cure)
        buttons.addWidget(button("Close", "", self.reject))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 16)
        layout.setSpacing(16)
        layout.addLayout(top)
        layout.addWidget(self.details, 1)
        layout.addLayout(buttons)

    def _flip(self) -> None:
        self.details.setVisible(self.details.isHidden())
        self.adjustSize()

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.details.toPlainText())


class MessagesDialog(QDialog):
    """What was said since the start, the latest first, each with its cure."""

    def __init__(self, messages: Sequence[Message], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Messages")
        rows = QWidget()
        lines = QVBoxLayout(rows)
        lines.setContentsMargins(0, 0, 8, 0)
        for message in reversed(messages):
            lines.addWidget(self._row(message))
        if not messages:
            lines.addWidget(label("Nothing has been said yet.", "dim"))
        lines.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setAccessibleName("Messages")
        area.setWidget(rows)
        buttons = QHBoxLayout()
        buttons.addWidget(button("Open log folder", "", lambda: _show(log_folder()), "quiet"))
        buttons.addStretch(1)
        buttons.addWidget(button("Close", "", self.reject))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 16)
        layout.addWidget(area, 1)
        layout.addLayout(buttons)
        self.resize(640, 400)

    def _row(self, message: Message) -> QWidget:
        row = QFrame()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 4, 0, 4)
        line.addWidget(_sign(message.severity, 20))
        line.addWidget(label(message.text, selectable=True), 1)
        if message.cure and message.action:
            line.addWidget(button(message.cure, "", message.action, "quiet"))
        if message.detail:
            line.addWidget(button("Details", "", lambda: ErrorDialog(message, self).open(), "quiet"))
        return row


def _sign(severity: Severity, size: int) -> QLabel:
    name, colour = ICONS[severity]
    sign = QLabel()
    sign.setPixmap(theme.icon(name, theme.NAMES[colour]).pixmap(size, size))
    sign.setAccessibleName(severity)
    return sign


def _cure(dialog: QDialog, message: Message) -> None:
    dialog.accept()
    if message.action:
        message.action()


def _show(folder: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
