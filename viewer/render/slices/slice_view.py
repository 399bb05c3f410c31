"""A view of one slice: the planes of one image's own grid, every other layer sampled onto them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from viewer.render.comparison.comparison_artist import ComparisonArtist
from viewer.render.comparison.deformation_artist import DeformationArtist
from viewer.render.comparison.inspection_overlay import RegionReader, wipe_face
from viewer.render.planes.plane import Plane, Pose
from viewer.render.slices.artists import SliceArtist, artist_of
from viewer.render.slices.slice_content import SliceContent, slice_content
from viewer.render.slices.slice_overlay import slice_overlay
from viewer.render.view import View
from viewer.scene.layer import Layer, PlacedLayer, VolumeLayer

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from PySide6.QtWidgets import QWidget

    from viewer.data.annotations.region import Point
    from viewer.data.box import Box
    from viewer.data.grid import Grid
    from viewer.render.overlay.overlay import Overlay
    from viewer.scene.compare.comparison import ComparisonPair
    from viewer.scene.document import Document
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
        self._regions = RegionReader()
        self._place: tuple[float, float, float] | None = None  # across, along, scale; None while fitted

    # Where it looks.
    @property
    def content(self) -> SliceContent:
        """What it shows now."""
        return slice_content(self.document, self.state, super().shown, self.labels, self._pose_on)

    @property
    def shown(self) -> tuple[VolumeLayer, ...]:
        """The images that are drawn, the lowest first."""
        return self.content.shown

    @property
    def pose(self) -> Pose | None:
        """The slice on the screen, and where on it; None where there is no visible image."""
        return self.content.pose

    @property
    def plane(self) -> Plane | None:
        """The slices of the reference; None where there is no visible image."""
        pose = self.pose
        return pose.plane if pose else None

    def _pose_on(self, reference: VolumeLayer) -> Pose:
        grid = reference.world_grid
        plane = self._plane
        if plane is None or not _same(plane.grid, grid):
            plane = Plane(grid, self.name)
            self._turn(plane)
        index = plane.index(self.state.crosshair)
        if self._place is None:
            return Pose.fit(plane, index, self.width(), self.height())
        return Pose(plane, index, *self._place, self.width(), self.height())

    @property
    def count(self) -> int:
        """Slices of the reference in this plane; 0 without one."""
        plane = self.plane
        return plane.count if plane else 0

    @property
    def index(self) -> int:
        """The slice of the reference's array that is shown, from 0."""
        pose = self.pose
        return pose.index if pose else 0

    @property
    def spacing(self) -> float:
        """Distance between neighbouring slices, mm; 0 without an image."""
        plane = self.plane
        return plane.spacing if plane else 0.0

    def scroll(self, steps: int) -> None:  # type: ignore[override]
        """Move the cross-hair by whole slices: to the patient's left, back or head where steps are positive."""
        if plane := self.plane:
            x, y, z = plane.moved(self.state.crosshair, steps)
            self.state.crosshair = (float(x), float(y), float(z))

    def world_at(self, x: float, y: float) -> tuple[float, float, float] | None:
        """The place under a widget pixel in the slice, LPS mm; None where no slice is shown."""
        pose = self.pose
        if pose is None or pose.plane.flat:
            return None
        left, back, head = pose.world(x, y)
        return float(left), float(back), float(head)

    def pixel_of(self, place: Point) -> tuple[float, float]:
        """The widget pixel of a place (LPS mm), which is projected on the slice along its normal."""
        pose = self.pose
        return pose.pixel(place) if pose else (0.0, 0.0)

    def zoom(self, factor: float, x: float | None = None, y: float | None = None) -> None:
        """Enlarge by a factor; what lies under the pixel (the middle where none is given) stays there."""
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
        """Shift the slice by so many pixels, to the right and down."""
        pose = self.pose
        if pose:
            self._place = (pose.across - dx * pose.scale, pose.along - dy * pose.scale, pose.scale)
            self.redraw()

    def fit(self) -> None:
        """Show the whole slice again, centred."""
        self._place = None
        self.redraw()

    # What it draws.
    def sync(self) -> bool:
        """Bring the artists to what is to be shown. False where nothing changed: the last picture is right."""
        content = self.content
        pose = content.pose
        layers = () if pose is None or pose.plane.flat else content.shown
        labels = content.labels if layers else ()
        pair = content.comparison if len(layers) == 2 else None
        for image in content.shown:
            self._artist(image).appearance = content.appearance(image)
        drawn = content.deformation
        for layer_id in self._written & set(self._artists):
            self._artists[layer_id].touched()
        look = self._look(content, layers, pair), self._looks(content, labels), drawn and self._map.look(drawn)
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
                self._show(content, layer, place, pose)
        if pose and layers and drawn and self._map.show(pose, drawn):
            self.renderer.AddViewProp(self._map.prop)
        return True

    def _look(self, content: SliceContent, layers: tuple[VolumeLayer, ...], pair: ComparisonPair | None) -> Hashable:
        """Everything the picture depends on."""
        if content.pose is None:
            return ()
        if pair:
            return self._pair.look(content.pose, pair, self.state.timepoint)
        seen = content.inspection
        return content.pose, self._looks(content, layers), seen.how if seen else None

    def _looks(self, content: SliceContent, layers: Sequence[Layer]) -> Hashable:
        pose, now = content.pose, self.state.timepoint
        return pose and tuple(
            (layer.id, self._artist(layer).look(pose, content.timepoint(layer, now), overlay=place > 0))
            for place, layer in enumerate(layers)
        )

    def overlay(self) -> Overlay:
        """The texts, marks and lines above the slice, as they are now."""
        return slice_overlay(self.content, self.document, self.state, self._regions, active=self._active)

    def _turn(self, plane: Plane) -> None:
        """Take another base: what was in the middle stays there where both lie in one space, else all is shown."""
        before, self._plane = self._plane, plane
        if self._place is None:
            return
        if before is None or not _same_frame(before.grid, plane.grid):
            self._place = None
            return
        across, along, scale = self._place
        depth = np.dot(self.state.crosshair, before.normal)
        middle = across * before.right + along * before.down + depth * before.normal
        self._place = (float(middle @ plane.right), float(middle @ plane.down), scale)

    def drop(self, layer: Layer) -> None:
        """Forget the artist of a layer that is gone."""
        artist = self._artists.pop(layer.id, None)
        if artist:
            self.renderer.RemoveViewProp(artist.prop)
            self._drawn = None

    def shows(self, layer: Layer, box: Box) -> bool:
        """Whether the slice that is drawn cuts the box of voxels [k, j, i] of a layer; True where it cannot be told."""
        content = self.content
        pose = content.pose
        if pose is None or not isinstance(layer, PlacedLayer) or layer not in (*content.shown, *content.labels):
            return False
        if layer.transform is not None or not layer.world_grid.matches(pose.plane.grid):
            return True
        start, stop, _ = box[pose.plane.normal_axis].indices(pose.plane.count)
        return start <= pose.index < stop

    def _artist(self, layer: Layer) -> SliceArtist:
        if layer.id not in self._artists:
            self._artists[layer.id] = artist_of[type(layer)](layer)
        return self._artists[layer.id]

    def _show(self, content: SliceContent, layer: Layer, place: int, pose: Pose) -> None:
        artist, seen = self._artist(layer), content.inspection if isinstance(layer, VolumeLayer) else None
        artist.show(pose, content.timepoint(layer, self.state.timepoint), overlay=place > 0 and not seen)
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


def _same_frame(a: Grid, b: Grid) -> bool:
    """True where a place on one grid's screen is meant to stay when the other takes over."""
    return bool(a.frame_of_reference) and a.frame_of_reference == b.frame_of_reference
