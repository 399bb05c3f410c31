"""How the window looks: a dark and a light palette, one style sheet, one set of icons.

The colours are QColor objects that change in place with the theme, so whoever holds one follows it: `icon("eye",
theme.DIM)`. Widgets are styled by resources/theme/window.qss through object names and the property `role`: "heading",
"dim", "good", "warning", "danger", "ai" for labels; "primary", "quiet", "danger" for buttons.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import qtawesome
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QIcon, QPalette
from PySide6.QtWidgets import QApplication, QLabel, QProxyStyle, QStyle, QStyleOption, QWidget

from viewer.ui.widgets.wheel import FIELDS, WheelGuard

if TYPE_CHECKING:
    from collections.abc import Iterator

Theme = Literal["dark", "light"]
SHEET = Path(__file__).parents[3] / "resources" / "theme" / "window.qss"
TEXT_SIZE = 13  # pixels, at scale 1
ICON_SIZE = 20
LOOK = "look"  # property of the application: the theme and scale it is dressed in

CHROME, PANEL, RAISED, LINE, TEXT, DIM, ACCENT, AI, WARNING, DANGER, GOOD = (QColor() for _ in range(11))
NAMES = {
    "chrome": CHROME,
    "panel": PANEL,
    "raised": RAISED,
    "line": LINE,
    "text": TEXT,
    "dim": DIM,
    "accent": ACCENT,
    "ai": AI,
    "warning": WARNING,
    "danger": DANGER,
    "good": GOOD,
}
THEMES: dict[Theme, dict[str, str]] = {
    "dark": {
        "chrome": "#16181c",
        "panel": "#1d2025",
        "raised": "#262a31",
        "line": "#343a43",
        "text": "#d8dce2",
        "dim": "#8d96a3",
        "accent": "#3fb6c9",
        "ai": "#a890f0",
        "warning": "#e2a43b",
        "danger": "#e86c67",  # a shade lighter than the others' step: legible on raised ground
        "good": "#58b57a",
    },
    "light": {
        "chrome": "#e7eaee",
        "panel": "#f4f6f8",
        "raised": "#ffffff",
        "line": "#c3c9d2",
        "text": "#1b1f24",
        "dim": "#565f6b",
        "accent": "#0b6675",
        "ai": "#5a41c0",
        "warning": "#7d4e00",
        "danger": "#b0261f",
        "good": "#1c6a40",
    },
}

GLYPHS = {  # what an icon stands for -> its name in the Remix set, less "-line"
    "open": "folder-open",
    "file": "file",
    "sample": "flask",
    "recent": "history",
    "save": "save-3",
    "capture": "camera",
    "copy": "file-copy",
    "undo": "arrow-go-back",
    "redo": "arrow-go-forward",
    "blink": "swap-box",
    "visible": "eye",
    "hidden": "eye-off",
    "remove": "delete-bin",
    "rename": "edit",
    "up": "arrow-up-s",
    "down": "arrow-down-s",
    "left": "arrow-left-s",
    "right": "arrow-right-s",
    "settings": "settings-3",
    "keys": "keyboard-box",
    "help": "question",
    "about": "information",
    "info": "information",
    "warning": "error-warning",
    "error": "close-circle",
    "good": "checkbox-circle",
    "accepted": "checkbox-circle",
    "rejected": "close-circle",
    "reopen": "restart",
    "ai": "robot",
    "processed": "magic",
    "plugin": "plug",
    "layers": "stack",
    "run": "play",
    "play": "play",
    "pause": "pause",
    "cancel": "stop-circle",
    "time": "time",
    "job": "loader-2",
    "device": "cpu",
    "message": "notification-3",
    "patient": "user",
    "study": "folder-user",
    "series": "image-2",
    "volume": "shape",
    "2x2": "layout-grid",
    "1-up": "checkbox-blank",
    "1+3": "layout-left-2",
    "compare": "layout-column",
}


class _Style(QProxyStyle):
    """Fusion with the icon size of the design, grown with the text; no label guesses that its text is HTML.

    Fields are guarded from the wheel (wheel.py).
    """

    sizes: ClassVar = {
        QStyle.PixelMetric.PM_ToolBarIconSize: ICON_SIZE,
        QStyle.PixelMetric.PM_ButtonIconSize: 16,
        QStyle.PixelMetric.PM_SmallIconSize: 16,
        QStyle.PixelMetric.PM_TabBarIconSize: 16,
    }

    def __init__(self, scale: float) -> None:
        super().__init__("Fusion")
        self.scale = scale
        self.guard = WheelGuard(self)

    def pixelMetric(
        self, metric: QStyle.PixelMetric, option: QStyleOption | None = None, widget: QWidget | None = None
    ) -> int:
        size = self.sizes.get(metric)
        return round(size * self.scale) if size else super().pixelMetric(metric, option, widget)

    def polish(self, target: Any) -> Any:
        """Tool tips are labels, too, and message boxes hold some."""
        if isinstance(target, QLabel) and target.textFormat() == Qt.TextFormat.AutoText:
            target.setTextFormat(Qt.TextFormat.PlainText)
        elif isinstance(target, FIELDS):
            self.guard.watch(target)
        return super().polish(target)


def apply(app: QApplication, theme: Theme = "dark", scale: float = 1.0) -> None:
    """Dress the application; at any time, again to change. scale: of the text, 1…2."""
    if app.property(LOOK) == [theme, scale]:
        return  # every widget there is would be dressed anew: half of what a window takes to be made
    for name, value in THEMES[theme].items():
        NAMES[name].setRgba(QColor(value).rgba())
    app.setStyle(_Style(scale))
    app.setPalette(_palette())
    font = QFont(app.font())
    font.setPixelSize(round(TEXT_SIZE * scale))
    app.setFont(font)
    colours = {name: colour.name() for name, colour in NAMES.items()}
    sheet = Template(SHEET.read_text(encoding="utf-8")).substitute(colours, folder=SHEET.parent.as_posix())
    app.setStyleSheet(re.sub(r"\b(\d+)px", lambda match: f"{round(int(match[1]) * scale)}px", sheet))
    app.setProperty(LOOK, [theme, scale])


@contextmanager
def unstyled() -> Iterator[None]:
    """Without the style sheet until the end: what is built meanwhile is polished once, in half the time."""
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    sheet = app.styleSheet()
    app.setStyleSheet("")
    try:
        yield
    finally:
        app.setStyleSheet(sheet)


def icon(name: str, colour: QColor = TEXT) -> QIcon:
    """A line icon by what it means here (GLYPHS), or by its name in the Remix set ("eye"). It follows the theme."""
    glyph = GLYPHS.get(name, name.removesuffix("-line"))
    made: QIcon = qtawesome.icon(f"ri.{glyph}-line", color=colour, color_on=ACCENT, color_disabled=LINE)
    return made


def _palette() -> QPalette:
    """What the style sheet does not reach: item views, disabled text, selections, links."""
    palette = QPalette()
    role = QPalette.ColorRole
    for target, colour in {
        role.Window: PANEL,
        role.WindowText: TEXT,
        role.Base: PANEL,
        role.AlternateBase: RAISED,
        role.Text: TEXT,
        role.Button: RAISED,
        role.ButtonText: TEXT,
        role.BrightText: DANGER,
        role.Highlight: ACCENT,
        role.HighlightedText: CHROME,
        role.PlaceholderText: DIM,
        role.ToolTipBase: RAISED,
        role.ToolTipText: TEXT,
        role.Link: ACCENT,
        role.LinkVisited: AI,
        role.Light: LINE,
        role.Mid: LINE,
        role.Dark: CHROME,
        role.Shadow: CHROME,
        role.Accent: ACCENT,
    }.items():
        palette.setColor(target, colour)
    for target in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, target, DIM)
    return palette
