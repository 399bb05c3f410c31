"""A computed picture laid on a slice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkRenderingCore import vtkImageSlice, vtkImageSliceMapper

from viewer.render.vtk_bridge import vtk_matrix

if TYPE_CHECKING:
    from viewer.data.arrays import Floats
    from viewer.render.planes.reslice import Lattice

Colours = NDArray[np.uint8]


class PictureSlice:
    """One vtkImageSlice, drawn after what was added before it."""

    def __init__(self) -> None:
        self._mapper: Any = vtkImageSliceMapper()
        self._mapper.BorderOn()
        self.prop: Any = vtkImageSlice()
        self.prop.SetMapper(self._mapper)
        self.prop.ForceTranslucentOn()
        self.prop.GetProperty().SetColorWindow(255)
        self.prop.GetProperty().SetColorLevel(127.5)

    def show(self, colours: Colours, samples: Lattice, towards: Floats | None = None) -> None:
        """Draw RGB(A) [rows, columns, c] on the samples of a slice. towards: its lift off the slice, LPS mm."""
        image = vtkImageData()
        image.SetDimensions(samples.columns, samples.rows, 1)
        image.SetSpacing(*samples.step, 1)
        image.GetPointData().SetScalars(numpy_to_vtk(colours.reshape(-1, colours.shape[-1]), deep=True))
        self._mapper.SetInputData(image)
        frame = samples.frame.copy()
        frame[:3, 3] += 0 if towards is None else towards
        self.prop.SetUserMatrix(vtk_matrix(frame))
