"""Transforms in files: what is saved is read back, SimpleITK moves points alike, and foreign files are refused."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from tests.fixtures.head_phantom import head_phantom
from viewer.compute.images.resample import itk_image, resample
from viewer.compute.synthesis.phantoms import diffeomorphism
from viewer.data.grid import Grid
from viewer.data.provenance import Provenance
from viewer.data.study import Source
from viewer.data.transform import ImageReference, SignOff, Transform
from viewer.data.volume import Volume
from viewer.io.errors import OpenError, SaveError
from viewer.io.transforms.transform_file import read_transform
from viewer.io.transforms.transform_save import load_transform, save_transform

DIRECTION = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]])
GRID = Grid.of((14, 16, 18), (4, 4, 4), (-30, 12, 40), DIRECTION)
FIXED = Grid.of((10, 12, 11), (5, 4, 4.5), (-28, 15, 43), DIRECTION)
MATRIX = np.array([[0.96, -0.28, 0, 12], [0.28, 0.96, 0.05, -3], [0, 0, 1.1, 4], [0, 0, 0, 1.0]])
AFFINE = Transform(MATRIX, name="affine")
BENT = Transform(MATRIX, diffeomorphism(GRID, 4.0, 16.0, np.random.default_rng(0)), GRID, "bent")
ENDS = ImageReference(FIXED, Source()), ImageReference(FIXED, Source())


def voxels(grid: Grid) -> np.ndarray:
    return grid.to_world(np.random.default_rng(0).integers(0, grid.shape, (60, 3)))


def itk_of(path: Path) -> sitk.Transform:
    """What SimpleITK makes of a file, as any other program would."""
    if path.name.endswith((".tfm", ".txt", ".h5")):
        return sitk.ReadTransform(str(path))
    return sitk.DisplacementFieldTransform(sitk.ReadImage(str(path), sitk.sitkVectorFloat64))


@pytest.mark.parametrize("ending", [".tfm", ".txt", ".h5", ".nii", ".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize("transform", [AFFINE, BENT], ids=["affine", "bent"])
def test_simpleitk_moves_points_alike_and_it_comes_back(tmp_path: Path, transform: Transform, ending: str) -> None:
    path = tmp_path / f"found{ending}"
    if ending in (".tfm", ".txt") and transform is BENT:
        with pytest.raises(SaveError, match="huge"):
            save_transform(transform, path, *ENDS)
        assert list(tmp_path.iterdir()) == []
        return
    assert save_transform(transform, path, *ENDS) == "Nobody has accepted or rejected this registration yet."
    points = voxels(FIXED)
    theirs = itk_of(path)
    assert np.allclose([theirs.TransformPoint(point.tolist()) for point in points], transform(points), atol=2e-3)
    again = read_transform(path)
    assert np.allclose(again(points), transform(points), atol=2e-3)
    if ending in (".tfm", ".txt", ".h5"):
        beyond = points * 5
        assert np.allclose(again(beyond), transform(beyond), atol=2e-3)
    assert {one.name for one in tmp_path.iterdir()} == {path.name, "found.json"}


def test_an_image_resampled_by_simpleitk_through_the_file_is_ours(tmp_path: Path) -> None:
    moving = Volume(head_phantom(GRID), GRID)
    path = tmp_path / "found.h5"
    save_transform(BENT, path, *ENDS)
    reference = itk_image(np.zeros(FIXED.shape, np.float32), FIXED)
    theirs = sitk.Resample(
        itk_image(moving.array, GRID), reference, sitk.ReadTransform(str(path)), sitk.sitkLinear, 0.0
    )
    ours = resample(moving, FIXED, read_transform(path), outside=0.0)
    assert np.abs(ours.array - sitk.GetArrayFromImage(theirs)).max() < 1e-2
    assert ours.array.std() > 10


def test_provenance_and_sign_off_travel_beside(tmp_path: Path) -> None:
    path = tmp_path / "found.tfm"
    made = Provenance("register_rigid", "1.0", "0.1.0", {"metric": "nmi"}, inputs=("1.2", "1.3"))
    signed = Transform(
        MATRIX, name="CT to MR", provenance=made, sign_off=SignOff("rejected", "A", "slips", "2026-01-01")
    )
    assert save_transform(signed, path, *ENDS) == ""
    again = load_transform(path)
    assert (again.name, again.provenance, again.sign_off) == (signed.name, made, signed.sign_off)
    told = json.loads((tmp_path / "found.json").read_text())
    told["sign_off"]["verdict"] = "splendid"
    (tmp_path / "found.json").write_text(json.dumps(told))
    assert load_transform(path).sign_off is None
    told["sign_off"]["verdict"] = "accepted"
    told["sha256"] = "0"  # of another file: it says nothing of this one
    (tmp_path / "found.json").write_text(json.dumps(told))
    assert load_transform(path).sign_off is None


def test_nothing_is_replaced_unasked(tmp_path: Path) -> None:
    path = tmp_path / "found.tfm"
    save_transform(AFFINE, path, *ENDS)
    with pytest.raises(SaveError, match="already there"):
        save_transform(Transform(np.eye(4)), path, *ENDS)
    assert np.allclose(read_transform(path).matrix, MATRIX)
    save_transform(Transform(np.eye(4)), path, *ENDS, overwrite=True)
    assert np.allclose(read_transform(path).matrix, np.eye(4))
    with pytest.raises(SaveError, match="ends in"):
        save_transform(AFFINE, tmp_path / "found.xyz", *ENDS)
    with pytest.raises(SaveError, match="folder"):
        save_transform(AFFINE, tmp_path / "none" / "found.tfm", *ENDS)


def test_every_linear_transform_of_itk_is_read(tmp_path: Path) -> None:
    turned = sitk.Euler3DTransform((5.0, 6, 7), 0.1, -0.2, 0.3, (1.0, 2, 3))
    scaled = sitk.Similarity3DTransform(1.2, (0.0, 0, 1), 0.4, (3.0, 2, 1), (9.0, 8, 7))
    both = sitk.CompositeTransform([turned, scaled, sitk.TranslationTransform(3, (1.0, -2, 3))])
    for number, transform in enumerate((turned, scaled, both)):
        path = tmp_path / f"{number}.tfm"
        sitk.WriteTransform(transform, str(path))
        points = voxels(FIXED)
        theirs = [transform.TransformPoint(point.tolist()) for point in points]
        assert np.allclose(read_transform(path)(points), theirs, atol=1e-9)


def test_a_transform_of_the_plane_leaves_the_third_axis(tmp_path: Path) -> None:
    sitk.WriteTransform(sitk.Euler2DTransform((3.0, 4), 0.5, (10.0, -5)), str(tmp_path / "plane.tfm"))
    found = read_transform(tmp_path / "plane.tfm")
    x, y = sitk.ReadTransform(str(tmp_path / "plane.tfm")).TransformPoint((7.0, 8))
    assert np.allclose(found([7, 8, 9]), (x, y, 9))


def test_b_splines_are_sampled_on_the_fixed_image(tmp_path: Path) -> None:
    spline = sitk.BSplineTransformInitializer(itk_image(np.zeros(FIXED.shape, np.float32), FIXED), (3, 3, 3))
    spline.SetParameters(np.random.default_rng(0).normal(0, 3, len(spline.GetParameters())).tolist())
    path = tmp_path / "spline.tfm"
    sitk.WriteTransform(spline, str(path))
    with pytest.raises(OpenError, match="open that first"):
        read_transform(path)
    found = read_transform(path, ENDS[0])
    inner = FIXED.to_world(np.random.default_rng(0).integers(1, np.array(FIXED.shape) - 1, (40, 3)))
    assert np.allclose(found(inner), [spline.TransformPoint(point.tolist()) for point in inner], atol=1e-3)


HOSTILE = {
    "empty.tfm": b"",
    "text.tfm": b"#Insight Transform File V1.0\nTransform: AffineTransform_double_3_3\nParameters: 1 2 nan\n",
    "bytes.tfm": b"#Insight Transform File V1.0\nTransform: Aff\xedne_double_3_3\nParameters: 1\n",
    "letter.txt": b"Dear colleague, thank you for your referral.",
    "cut.h5": b"\x89HDF\r\n\x1a\n" + bytes(50),
    "huge.nii": b"\x5c\x01\x00\x00" + bytes(344),
    "no.dcm": b"%PDF-1.7",
    "singular.tfm": b"#Insight Transform File V1.0\nTransform: AffineTransform_double_3_3\n"
    b"Parameters: 1 0 0 0 0 0 0 0 0 1 2 3\nFixedParameters: 0 0 0\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_transform_is_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(HOSTILE[name])
    with pytest.raises(OpenError) as refused:
        read_transform(tmp_path / name)
    assert str(refused.value)[-1] == "."


def test_fields_with_holes_and_images_are_refused(tmp_path: Path) -> None:
    field = np.zeros((4, 5, 6, 3), np.float32)
    field[1, 1, 1] = np.nan
    sitk.WriteImage(sitk.GetImageFromArray(field, isVector=True), str(tmp_path / "holes.mha"))
    sitk.WriteImage(sitk.GetImageFromArray(field[..., 1]), str(tmp_path / "image.nii.gz"))
    for name, said in (("holes.mha", "holes"), ("image.nii.gz", "vectors")):
        with pytest.raises(OpenError, match=said):
            read_transform(tmp_path / name)


def test_reference_transforms_of_a_data_set(data: Path) -> None:
    for path in (data / "nifti/brain-ms-longitudinal-p01").glob("*.txt"):
        theirs, ours = sitk.ReadTransform(str(path)), read_transform(path)
        points = voxels(FIXED)
        assert np.allclose(ours(points), [theirs.TransformPoint(point.tolist()) for point in points], atol=1e-6)
        assert np.allclose(ours.matrix[:3, :3].T @ ours.matrix[:3, :3], np.eye(3), atol=1e-2)


@pytest.mark.parametrize(
    "line", ["ComponentTransformFile: ../outside.tfm", "  ComponentTransformFile :../outside.tfm\r"]
)
def test_no_text_names_another_file(tmp_path: Path, line: str) -> None:
    (tmp_path / "in").mkdir()
    sitk.WriteTransform(sitk.TranslationTransform(3, (42.5, 43.5, 44.5)), str(tmp_path / "outside.tfm"))
    text = f"#Insight Transform File V1.0\nTransform: CompositeTransform_double_3_3\n{line}\n"
    (tmp_path / "in" / "a.tfm").write_text(text, newline="")
    with pytest.raises(OpenError, match="other files"):
        read_transform(tmp_path / "in" / "a.tfm")


def test_names_of_any_bytes(tmp_path: Path) -> None:
    for ending in (".tfm", ".h5", ".mha"):
        path = tmp_path / os.fsdecode(b"caf\xe9#2" + ending.encode())
        sitk.WriteTransform(sitk.TranslationTransform(3, (1.0, 2, 3)), str(tmp_path / "a.tfm"))
        save_transform(read_transform(tmp_path / "a.tfm"), tmp_path / f"b{ending}", *ENDS)
        (tmp_path / f"b{ending}").rename(path)
        assert np.allclose(read_transform(path)(FIXED.origin), np.add(FIXED.origin, (1, 2, 3)), atol=1e-4)
        (tmp_path / "b.json").unlink()


OTHERS = {
    "flirt.mat": ("1 0 0 2.5 \n0 1 0 -3e-2 \n0 0 1 4 \n0 0 0 1 \n", "bare matrix"),
    "niftyreg.txt": ("1 0 0 2\n0 1 0 3\n0 0 1 4\n0 0 0 1", "bare matrix"),
    "TransformParameters.0.txt": ('(Transform "EulerTransform")\n(NumberOfParameters 6)\n', "elastix"),
    "a.tfm": ("MNI Transform File\n% made\nTransform_Type = Linear;\n", "MNI"),
    "b.txt": ("# made by x\ntype      = 1\nnxforms   = 1\n", "FreeSurfer"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_transforms_of_other_programs_are_refused_with_a_way_out(tmp_path: Path, name: str) -> None:
    text, why = OTHERS[name]
    (tmp_path / name).write_text(text)
    with pytest.raises(OpenError, match=why):
        read_transform(tmp_path / name)


@pytest.mark.parametrize("unit", [1, 3])
def test_a_field_in_other_units_is_refused(tmp_path: Path, unit: int) -> None:
    field = sitk.GetImageFromArray(np.ones((2, 3, 4, 3), np.float32), isVector=True)
    sitk.WriteImage(field, str(tmp_path / "a.nii"))
    read_transform(tmp_path / "a.nii")
    data = bytearray((tmp_path / "a.nii").read_bytes())
    data[123] = unit  # xyzt_units
    (tmp_path / "a.nii").write_bytes(data)
    with pytest.raises(OpenError, match="not in mm"):
        read_transform(tmp_path / "a.nii")
