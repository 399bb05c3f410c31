"""Tomolens: a desktop workstation for medical images.

python main.py [PATH …]          the window, with studies opened
python main.py --sample          the window on the built-in sample
python main.py COMMAND …         without a window; `python main.py --help` lists the commands
"""

from __future__ import annotations

import sys
from multiprocessing import freeze_support
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from viewer.cli.headless_session import WindowStage

COMMANDS = (
    "demo", "info", "plugins", "run", "compare", "convert", "report", "snapshot", "models", "tune", "doctor",
    "--help", "--version",
)  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """The window, or the command that the first argument names; returns the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    if given and given[0] in COMMANDS:
        from viewer.cli.command_line import Screen, command_line

        return command_line(given, Screen(_window, _graphics, _pdf))
    from viewer.app import start

    return start([path for path in given if path != "--sample"], sample="--sample" in given)


def _window() -> WindowStage:
    """A real window that a command can drive and photograph."""
    from viewer.app import Stage
    from viewer.cli.virtual_display import ensure_display

    ensure_display()
    return Stage()


def _graphics() -> str:
    """The OpenGL renderer of this machine's screen."""
    from viewer.app import graphics
    from viewer.cli.virtual_display import ensure_display

    ensure_display()
    return graphics()


def _pdf(html: str, title: str, target: Path) -> int:
    """Write a page as a PDF file; the number of its sheets. Raises OSError."""
    from viewer.app import application
    from viewer.cli.virtual_display import ensure_display
    from viewer.ui.widgets.pdf_page import write_pdf

    ensure_display()
    drawing = application()  # fonts are its own
    sheets = write_pdf(html, title, target)
    drawing.processEvents()
    return sheets


if __name__ == "__main__":
    freeze_support()
    sys.exit(main())
