"""`convert`, from form to form."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.fixtures.dicom_phantom import ramp, write_series
from tests.fixtures.foreign_segments import plane_of, write_contours, write_planes
from viewer.cli.commands.compare import compare
from viewer.cli.commands.convert import convert
from viewer.cli.exit_codes import BadInput, JobFailed
from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.data.study import Source
from viewer.data.transform import ImageReference
from viewer.io.segmentations.segmentation_file import read_segmentation, save_segmentation

SHAPE = (5, 8, 9)
GRID = Grid.of(SHAPE, (2.5, 0.7, 0.8), (-12.5, 30, 7), frame_of_reference="1.2.3.3")

SOURCE = Source(patient_id="P-77", study_uid="1.2.3.1", series_uid="1.2.3.2", dicom=True)
IMAGE = ImageReference(GRID, SOURCE)


def made(grid: Grid = GRID) -> Segmentation:
    array = np.zeros(grid.shape, np.uint8)
    array[1:3, 2:5, 3:7] = 1
    return Segmentation(array, grid, (Segment(1, "liver", (1, 2, 3)),), "made")


@pytest.fixture
def image(tmp_path: Path) -> str:
    write_series(tmp_path / "ct", ramp(SHAPE), GRID)
    return str(tmp_path / "ct")


def test_round_and_round(tmp_path: Path, image: str) -> None:
    save_segmentation(made(), tmp_path / "0.seg.nrrd")
    names = ["0.seg.nrrd", "1.dcm", "2.rtstruct.dcm", "3.labelmap.dcm", "4.nii.gz"]
    for one, other in pairwise(names):
        document = convert(str(tmp_path / one), str(tmp_path / other), image)
        assert [segment["name"] for segment in document["segments"]] == ["liver"]
    assert np.array_equal(read_segmentation(tmp_path / "4.nii.gz", [IMAGE]).array, made().array)


@pytest.mark.parametrize("ending", [".stl", ".ply", ".obj"])
def test_surfaces(tmp_path: Path, ending: str) -> None:
    import vtkmodules.all as vtk

    save_segmentation(made(), tmp_path / "a.seg.nrrd")
    convert(str(tmp_path / "a.seg.nrrd"), str(tmp_path / f"a{ending}"))
    reader = {".stl": vtk.vtkSTLReader, ".ply": vtk.vtkPLYReader, ".obj": vtk.vtkOBJReader}[ending]()
    reader.SetFileName(str(tmp_path / f"a{ending}"))
    reader.Update()
    mass = vtk.vtkMassProperties()
    mass.SetInputConnection(reader.GetOutputPort())
    voxels = made().array.sum() * GRID.spacing.prod()
    assert 0.6 * voxels < mass.GetVolume() < voxels  # edges and corners are cut
    middle = np.reshape(reader.GetOutput().GetBounds(), (3, 2)).mean(axis=1)
    assert np.allclose(middle, GRID.to_world((1.5, 3, 4.5)), atol=1e-3)


def test_another_resolution_is_placed_by_geometry(tmp_path: Path, image: str) -> None:
    fine = Grid.of((10, 16, 18), GRID.spacing / 2, GRID.to_world((-0.25, -0.25, -0.25)), GRID.direction, "1.2.3.3")
    array = made().array.repeat(2, 0).repeat(2, 1).repeat(2, 2)
    save_segmentation(replace(made(), array=array, grid=fine, source=SOURCE), tmp_path / "a.dcm")
    assert "resampled" in convert(str(tmp_path / "a.dcm"), str(tmp_path / "b.nii.gz"), image)["badges"]
    assert np.array_equal(read_segmentation(tmp_path / "b.nii.gz").array, made().array)


def test_a_segment_that_lies_between_the_voxels_is_named(tmp_path: Path, image: str) -> None:
    fine = Grid.of((25, 40, 45), GRID.spacing / 5, GRID.to_world((-0.4, -0.4, -0.4)), GRID.direction, "1.2.3.3")
    array = np.zeros(fine.shape, np.uint8)
    array[10, 10, 10] = 1  # no centre of a voxel lies in it
    save_segmentation(replace(made(), array=array, grid=fine, source=SOURCE), tmp_path / "a.dcm")
    badges = convert(str(tmp_path / "a.dcm"), str(tmp_path / "b.nii.gz"), image)["badges"]
    assert badges == ["resampled", "liver has no voxel on the image"]


def test_what_does_not_belong_together_is_said(tmp_path: Path, image: str) -> None:
    elsewhere = replace(GRID, frame_of_reference="9.9")
    save_segmentation(made(elsewhere), tmp_path / "a.dcm")
    with pytest.raises(BadInput, match="another patient"):
        convert(str(tmp_path / "a.dcm"), str(tmp_path / "b.nii.gz"), image)
    save_segmentation(replace(made(elsewhere), source=SOURCE), tmp_path / "a.dcm", overwrite=True)
    with pytest.raises(BadInput, match="another frame of reference"):
        convert(str(tmp_path / "a.dcm"), str(tmp_path / "b.nii.gz"), image)
    save_segmentation(replace(made(), array=np.zeros(SHAPE, np.uint8)), tmp_path / "c.seg.nrrd")
    with pytest.raises(JobFailed, match="no surface"):
        convert(str(tmp_path / "c.seg.nrrd"), str(tmp_path / "c.stl"))
    assert not (tmp_path / "c.stl").exists()


def at(path: Path) -> dict[int, int]:
    """Voxels of all labels by slice."""
    array = read_segmentation(path).array
    return {int(k): int((array[k] > 0).sum()) for k in np.flatnonzero(array.any(axis=(1, 2)))}


def test_sparse_frames_of_another_program_come_on_their_slices(tmp_path: Path, image: str) -> None:
    values = np.zeros(SHAPE[1:], np.uint8)
    values[2:5, 3:7] = 1
    planes = [plane_of(GRID, 1, 0, k, values, (False, False)) for k in (4, 0, 1)]
    write_planes(tmp_path / "a.dcm", planes, SliceThickness=9.0)
    document = convert(str(tmp_path / "a.dcm"), str(tmp_path / "b.nii.gz"), image)
    assert (document["shape"], document["badges"]) == (list(SHAPE), [])
    assert at(tmp_path / "b.nii.gz") == {0: 12, 1: 12, 4: 12}


@pytest.mark.parametrize("tilt", [0.0, 0.5])
@pytest.mark.parametrize("reference", [False, True])
def test_frames_of_a_tilted_or_uneven_stack_are_all_there(tmp_path: Path, tilt: float, reference: bool) -> None:
    def move(k: int) -> tuple[float, float, float]:
        return 0, tilt * k, 0 if tilt else 0.4 * (k % 2)

    write_series(tmp_path / "ct", ramp(SHAPE), GRID, move=move)
    values = np.zeros(SHAPE[1:], np.uint8)
    values[2:5, 3:7] = 1
    planes = [plane_of(GRID, 1, 0, k, values, (False, False)) for k in range(1, 4)]
    planes = [one._replace(position=np.add(one.position, move(k))) for k, one in enumerate(planes, 1)]
    write_planes(tmp_path / "a.dcm", planes)
    target = tmp_path / "b.seg.nrrd"
    document = convert(str(tmp_path / "a.dcm"), str(target), str(tmp_path / "ct") if reference else "")
    assert list(at(target).values()) == [12, 12, 12]
    assert any("beside the voxels" in one for one in document["badges"])


def test_contours_come_on_the_same_image_as_nifti(tmp_path: Path, image: str) -> None:
    import SimpleITK as sitk

    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(image))
    sitk.WriteImage(reader.Execute(), str(tmp_path / "same.nii.gz"))
    corners = np.array([(1, 1), (1, 6), (6.5, 7), (5, 1)])
    contours = [("CLOSED_PLANAR", GRID.to_world(np.insert(corners, 0, k, axis=1))) for k in (1, 2)]
    write_contours(tmp_path / "a.dcm", [[*contours, ("CLOSED_PLANAR", [])]])
    found = []
    for reference in (image, str(tmp_path / "same.nii.gz")):
        document = convert(str(tmp_path / "a.dcm"), str(tmp_path / f"{len(found)}.nii.gz"), reference)
        assert document["badges"] == ["contours left out: 1 empty"]
        found.append(at(tmp_path / f"{len(found)}.nii.gz"))
    assert found[0] == found[1]
    assert list(found[0]) == [1, 2]


def test_contours_without_their_images_say_so(tmp_path: Path, image: str) -> None:
    save_segmentation(replace(made(), source=SOURCE), tmp_path / "a.rtstruct.dcm")
    alone = convert(str(tmp_path / "a.rtstruct.dcm"), str(tmp_path / "b.nii.gz"))
    assert alone["badges"] == ["drawn without its images, in squares of 1 mm"]
    assert convert(str(tmp_path / "a.rtstruct.dcm"), str(tmp_path / "c.nii.gz"), image)["badges"] == []


@pytest.mark.parametrize("name", ["1.dcm", "2.rtstruct.dcm", "3.seg.nrrd", "4.nii.gz"])
def test_compare_takes_every_form(tmp_path: Path, image: str, name: str) -> None:
    save_segmentation(made(), tmp_path / "0.seg.nrrd")
    convert(str(tmp_path / "0.seg.nrrd"), str(tmp_path / name), image)
    found = compare(str(tmp_path / name), str(tmp_path / "0.seg.nrrd"), reference=image)
    assert found["kind"] == "labels"
    assert found["labels"]["1"]["dice"] == 1
    assert found["labels"]["1"]["hd95"] == 0


def test_compare_refuses_labels_that_overlap(tmp_path: Path) -> None:
    both = replace(made(), overlapping=(made().array,), segments=(Segment(1, "liver"), Segment(1, "lesion", layer=1)))
    save_segmentation(both, tmp_path / "a.seg.nrrd")
    with pytest.raises(BadInput, match="overlap"):
        compare(str(tmp_path / "a.seg.nrrd"), str(tmp_path / "a.seg.nrrd"))
