"""A QOpenGLWidget that shows a VTK render window. It needs no native window id, so it runs on X11, Wayland and macOS.

Call GLView.set_default_format() before the QApplication is made. All OpenGL goes through vtkOpenGLState or QPainter,
so that VTK's record of the state of the context stays true.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import vtkmodules.vtkRenderingFreeType
import vtkmodules.vtkRenderingVolumeOpenGL2  # noqa: F401  (both register their OpenGL classes with VTK's factory)
from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QOpenGLContext, QPainter, QSurfaceFormat
from PySide6.QtOpenGLWidgets import QOpenGLWidget
from shiboken6 import getCppPointer, isValid, wrapInstance
from vtkmodules.vtkRenderingOpenGL2 import vtkGenericOpenGLRenderWindow

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

READ_FRAMEBUFFER, DRAW_FRAMEBUFFER, FRAMEBUFFER = 0x8CA8, 0x8CA9, 0x8D40
COLOR_ATTACHMENT, COLOR_BIT, NEAREST, SCISSOR_TEST = 0x8CE0, 0x4000, 0x2600, 0x0C11


class _Context:
    """The widget's OpenGL context by address.

    It outlives the Python wrappers, which are invalid before Qt's destructor emits aboutToBeDestroyed. The context is
    made current, never the widget: that would bind Qt's framebuffer behind VTK's back.
    """

    def __init__(self, context: QOpenGLContext) -> None:
        surface: Any = context.surface()
        self.address: int = getCppPointer(context)[0]
        # Wrapped again as the very class it came as: QSurface and QOffscreenSurface differ by an offset.
        self._surface, self._surface_class = getCppPointer(surface)[0], type(surface)

    def is_current(self) -> bool:
        current = QOpenGLContext.currentContext()
        return bool(self.address) and current is not None and getCppPointer(current)[0] == self.address

    def make_current(self) -> bool:
        if not self.address or self.is_current():
            return bool(self.address)
        surface = wrapInstance(self._surface, self._surface_class)
        return bool(wrapInstance(self.address, QOpenGLContext).makeCurrent(surface))

    def forget(self) -> None:
        wrapInstance(self.address, QOpenGLContext).doneCurrent()
        self.address = 0


class GLView(QOpenGLWidget):
    """One VTK render window in one widget. Ask for a new picture with update(): many calls make one frame.

    A subclass says in `sync` whether VTK has anything new to draw, and paints on top in `paint_overlay`.
    """

    @staticmethod
    def set_default_format() -> None:
        """OpenGL 3.2 core for the whole program: contexts that share must agree on it (macOS)."""
        wanted = QSurfaceFormat()
        wanted.setRenderableType(QSurfaceFormat.RenderableType.OpenGL)
        wanted.setVersion(3, 2)
        wanted.setProfile(QSurfaceFormat.OpenGLContextProfile.CoreProfile)
        wanted.setDepthBufferSize(24)
        wanted.setStencilBufferSize(8)
        wanted.setAlphaBufferSize(8)
        wanted.setSamples(0)
        QSurfaceFormat.setDefaultFormat(wanted)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.gl_window: Any = vtkGenericOpenGLRenderWindow()
        self.gl_window.SetReadyForRendering(False)
        self.gl_window.SetOwnContext(0)
        self.gl_window.SetFrameBlitModeToNoBlit()  # paintGL copies the picture when Qt's framebuffer is bound
        self.gl_window.SetMultiSamples(0)
        self.frames = 0  # how many pictures VTK has drawn
        self._lost = True  # the picture that VTK drew is gone or has the wrong size
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setUpdateBehavior(QOpenGLWidget.UpdateBehavior.NoPartialUpdate)

    # What a subclass adds.
    def sync(self) -> bool:
        """Bring the VTK scene up to date; True where its picture changes."""
        return False

    def paint_overlay(self, painter: QPainter) -> None:
        """Paint on top of VTK's picture, in logical pixels."""

    def redraw(self) -> None:
        """Ask for a frame. Safe when the widget is gone but a signal still finds its Python side."""
        if isValid(self):
            self.update()

    def sizeHint(self) -> QSize:
        """As large as a view wants to be, px."""
        return QSize(400, 400)

    def initializeGL(self) -> None:
        """Runs again after a move to another top-level window, with another context."""
        window, context = self.gl_window, _Context(self.context())

        def make_current(*_: Any) -> None:
            if not context.is_current() and context.make_current():
                window.GetState().ResetFramebufferBindings()

        def release() -> None:  # runs inside the widget's destructor: it must not touch the widget
            if context.make_current():
                window.SetIsCurrent(True)
                window.Finalize()
                context.forget()
            window.SetReadyForRendering(False)
            for tag in tags:
                window.RemoveObserver(tag)

        tags = [
            window.AddObserver("WindowMakeCurrentEvent", make_current),
            window.AddObserver("WindowIsCurrentEvent", lambda *_: window.SetIsCurrent(context.is_current())),
        ]
        self.context().aboutToBeDestroyed.connect(release, Qt.ConnectionType.DirectConnection)
        window.SetReadyForRendering(True)
        window.SetForceMaximumHardwareLineWidth(1)
        window.OpenGLInitContext()
        self._lost = True

    def resizeGL(self, width: int, height: int) -> None:
        """Give VTK's window the new size (logical px) in pixels of the device, and draw all of it again."""
        ratio = self.devicePixelRatioF()
        self.gl_window.SetDPI(round(72 * ratio))
        self.gl_window.SetSize(max(1, round(width * ratio)), max(1, round(height * ratio)))
        self._lost = True

    def paintGL(self) -> None:
        """Draw the scene where something changed, copy it to the widget, and paint the overlay above it."""
        window = self.gl_window
        window.GetState().Reset()  # Qt changed bindings, viewport and shader since the last time
        window.GetShaderCache().ReleaseCurrentShader()
        if self.sync() or self._lost:
            self._lost = False
            window.Render()
            self.frames += 1
        self._copy_picture()
        painter = QPainter(self)
        try:
            self.paint_overlay(painter)
        finally:  # a widget destroyed under a live painter takes the program with it
            painter.end()

    def _copy_picture(self) -> None:
        """VTK's picture into Qt's framebuffer, opaque (else the desktop shines through on macOS and Wayland)."""
        window, target = self.gl_window, self.defaultFramebufferObject()
        state, shown, (width, height) = window.GetState(), window.GetDisplayFramebuffer(), window.GetSize()
        state.vtkglBindFramebuffer(DRAW_FRAMEBUFFER, target)
        state.vtkglDrawBuffer(COLOR_ATTACHMENT)
        state.vtkglDisable(SCISSOR_TEST)
        if shown is not None and shown.GetFBOIndex():
            shown.Bind(READ_FRAMEBUFFER)
            shown.ActivateReadBuffer(0)
            state.vtkglBlitFramebuffer(0, 0, width, height, 0, 0, width, height, COLOR_BIT, NEAREST)
        state.vtkglColorMask(0, 0, 0, 1)
        state.vtkglClearColor(0, 0, 0, 1)
        state.vtkglViewport(0, 0, width, height)
        state.vtkglClear(COLOR_BIT)
        state.vtkglColorMask(1, 1, 1, 1)
        state.vtkglBindFramebuffer(FRAMEBUFFER, target)

    def event(self, event: QEvent) -> bool:
        """Draw at the right resolution once the widget comes to another screen."""
        if event.type() in (QEvent.Type.DevicePixelRatioChange, QEvent.Type.ScreenChangeInternal):
            self.resizeGL(self.width(), self.height())
        return super().event(event)
