"""What OpenGL this machine offers: asked before anything is drawn, so that a broken driver is found by name.

`python -m viewer.render.gl_info` prints it as JSON from a process of its own, which a driver may crash unharmed.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from PySide6.QtGui import QOffscreenSurface, QOpenGLContext, QSurfaceFormat

GL_VENDOR, GL_RENDERER, GL_VERSION = 0x1F00, 0x1F01, 0x1F02
SOFTWARE = ("llvmpipe", "softpipe", "swiftshader", "gdi generic", "microsoft basic render", "swrast")


@dataclass(frozen=True)
class GLInfo:
    """The strings of the driver; empty where there is no OpenGL."""

    vendor: str = ""
    renderer: str = ""
    version: str = ""

    @property
    def works(self) -> bool:
        """True where OpenGL 3.2 or later answered."""
        number = self.version.split(" ")[0].split(".")
        return len(number) > 1 and (int(number[0]), int(number[1])) >= (3, 2)

    @property
    def software(self) -> bool:
        """True where the processor draws: volume rendering then takes the way made for processors."""
        return is_software(self.renderer)


def is_software(renderer: str) -> bool:
    """True for the renderer strings of OpenGL without a graphics card."""
    return any(name in renderer.lower() for name in SOFTWARE)


def gl_info() -> GLInfo:
    """Ask a context of our own. Needs a QGuiApplication."""
    context, surface = QOpenGLContext(), QOffscreenSurface()
    context.setFormat(QSurfaceFormat.defaultFormat())
    surface.setFormat(QSurfaceFormat.defaultFormat())
    surface.create()
    if not context.create() or not context.makeCurrent(surface):
        return GLInfo()
    functions: Any = context.functions()
    texts = [str(functions.glGetString(name)) for name in (GL_VENDOR, GL_RENDERER, GL_VERSION)]
    context.doneCurrent()
    return GLInfo(*texts)


def main() -> None:
    """Print the strings and the two verdicts as one JSON object."""
    from PySide6.QtGui import QGuiApplication

    from viewer.render.gl_view import GLView

    GLView.set_default_format()
    application = QGuiApplication([])
    info = gl_info()
    print(json.dumps({**asdict(info), "works": info.works, "software": info.software}))
    del application


if __name__ == "__main__":
    main()
