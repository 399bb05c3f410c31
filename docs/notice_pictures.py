"""What is said of files that are not as they should be, for docs/formats.md: the sample's T1, spoilt in nine ways."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import MRImageStorage

from tests.fixtures.dicom_phantom import write_series
from tests.fixtures.nifti_file import nifti

if TYPE_CHECKING:
    from PySide6.QtGui import QImage, QPainter

    from viewer.data.grid import Grid

CELL, TEXT, COLUMNS, SLICES = (560, 460), 84, 3, 60  # px, px below for what is said, pictures a row; of each image
Write = Callable[[Path, NDArray[Any], "Grid"], object]


def notices(pictures: Path) -> None:
    """One sheet: the axial view of each, and under it what the tab Info says."""
    from PySide6.QtGui import QColor, QImage, QPainter

    rows = -(-len(FAULTS) // COLUMNS)
    width, height = CELL[0], CELL[1] + TEXT
    whole = QImage(COLUMNS * width, rows * height, QImage.Format.Format_RGB32)
    whole.fill(QColor("#16181c"))
    painter = QPainter(whole)
    painter.setPen(QColor("#d8dce2"))
    font = painter.font()
    font.setPixelSize(15)
    painter.setFont(font)
    for place, (title, write) in enumerate(FAULTS.items()):
        with TemporaryDirectory() as folder:
            view, said = opened(Path(folder), write)
        draw(painter, (place % COLUMNS * width, place // COLUMNS * height), title, view, said)
    painter.end()
    whole.save(str(pictures / "notices.png"))


def opened(folder: Path, write: Write) -> tuple[QImage, Sequence[str]]:
    """The axial view of the image in what was written of which most is said, and the sentences about it."""
    from viewer.app import Stage
    from viewer.cli.headless_session import find_images, finish

    write(folder, *head())
    with Stage() as stage:
        image = max(find_images(stage, [folder]), key=lambda one: (len(one.badges), len(one.notices)))
        finish(stage, stage.session.studies.load(image))
        stage.session.state.show_crosshair = False
        stage.picture(folder / "drawn in full.png")
        return stage.window.views.by_name["axial"].picture(), image.warnings


def draw(painter: QPainter, at: tuple[int, int], title: str, view: QImage, said: Sequence[str]) -> None:
    """One cell: what was done to the files, the view, the sentences."""
    from PySide6.QtCore import QRect, Qt

    (x, y), (width, height) = at, CELL
    painter.drawText(QRect(x, y, width, 24), Qt.AlignmentFlag.AlignCenter, title)
    scaled = view.scaled(
        width - 4, height - 24, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    )
    painter.drawImage(x + (width - scaled.width()) // 2, y + 24, scaled)
    below = QRect(x + 8, y + height + 4, width - 16, TEXT - 8)
    painter.drawText(below, int(Qt.AlignmentFlag.AlignTop) | int(Qt.TextFlag.TextWordWrap), "\n".join(said))


@cache
def head() -> tuple[NDArray[np.int16], Grid]:
    """The middle slices of the sample's T1."""
    import SimpleITK as sitk

    from viewer.data.grid import Grid
    from viewer.io.sample.sample import make_sample

    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(make_sample().baseline / "t1"))
    image = sitk.ReadImage(names)
    array = sitk.GetArrayFromImage(image).astype(np.int16)
    direction = np.reshape(image.GetDirection(), (3, 3))
    grid = Grid.of(array.shape, image.GetSpacing()[::-1], image.GetOrigin(), direction)
    first = (len(array) - SLICES) // 2
    size = (SLICES, *array.shape[1:])
    return array[first : first + SLICES], grid.crop((first, 0, 0), size)


def series(slices: Sequence[int] | None = None, **attributes: Any) -> Write:
    """A DICOM series of the head; attributes and the shift of a slice as functions of its number."""

    def write(folder: Path, array: NDArray[Any], grid: Grid) -> None:
        write_series(folder, array, grid, slices=slices, Modality="MR", SOPClassUID=MRImageStorage, **attributes)

    return write


def stopped_dynamic(folder: Path, array: NDArray[Any], grid: Grid) -> None:
    """Two time points, the second of which ends half-way."""
    for time, last in enumerate((SLICES, SLICES // 2)):
        series(range(last), prefix=f"t{time}", TemporalPositionIdentifier=time + 1)(folder, array, grid)


def sheared_nifti(folder: Path, array: NDArray[Any], grid: Grid) -> None:
    """An sform whose axes are not at right angles."""
    affine = grid.affine[:, [2, 1, 0, 3]] @ np.array([[1, 0.15, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    _nifti(folder, array, grid, codes=[0, 2], srow=(np.diag([-1.0, -1, 1, 1]) @ affine)[:3])


def unplaced_nifti(folder: Path, array: NDArray[Any], grid: Grid) -> None:
    """Both codes 0: no sides."""
    _nifti(folder, array, grid, codes=[0, 0])


def _nifti(folder: Path, array: NDArray[Any], grid: Grid, **fields: Any) -> None:
    pixdim = [1, *grid.spacing[::-1], 0, 0, 0, 0]
    (folder / "head.nii").write_bytes(nifti(np.asfortranarray(array.transpose()), pixdim=pixdim, **fields))


FAULTS: dict[str, Write] = {
    "Two patients under one series UID": series(PatientID=lambda k: f"P-{1 + (k >= SLICES // 2)}"),
    "A dynamic scan that was stopped": stopped_dynamic,
    "A tilted gantry": series(move=lambda k: (0, 0.3 * k, 0)),
    "No Pixel Spacing": series(PixelSpacing=None),
    "Slices missing": series([k for k in range(SLICES) if k not in (20, 21, 22)]),
    "No position": series(ImagePositionPatient=None, ImageOrientationPatient=None),
    "A spacing that is no number": series(PixelSpacing=lambda k: ["nan", "nan"]),
    "A sheared sform": sheared_nifti,
    "NIfTI with both codes 0": unplaced_nifti,
}
