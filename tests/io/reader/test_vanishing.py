"""Files that shrink or go away while their pixels are read: one sentence, and no pixel that nobody stored."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest

from tests.fixtures.dicom_phantom import ramp, write_series
from tests.fixtures.nifti_file import nifti as nifti_bytes
from viewer.data.grid import Grid
from viewer.data.study import Image
from viewer.io.archive import Stamp, open_unchanged
from viewer.io.dicom.pixels import read
from viewer.io.errors import OpenError
from viewer.io.images import nifti
from viewer.io.reader.load_plan import read_job
from viewer.io.reader.pool import Pool, PoolRequest
from viewer.io.reader.reader import Reader, index_now, load_now
from viewer.processes.shared_array import create_shared

GRID = Grid.of((6, 20, 30), (2, 1, 1))


def indexed(reader: Reader, folder: Path) -> Image:
    (image,), refused = index_now([folder], reader)
    assert not refused
    return image


def filled(image: Image) -> Any:
    """As a reader process does it, in this one."""
    places = [(0, k) for k in range(GRID.shape[0])]
    _, handle = create_shared((1, *GRID.shape), image.dtype)
    return read.read_slices(handle, read_job(image, places))


@pytest.mark.parametrize("slope", [1, 2])  # copied by the system, and read
def test_a_slice_that_shrinks_while_it_is_read_is_a_sentence(
    reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slope: float
) -> None:
    write_series(tmp_path, ramp(GRID.shape), GRID, RescaleSlope=lambda k: slope + (slope > 1) * k)
    image = indexed(reader, tmp_path)

    def shrinking(path: str, stamp: Stamp | None) -> BinaryIO:
        file = open_unchanged(path, stamp)
        os.truncate(path, os.path.getsize(path) - 100)
        return file

    monkeypatch.setattr(read, "open_unchanged", shrinking)
    with pytest.raises(OpenError, match="ends before its pixels do"):
        filled(image)


def test_a_volume_that_shrinks_while_it_is_read_is_a_sentence(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "a.nii").write_bytes(nifti_bytes(np.zeros((200, 200, 60), np.int16)))
    plan = indexed(reader, tmp_path).plan
    planes = nifti.planes(plan.files, plan.stamps)
    next(planes)
    os.truncate(tmp_path / "a.nii", 4_000_000)
    with pytest.raises(OpenError, match="cut off"):
        list(planes)


def test_a_series_whose_folder_is_gone_is_a_sentence_and_the_next_one_opens(reader: Reader, tmp_path: Path) -> None:
    for name in ("here", "gone"):
        write_series(tmp_path / name, ramp(GRID.shape), GRID)
    here, gone = (indexed(reader, tmp_path / name) for name in ("here", "gone"))
    shutil.rmtree(tmp_path / "gone")
    with pytest.raises(OpenError, match=r"not there \(any more\): reconnect the drive"):
        load_now(gone, reader)
    np.testing.assert_array_equal(load_now(here, reader)[0].array, ramp(GRID.shape))


def test_an_archive_that_goes_while_it_is_read_is_one_sentence(
    reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_series(tmp_path / "series", ramp(GRID.shape), GRID)
    archive = Path(shutil.make_archive(str(tmp_path / "study"), "zip", tmp_path / "series"))
    add = Pool.add

    def going(self: Pool, unit: PoolRequest) -> None:
        if unit.function.endswith(":probe_files"):
            archive.unlink(missing_ok=True)
        add(self, unit)

    monkeypatch.setattr(Pool, "add", going)
    images, refused = index_now([archive], reader)
    assert not images
    assert [(one.path, one.many) for one in refused] == [(str(archive), True)]
    assert refused[0].reason.startswith("6 of what it held went away while it was read")
