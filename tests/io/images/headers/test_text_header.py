"""What NRRD and MetaImage headers say of sides and lengths, and what is said where they do not or not rightly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from viewer.data.notice import UNMEASURED
from viewer.data.study import Image
from viewer.io.errors import OpenError
from viewer.io.images.image_files import describe_image

VOXELS = np.arange(24, dtype="<i2").tobytes()
DIRECTIONS = ["space directions: (1,0,0) (0,2,0) (0,0,3)", "space origin: (1,2,3)"]
MATRIX = ["TransformMatrix = 1 0 0 0 1 0 0 0 1", "Offset = 1 2 3"]


def nrrd(folder: Path, *lines: str) -> Image:
    fields = ["NRRD0005", "type: short", "dimension: 3", "sizes: 4 3 2", "endian: little", "encoding: raw", *lines]
    (folder / "a.nrrd").write_bytes("\n".join([*fields, "", ""]).encode() + VOXELS)
    return describe_image(str(folder / "a.nrrd"))


def meta(folder: Path, *lines: str) -> Image:
    fields = ["ObjectType = Image", "NDims = 3", "BinaryData = True", "BinaryDataByteOrderMSB = False", *lines]
    fields += ["DimSize = 4 3 2", "ElementType = MET_SHORT", "ElementDataFile = LOCAL"]
    (folder / "a.mha").write_bytes("\n".join([*fields, ""]).encode() + VOXELS)
    return describe_image(str(folder / "a.mha"))


def said(image: Image) -> dict[str, str]:
    return {notice.code: notice.badge for notice in image.notices}


@pytest.mark.parametrize(
    ("space", "signs"),
    [("left-posterior-superior", (1, 1, 1)), ("LPS", (1, 1, 1)), ("right-anterior-superior", (-1, -1, 1)),
     ("RAS", (-1, -1, 1)), ("left-anterior-superior", (1, -1, 1)), ("LAS", (1, -1, 1))],
)  # fmt: skip
def test_every_space_of_sides_is_turned_to_lps(tmp_path: Path, space: str, signs: tuple[int, ...]) -> None:
    image = nrrd(tmp_path, f"space: {space}", *DIRECTIONS)
    assert image.grid.placed
    np.testing.assert_allclose(image.grid.direction, np.diag(signs))
    np.testing.assert_allclose(image.grid.origin, np.array([1, 2, 3]) * signs)
    assert set(said(image)) <= {"left-handed"}


@pytest.mark.parametrize("space", ["space: scanner-xyz", "space: 3D-right-handed", "space dimension: 3"])
def test_a_space_without_sides_is_said(tmp_path: Path, space: str) -> None:
    image = nrrd(tmp_path, space, *DIRECTIONS)
    assert not image.grid.placed
    assert said(image) == {"no-orientation": "sides not known"}
    assert image.grid.spacing.tolist() == [3, 2, 1]


def test_spacings_alone_are_lengths_without_sides(tmp_path: Path) -> None:
    image = nrrd(tmp_path, "spacings: 1 2 3")
    assert set(said(image)) == {"no-orientation"}
    assert image.grid.spacing.tolist() == [3, 2, 1]


@pytest.mark.parametrize("lines", [(), ("spacings: 1 2 nan",), ("thicknesses: 1 2 3",), ("spacings: -1 2 3",)])
def test_nrrd_lengths_that_are_none_are_said(tmp_path: Path, lines: tuple[str, ...]) -> None:
    assert said(nrrd(tmp_path, *lines))["no-pixel-spacing"] == UNMEASURED


@pytest.mark.parametrize("lines", [("spacings: 0,5 2 3",), ("spacings: 0,5 0,5 3,0",)])
def test_decimal_commas_in_nrrd_are_the_reason_of_the_refusal(tmp_path: Path, lines: tuple[str, ...]) -> None:
    with pytest.raises(OpenError, match="decimal commas"):
        nrrd(tmp_path, *lines)


@pytest.mark.parametrize(
    ("unit", "scale", "code"),
    [("mm", 1, None), ("um", 1e-3, "length-unit"), ("microns", 1e-3, "length-unit"), ("µm", 1e-3, "length-unit"),
     ("m", 1000, "length-unit"), ("cm", 10, "length-unit"), ("degrees", 1, "no-length-unit")],
)  # fmt: skip
def test_units_of_nrrd(tmp_path: Path, unit: str, scale: float, code: str | None) -> None:
    image = nrrd(tmp_path, "space: LPS", *DIRECTIONS, f'space units: "{unit}" "{unit}" "{unit}"')
    np.testing.assert_allclose(image.grid.spacing, np.array([3, 2, 1]) * scale)
    np.testing.assert_allclose(image.grid.origin, np.array([1, 2, 3]) * scale)
    assert said(image) == ({} if code is None else {code: UNMEASURED if unit == "degrees" else ""})


def test_time_points_as_itk_writes_them_keep_their_sides(tmp_path: Path) -> None:
    volume = sitk.GetImageFromArray(np.zeros((2, 3, 4), np.int16))
    volume.SetDirection([0, 1, 0, -1, 0, 0, 0, 0, 1])
    sitk.WriteImage(sitk.JoinSeries([volume, volume]), str(tmp_path / "a.nrrd"))
    image = describe_image(str(tmp_path / "a.nrrd"))
    assert image.grid.placed
    assert image.timepoints == 2
    np.testing.assert_allclose(image.grid.direction.ravel(), volume.GetDirection())


def test_a_whole_metaimage_says_nothing(tmp_path: Path) -> None:
    image = meta(tmp_path, *MATRIX, "AnatomicalOrientation = RAI", "ElementSpacing = 1 2 3")
    assert said(image) == {}
    assert image.grid.spacing.tolist() == [3, 2, 1]
    assert said(meta(tmp_path, *MATRIX, "ElementSize = 1 2 3")) == {}


@pytest.mark.parametrize(
    "line",
    [
        "",
        "ElementSpacing = 0 2 3",
        "ElementSpacing = -1 2 3",
    ],
)
def test_metaimage_lengths_that_are_none_are_said(tmp_path: Path, line: str) -> None:
    image = meta(tmp_path, *MATRIX, *([line] if line else []))
    assert said(image)["no-pixel-spacing"] == UNMEASURED
    assert (image.grid.spacing > 0).all()


@pytest.mark.parametrize("told", ["0,5 0,5 2,5", "nan 2 3", "a b c"])
def test_metaimage_lengths_that_are_no_numbers_are_the_reason_of_the_refusal(tmp_path: Path, told: str) -> None:
    with pytest.raises(OpenError, match=rf"no number \({told}"):
        meta(tmp_path, *MATRIX, f"ElementSpacing = {told}")


def test_sizes_that_contradict_each_other_are_said(tmp_path: Path) -> None:
    both = meta(tmp_path, *MATRIX, "ElementSize = 4 5 6", "ElementSpacing = 1 2 3")
    assert said(both) == {"contradicting-spacing": UNMEASURED}
    stretched = meta(tmp_path, "TransformMatrix = 2 0 0 0 2 0 0 0 2", "Offset = 0 0 0", "ElementSpacing = 1 2 3")
    assert said(stretched) == {"contradicting-spacing": UNMEASURED}


def test_a_metaimage_without_a_matrix_has_no_sides(tmp_path: Path) -> None:
    image = meta(tmp_path, "ElementSpacing = 1 2 3")
    assert not image.grid.placed
    assert set(said(image)) == {"no-orientation"}


def test_letters_that_contradict_the_matrix_are_said(tmp_path: Path) -> None:
    assert "two-orientations" in said(meta(tmp_path, *MATRIX, "AnatomicalOrientation = LPS", "ElementSpacing = 1 2 3"))


def test_letters_that_nobody_knows_mean_no_sides_in_spite_of_a_matrix(tmp_path: Path) -> None:
    image = meta(tmp_path, *MATRIX, "AnatomicalOrientation = ???", "ElementSpacing = 1 2 3")
    assert not image.grid.placed
    assert said(image) == {"no-orientation": "sides not known"}
    assert image.grid.spacing.tolist() == [3, 2, 1]


def test_a_metaimage_of_time_points_as_itk_writes_it_keeps_its_sides(tmp_path: Path) -> None:
    volume = sitk.GetImageFromArray(np.zeros((2, 3, 4), np.int16))
    sitk.WriteImage(sitk.JoinSeries([volume, volume]), str(tmp_path / "a.mha"))
    assert b"AnatomicalOrientation = ????" in (tmp_path / "a.mha").read_bytes()
    assert describe_image(str(tmp_path / "a.mha")).grid.placed


@pytest.mark.parametrize("seed", range(8))
def test_letters_that_itk_writes_never_contradict(tmp_path: Path, seed: int) -> None:
    turn, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    image = sitk.GetImageFromArray(np.zeros((2, 3, 4), np.int16))
    image.SetDirection(turn.ravel().tolist())
    sitk.WriteImage(image, str(tmp_path / "a.mha"))
    assert set(said(describe_image(str(tmp_path / "a.mha")))) <= {"left-handed"}


@pytest.mark.parametrize(
    ("unit", "scale", "code"), [("mm", 1, None), ("um", 1e-3, "length-unit"), ("parsec", 1, "no-length-unit")]
)
def test_units_of_a_metaimage(tmp_path: Path, unit: str, scale: float, code: str | None) -> None:
    image = meta(tmp_path, *MATRIX, "ElementSpacing = 1 2 3", f"DistanceUnits = {unit}")
    np.testing.assert_allclose(image.grid.spacing, np.array([3, 2, 1]) * scale)
    assert set(said(image)) == ({code} if code else set())


def test_a_centre_of_rotation_is_said(tmp_path: Path) -> None:
    turned = "TransformMatrix = 0 1 0 -1 0 0 0 0 1"
    image = meta(tmp_path, turned, "Offset = 1 2 3", "CenterOfRotation = 5 5 5", "ElementSpacing = 1 2 3")
    assert set(said(image)) == {"rotation-centre"}
