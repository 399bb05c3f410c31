"""How an image layer looks in the 3-D view: volume rendering."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from vtkmodules.vtkCommonDataModel import vtkPiecewiseFunction
from vtkmodules.vtkRenderingCore import vtkColorTransferFunction, vtkVolume, vtkVolumeProperty
from vtkmodules.vtkRenderingVolume import vtkFixedPointVolumeRayCastMapper, vtkGPUVolumeRayCastMapper

from viewer.render.volumes.downsampling import factors, limits, reduce
from viewer.render.volumes.volume_presets import Preset, stored_value
from viewer.render.vtk_bridge import image_of, matrix_of, vtk_matrix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from viewer.data.volume import Volume, Window
    from viewer.scene.layer import VolumeLayer

FINE, COARSE = 0.5, 1.0  # distance between samples along a ray, in voxels: at rest, while turning


class VolumeSpaceArtist:
    """One vtkVolume over the stored voxels, or over a reduced copy where they are too many (see .downsampling).

    software: cast rays on the processor. side: the longest edge of a 3-D texture.
    """

    def __init__(self, layer: VolumeLayer, *, software: bool, side: int) -> None:
        self._layer, self._software, self._side = layer, software, side
        self._mapper: Any = vtkFixedPointVolumeRayCastMapper() if software else vtkGPUVolumeRayCastMapper()
        self._mapper.AutoAdjustSampleDistancesOn()
        self.prop: Any = vtkVolume()
        self.prop.SetMapper(self._mapper)
        self._source: Volume | None = None  # what was asked for
        self.solid: Volume | None = None  # what is drawn: the source or its reduced copy

    @property
    def reduced(self) -> bool:
        """True where fewer voxels are drawn than were read."""
        return bool(self.solid and self._source and self.solid.grid.shape != self._source.grid.shape)

    def ready(self, timepoint: int) -> bool:
        """True where `prepare` has run for this time point."""
        return self.solid is not None and self._source is self._layer.volume(timepoint)

    def prepare(self, timepoint: int) -> Iterator[None]:
        """Make what is drawn; a step a millisecond or so."""
        source = self._layer.volume(timepoint)
        self.solid = None
        by = factors(source.grid, limits(source, software=self._software, side=self._side))
        solid = yield from reduce(source, by)
        self._source, self.solid = source, solid
        self._mapper.SetInputData(image_of(solid.array, solid.grid))
        finest = float(solid.grid.spacing.min())
        self._mapper.SetSampleDistance(finest * FINE)
        if self._software:
            self._mapper.SetInteractiveSampleDistance(finest * COARSE)

    def show(self, preset: Preset) -> None:
        """Dress the volume, once prepared, in a preset, and put it where its transform's matrix places it."""
        if self.solid is None:
            return
        matrix, transform = matrix_of(self.solid.grid), self._layer.transform
        if transform:
            matrix.Multiply4x4(vtk_matrix(np.linalg.inv(transform.matrix)), matrix, matrix)
        self.prop.SetUserMatrix(matrix)
        self.prop.SetProperty(_looks(preset, self.solid, self._layer.window))
        if preset.blend == "maximum":
            self._mapper.SetBlendModeToMaximumIntensity()
        else:
            self._mapper.SetBlendModeToComposite()


def _looks(preset: Preset, solid: Volume, window: Window) -> Any:
    """The vtkVolumeProperty of a preset, its points turned into stored values."""
    opacity, colour, looks = vtkPiecewiseFunction(), vtkColorTransferFunction(), vtkVolumeProperty()
    for value, height in preset.opacity:
        opacity.AddPoint(stored_value(preset, value, solid, window), height)
    for value, name in preset.color:
        colour.AddRGBPoint(stored_value(preset, value, solid, window), *(part / 255 for part in bytes.fromhex(name)))
    looks.SetScalarOpacity(opacity)
    looks.SetColor(colour)
    looks.SetInterpolationTypeToLinear()
    if preset.gradient:
        whole, steepness = abs(window.width / (solid.slope or 1.0)), vtkPiecewiseFunction()
        for part, height in preset.gradient:
            steepness.AddPoint(part * whole, height)
        looks.SetGradientOpacity(steepness)
    if preset.shade:
        looks.ShadeOn()
        looks.SetAmbient(preset.ambient)
        looks.SetDiffuse(preset.diffuse)
        looks.SetSpecular(preset.specular)
        looks.SetSpecularPower(preset.power)
    return looks
