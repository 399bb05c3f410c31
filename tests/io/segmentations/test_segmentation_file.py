from __future__ import annotations

import errno
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from viewer.data.annotations.packed_mask import pack_mask
from viewer.data.annotations.prompts import Prompt
from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.io.errors import OpenError, SaveError
from viewer.io.segmentations import segmentation_file
from viewer.io.segmentations.segmentation_file import read_segmentation, save_segmentation

SHAPE = (4, 5, 6)
ENDINGS = (".seg.nrrd", ".nii.gz", ".nrrd", ".mha")


def made() -> Segmentation:
    array = np.random.default_rng(0).integers(0, 3, SHAPE).astype(np.uint8)
    segments = (Segment(1, "liver", (221, 130, 101)), Segment(2, "Tumor, links", (1, 2, 3)))
    return Segmentation(array, Grid.of(SHAPE, (2.5, 0.7, 0.8), (-12.5, 30, 7)), segments, "made")


@pytest.mark.parametrize("ending", ENDINGS)
def test_labels_names_and_colours_come_back(tmp_path: Path, ending: str) -> None:
    wanted, path = made(), tmp_path / f"labels{ending}"
    saved = save_segmentation(wanted, path)
    assert saved.paths[0] == str(path)
    found = read_segmentation(path)
    assert np.array_equal(found.array, wanted.array)
    assert found.segments == wanted.segments
    assert np.allclose(found.grid.corners, wanted.grid.corners, atol=1e-3)
    assert not [one for one in tmp_path.iterdir() if one.name.startswith(".")]


@pytest.mark.parametrize("ending", ENDINGS)
def test_nothing_is_replaced_unasked(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"labels{ending}"
    path.write_bytes(b"precious")
    with pytest.raises(SaveError, match="already there"):
        save_segmentation(made(), path)
    assert path.read_bytes() == b"precious"
    save_segmentation(made(), path, overwrite=True)
    assert read_segmentation(path).segments == made().segments


def test_overlapping_segments_need_a_form_that_holds_them(tmp_path: Path) -> None:
    plain = made()
    both = replace(plain, overlapping=(plain.array,), segments=(*plain.segments, Segment(1, "all", layer=1)))
    with pytest.raises(SaveError, match=r"overlap: choose one of \.seg\.nrrd"):
        save_segmentation(both, tmp_path / "a.nii.gz")
    save_segmentation(both, tmp_path / "a.seg.nrrd")
    assert len(read_segmentation(tmp_path / "a.seg.nrrd").maps) == 2


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(segmentation_file.atomic_write, "flush", full)
    with pytest.raises(SaveError, match="the disk is full"):
        save_segmentation(made(), tmp_path / "a.seg.nrrd")
    assert not list(tmp_path.iterdir())


def test_what_reads_back_otherwise_is_not_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, write = segmentation_file.FORMATS[".seg.nrrd"]
    changed = replace(made(), array=np.zeros(SHAPE, np.uint8))
    monkeypatch.setitem(segmentation_file.FORMATS, ".seg.nrrd", (lambda path, images: changed, write))
    with pytest.raises(SaveError, match="same labels"):
        save_segmentation(made(), tmp_path / "a.seg.nrrd")
    assert not list(tmp_path.iterdir())


def test_a_label_image_of_others_gets_names(tmp_path: Path) -> None:
    image = sitk.GetImageFromArray(made().array.astype(np.float32))
    sitk.WriteImage(image, str(tmp_path / "a.nii.gz"))
    (tmp_path / "a.json").write_text("[1, 2]")  # some other JSON
    found = read_segmentation(tmp_path / "a.nii.gz")
    assert [one.label for one in found.segments] == [1, 2]
    assert found.array.dtype == np.uint8


def test_codes_and_sides_beside_a_label_image_come_back(tmp_path: Path) -> None:
    sitk.WriteImage(sitk.GetImageFromArray(made().array), str(tmp_path / "a.nii.gz"))
    kidney = {"value": 1, "name": "Left kidney", "code": ["SCT", "64033007", "Kidney"], "side": "left"}
    odd = {"value": 2, "name": "Odd", "side": "upper"}
    (tmp_path / "a.json").write_text(json.dumps({"labels": [kidney, odd]}))
    first, second = read_segmentation(tmp_path / "a.nii.gz").segments
    assert (first.code, first.side) == (("SCT", "64033007", "Kidney"), "left")
    assert (second.code, second.side) == (None, "")


@pytest.mark.parametrize(
    ("values", "why"),
    [(0.5, "whole numbers"), (-1, "whole numbers"), (70000, "65535 is the highest"), (np.nan, "whole numbers")],
)
def test_other_images_are_no_labels(tmp_path: Path, values: float, why: str) -> None:
    array = np.full(SHAPE, values, np.float64)
    sitk.WriteImage(sitk.GetImageFromArray(array), str(tmp_path / "a.mha"))
    with pytest.raises(OpenError, match=why):
        read_segmentation(tmp_path / "a.mha")


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("labels")
    with pytest.raises(OpenError, match="no file of labels"):
        read_segmentation(tmp_path / "a.txt")
    with pytest.raises(SaveError, match="must end in one of"):
        save_segmentation(made(), tmp_path / "b.txt")


@pytest.mark.parametrize("ending", [".seg.nrrd", ".seg.dcm"])
def test_prompts_are_not_written_into_files_of_segments(tmp_path: Path, ending: str) -> None:
    labels = np.zeros((3, 4, 5), np.uint8)
    labels[1, 1:3, 1:3] = 1
    segment = Segment(1, "liver", prompts=(Prompt("point", ((1.0, 1.0, 1.0),)),), base_mask=pack_mask(labels > 0))
    target = tmp_path / f"a{ending}"
    save_segmentation(Segmentation(labels, Grid.of(labels.shape), (segment,), "organs"), target)
    assert b'"prompts": [{' not in target.read_bytes()
    (again,) = read_segmentation(target).segments
    assert (again.name, again.prompts, again.base_mask) == ("liver", (), "")
