"""`snapshot --time`: the picture shows the time point that is asked for, and what is not there is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from viewer.app import Stage
from viewer.cli.commands.snapshot import snapshot
from viewer.cli.exit_codes import BadInput

STEP = 24  # columns that are bright at each time point
SIDE = 350  # pixels of the window where panels are


@pytest.fixture
def times(tmp_path: Path) -> str:
    """Three time points: another third of the image is bright in each."""
    arrays = np.zeros((3, 6, 64, 3 * STEP), np.int16)
    for n in range(3):
        arrays[n, :, :, n * STEP : (n + 1) * STEP] = 1000
    image = sitk.JoinSeries([sitk.GetImageFromArray(array) for array in arrays])
    sitk.WriteImage(image, str(tmp_path / "times.nrrd"))
    return str(tmp_path / "times.nrrd")


def bright_column(path: Path) -> float:
    """The middle of what is bright in a row of the image, beside the cross-hair; pixels from the left."""
    picture = QImage(str(path))
    row = range(SIDE, picture.width() - SIDE)
    levels = np.array([picture.pixelColor(x, picture.height() // 2 + 60).lightness() for x in row])
    return float(np.flatnonzero(levels > 200).mean())


def test_the_time_point_that_is_asked_for_is_in_the_picture(
    qapp: QApplication, tmp_path: Path, times: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for time in (None, 3):
        snapshot(Stage, [times], "1-up", tmp_path / f"{time}.png", time=time)
    assert bright_column(tmp_path / "None.png") + 100 < bright_column(tmp_path / "3.png")
    assert capsys.readouterr().err.count("Time point 1 of 3 is shown; choose another one by --time.") == 1


@pytest.mark.parametrize("time", [0, 4])
def test_a_time_point_that_is_not_there_is_said(qapp: QApplication, tmp_path: Path, times: str, time: int) -> None:
    with pytest.raises(BadInput, match=f"3 time points, so --time {time} names none"):
        snapshot(Stage, [times], "1-up", tmp_path / "a.png", time=time)
    assert not (tmp_path / "a.png").exists()
