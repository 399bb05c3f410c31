"""How fast the views answer: p50 and p95 of a frame, and frames a second, on a 512×512×400 CT phantom.

    python tests/benchmarks/views.py [--view 700] [--frames 60]

A frame is counted from the change of the state to the moment the picture was handed to the screen.
Without a screen a virtual one is started; the renderer's name tells which OpenGL was measured.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from viewer.cli.virtual_display import ensure_display
from viewer.data.grid import Grid
from viewer.data.study import Source
from viewer.data.transform import Transform
from viewer.data.volume import Volume, Window
from viewer.scene.document import Document
from viewer.scene.layer import VolumeLayer, volume_layer
from viewer.scene.view_state import ViewState

SHAPE = (400, 512, 512)


def phantom(shape: tuple[int, int, int] = SHAPE) -> VolumeLayer:
    """A body with lungs, a spine and noise: int16 HU at the size of a chest CT, or smaller at the same spacing."""
    random = np.random.default_rng(7)
    noise = random.normal(0, 25, shape[1:]).astype(np.int16)
    y, x = np.mgrid[-1 : 1 : shape[1] * 1j, -1 : 1 : shape[2] * 1j]
    array = np.empty(shape, np.int16)
    for k in range(shape[0]):
        widen = 1 + 0.2 * math.sin(k / 60)
        body = (x / 0.8) ** 2 + (y / 0.55) ** 2 < widen
        lungs = ((np.abs(x) - 0.35) / 0.25) ** 2 + (y / 0.4) ** 2 < widen
        spine = x**2 + (y - 0.4) ** 2 < 0.01
        array[k] = np.select([spine, lungs, body], [700, -850, 40], -1000)
        array[k] += np.roll(noise, k * 37)
    grid = Grid.of(shape, (1.0, 0.8, 0.8), (-204.4, -204.4, 0))
    windows = (Window(40, 400, "soft tissue"),)
    volume = Volume(array, grid, name="CT", unit="HU", windows=windows, source=Source(modality="CT"))
    return volume_layer((volume,))


def overlay() -> VolumeLayer:
    """A coarse image on another grid, as PET lies over CT."""
    k, j, i = np.mgrid[-1:1:120j, -1:1:100j, -1:1:100j]
    array = (20000 * np.exp(-4 * (k**2 + j**2 + i**2))).astype(np.uint16)
    grid = Grid.of(array.shape, (3.4, 4.1, 4.1), (-203.0, -201.0, 2.0))
    layer = volume_layer((Volume(array, grid, name="PET", unit="Bq/ml"),), colormap="hot iron")
    layer.opacity = 0.5
    return layer


class Bench:
    """Runs a change and waits until every shown view has painted it."""

    def __init__(self, frames: int) -> None:
        self.frames = frames
        self.rows: list[tuple[str, float, float]] = []

    def measure(self, title: str, views: list, change: Callable[[int], object]) -> None:
        from PySide6.QtCore import QCoreApplication, QEventLoop

        painted: dict[object, int] = dict.fromkeys(views, 0)

        def count(view: object) -> None:
            painted[view] += 1

        links = [view.frameSwapped.connect(lambda view=view: count(view)) for view in views]
        times = []
        for n in range(self.frames + 5):
            before, start = dict(painted), time.perf_counter()
            change(n)
            while any(painted[view] == before[view] for view in views):
                QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents)
                if time.perf_counter() - start > 5:
                    raise RuntimeError(f"{title}: no frame within 5 s")
            times.append((time.perf_counter() - start) * 1000)
        for view, link in zip(views, links, strict=True):
            view.frameSwapped.disconnect(link)
        p50, p95 = np.percentile(times[5:], (50, 95))
        self.rows.append((title, p50, p95))
        print(f"{title:<44} {p50:8.1f} {p95:8.1f} {p95 / len(views):10.1f}", flush=True)


def walk(state: ViewState, layer: VolumeLayer, axis: int) -> Callable[[int], None]:
    """The n-th step of a walk through the slices across a world axis."""
    grid = layer.volumes[0].grid

    def step(n: int) -> None:
        at = grid.centre.copy()
        at[axis] += (n % 50 - 25) * grid.spacing[::-1][axis]
        state.crosshair = tuple(float(a) for a in at)

    return step


def slices(bench: Bench, size: int, layer: VolumeLayer, above: VolumeLayer) -> None:
    from viewer.render.slices.slice_view import SliceView

    document, state = Document(), ViewState()
    document.insert(0, layer)
    for axis, name in enumerate(("sagittal", "coronal", "axial")):
        state.crosshair = tuple(layer.volumes[0].grid.centre)
        view = SliceView(document, state, name)
        view.resize(size, size)
        show(view)
        bench.measure(f"{name}: nothing new (what Qt alone takes)", [view], lambda n, view=view: view.update())
        bench.measure(f"{name}: scroll", [view], walk(state, layer, axis))
        bench.measure(f"{name}: window/level", [view], lambda n: dress(layer, n))
        bench.measure(f"{name}: cross-hair in the slice", [view], walk(state, layer, (axis + 1) % 3))
        document.insert(1, above)
        bench.measure(f"{name}: scroll, with another grid over it", [view], walk(state, layer, axis))
        document.remove(above.id)
        view.close()
        view.deleteLater()


def dress(layer: VolumeLayer, n: int) -> None:
    layer.window = Window(40 + n % 60, 400 + n % 60)


def four(bench: Bench, size: int, layer: VolumeLayer, above: VolumeLayer) -> None:
    from PySide6.QtWidgets import QGridLayout, QWidget

    from viewer.render.slices.slice_view import SliceView
    from viewer.render.volumes.volume_view import VolumeView

    document, state = Document(), ViewState()
    document.insert(0, layer)
    state.crosshair = tuple(layer.volumes[0].grid.centre)
    window = QWidget()
    grid = QGridLayout(window)
    cut = [SliceView(document, state, name) for name in ("axial", "sagittal", "coronal")]
    space = VolumeView(document, state)
    for place, view in enumerate((*cut, space)):
        grid.addWidget(view, place // 2, place % 2)
    window.resize(size, size)
    show(window)
    settle(space)
    bench.measure("2×2: scroll axial (three slice views)", cut, walk(state, layer, 2))
    bench.measure("2×2: window/level", cut, lambda n: dress(layer, n))
    diagonal = [walk(state, layer, axis) for axis in range(3)]
    bench.measure("2×2: cross-hair through all planes", cut, lambda n: diagonal[n % 3](n))
    bench.measure("2×2: 3-D turn", [space], lambda n: space.orbit(4, 1))
    document.insert(1, above)
    bench.measure("2×2: scroll axial, with another grid over it", cut, walk(state, layer, 2))
    document.remove(above.id)
    window.close()
    window.deleteLater()


def registered(bench: Bench, size: int, layer: VolumeLayer, above: VolumeLayer) -> None:
    """An image that a transform places over another one, in each style of comparison, and its deformation drawn."""
    from viewer.render.slices.slice_view import SliceView
    from viewer.scene.compare.comparison import STYLES, Comparison
    from viewer.scene.compare.deformation_display import DEFORMATIONS, Deformation
    from viewer.tools.register.align import carried, shift

    document, state = Document(), ViewState()
    document.insert(0, layer)
    document.insert(1, above)
    state.crosshair = tuple(layer.volumes[0].grid.centre)
    view = SliceView(document, state, "axial")
    view.resize(size, size)
    show(view)
    scroll, motion = walk(state, layer, 2), shift(np.array((0.5, 0.2, 0.0)))

    def drag(n: int) -> None:
        above.transform = carried(above.transform, motion)

    above.transform = carried(None, motion)
    bench.measure("registered: scroll, placed by a matrix", [view], scroll)
    bench.measure("registered: drag by hand", [view], drag)
    above.transform = bend(layer)
    bench.measure("registered: scroll, bent by a field", [view], scroll)
    for style in STYLES:
        state.comparison = Comparison(layer.id, above.id, style, at=state.crosshair)
        bench.measure(f"registered: scroll, {style}", [view], scroll)
    state.comparison = None
    for drawn in DEFORMATIONS:
        state.deformation = Deformation(above.id, drawn)
        bench.measure(f"registered: scroll, {drawn} drawn", [view], scroll)
    view.close()
    view.deleteLater()


def bend(layer: VolumeLayer) -> Transform:
    """Waves of 6 mm on a lattice of 4 mm."""
    shape = (104, 104, 104)
    grid = Grid.of(shape, (4.0, 4.0, 4.0), layer.volumes[0].grid.centre - 206)
    k, j, i = np.indices(shape, dtype=np.float32) / 12
    field = 6 * np.stack([np.sin(k + j), np.sin(j + i), np.sin(i + k)], axis=-1)
    return Transform(np.eye(4), field.astype(np.float32), grid)


def turn(bench: Bench, size: int, layer: VolumeLayer) -> None:
    from viewer.render.volumes.volume_view import VolumeView

    document, state = Document(), ViewState()
    document.insert(0, layer)
    view = VolumeView(document, state)
    view.resize(size, size)
    show(view)
    print(f"3-D: first full picture after {settle(view):.2f} s")
    for preset in ("ct-bone", "ct-soft-tissue", "ct-mip"):
        view.set_preset(preset)
        settle(view)
        bench.measure(f"3-D turn, {preset}", [view], lambda n: view.orbit(4, 1))


def show(widget) -> None:
    from PySide6.QtTest import QTest

    widget.show()
    QTest.qWaitForWindowExposed(widget)
    QTest.qWait(200)


def settle(view) -> float:
    """Seconds until the 3-D view shows its full picture."""
    from PySide6.QtTest import QTest

    start = time.perf_counter()
    while not view.is_complete and time.perf_counter() - start < 60:
        QTest.qWait(5)
    return time.perf_counter() - start


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--view", type=int, default=700, help="side of a view in pixels")
    arguments.add_argument("--frames", type=int, default=60)
    arguments.add_argument("--only", choices=("slices", "four", "registered", "turn"))
    chosen = arguments.parse_args()
    ensure_display()
    run(chosen)


def run(chosen: argparse.Namespace) -> None:
    from PySide6.QtWidgets import QApplication

    from viewer.render.gl_info import gl_info
    from viewer.render.gl_view import GLView

    GLView.set_default_format()
    application = QApplication([])
    print(gl_info().renderer)
    layer, above = phantom(), overlay()
    bench = Bench(chosen.frames)
    print(f"{'ms from change to screen':<44} {'p50':>8} {'p95':>8} {'p95/view':>10}")
    if chosen.only in (None, "slices"):
        slices(bench, chosen.view, layer, above)
    if chosen.only in (None, "four"):
        four(bench, 2 * chosen.view, layer, above)
    if chosen.only in (None, "registered"):
        registered(bench, chosen.view, layer, above)
    if chosen.only in (None, "turn"):
        turn(bench, chosen.view, layer)
    del application


if __name__ == "__main__":
    main()
