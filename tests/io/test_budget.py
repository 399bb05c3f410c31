from __future__ import annotations

from pathlib import Path

import numpy as np
import psutil
import pydicom
import pytest

from tests.fixtures.dicom_indexed import one_sentence
from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.io import memory_budget
from viewer.io.errors import OpenError
from viewer.io.segmentations.dicom_seg.write import write_seg
from viewer.io.segmentations.segmentation_file import read_segmentation

MACHINE = 16 << 30


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    told = psutil.virtual_memory()._replace(total=MACHINE, available=MACHINE // 2)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: told)


@pytest.mark.parametrize("processes", [1, 3, 8])
def test_all_readers_together_leave_room_for_the_window(machine: None, processes: int) -> None:
    assert processes * memory_budget.reader_bytes(processes) + memory_budget.answer_bytes() < MACHINE


def test_a_claim_is_held_against_the_file_and_the_memory(machine: None) -> None:
    memory_budget.check_claim(memory_budget.HARMLESS, 1)
    memory_budget.check_claim(1 << 30, 1 << 20)
    with pytest.raises(OpenError, match=r"claims 1\.0 GB of voxels in 18,486 bytes"):
        memory_budget.check_claim(1 << 30, 18_486)
    with pytest.raises(OpenError, match=r"needs 7\.0 GB of memory"):
        memory_budget.check_claim(7 << 30, 1 << 30)


def test_two_frames_of_a_segmentation_far_apart_take_no_memory(tmp_path: Path) -> None:
    array = np.zeros((2, 256, 256), np.uint8)
    array[:, 4:9, 4:9] = 1
    write_seg(Segmentation(array, Grid.of(array.shape), (Segment(1, "Liver"),), "made"), tmp_path / "a.dcm")
    ds = pydicom.dcmread(tmp_path / "a.dcm")
    for block in [element.tag for element in ds if element.tag.is_private]:
        del ds[block]  # what this program keeps of its own grid
    measures = ds.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    measures.SliceThickness = measures.SpacingBetweenSlices = 1
    place = ds.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence[0]
    place.ImagePositionPatient = [0, 0, 12_000]
    ds.save_as(tmp_path / "a.dcm")
    with pytest.raises(OpenError, match="damaged") as refused:
        read_segmentation(tmp_path / "a.dcm")
    assert one_sentence(str(refused.value))
