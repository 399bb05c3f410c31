"""DICOM segmentations: written, read back, read by others, and damaged."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fixtures.dicom_phantom import ramp, write_series
from viewer.compute.labels.fit_grid import fitted
from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.data.study import Source
from viewer.io.errors import OpenError, SaveError
from viewer.io.segmentations.dicom_seg.write import KINDS, Kind, write_seg
from viewer.io.segmentations.segmentation_file import read_segmentation, save_segmentation

SHAPE = (6, 7, 9)  # frames that end within a byte
GRID = Grid.of(SHAPE, (2.5, 0.7, 0.8), (-12.5, 30, 7), frame_of_reference="1.2.3.3")

LIVER = Segment(
    1, "Liver", (221, 130, 101), ("SCT", "10200004", "Liver"), algorithm="SEMIAUTOMATIC", algorithm_name="Grow"
)
KIDNEY = Segment(2, "Kidney", (1, 2, 3), ("SCT", "64033007", "Kidney"), side="left", state="completed", reader="AB")


def made(grid: Grid = GRID) -> Segmentation:
    """With empty slices at both ends and an empty segment."""
    array = np.zeros(grid.shape, np.uint8)
    array[2:4] = np.random.default_rng(0).integers(0, 3, (2, *grid.shape[1:]))
    return Segmentation(array, grid, (LIVER, KIDNEY, Segment(3, "nothing")), "made", Source(patient_id="P"))


def foreign(path: Path) -> None:
    """Take away what only this program writes and reads."""
    ds = pydicom.dcmread(path)
    ds.remove_private_tags()
    ds.save_as(path)


@pytest.fixture
def over_images(tmp_path: Path) -> Segmentation:
    paths = write_series(tmp_path / "ct", ramp(SHAPE), GRID)
    headers = [pydicom.dcmread(path) for path in paths]
    source = Source(
        patient_id="P-77", patient_name="Müller^Zoë", study_uid="1.2.3.1", series_uid="1.2.3.2", modality="CT",
        files=tuple(map(str, paths)), sop_instance_uids=tuple(one.SOPInstanceUID for one in headers), dicom=True,
    )  # fmt: skip
    return replace(made(), source=source)


@pytest.mark.parametrize("kind", KINDS)
def test_all_comes_back_bit_by_bit(tmp_path: Path, kind: Kind) -> None:
    write_seg(made(), tmp_path / "a.dcm", kind)
    found = read_segmentation(tmp_path / "a.dcm")
    assert np.array_equal(found.array, made().array)
    assert found.array.dtype == np.uint8
    assert found.segments == made().segments
    assert found.grid.matches(GRID)
    assert found.source.patient_id == "made"  # what the image was called: it was no DICOM


@pytest.mark.parametrize("kind", KINDS)
def test_others_see_the_same_segments(tmp_path: Path, kind: Kind) -> None:
    path = tmp_path / "a.dcm"
    write_seg(made(), path, kind)
    foreign(path)
    found = read_segmentation(path)
    whole = fitted(found, GRID)
    assert whole is not None
    assert np.array_equal(whole.array, made().array)
    named = [(one.label, one.name, one.code, one.side, one.algorithm) for one in found.segments]
    assert named[:2] == [(one.label, one.name, one.code, one.side, one.algorithm) for one in (LIVER, KIDNEY)]
    assert np.allclose([one.color for one in found.segments[:2]], [LIVER.color, KIDNEY.color], atol=1)


@pytest.mark.parametrize("kind", KINDS)
def test_highdicom_reads_the_same_voxels(tmp_path: Path, over_images: Segmentation, kind: Kind) -> None:
    import highdicom

    write_seg(over_images, tmp_path / "a.dcm", kind)
    seg = highdicom.seg.segread(tmp_path / "a.dcm")
    volume = seg.get_volume(combine_segments=True, rescale_fractional=kind == "FRACTIONAL")
    for n, plane in enumerate(volume.array):  # its slices run the other way
        k, j, i = np.rint(GRID.to_index(volume.affine[:3] @ (n, 0, 0, 1))).astype(int)
        assert (j, i) == (0, 0)
        assert np.array_equal(plane, made().array[k])
    assert volume.array.any()


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="needs dciodvfy (Debian: dicom3tools)")
@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL"])  # it does not know label maps
def test_dciodvfy_finds_no_error(tmp_path: Path, over_images: Segmentation, kind: Kind) -> None:
    write_seg(over_images, tmp_path / "a.dcm", kind)
    told = subprocess.run(["dciodvfy", str(tmp_path / "a.dcm")], capture_output=True, text=True, check=False).stderr
    assert not [line for line in told.splitlines() if line.startswith("Error")]


def test_frames_say_which_image_they_lie_on(tmp_path: Path, over_images: Segmentation) -> None:
    write_seg(over_images, tmp_path / "a.dcm")
    ds = pydicom.dcmread(tmp_path / "a.dcm")
    assert ds.PatientName == "Müller^Zoë"
    for group in ds.PerFrameFunctionalGroupsSequence:
        k = round(GRID.to_index([float(mm) for mm in group.PlanePositionSequence[0].ImagePositionPatient])[0])
        source = group.DerivationImageSequence[0].SourceImageSequence[0]
        assert source.ReferencedSOPInstanceUID == over_images.source.sop_instance_uids[k]
    assert read_segmentation(tmp_path / "a.dcm").source.patient_match(over_images.source) == "same"


def test_overlapping_segments_stay_apart(tmp_path: Path) -> None:
    other = made().array.copy()
    other[2] = 7
    both = replace(made(), overlapping=(other,), segments=(LIVER, KIDNEY, Segment(7, "all", layer=1)))
    other[other != 7] = 0
    save_segmentation(both, tmp_path / "a.dcm")
    assert read_segmentation(tmp_path / "a.dcm").segments == both.segments
    foreign(tmp_path / "a.dcm")
    found = read_segmentation(tmp_path / "a.dcm")
    for one, wanted in zip(found.segments, both.segments, strict=True):
        assert found.mask(one).sum() == both.mask(wanted).sum()
    with pytest.raises(SaveError, match="overlap"):
        save_segmentation(both, tmp_path / "b.labelmap.dcm")


def test_the_mark_of_the_review_goes_along(tmp_path: Path) -> None:
    save_segmentation(made(), tmp_path / "a.dcm", "AI, not reviewed")
    assert pydicom.dcmread(tmp_path / "a.dcm").SeriesDescription == "made [AI, not reviewed]"
    assert read_segmentation(tmp_path / "a.dcm").badges == ("AI, not reviewed",)


def test_three_hundred_segments(tmp_path: Path) -> None:
    array = np.arange(np.prod(SHAPE), dtype=np.uint16).reshape(SHAPE) % 301
    many = Segmentation(array, GRID, tuple(Segment(n, f"s{n}") for n in range(1, 301)), "many")
    for ending in (".dcm", ".labelmap.dcm"):
        save_segmentation(many, tmp_path / f"a{ending}")
        assert np.array_equal(read_segmentation(tmp_path / f"a{ending}").array, array)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_grid_comes_back(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    shape = tuple(data.draw(st.lists(st.integers(1, 9), min_size=3, max_size=3)))
    axes = np.linalg.qr(np.random.default_rng(data.draw(st.integers(0, 99))).normal(size=(3, 3)))[0]
    spacing = data.draw(st.lists(st.floats(0.1, 9), min_size=3, max_size=3))
    grid = Grid.of(shape, spacing, (1, -200, 30), axes, "1.2")
    array = np.random.default_rng(1).integers(0, 3, shape).astype(np.uint8)
    array[0, 0, 0] = array[-1, -1, -1] = 1  # so that no outer slice is left out
    wanted = Segmentation(array, grid, (LIVER, KIDNEY), "any")
    path = tmp_path_factory.mktemp("seg") / "a.dcm"
    write_seg(wanted, path)
    assert np.array_equal(read_segmentation(path).array, array)
    foreign(path)
    found = fitted(read_segmentation(path), grid)
    assert found is not None
    assert np.array_equal(found.array, array)


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def _spoil(path: Path, name: str) -> None:
    ds = pydicom.dcmread(path)
    ds.remove_private_tags()
    group = ds.PerFrameFunctionalGroupsSequence[1]
    if name == "far":
        group.PlanePositionSequence[0].ImagePositionPatient = [0, 0, 1e9]
    elif name == "headers":
        ds.PerFrameFunctionalGroupsSequence = ds.PerFrameFunctionalGroupsSequence[:1]
    else:
        del ds[name]
    ds.save_as(path)


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (_truncate, "ends before|cannot be"),
        (partial(_spoil, name="far"), "m apart"),
        (partial(_spoil, name="headers"), "headers of frames"),
        (partial(_spoil, name="PixelData"), "no segmentation with pixels"),
        (partial(_spoil, name="SharedFunctionalGroupsSequence"), "incomplete or damaged"),
    ],
)
def test_damage_is_told_in_one_sentence(tmp_path: Path, harm: object, why: str) -> None:
    write_seg(made(), tmp_path / "a.dcm")
    assert callable(harm)
    harm(tmp_path / "a.dcm")
    with pytest.raises(OpenError, match=why):
        read_segmentation(tmp_path / "a.dcm")


def test_a_file_that_does_not_say_how_its_pixels_are_stored_is_told_in_one_sentence(tmp_path: Path) -> None:
    write_seg(made(), tmp_path / "a.dcm")
    data = (tmp_path / "a.dcm").read_bytes()
    syntax = b"\x02\x00\x10\x00UI"
    assert data.count(syntax) == 1
    for harm in (data.replace(syntax, b"\x02\x00\x11\x00UI"), data.replace(b"UL\x04\x00", b"UL\x06\x00", 1)):
        (tmp_path / "a.dcm").write_bytes(harm)
        with pytest.raises(OpenError, match=r"damaged|DICOM"):
            read_segmentation(tmp_path / "a.dcm")


@pytest.mark.skipif("TOMOLENS_DATA" not in os.environ, reason="needs the shared data")
@pytest.mark.parametrize(
    ("name", "voxels"),
    [
        ("dcmqi/24x38x3/seg/label.seg", [315]),
        ("dcmqi/segmentations_partial_overlaps.dcm", [9602, 11888, 10743, 6693, 4713]),
        ("dcmqi/segmentations_sparse-labelmap-ppv5.dcm", [630]),
        ("highdicom/seg_image_ct_true_fractional.dcm", [638]),
        ("pet-qin-headneck/SEG/tumor_User1_Manual_Trial1.dcm", [54, 212]),
        ("pydicom-data/liver_nonbyte_aligned_j2k.dcm", [107098]),
        ("pydicom-data/liver_expb.dcm", [107098]),
        ("pydicom-data/liver_rle.dcm", [107098]),
        ("pydicom-data/liver_nonbyte_aligned_rle.dcm", [107098]),
        ("pydicom-data/liver_deflate.dcm", [107098]),
        ("pydicom-data/liver_nonbyte_aligned_deflate.dcm", [107098]),
    ],
)
def test_files_of_other_programs(name: str, voxels: list[int]) -> None:
    found = read_segmentation(Path(os.environ["TOMOLENS_DATA"]) / "dicom" / name)
    assert [int(found.mask(one).sum()) for one in found.segments] == voxels
