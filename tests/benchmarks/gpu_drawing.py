"""What draws on a graphics card, through EGL: the artists of the views in a VTK window without a display."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import vtkmodules.vtkRenderingOpenGL2 as opengl
import vtkmodules.vtkRenderingVolumeOpenGL2  # noqa: F401  (registers its classes with VTK's factory)
from gpu_table import Row, at_least, at_most, equal
from numpy.typing import NDArray
from views import overlay, phantom
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkUnsignedCharArray
from vtkmodules.vtkRenderingCore import vtkRenderer, vtkRenderWindow

from viewer.data.grid import PLANES
from viewer.render.gl_info import is_software
from viewer.render.planes.plane import Plane, Pose
from viewer.render.slices.image_artist import VolumeSliceArtist
from viewer.render.volumes.image_artist_3d import VolumeSpaceArtist
from viewer.render.volumes.volume_presets import presets
from viewer.scene.layer import VolumeLayer

SIZE = 700  # pixels of the picture along each side
FRAMES = 40
FAR = 1000.0  # mm from the camera to the slice
PRESETS = ("ct-bone", "ct-soft-tissue", "ct-mip")


class Screen:
    """A renderer in a window that no display shows; on the first EGL device that is no processor, else the first."""

    def __init__(self) -> None:
        make = getattr(opengl, "vtkEGLRenderWindow", vtkRenderWindow)
        for number in range(max(1, getattr(make(), "GetNumberOfDevices", lambda: 1)())):
            window = _opened(make, number)
            if number == 0 or not is_software(renderer_of(window)):
                self.window = window
            if not is_software(renderer_of(window)):
                break
        self.name = renderer_of(self.window)
        self.renderer: Any = vtkRenderer()
        self.renderer.SetUseOIT(False)
        self.renderer.GetActiveCamera().ParallelProjectionOn()
        self.window.AddRenderer(self.renderer)

    def row(self, device: str) -> Row:
        """Whether a card draws where one computes."""
        return equal(f"drawn by a card ({self.name})", not is_software(self.name), device != "cpu")

    def times(self, change: Callable[[int], object]) -> tuple[float, float]:
        """ms of a frame, from the change to the finished picture: p50 and p95; the first five do not count."""
        spent = []
        for number in range(FRAMES + 5):
            begun = time.perf_counter()
            change(number)
            self.window.Render()
            self.window.WaitForCompletion()
            spent.append(1e3 * (time.perf_counter() - begun))
        p50, p95 = np.percentile(spent[5:], (50, 95))
        return float(p50), float(p95)

    def pixels(self) -> NDArray[np.uint8]:
        """RGB [rows, columns, 3] of the picture, from the bottom up."""
        self.window.Render()
        held = vtkUnsignedCharArray()
        self.window.GetPixelData(0, 0, SIZE - 1, SIZE - 1, 0, held, 0)
        return vtk_to_numpy(held).reshape(SIZE, SIZE, 3)


def _opened(make: Callable[[], Any], number: int) -> Any:
    window = make()
    if hasattr(window, "SetDeviceIndex"):
        window.SetDeviceIndex(number)
    window.SetOffScreenRendering(True)
    window.SetMultiSamples(0)
    window.SetSize(SIZE, SIZE)
    window.Render()
    return window


def renderer_of(window: Any) -> str:
    """The name of what draws."""
    lines = window.ReportCapabilities().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("OpenGL renderer")), "none")


def slices(device: str, side: int) -> list[Row]:
    """Scrolling a CT in each plane, alone and with a PET over it; the grey of a voxel is what its window says."""
    screen, layer, above = Screen(), chest(side), overlay()
    rows = [screen.row(device)]
    for name in PLANES:
        screen.renderer.RemoveAllViewProps()
        plane = Plane(layer.world_grid, name)
        middle = Pose.fit(plane, plane.count // 2, SIZE, SIZE)
        aim(screen.renderer.GetActiveCamera(), middle)
        artists = [VolumeSliceArtist(layer), VolumeSliceArtist(above)]
        screen.renderer.AddViewProp(artists[0].prop)
        p95 = screen.times(lambda n, plane=plane, artists=artists: scroll(plane, artists[:1], n))[1]
        rows.append(at_most(f"{name}: scroll, ms, p95", p95, 16))
        artists[0].show(middle, 0, overlay=False)
        rows.append(at_most(f"{name}: grey in the middle, off by", abs(seen(screen) - grey(layer, middle)), 3))
        screen.renderer.AddViewProp(artists[1].prop)
        p95 = screen.times(lambda n, plane=plane, artists=artists: scroll(plane, artists, n))[1]
        rows.append(at_most(f"{name}: scroll, with another grid over it, ms, p95", p95, 16))
    return rows


def scroll(plane: Plane, artists: list[VolumeSliceArtist], n: int) -> None:
    pose = Pose.fit(plane, plane.count // 2 + n % 20 - 10, SIZE, SIZE)
    for place, artist in enumerate(artists):
        artist.show(pose, 0, overlay=place > 0)


def aim(camera: Any, pose: Pose) -> None:
    focus = pose.world(pose.width / 2, pose.height / 2)
    camera.SetFocalPoint(*focus)
    camera.SetPosition(*(focus - FAR * pose.plane.forward))
    camera.SetViewUp(*(-pose.plane.down))
    camera.SetParallelScale(pose.scale * pose.height / 2)
    camera.SetClippingRange(FAR / 2, FAR * 2)


def seen(screen: Screen) -> float:
    """The mean grey of the middle of the picture, 0 … 255."""
    part = slice(SIZE // 2 - SIZE // 16, SIZE // 2 + SIZE // 16)
    return float(screen.pixels()[part, part, 0].mean())


def grey(layer: VolumeLayer, pose: Pose) -> float:
    """What it should be: of the voxels under the same pixels, through the window."""
    volume, (lower, upper) = layer.volume(0), (layer.window.lower, layer.window.upper)
    middles = np.arange(SIZE // 2 - SIZE // 16, SIZE // 2 + SIZE // 16) + 0.5
    places = np.array([pose.world(x, y) for x in middles for y in middles])
    k, j, i = np.floor(layer.world_grid.to_index(places) + 0.5).astype(int).T
    values = volume.array[k, j, i] * volume.slope + volume.intercept
    return float(np.mean(np.clip((values - lower) / (upper - lower), 0, 1)) * 255)


def volume(device: str, side: int) -> list[Row]:
    """Turning the CT in 3-D by the mapper that is made for cards."""
    screen, layer = Screen(), chest(side)
    rows = [screen.row(device)]
    longest = opengl.vtkTextureObject.GetMaximumTextureSize3D(screen.window)
    artist = VolumeSpaceArtist(layer, software=False, side=longest)
    begun = time.perf_counter()
    for _ in artist.prepare(0):
        pass
    rows.append(Row("prepared, s", f"{time.perf_counter() - begun:.2f}"))
    rows.append(equal("reduced to fit the card", artist.reduced, False))
    screen.renderer.AddVolume(artist.prop)
    for name in PRESETS:
        artist.show(presets()[name])
        screen.renderer.ResetCamera()
        supported = artist.prop.GetMapper().IsRenderSupported(screen.window, artist.prop.GetProperty())
        p50, p95 = screen.times(lambda _: screen.renderer.GetActiveCamera().Azimuth(4))
        rows.append(equal(f"{name}: the card can", bool(supported), True))
        rows.append(at_most(f"{name}: turn, ms, p50", p50, 65))
        rows.append(Row(f"{name}: turn, ms, p95", f"{p95:.4g}"))
        rows.append(
            at_least(f"{name}: share of the picture that is drawn", float(screen.pixels().any(-1).mean()), 0.01)
        )
    return rows


def chest(side: int) -> VolumeLayer:
    """400 × 512 × 512 voxels at a side of 128."""
    return phantom((25 * side // 8, 4 * side, 4 * side))
