"""How a segmentation looks in the 3-D view: a surface round each segment, made in the background, one by one."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from itertools import zip_longest
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QTimer
from vtkmodules.vtkRenderingCore import vtkActor, vtkAssembly, vtkPolyDataMapper

from viewer.data.box import Box, box_union, whole_box
from viewer.data.segmentation import Key
from viewer.render.volumes.surface_mesh import changed_labels, decimated, surface
from viewer.render.vtk_bridge import matrix_of, vtk_matrix

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from numpy.typing import NDArray

    from viewer.scene.segmentation_layer import SegmentationLayer

PAUSE = 500  # ms without a stroke until surfaces follow
LOOK = 200  # ms between two looks at what has been made
MOST = {True: 1 << 19, False: 1 << 23}  # voxels looked at for a segment: without a graphics card, with one
TURNING = 150_000  # triangles of a segmentation that the processor draws while something moves
LEAST = 300  # of them for a segment

Dirty = dict[int, Box]  # by label map, what changed
Made = tuple[Key, tuple[Any, Box] | None]

_background = ThreadPoolExecutor(1, "tomolens-surfaces")  # its own: what draws knows no session, nor its queues


class LabelSurfaceArtist:
    """A vtkAssembly with an actor for each segment. changed: called where there is something new to draw."""

    def __init__(self, layer: SegmentationLayer, changed: Callable[[], None], *, software: bool) -> None:
        self._layer, self._software = layer, software
        self.prop: Any = vtkAssembly()
        self._actors: dict[Key, Any] = {}
        self._mappers: dict[Key, tuple[Any, Any]] = {}  # of the full surface, and of the one for what moves
        self._boxes: dict[Key, Box] = {}  # where the surfaces that were made lie
        self._maps: tuple[NDArray[Any], ...] = ()  # what they were made of
        self._smooth = layer.smooth
        self._dirty: Dirty = {}
        self._work: _Work | None = None
        self._surfaces_so_far = 0
        self._pause = QTimer(singleShot=True, interval=PAUSE)
        self._pause.timeout.connect(changed)
        self._look = QTimer(interval=LOOK)
        self._look.timeout.connect(changed)
        layer.touched.connect(self._touched)

    @property
    def working(self) -> bool:
        """True while surfaces are behind the labels."""
        return self._work is not None or bool(self._dirty)

    def look(self) -> Hashable:
        """Everything that is drawn: an equal look needs no new picture."""
        layer = self._layer
        return layer.segmentation.segments, layer.hidden, layer.opacity, layer.transform, self._surfaces_so_far

    def show(self) -> None:
        """Take what has been made, begin what is due, and bring the prop to the look."""
        self._take()
        self._begin()
        layer, matrix = self._layer, matrix_of(self._layer.grid)
        if layer.transform:
            matrix.Multiply4x4(vtk_matrix(np.linalg.inv(layer.transform.matrix)), matrix, matrix)
        self.prop.SetUserMatrix(matrix)
        self.prop.VisibilityOn()
        seen = {segment.key: segment for segment in layer.visible_segments}
        for key, actor in self._actors.items():
            actor.SetVisibility(key in seen)
            if key in seen:
                actor.GetProperty().SetColor(*(part / 255 for part in seen[key].color))
                actor.GetProperty().SetOpacity(layer.opacity)

    def sharpen(self, full: bool) -> None:
        """Draw surfaces in full, or such as can be drawn while something moves."""
        for key, actor in self._actors.items():
            actor.SetMapper(self._mappers[key][0 if full else 1])

    def finish(self) -> None:
        """Wait until nothing is left to make."""
        self._pause.stop()
        self.show()
        while self._work is not None:
            self._work.wait()
            self.show()

    def close(self) -> None:
        """Let go of the labels."""
        self._layer.touched.disconnect(self._touched)
        self._pause.stop()
        self._stop()

    def _touched(self, number: int, box: Box) -> None:
        self._dirty[number] = box_union(self._dirty.get(number), box)
        self._pause.start()

    def _begin(self) -> None:
        """Start anew where a map is another one; follow strokes once they pause."""
        layer = self._layer
        maps = layer.segmentation.maps
        known = self._maps if layer.smooth == self._smooth else ()
        others = {number for number, (a, b) in enumerate(zip_longest(known, maps)) if a is not b}
        if others:
            self._stop()
            self._maps, self._smooth = maps, layer.smooth
            for key in [key for key in self._actors if key[0] in others or key[0] >= len(maps)]:
                self._set_surface(key, None)
            self._dirty |= dict.fromkeys(others, whole_box(layer.grid.shape))
            self._dirty = {number: box for number, box in self._dirty.items() if number < len(maps)}
        if self._dirty and self._work is None and not self._pause.isActive():
            drawn = {key: full.GetInput().GetNumberOfCells() for key, (full, _) in self._mappers.items()}
            self._work = _Work(layer, dict(self._boxes), self._dirty, drawn, self._software)
            self._dirty = {}
            self._look.start()

    def _take(self) -> None:
        """Show the surfaces that have been made."""
        if self._work is None:
            return
        over = self._work.over  # asked first: what comes after it is there below
        while not self._work.surfaces.empty():
            self._set_surface(*self._work.surfaces.get())
        while not self._work.light.empty():
            key, mesh = self._work.light.get()
            self._mappers[key] = self._mappers[key][0], _mapper(mesh)
        if over:
            self._stop()

    def _set_surface(self, key: Key, made: tuple[Any, Box] | None) -> None:
        self._surfaces_so_far += 1
        if made is None:
            self._boxes.pop(key, None)
            if key in self._actors:
                self.prop.RemovePart(self._actors.pop(key))
                del self._mappers[key]
            return
        if key not in self._actors:
            self._actors[key] = _actor(smooth=self._layer.smooth)
            self.prop.AddPart(self._actors[key])
        mesh, self._boxes[key] = made
        whole = _mapper(mesh)
        self._mappers[key] = whole, whole

    def _stop(self) -> None:
        """Break off; what was not made stays to be made."""
        self._look.stop()
        if self._work is not None and not self._work.over:
            self._work.stopped = True
            for number, box in self._work.dirty.items():
                self._dirty[number] = box_union(self._dirty.get(number), box)
        self._work = None


class _Work:
    """The surfaces of what changed, `dirty`, in the background. surfaces: key, and the surface with its box, or None.

    light: key, and the surface for what moves, where the full one is too much; they come last. drawn: triangles of the
    surfaces that there are.
    """

    def __init__(
        self, layer: SegmentationLayer, known: dict[Key, Box], dirty: Dirty, drawn: dict[Key, int], software: bool
    ) -> None:
        self.surfaces: SimpleQueue[Made] = SimpleQueue()
        self.light: SimpleQueue[tuple[Key, Any]] = SimpleQueue()
        self.stopped = False
        self._maps, self._grid, self._smooth = layer.segmentation.maps, layer.grid, layer.smooth
        self._known, self.dirty, self._drawn, self._software = known, dirty, drawn, software
        self._future: Future[None] = _background.submit(self._run)

    @property
    def over(self) -> bool:
        """True where it came to its end. What was wrong is raised here."""
        if self._future.done():
            self._future.result()
        return self._future.done()

    def wait(self) -> None:
        """Until it is over."""
        self._future.result()

    def _run(self) -> None:
        full: dict[Key, Any] = {}
        for number, box in self.dirty.items():
            known = {label: found for (layer, label), found in self._known.items() if layer == number}
            labels: NDArray[Any] = self._maps[number]
            for label, within in changed_labels(labels, box, known):
                if self.stopped:
                    return
                most = MOST[self._software]
                made = surface(labels, label, within, self._grid, most=most, smooth=self._smooth)
                self.surfaces.put(((number, label), made))
                full[number, label] = made and made[0]
        if self._software:
            self._lighten({key: mesh for key, mesh in full.items() if mesh})

    def _lighten(self, full: dict[Key, Any]) -> None:
        """Each surface gives up the same share of its triangles, so that all together can be turned."""
        counts = self._drawn | {key: mesh.GetNumberOfCells() for key, mesh in full.items()}
        share = TURNING / max(sum(counts.values()), 1)
        for key, mesh in full.items() if share < 1 else ():
            if self.stopped:
                return
            self.light.put((key, decimated(mesh, max(LEAST, round(share * counts[key])))))


def _mapper(mesh: Any) -> Any:
    mapper: Any = vtkPolyDataMapper()
    mapper.ScalarVisibilityOff()
    mapper.SetInputData(mesh)
    return mapper


def _actor(*, smooth: bool) -> Any:
    actor: Any = vtkActor()
    looks = actor.GetProperty()
    looks.SetAmbient(0.15)
    looks.SetDiffuse(0.85)
    looks.SetSpecular(0.1)
    if not smooth:
        looks.SetInterpolationToFlat()
    return actor
