"""A view of one slice: the planes of one image's own grid, every other layer sampled onto them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from PySide6.QtWidgets import QWidget

from viewer.data.annotations.region import Point
from viewer.data.grid import Grid
from viewer.render.comparison.comparison_artist import ComparisonArtist
from viewer.render.comparison.deformation_artist import DeformationArtist, Deformed, deformed
from viewer.render.comparison.inspection_overlay import RegionReader, wipe_face
from viewer.render.overlay.overlay import Outline, Overlay
from viewer.render.planes.plane import Plane, Pose
from viewer.render.slices.artists import SliceArtist, artist_of
from viewer.render.slices.slice_overlay import slice_overlay
from viewer.render.view import View
from viewer.scene.compare.comparison import Compared, compared
from viewer.scene.compare.inspection import Inspected, inspected
from viewer.scene.document import Document
from viewer.scene.layer import Box, Layer, PlacedLayer, VolumeLayer
from viewer.scene.view_state import ViewState

LIFT = 0.05  # mm between layers: the depth buffer tells 0.0001
FAR = 1000.0  # mm from the camera to the slice; parallel projection, so only the order matters
NEAREST_SCALE, FARTHEST_SCALE = 0.005, 20.0  # mm a pixel: where zooming ends


class SliceView(View):
    """plane: "axial", "sagittal" or "coronal"."""

    def __init__(self, document: Document, state: ViewState, plane: str, parent: QWidget | None = None) -> None:
        super().__init__(document, state, plane, parent)
        # Without lights and VTK's order-independent blending two layers take 4 ms to draw instead of 13.
        self.renderer.AutomaticLightCreationOff()
        self.renderer.SetUseOIT(False)
        self.renderer.GetActiveCamera().ParallelProjectionOn()
        self._artists: dict[str, SliceArtist] = {}
        self._pair, self._map = ComparisonArtist(), DeformationArtist()
        self._drawn: Hashable = None
        self._plane: Plane | None = None
        self._region = RegionReader()
        self._place: tuple[float, float, float] | None = None  # across, along, scale; None while fitted

    # Where it looks.
    @property
    def compared(self) -> Compared | None:
        """The two images of a comparison where this view shows them; it goes before everything else."""
        return compared(self.document, self.state.comparison)

    @property
    def deformed(self) -> Deformed | None:
        """The transform that is drawn over the images."""
        return deformed(self.document.whole, self.state.deformation)

    @property
    def inspected(self) -> Inspected | None:
        """Input and result where this view holds them against each other."""
        return None if self.compared else inspected(self.document, self.state.inspection, self.state.active)

    @property
    def shown(self) -> tuple[VolumeLayer, ...]:
        seen = self.compared or self.inspected
        return seen.shown if seen else super().shown

    @property
    def base(self) -> VolumeLayer | None:
        """The lowest image that is drawn."""
        return next(iter(self.shown), None)

    @property
    def reference(self) -> VolumeLayer | None:
        """The image whose slices are those of the view."""
        if self.compared:
            return self.compared.fixed
        return self.base if self.inspected else self.document.reference

    @property
    def plane(self) -> Plane | None:
        """The slices of the reference; None where there is no visible image."""
        reference = self.reference
        if reference is None:
            return None
        grid = reference.room_grid
        if self._plane is None or not _same(self._plane.grid, grid):
            self._turn(Plane(grid, self.name))
        return self._plane

    @property
    def pose(self) -> Pose | None:
        """The slice on the screen, and where on it."""
        plane = self.plane
        if plane is None:
            return None
        index = plane.index(self.state.crosshair)
        if self._place is None:
            return Pose.fit(plane, index, self.width(), self.height())
        return Pose(plane, index, *self._place, self.width(), self.height())

    @property
    def count(self) -> int:
        """Slices of the reference in this plane; 0 without one."""
        return self.plane.count if self.plane else 0

    @property
    def index(self) -> int:
        """The slice of the reference's array that is shown, from 0."""
        return self.plane.index(self.state.crosshair) if self.plane else 0

    @property
    def spacing(self) -> float:
        """Distance between neighbouring slices, mm; 0 without an image."""
        return self.plane.spacing if self.plane else 0.0

    def scroll(self, steps: int) -> None:  # type: ignore[override]
        """Move the cross-hair by whole slices: to the patient's left, back or head where steps are positive."""
        if self.plane:
            x, y, z = self.plane.moved(self.state.crosshair, steps)
            self.state.crosshair = (float(x), float(y), float(z))

    def world_at(self, x: float, y: float) -> tuple[float, float, float] | None:
        pose = self.pose
        if pose is None or pose.plane.flat:
            return None
        left, back, head = pose.world(x, y)
        return float(left), float(back), float(head)

    def pixel_of(self, place: Point) -> tuple[float, float]:
        pose = self.pose
        return pose.pixel(place) if pose else (0.0, 0.0)

    def zoom(self, factor: float, x: float | None = None, y: float | None = None) -> None:
        pose = self.pose
        if pose is None:
            return
        scale = min(max(pose.scale / factor, NEAREST_SCALE), FARTHEST_SCALE)
        right = (self.width() / 2 if x is None else x) - self.width() / 2
        down = (self.height() / 2 if y is None else y) - self.height() / 2
        kept = pose.scale - scale  # the point under the pixel stays where it is
        self._place = (pose.across + right * kept, pose.along + down * kept, scale)
        self.redraw()

    def pan(self, dx: float, dy: float) -> None:
        pose = self.pose
        if pose:
            self._place = (pose.across - dx * pose.scale, pose.along - dy * pose.scale, pose.scale)
            self.redraw()

    def fit(self) -> None:
        self._place = None
        self.redraw()

    # What it draws.
    def sync(self) -> bool:
        pose = self.pose
        layers = () if pose is None or pose.plane.flat else self.shown
        labels = self.labels if layers else ()
        pair = self.compared if len(layers) == 2 else None
        self._dress()
        drawn = self.deformed
        for layer_id in self._written & set(self._artists):
            self._artists[layer_id].touched()
        look = self._look(pose, layers, pair), self._looks(pose, labels), drawn and self._map.look(drawn)
        if look == self._drawn and not self._written:
            return False
        self._written.clear()
        self._drawn = look
        self.renderer.RemoveAllViewProps()
        if pose:
            self._aim(pose)
        if pose and pair:
            self._pair.show(pose, pair, self.state.timepoint)
            self.renderer.AddViewProp(self._pair.prop)
        for place, layer in enumerate((*layers, *labels)):
            if pose and not (pair and layer in layers):
                self._show(layer, place, pose)
        if pose and layers and drawn and self._map.show(pose, drawn):
            self.renderer.AddViewProp(self._map.prop)
        return True

    def _look(self, pose: Pose | None, layers: tuple[VolumeLayer, ...], pair: Compared | None) -> Hashable:
        """Everything the picture depends on."""
        if pose is None:
            return ()
        if pair:
            return self._pair.look(pose, pair, self.state.timepoint)
        seen = self.inspected
        return pose, self._looks(pose, layers), seen.how if seen else None

    def _looks(self, pose: Pose | None, layers: Sequence[Layer]) -> Hashable:
        return pose and tuple(
            (layer.id, self._artist(layer).look(pose, self._time(layer), overlay=place > 0))
            for place, layer in enumerate(layers)
        )

    def overlay(self) -> Overlay:
        return slice_overlay(self, active=self._active)

    def region_outline(self, pose: Pose) -> Outline | None:
        """What the slice cuts of the drawn region, with its numbers."""
        state = self.state
        if state.region is None:
            return None
        return self._region.outline(state.region, pose, self.document, state.active, self.shown, state.timepoint)

    def _dress(self) -> None:
        """While input and result are held against each other, both wear the result's window and colours."""
        seen = self.inspected
        for layer in self.shown:
            self._artist(layer).dress = seen.result if seen and layer is seen.given else layer

    def _time(self, layer: Layer) -> int:
        """The time point that is drawn: of an input the one that its result was computed from."""
        seen = self.inspected
        return seen.result.made_at if seen and layer is seen.given else self.state.timepoint

    def _turn(self, plane: Plane) -> None:
        """Take another base: what was in the middle stays there where both lie in one space, else all is shown."""
        before, self._plane = self._plane, plane
        if self._place is None:
            return
        if before is None or not _same_room(before.grid, plane.grid):
            self._place = None
            return
        across, along, scale = self._place
        depth = np.dot(self.state.crosshair, before.normal)
        middle = across * before.right + along * before.down + depth * before.normal
        self._place = (float(middle @ plane.right), float(middle @ plane.down), scale)

    def drop(self, layer: Layer) -> None:
        artist = self._artists.pop(layer.id, None)
        if artist:
            self.renderer.RemoveViewProp(artist.prop)
            self._drawn = None

    def shows(self, layer: Layer, box: Box) -> bool:
        plane = self.plane
        if plane is None or not isinstance(layer, PlacedLayer) or layer not in (*self.shown, *self.labels):
            return False
        if layer.transform is not None or not layer.room_grid.matches(plane.grid):
            return True
        start, stop, _ = box[plane.normal_axis].indices(plane.count)
        return start <= self.index < stop

    def _artist(self, layer: Layer) -> SliceArtist:
        if layer.id not in self._artists:
            self._artists[layer.id] = artist_of[type(layer)](layer)
        return self._artists[layer.id]

    def _show(self, layer: Layer, place: int, pose: Pose) -> None:
        artist, seen = self._artist(layer), self.inspected if isinstance(layer, VolumeLayer) else None
        artist.show(pose, self._time(layer), overlay=place > 0 and not seen)
        if not artist.prop.GetVisibility():
            return
        if seen:
            artist.prop.GetProperty().SetOpacity(seen.share if place else 1.0)
            if place and (face := wipe_face(pose, seen.how)):
                artist.prop.GetMapper().AddClippingPlane(face)
        matrix = artist.prop.GetUserMatrix()
        for axis, towards in enumerate(-pose.plane.forward):  # nearer than the layer below, or that would hide it
            matrix.SetElement(axis, 3, matrix.GetElement(axis, 3) + place * LIFT * towards)
        self.renderer.AddViewProp(artist.prop)

    def _aim(self, pose: Pose) -> None:
        plane, camera = pose.plane, self.renderer.GetActiveCamera()
        focus = pose.world(pose.width / 2, pose.height / 2)
        camera.SetFocalPoint(*focus)
        camera.SetPosition(*(focus - FAR * plane.forward))
        camera.SetViewUp(*(-plane.down))
        camera.SetParallelScale(pose.scale * pose.height / 2)
        camera.SetClippingRange(FAR / 2, FAR * 2)


def _same(a: Grid, b: Grid) -> bool:
    return a is b or (a.shape == b.shape and np.array_equal(a.affine, b.affine))


def _same_room(a: Grid, b: Grid) -> bool:
    """True where a place on one grid's screen is meant to stay when the other takes over."""
    return bool(a.frame_of_reference) and a.frame_of_reference == b.frame_of_reference
