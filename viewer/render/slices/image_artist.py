"""How an image layer looks in a slice view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from vtkmodules.vtkCommonCore import vtkLookupTable
from vtkmodules.vtkRenderingCore import vtkImageSlice, vtkImageSliceMapper

from viewer.render.colormaps import BOUNDED, colour_table
from viewer.render.planes.reslice import PlaneReslice, clip_box
from viewer.render.vtk_bridge import fill_table, image_of, matrix_of, vtk_axis

if TYPE_CHECKING:
    from collections.abc import Hashable

    from viewer.data.arrays import Floats
    from viewer.data.grid import Grid
    from viewer.data.volume import Volume, Window
    from viewer.render.planes.plane import Pose
    from viewer.scene.layer import VolumeLayer


class VolumeSliceArtist:
    """One vtkImageSlice. On the view's own grid it takes the slice as it is stored; on another grid it samples."""

    def __init__(self, layer: VolumeLayer) -> None:
        self._layer = self.appearance = layer  # appearance: the layer whose window and colours it has
        self._mapper: Any = vtkImageSliceMapper()
        self._mapper.BorderOn()
        self._plain, self._exact = PlaneReslice(), PlaneReslice(exact=True)
        self._table: Any = vtkLookupTable()
        for clear in (self._table.SetNanColor, self._table.SetBelowRangeColor, self._table.SetAboveRangeColor):
            clear(0, 0, 0, 0)
        self._image: Any = None
        self._volume: Volume | None = None
        self._spacing: Floats = np.zeros(3)
        self._coloured: Hashable = None
        self.prop: Any = vtkImageSlice()
        self.prop.SetMapper(self._mapper)
        self.prop.ForceTranslucentOn()  # drawn in the order of the layers, opaque or not

    def look(self, pose: Pose, timepoint: int, *, overlay: bool) -> Hashable:
        """Everything the picture depends on: an equal look needs no new drawing."""
        layer, volume = self.appearance, self._layer.volume(timepoint)
        place = pose.index if self._aligned(pose) else pose
        moved = self._layer.transform
        return volume, moved, pose.plane, place, layer.window, layer.colormap, layer.opacity, overlay

    def show(self, pose: Pose, timepoint: int, *, overlay: bool) -> None:
        """Bring the prop to the look."""
        volume, grid = self._layer.volume(timepoint), self._layer.world_grid
        if volume is not self._volume or not np.array_equal(grid.spacing, self._spacing):
            self._volume, self._image, self._spacing = volume, image_of(volume.array, grid), grid.spacing
        if self._aligned(pose):
            self._show_stored(grid, pose)
        else:
            self._show_sampled(volume, grid, pose)
        self._colour(volume, overlay=overlay)

    def touched(self) -> None:
        """The array that is shown was written to."""
        if self._image is not None:
            self._image.Modified()

    def _aligned(self, pose: Pose) -> bool:
        """True where the slices of the view are slices of the voxels."""
        bent = self._layer.transform is not None and self._layer.transform.displacement is not None
        return not bent and self._layer.world_grid.matches(pose.plane.grid)

    def _show_stored(self, grid: Grid, pose: Pose) -> None:
        self._mapper.SetInputData(self._image)
        self._mapper.RemoveAllClippingPlanes()
        self._mapper.SetOrientation(vtk_axis(pose.plane.normal_axis))
        self._mapper.SetSliceNumber(pose.index)
        self.prop.SetUserMatrix(matrix_of(grid))
        self.prop.VisibilityOn()

    def _show_sampled(self, volume: Volume, grid: Grid, pose: Pose) -> None:
        transform = self._layer.transform
        bent = transform is not None and transform.displacement is not None
        reslice = self._exact if bent and not volume.color else self._plain
        matrix = reslice.place(self._image, grid, pose, transform)
        self.prop.SetVisibility(matrix is not None)
        if matrix is None:
            return
        self._mapper.SetInputConnection(reslice.filter.GetOutputPort())
        self._mapper.RemoveAllClippingPlanes()
        for face in clip_box(grid, pose.plane) if reslice is self._plain else ():
            self._mapper.AddClippingPlane(face)
        self._mapper.SetOrientationToZ()
        self._mapper.SetSliceNumber(0)
        self.prop.SetUserMatrix(matrix)

    def _colour(self, volume: Volume, *, overlay: bool) -> None:
        look = self.prop.GetProperty()
        look.SetOpacity(self.appearance.opacity)
        coloured = (volume, self.appearance.window, self.appearance.colormap, overlay)
        if coloured == self._coloured:
            return
        self._coloured = coloured
        if volume.color:
            look.SetLookupTable(None)
            look.SetColorWindow(255)
            look.SetColorLevel(127.5)
            return
        lower, upper = stored_range(volume, self.appearance.window)
        inverted = volume.inverted != (lower > upper)
        fill_table(self._table, colour_table(self.appearance.colormap, inverted=inverted, overlay=overlay))
        self._table.SetRange(min(lower, upper), max(lower, upper))
        self._table.SetUseBelowRangeColor(self.appearance.colormap in BOUNDED)
        self._table.SetUseAboveRangeColor(self.appearance.colormap in BOUNDED)
        look.SetLookupTable(self._table)
        look.UseLookupTableScalarRangeOn()


def stored_range(volume: Volume, window: Window) -> tuple[float, float]:
    """The stored values at a window's lower and upper bound; the lower comes second where the slope is negative."""
    slope = volume.slope or 1.0
    return (window.lower - volume.intercept) / slope, (window.upper - volume.intercept) / slope
