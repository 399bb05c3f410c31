"""What 100 segments on 512×512×400 cost in the views: frames with and without them side by side, and surfaces in 3-D.

python tests/benchmarks/label_views.py [--view 700] [--frames 60]
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from brush import labelled
from views import Bench, settle, show, walk

from viewer.cli.virtual_display import ensure_display
from viewer.scene.document import Document
from viewer.scene.layer import VolumeLayer
from viewer.scene.segmentation_layer import SegmentationLayer, segmentation_layer
from viewer.scene.view_state import ViewState


def slices(bench: Bench, size: int, image: VolumeLayer, labels: SegmentationLayer) -> None:
    from viewer.render.slices.slice_view import SliceView

    document, state = Document(), ViewState(show_overlays=True)
    document.insert(0, image)
    document.insert(1, labels)
    for axis, name in enumerate(("sagittal", "coronal", "axial")):
        state.crosshair = tuple(image.volumes[0].grid.centre)
        view = SliceView(document, state, name)
        view.resize(size, size)
        show(view)
        for labels.visible in (False, True):
            bench.measure(
                f"{name}: scroll, {'with' if labels.visible else 'no'} segments", [view], walk(state, image, axis)
            )
        labels.review = "unreviewed"
        bench.measure(f"{name}: scroll, dashed", [view], walk(state, image, axis))
        labels.review = "source"
        view.close()
        view.deleteLater()


def surfaces(bench: Bench, size: int, image: VolumeLayer, labels: SegmentationLayer) -> None:
    """How long until all are there, and what they keep the window waiting meanwhile."""
    from PySide6.QtTest import QTest

    from viewer.render.volumes.volume_view import VolumeView

    document, state = Document(), ViewState()
    document.insert(0, image)
    view = VolumeView(document, state)
    view.resize(size, size)
    view.set_preset("segments")
    show(view)
    settle(view)
    gaps, start = [], time.perf_counter()
    document.insert(1, labels)
    QTest.qWait(1)
    while view._surfaces.lines or not view._surfaces._artists:
        before = time.perf_counter()
        QTest.qWait(1)
        gaps.append((time.perf_counter() - before) * 1000)
    print(
        f"3-D: all surfaces after {time.perf_counter() - start:.1f} s; event loop p95 {np.percentile(gaps, 95):.0f} ms"
    )
    bench.measure("3-D: turn, segments alone", [view], lambda n: view.orbit(4, 1))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--view", type=int, default=700, help="side of a view in pixels")
    arguments.add_argument("--frames", type=int, default=60)
    chosen = arguments.parse_args()
    ensure_display()
    from PySide6.QtWidgets import QApplication

    from viewer.render.gl_info import gl_info
    from viewer.render.gl_view import GLView

    GLView.set_default_format()
    application = QApplication([])
    print(gl_info().renderer)
    image, segmentation = labelled()
    bench, labels = Bench(chosen.frames), segmentation_layer(segmentation, image)
    print(f"{'ms from change to screen':<44} {'p50':>8} {'p95':>8} {'p95/view':>10}")
    slices(bench, chosen.view, image, labels)
    labels.visible = True
    surfaces(bench, chosen.view, image, labels)
    application.quit()


if __name__ == "__main__":
    main()
