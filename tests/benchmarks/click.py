"""From the click on an indexed series to its first slice on the screen, and to the last slice in memory.

    python tests/benchmarks/click.py [REPEATS]

The window has been up for a moment, as when somebody browses a study; each click is the first in its window, and the
very first pays for the process's first shaders. The shared 100-slice CT where TOMOLENS_DATA
points to the shared data, else a phantom of its size. Aim: the first slice within 0.3 s.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.fixtures.dicom_phantom import ramp, write_series
from viewer.app import Stage
from viewer.cli.headless_session import find_images
from viewer.cli.virtual_display import ensure_display
from viewer.data.grid import Grid


def source(folder: Path) -> Path:
    """The series that is opened."""
    if "TOMOLENS_DATA" in os.environ:
        return Path(os.environ["TOMOLENS_DATA"]) / "dicom" / "ct-cmb-crc-lung"
    grid = Grid.of((100, 512, 512), (2.5, 0.9, 0.9))
    write_series(folder / "ct", ramp(grid.shape), grid)
    return folder / "ct"


def once(stage: Stage, path: Path) -> tuple[float, float]:
    """Seconds to the first frame of the axial view that shows the image, and to the end of the load."""
    (image,) = [one for one in find_images(stage, [path]) if one.source.files]
    view = stage.window.views.by_name["axial"]
    swapped: list[float] = []
    clicked = time.perf_counter()
    task = stage.session.studies.load(image)
    view.frameSwapped.connect(lambda: swapped.append(time.perf_counter()) if len(stage.session.document) else None)
    stage.until(lambda: bool(swapped) and not task.running)
    loaded = clicked + task.seconds
    return swapped[0] - clicked, loaded - clicked


def main() -> None:
    ensure_display()
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    times = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TOMOLENS_HOME"] = folder
        path = source(Path(folder))
        for _ in range(repeats):
            with Stage() as stage:
                stage.session.reader.warm()
                stage.window.views.warm()
                ready = time.monotonic() + 1.5  # a person needs longer than that
                stage.until(lambda ready=ready: time.monotonic() > ready)
                times.append(once(stage, path))
    first, whole = np.array(times).T
    print(f"{'512 × 512 × 100':28} {'p50 ms':>8} {'p95 ms':>8}   ({repeats} clicks)")
    for name, seconds in (("first slice on the screen", first), ("every slice in memory", whole)):
        print(f"{name:28} {np.percentile(seconds, 50) * 1e3:8.0f} {np.percentile(seconds, 95) * 1e3:8.0f}")


if __name__ == "__main__":
    main()
