"""How a segmentation looks in a slice view."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkRenderingCore import vtkImageSlice, vtkImageSliceMapper

from viewer.render.planes.label_pixels import Picture, over, picture, sampled
from viewer.render.planes.reslice import visible
from viewer.render.planes.warp import reach
from viewer.render.vtk_bridge import vtk_matrix

if TYPE_CHECKING:
    from collections.abc import Hashable

    from viewer.data.segmentation import Segment
    from viewer.render.planes.plane import Pose
    from viewer.scene.segmentation_layer import SegmentationLayer

STRONGER = 0.15  # more of the fill has the chosen segment


class LabelSliceArtist:
    """One vtkImageSlice with a picture as large as the part of the screen that the labels can lie in."""

    def __init__(self, layer: SegmentationLayer) -> None:
        self._layer = self.appearance = layer
        self._writes = 0
        self._mapper: Any = vtkImageSliceMapper()
        self._mapper.BorderOn()
        self._mapper.SetOrientationToZ()
        self.prop: Any = vtkImageSlice()
        self.prop.SetMapper(self._mapper)
        self.prop.ForceTranslucentOn()
        self.prop.GetProperty().SetInterpolationTypeToNearest()

    def look(self, pose: Pose, timepoint: int, *, overlay: bool) -> Hashable:
        """Everything the picture depends on: an equal look needs no new drawing."""
        layer = self._layer
        shown = layer.segmentation.segments, layer.hidden, layer.active
        return shown, layer.transform, layer.fill, layer.outline, layer.opacity, layer.review, self._writes

    def show(self, pose: Pose, timepoint: int, *, overlay: bool) -> None:
        """Bring the prop to the look."""
        part = self._in_view(pose)
        self.prop.SetVisibility(part is not None)
        if part is None:
            return
        drawn = np.ascontiguousarray(self._picture(part))
        image = vtkImageData()
        image.SetDimensions(part.width, part.height, 1)
        image.SetSpacing(part.scale, part.scale, 1)
        image.GetPointData().SetScalars(numpy_to_vtk(drawn.reshape(-1, 4), deep=True))
        self._mapper.SetInputData(image)
        self._mapper.SetSliceNumber(0)
        frame = np.eye(4)
        frame[:3, :3] = np.column_stack([part.plane.right, part.plane.down, part.plane.forward])
        frame[:3, 3] = part.world(0.5, 0.5)
        self.prop.SetUserMatrix(vtk_matrix(frame))
        self.prop.GetProperty().SetOpacity(self._layer.opacity)

    def touched(self) -> None:
        """The labels were written to."""
        self._writes += 1

    def _in_view(self, pose: Pose) -> Pose | None:
        """The part of the pose, in whole pixels, that the labels can lie in; None where there is none."""
        layer = self._layer
        outline = visible(layer.world_grid, pose, reach(layer.transform))
        if outline is None:
            return None
        left, top, width, height = outline
        x = (np.array([left, left + width]) - pose.across) / pose.scale + pose.width / 2
        y = (np.array([top, top + height]) - pose.along) / pose.scale + pose.height / 2
        x0, x1 = max(int(x[0]), 0), min(int(np.ceil(x[1])), pose.width)
        y0, y1 = max(int(y[0]), 0), min(int(np.ceil(y[1])), pose.height)
        if x0 >= x1 or y0 >= y1:
            return None
        across = pose.across + ((x0 + x1) / 2 - pose.width / 2) * pose.scale
        along = pose.along + ((y0 + y1) / 2 - pose.height / 2) * pose.scale
        return replace(pose, across=across, along=along, width=x1 - x0, height=y1 - y0)

    def _picture(self, pose: Pose) -> Picture:
        layer, dashed = self._layer, self._layer.review == "unreviewed"
        pictures = []
        for number, array in enumerate(layer.segmentation.maps):
            labels = sampled(array, layer.grid, pose, layer.transform)
            fills, lines = self._tables(number, np.iinfo(array.dtype).max)
            bold = layer.active[1] if layer.active and layer.active[0] == number else 0
            pictures.append(picture(labels, fills, lines, bold=bold, dashed=dashed))
        return reduce(over, pictures)

    def _tables(self, number: int, largest: int) -> tuple[Picture, Picture]:
        """RGBA by label, inside and along the border; values that stand for no visible segment are clear."""
        layer = self._layer
        fills, lines = (np.zeros((largest + 1, 4), np.uint8) for _ in range(2))
        for segment in layer.visible_segments:
            if segment.layer == number:
                share = self._share(segment)
                fills[segment.label] = (*segment.color, round(255 * share))
                lines[segment.label] = (*segment.color, 255 if layer.outline else round(255 * share))
        return fills, lines

    def _share(self, segment: Segment) -> float:
        """How much of the image below the fill covers."""
        chosen = segment.key == self._layer.active
        return min(self._layer.fill + STRONGER * chosen, 1.0) if self._layer.fill else 0.0
