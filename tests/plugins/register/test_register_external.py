"""Other programs for registration. Those that are not installed are skipped; none is needed."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
from scipy.ndimage import gaussian_filter

from plugins.register.external_engines import INSTALLED, PACKAGES, _wait, run_engine
from tests.fixtures.phantom import clean
from viewer.api import Cancelled, Grid, Job, Refusal, Segmentation, Transform, Volume, resample
from viewer.data.segmentation import Segment
from viewer.plugin.discovery import discover

SHAPE, SPACING = (40, 56, 60), (1.5, 1.2, 1.1)
TURN = np.array([[0.98, -0.17, 0.05], [0.17, 0.985, 0.02], [-0.053, -0.011, 0.9985]])


def moved_head() -> tuple[Volume, Volume, Transform]:
    """A head on an oblique grid, the same one shifted on a grid of its own, and what takes one to the other."""
    grid = Grid.of(SHAPE, SPACING, (-30, 12, 5), np.linalg.qr(TURN)[0])
    image = Volume(gaussian_filter(clean(SHAPE, SPACING), 1).astype(np.float32), grid, "fixed")
    shift = np.eye(4)
    shift[:3, 3] = 4, -3, 2
    truth = Transform(shift)
    there = Grid.of((44, 60, 60), (1.4, 1.2, 1.2), grid.origin + np.array((2, -3, 2)), np.linalg.qr(TURN)[0])
    back = Transform(np.linalg.inv(shift))
    return image, resample(image, there, back), truth


@pytest.mark.parametrize("engine", PACKAGES)
@pytest.mark.parametrize("masked", [False, True])
def test_a_known_shift_is_found(engine: str, masked: bool) -> None:
    if engine not in INSTALLED:
        pytest.skip(f"{engine} is not installed")
    fixed, moving, truth = moved_head()
    inside = (fixed.array > 100).astype(np.uint8)
    mask = Segmentation(inside, fixed.grid, (Segment(1, "head"),)) if masked else None
    found = run_engine(engine, fixed, moving, mask, Job())
    places = fixed.grid.to_world(np.argwhere(inside)[::97])
    gaps = np.linalg.norm(found(places) - truth(places), axis=1)
    assert gaps.mean() < 1.0


def test_only_what_is_installed_is_offered() -> None:
    plugins, broken = discover()
    assert broken == ()
    assert ("register_with" in plugins) == bool(INSTALLED)


def test_a_program_that_fails_says_so_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"greedy failed \(no memory\): check the images, or use another method\."):
        _wait([sys.executable, "-c", "import sys; print('no memory'); sys.exit(1)"], tmp_path, "greedy", Job())


def test_a_cancel_ends_it_at_once(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    code = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(3600)"
    begun = Job(cancelled=lambda: note.exists() and bool(note.read_text()))
    with pytest.raises(Cancelled):
        _wait([sys.executable, "-c", code], tmp_path, "ANTs", begun)
    assert not psutil.pid_exists(int(note.read_text()))
