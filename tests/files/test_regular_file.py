from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from viewer.compute.loaders.open_model import open_model
from viewer.compute.model_files.weights_file import read_bytes, read_text
from viewer.compute.networks.model_cards import read_card
from viewer.compute.progress import Refusal
from viewer.files.regular_file import check_regular, open_regular
from viewer.io.dicom.export.registration import read_registration
from viewer.io.dicom.export.source_attributes import read_header
from viewer.io.dicom.headers.scan import scan_file
from viewer.io.errors import OpenError, sentence
from viewer.io.images.headers.itk_header import read_itk_header
from viewer.io.project.project_file import file_mark, read_project
from viewer.io.reader.probe_file import probe_files
from viewer.io.reports.worklist_file import open_worklist
from viewer.io.segmentations.dicom_summary import dataset
from viewer.io.segmentations.segmentation_file import read_segmentation
from viewer.io.transforms.landmark_file import read_landmarks
from viewer.io.transforms.transform_save import load_transform

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")

# Whatever opens a path that a user names, with the ending by which it takes the file for its own.
DOORS: list[tuple[Callable[[Path], object], str]] = [
    (lambda path: scan_file(str(path)), ".dcm"),
    (lambda path: dataset(str(path)), ".dcm"),
    (lambda path: read_header(str(path)), ".dcm"),
    (read_registration, ".dcm"),
    (read_segmentation, ".seg.nrrd"),
    (read_segmentation, ".nii.gz"),
    (read_segmentation, ".dcm"),
    *(
        (lambda path: read_itk_header(str(path)), ending)
        for ending in (".nii", ".nii.gz", ".nrrd", ".mha", ".png", ".jpg")
    ),
    *((load_transform, ending) for ending in (".tfm", ".h5", ".nii.gz", ".dcm")),
    *((read_landmarks, ending) for ending in (".csv", ".json", ".fcsv", ".mrk.json")),
    (open_worklist, ".csv"),
    (read_project, ".tomolens"),
    (file_mark, ".dcm"),
    (read_text, ".json"),
    (read_bytes, ".pt"),
    (lambda path: open_model(path).__enter__(), ".pt"),
    (lambda path: open_model(path).__enter__(), ".zip"),
    (read_card, ".json"),
]


@pytest.mark.parametrize(("door", "ending"), DOORS)
def test_a_named_pipe_is_refused_by_looking_at_every_door(
    door: Callable[[Path], object], ending: str, tmp_path: Path
) -> None:
    path = tmp_path / f"a.fixed{ending}"
    os.mkfifo(path)
    with pytest.raises((OSError, OpenError, Refusal)) as refused:
        door(path)
    assert sentence(refused.value).endswith(".")


def test_the_scan_of_files_says_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    os.mkfifo(path)
    (seen,) = probe_files([str(path)])
    assert seen.reason == "It cannot be opened: it is a pipe, socket or device, not a file: choose a file."


def test_sockets_devices_and_folders_are_no_files(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(tmp_path / "socket"))
        for path in (tmp_path / "socket", Path(os.devnull)):
            with pytest.raises(OSError, match="not a file"):
                check_regular(path)
    with pytest.raises(IsADirectoryError):
        open_regular(tmp_path)


def test_a_pipe_that_takes_the_place_of_a_file_does_not_hang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.dcm"
    os.mkfifo(path)
    monkeypatch.setattr("viewer.files.regular_file.check_regular", lambda path: None)
    with pytest.raises(OSError, match="not a file"):
        open_regular(path)


def test_a_file_is_opened(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    with open_regular(tmp_path / "a") as file:
        assert file.read() == b"abc"
