"""The 3-D view: one image, rendered as a volume, with the surfaces of segments."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QTimer
from shiboken6 import isValid
from vtkmodules.vtkRenderingOpenGL2 import vtkTextureObject

from viewer.data.grid import Grid, orientation_letters
from viewer.render.gl_info import is_software
from viewer.render.overlay.overlay import (
    DIM,
    WARNING,
    Line,
    Overlay,
    label_lines,
    layer_lines,
    loading,
    mark_lines,
    number,
    patient_lines,
)
from viewer.render.overlay.prompt_marks import projected_prompt_marks, prompted_layer
from viewer.render.view import View
from viewer.render.volumes.artists import SpaceArtist, space_artist_of
from viewer.render.volumes.picking import first_labelled, first_opaque, line_of_sight, to_screen
from viewer.render.volumes.surface_scene import LabelSurfaces
from viewer.render.volumes.volume_presets import Preset, presets, presets_for

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from PySide6.QtGui import QImage
    from PySide6.QtWidgets import QWidget

    from viewer.data.box import Box
    from viewer.data.volume import Window
    from viewer.scene.document import Document
    from viewer.scene.layer import Layer, VolumeLayer
    from viewer.scene.view_state import ViewState

# Where the reader stands (LPS direction from the patient) and what is up.
SIDES = {
    "anterior": ((0, -1, 0), (0, 0, 1)),
    "posterior": ((0, 1, 0), (0, 0, 1)),
    "left": ((1, 0, 0), (0, 0, 1)),
    "right": ((-1, 0, 0), (0, 0, 1)),
    "superior": ((0, 0, 1), (0, -1, 0)),
    "inferior": ((0, 0, -1), (0, -1, 0)),
}
TURNING, RESTING = 20.0, 0.001  # pictures a second that VTK aims at
REST = 250  # ms without a movement until the full picture is made
STEP = 0.008  # seconds of preparing between two looks at the event queue
MARGIN = 1.08
DEGREES = 0.4  # a turn for a pixel of mouse movement


class VolumeView(View):
    """Shows the active image if it is visible, else the base; says in words why it cannot."""

    def __init__(self, document: Document, state: ViewState, parent: QWidget | None = None) -> None:
        super().__init__(document, state, "volume", parent)
        self._artist: SpaceArtist | None = None
        self._surfaces = LabelSurfaces(self.renderer, self.redraw, lambda: bool(self._machine()["software"]))
        self._layer: VolumeLayer | None = None
        self._chosen = ""  # id of the preset the user took
        self._grid: Grid | None = None  # what the camera was aimed at
        self._moves = 0
        self._scene: Hashable = None  # what is drawn, with which window, and whether in full
        self._window: Window | None = None
        self._full, self._due = False, False
        self._steps: Iterator[None] | None = None
        self._worker = QTimer(self, interval=0)
        self._worker.timeout.connect(self._prepare)
        self._rest = QTimer(self, singleShot=True, interval=REST)
        self._rest.timeout.connect(self._at_rest)

    @property
    def layer(self) -> VolumeLayer | None:
        """What is rendered: the active image where it is visible and no difference, else the base."""
        solid = (layer for layer in self.shown if not (layer.is_difference or layer.is_doubt or layer.is_heat_map))
        active = next((layer for layer in solid if layer.id == self.state.active), None)
        return active or self.document.base

    @property
    def problem(self) -> str:
        """Why there is no 3-D picture, in words; "" where there is one, or nothing to show."""
        layer = self.layer
        if layer is None:
            return ""
        volume = layer.volume(self.state.timepoint)
        if volume.color:
            return "This image is in colour:\n3-D shows images of grey values."
        if min(volume.grid.shape) < 2:
            return "This image has a single slice:\n3-D needs a volume."
        if layer.loaded < 1:
            return f"{layer.loaded:.0%} loaded: 3-D follows the last slice."
        return ""

    @property
    def preset(self) -> Preset | None:
        """The preset in use: the chosen one, else the first for the modality."""
        layer = self.layer
        if self._chosen:
            return presets()[self._chosen]
        return presets_for(layer.volumes[0])[0] if layer else None

    @property
    def is_complete(self) -> bool:
        """True where the full picture is on the screen."""
        return self._scene is not None and self._full and not self._rest.isActive()

    def set_preset(self, preset: str) -> None:
        """Take a preset by id. Raises KeyError for an unknown one."""
        self._chosen = presets()[preset].id
        self._move()

    def orbit(self, dx: float, dy: float) -> None:
        """Turn as if the patient were held at a point and moved by logical pixels."""
        camera = self.renderer.GetActiveCamera()
        camera.Azimuth(-dx * DEGREES)
        camera.Elevation(dy * DEGREES)
        camera.OrthogonalizeViewUp()
        self._move()

    def look_from(self, side: str) -> None:
        """Stand at a side of the patient, one of SIDES."""
        camera, (stand, up) = self.renderer.GetActiveCamera(), SIDES[side]
        focus, distance = np.array(camera.GetFocalPoint()), camera.GetDistance()
        camera.SetPosition(*(focus + distance * np.array(stand)))
        camera.SetViewUp(*up)
        self._move()

    def zoom(self, factor: float, x: float | None = None, y: float | None = None) -> None:
        """Enlarge by a factor about the middle; x and y are for slices."""
        camera = self.renderer.GetActiveCamera()
        camera.SetParallelScale(camera.GetParallelScale() / factor)
        self._move()

    def pan(self, dx: float, dy: float) -> None:
        """Shift the scene with the mouse, by so many logical pixels to the right and down."""
        camera = self.renderer.GetActiveCamera()
        right, up = self._screen()
        shift = (dy * up - dx * right) * 2 * camera.GetParallelScale() / max(self.height(), 1)
        camera.SetFocalPoint(*(np.array(camera.GetFocalPoint()) + shift))
        camera.SetPosition(*(np.array(camera.GetPosition()) + shift))
        self._move()

    def fit(self) -> None:
        """Look at the whole image from the front again."""
        self._grid = None
        self._move()

    def world_at(self, x: float, y: float) -> tuple[float, float, float] | None:
        """None: a pixel of a rendered volume has no one position."""
        return None

    def place_under(self, x: float, y: float) -> tuple[float, float, float] | None:
        """The place that a reader sees under a widget pixel, LPS mm; None where there is nothing.

        That is the nearest of: the first voxel of a segment that is drawn, and where the rendered volume has stopped
        half of the light (of a maximum, where that is).
        """
        ray, layer, artist = line_of_sight(self, x, y), self.layer, self._artist
        depths = [first_labelled(ray, one) for one in self.labels]
        if layer is not None and artist is not None and artist.solid is not None and self.preset is not None:
            grid = layer.transform.placed(artist.solid.grid) if layer.transform else artist.solid.grid
            depths.append(first_opaque(ray, artist.solid, grid, self.preset, layer.window))
        met = [depth for depth in depths if depth is not None]
        if not met:
            return None
        place = ray[0] + min(met) * ray[1]
        return float(place[0]), float(place[1]), float(place[2])

    def picture(self) -> QImage:
        """The full picture, however long it takes."""
        self.sync()
        while self._steps is not None:
            self._prepare()
        self._surfaces.finish(self.labels)
        self._due = True
        picture = self.grabFramebuffer()
        self._rest.stop()
        return picture

    def drop(self, layer: Layer) -> None:
        """Forget what was built for a layer that is gone."""
        self._surfaces.drop(layer)
        if layer is self._layer:
            self._forget()

    def shows(self, layer: Layer, box: Box) -> bool:
        """False: a part that has arrived is never drawn by itself."""
        return False  # it waits for the last pixel, which `loaded` tells of, and for the end of a stroke

    def _changed(self, *_: Any) -> None:
        """A little later: slices that show the same change are not kept waiting by a rendering, which takes longer."""
        if isValid(self) and not self._pace.isActive():
            self._pace.start()

    # What it draws.
    def sync(self) -> bool:
        """Bring the scene to what is to be shown, in steps for a large image. False where nothing changed."""
        layer, preset = (None, None) if self.problem else (self.layer, self.preset)
        if layer is not self._layer:
            self._forget()
            self._layer = layer
        if layer is None or preset is None:
            return self._hide()
        if self._artist is None:
            self._artist = space_artist_of[type(layer)](layer, **self._machine())
            self.renderer.AddVolume(self._artist.prop)
        if not self._artist.ready(self.state.timepoint):
            if self._steps is None:
                self._steps = self._artist.prepare(self.state.timepoint)
                self._worker.start()
            return self._hide()
        return self._show(self._artist, layer, preset)

    def overlay(self) -> Overlay:
        """What is said over the scene: the image, how much it was reduced, why nothing is drawn."""
        layer, preset, artist = self.layer, self.preset, self._artist
        if layer is None or preset is None:
            return Overlay(active=self._active)
        message = self.problem or ("Preparing 3-D …" if self._steps else "")
        marks, prompted = mark_lines((layer, *self.labels)), prompted_layer(self.labels, self.state.active)
        common = Overlay(
            top_right=marks,
            prompts=() if message else projected_prompt_marks(prompted, self.state.prompt, to_screen(self)),
            message=message,
            loading=loading((layer,)),
            active=self._active,
        )
        if not self.state.show_text:
            return common
        badges = [*label_lines(self.labels), *layer_lines((layer,))]
        if artist and artist.reduced and artist.solid:
            size = " × ".join(number(length) for length in artist.solid.grid.spacing[::-1])
            badges.append(Line(f"reduced for 3-D: {size} mm", WARNING))
        if layer.transform and layer.transform.displacement is not None:
            badges.append(Line("3-D: placed, not bent", WARNING))
        right, up = self._screen()
        letters = [orientation_letters(side, 0.35) for side in (-right, right, up, -up)]
        if layer.volumes[0].grid.placed and not message:
            common = replace(common, edges=(letters[0], letters[1], letters[2], letters[3]))
        below = () if message else (*self._surfaces.lines, Line(preset.title, DIM))
        return replace(common, top_left=patient_lines(layer.source), top_right=tuple(badges), bottom_left=below)

    def _machine(self) -> dict[str, Any]:
        """What draws here. Called with the context current."""
        lines = self.gl_window.ReportCapabilities().splitlines()
        renderer = next((line for line in lines if line.startswith("OpenGL renderer")), "")
        side = vtkTextureObject.GetMaximumTextureSize3D(self.gl_window)
        return {"software": is_software(renderer), "side": max(side, 1)}

    def _prepare(self) -> None:
        """One helping of preparing, then back to the event loop."""
        end = time.perf_counter() + STEP
        while self._steps is not None and time.perf_counter() < end:
            if next(self._steps, self) is self:  # the end
                self._steps = None
                self._worker.stop()
                self._move()

    def _show(self, artist: SpaceArtist, layer: VolumeLayer, preset: Preset) -> bool:
        """Coarse where something moved, full where the rest is due; a new window alone waits for the rest."""
        window = layer.window if preset.values == "window" else None
        surfaces = self._surfaces.show(self.labels)
        scene = (artist.solid, layer.transform, preset, surfaces, self._moves, self.width(), self.height())
        full, self._due = self._due, False
        moved = scene != self._scene
        if not full and (moved or window != self._window):
            self._rest.start()
        if not moved and not full:
            return False
        self._scene, self._window, self._full = scene, window, full
        artist.show(preset)
        artist.prop.SetVisibility(bool(preset.opacity))
        self._surfaces.sharpen(full)
        self._aim(layer.volumes[0].grid, layer.world_grid)
        self.gl_window.SetDesiredUpdateRate(RESTING if full else TURNING)
        return True

    def _hide(self) -> bool:
        """Nothing to render: True where there was something."""
        self._surfaces.hide()
        if self._artist:
            self._artist.prop.VisibilityOff()
        changed, self._scene = self._scene is not None, None
        return changed

    def _aim(self, own: Grid, grid: Grid) -> None:
        """Take the camera to a new image, where it lies in the world; leave it alone while the image stays."""
        camera = self.renderer.GetActiveCamera()
        if self._grid is None or not self._grid.matches(own):
            self._grid = own
            radius = float(np.linalg.norm(grid.corners - grid.centre, axis=1).max())
            turned = np.array(camera.GetDirectionOfProjection()) if camera.GetParallelProjection() else (0, 1, 0)
            camera.ParallelProjectionOn()
            camera.SetFocalPoint(*grid.centre)
            camera.SetPosition(*(grid.centre - 4 * radius * np.asarray(turned)))
            if np.allclose(turned, (0, 1, 0)):
                camera.SetViewUp(0, 0, 1)
            camera.SetParallelScale(_reach(grid, self.height() / max(self.width(), 1)))
        self.renderer.ResetCameraClippingRange()

    def _screen(self) -> tuple[Any, Any]:
        """Unit world directions of the screen's right and up."""
        camera = self.renderer.GetActiveCamera()
        forward, up = np.array(camera.GetDirectionOfProjection()), np.array(camera.GetViewUp())
        right = np.cross(forward, up)
        right = right / max(float(np.linalg.norm(right)), 1e-12)
        return right, np.cross(right, forward)

    def _move(self) -> None:
        """Something is in motion: coarse pictures now, the full one when it has come to rest."""
        self._moves += 1
        self._full = self._due = False
        self.redraw()

    def _at_rest(self) -> None:
        self._due = True
        self.redraw()

    def _forget(self) -> None:
        """Let go of the voxels that are drawn."""
        if self._artist:
            self.renderer.RemoveVolume(self._artist.prop)
            self._lost = True  # the picture still shows it
        self._artist, self._layer, self._steps, self._scene = None, None, None, None
        self._worker.stop()


def _reach(grid: Grid, tall: float) -> float:
    """Half the height in mm of a picture, `tall` times as high as wide, that holds the grid from every side."""
    across, along, up = np.ptp(grid.corners, axis=0)
    return float(max(up, max(across, along) * tall)) / 2 * MARGIN
