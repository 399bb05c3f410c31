"""b-values and directions beside a NIfTI file: read into the patient's axes, or not taken and said."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.uid import MRImageStorage
from scipy.spatial.transform import Rotation

from tests.fixtures.dicom_phantom import dataset, ramp, write
from tests.fixtures.nifti_file import nifti
from tests.fixtures.two_placements import two_placements
from viewer.data.grid import Grid
from viewer.data.study import Image
from viewer.data.volume import Diffusion, Volume
from viewer.io.images.fsl_gradients import LONGEST, weighting_words
from viewer.io.images.image_files import describe_image
from viewer.io.images.save import save_image
from viewer.io.reader.reader import Reader, index_now, load_now

B_VALUES = "0 1000 1000 2000\n"
VECTORS = "0 1 0 0.6\n0 0 1 0.8\n0 0 0 0\n"  # a column a volume
C, S = np.cos(np.radians(30)), 0.5  # of 30°
ARRAY = np.arange(3 * 4 * 5 * 4, dtype=np.int16).reshape((3, 4, 5, 4), order="F")


def weighted(folder: Path, b_values: Any = B_VALUES, vectors: Any = VECTORS, **fields: Any) -> Path:
    """A file of four volumes, with what stands beside it; None for nothing."""
    folder.mkdir(exist_ok=True)
    path = folder / "dwi.nii"
    path.write_bytes(nifti(ARRAY, **({"units": 2} | fields)))
    for ending, text in ((".bval", b_values), (".bvec", vectors)):
        if text is not None:
            (folder / f"dwi{ending}").write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def directions(image: Image) -> list[tuple[float, ...] | None]:
    return [one.direction for one in image.plan.diffusion]


# What the columns of VECTORS are in LPS, by hand. A right-handed image counts the first component backwards: (1, 0, 0)
# is then −i. srow: RAS, so that L and P are its negative x and y.
AXES = {
    "left-handed, i to the left": (
        [[-2, 0, 0, 0], [0, 3, 0, 0], [0, 0, 4, 0]], [(1, 0, 0), (0, -1, 0), (0.6, -0.8, 0)],
    ),
    "right-handed, i to the right": (
        [[2, 0, 0, 0], [0, 3, 0, 0], [0, 0, 4, 0]], [(1, 0, 0), (0, -1, 0), (0.6, -0.8, 0)],
    ),
    "left-handed, i to the right, j to the back": (
        [[2, 0, 0, 0], [0, -3, 0, 0], [0, 0, 4, 0]], [(-1, 0, 0), (0, 1, 0), (-0.6, 0.8, 0)],
    ),
    "coronal, right-handed": ([[2, 0, 0, 0], [0, 0, -4, 0], [0, 3, 0, 0]], [(1, 0, 0), (0, 0, 1), (0.6, 0, 0.8)]),
    "oblique, right-handed": (
        [[2 * C, -2 * S, 0, 0], [2 * S, 2 * C, 0, 0], [0, 0, 2, 0]],
        [(C, S, 0), (S, -C, 0), (0.6 * C + 0.8 * S, 0.6 * S - 0.8 * C, 0)],
    ),
    "oblique, left-handed": (
        [[2 * C, -2 * S, 0, 0], [2 * S, 2 * C, 0, 0], [0, 0, -2, 0]],
        [(-C, -S, 0), (S, -C, 0), (-0.6 * C + 0.8 * S, -0.6 * S - 0.8 * C, 0)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("axes", AXES)
def test_directions_come_into_the_axes_of_the_patient(tmp_path: Path, axes: str) -> None:
    srow, wanted = AXES[axes]
    image = describe_image(str(weighted(tmp_path, srow=srow)))
    first, *others = directions(image)
    assert first is None
    for found, direction in zip(others, wanted, strict=True):
        assert found == pytest.approx(direction, abs=1e-6)
    assert image.b_values == (0, 1000, 1000, 2000)
    assert image.plan.times == ("b = 0", "b = 1000, direction 1", "b = 1000, direction 2", "b = 2000")
    assert image.beside == (str(tmp_path / "dwi.bval"), str(tmp_path / "dwi.bvec"))


def test_they_follow_the_chosen_placement(tmp_path: Path) -> None:
    """The qform lies half a turn about z from the sform."""
    weighted(tmp_path)
    image = describe_image(str(two_placements(tmp_path / "dwi.nii", ARRAY)))
    assert image.other is not None
    assert directions(image)[1:3] == [(1, 0, 0), (0, -1, 0)]
    assert directions(image.other)[1:3] == [(-1, 0, 0), (0, 1, 0)]


@pytest.mark.parametrize(
    ("b_values", "vectors"),
    [
        ("0\n1000\n1000\n2000\n", "0 0 0\n1 0 0\n0 1 0\n.6 .8 0"),  # columns
        ("\n0 1e3 1000. 2000\r\n\r\n", VECTORS.replace("\n", " \r\n")),
        (b"\xef\xbb\xbf0\t1000  1000 2000\r\n", VECTORS.replace("1", "0.9999")),  # rounded; with a mark of its encoding
        ("0 1000 1000 2000", VECTORS.replace("0 1 0 0.6", "1e-7 1 0 0.6")),
    ],
)
def test_what_other_programs_write(tmp_path: Path, b_values: Any, vectors: Any) -> None:
    image = describe_image(str(weighted(tmp_path, b_values, vectors)))
    assert not image.notices
    assert image.b_values == (0, 1000, 1000, 2000)
    assert directions(image) == [None, (1, 0, 0), (0, -1, 0), (0.6, -0.8, 0)]


MISMATCHES = [
    ("0 1000 1000", VECTORS, "3 b-values for 4 volumes"),
    ("0 1000 1000 2000 2000", VECTORS, "5 b-values for 4 volumes"),
    ("0 1000\n1000 2000", VECTORS, "not one row"),
    ("0 -5 1000 2000", VECTORS, "not between 0 and"),
    ("0 nan 1000 2000", VECTORS, "something else than numbers"),
    ("0 1_0 1000 2000", VECTORS, "something else than numbers"),
    ("0 1e999 1000 2000", VECTORS, "something else than numbers"),
    (b"\x00\xff\x80", VECTORS, "something else than numbers"),
    ("", VECTORS, "0 b-values for 4 volumes"),
    ("0 " * LONGEST, VECTORS, "longer than"),
    (B_VALUES, "0 1 0\n0 0 1\n0 0 0\n", "no directions of 4 volumes"),
    (B_VALUES, "0 1 0 0.6\n0 0 1\n0 0 0 0\n", "no directions of 4 volumes"),
    (B_VALUES, VECTORS.replace("0.6", "0.3"), "direction of volume 4 is 0.8544 long"),
    (B_VALUES, VECTORS.replace("0.6", "inf"), "something else than numbers"),
    (None, VECTORS, "b-values of its directions are missing"),
]


@pytest.mark.parametrize(("b_values", "vectors", "why"), MISMATCHES, ids=[why for _, _, why in MISMATCHES])
def test_what_does_not_fit_is_said_and_the_image_opens_without_it(
    tmp_path: Path, b_values: Any, vectors: Any, why: str
) -> None:
    image = describe_image(str(weighted(tmp_path, b_values, vectors)))
    (notice,) = image.notices
    assert (notice.code, notice.badge) == ("unread-gradients", "gradients not read")
    assert why in notice.sentence
    assert (image.b_values, image.plan.diffusion, image.beside) == ((), (), ())
    assert image.plan.times[0] == "time point 1"


@pytest.mark.parametrize(
    "fields", [{"codes": [0, 0]}, {"srow": [[2, 0, 0, 0], [1, 3, 0, 0], [0, 0, 4, 0]]}], ids=["no sides", "sheared"]
)
def test_directions_along_axes_that_are_not_known_are_not_taken(tmp_path: Path, fields: dict[str, Any]) -> None:
    image = describe_image(str(weighted(tmp_path, **fields)))
    assert "unread-gradients" in [notice.code for notice in image.notices]
    assert image.plan.diffusion == ()
    (tmp_path / "dwi.bvec").unlink()
    assert describe_image(str(tmp_path / "dwi.nii")).plan.diffusion[1] == Diffusion(1000)


def test_links_out_of_the_folder_and_what_is_no_file_are_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text(B_VALUES)
    path = weighted(tmp_path / "in", None, None)
    bval = tmp_path / "in" / "dwi.bval"
    for make, why in (
        (lambda: bval.symlink_to(secret), "leads out of its folder"),
        (lambda: bval.symlink_to("gone"), "not there"),
        (bval.mkdir, "it is a folder"),
        (lambda: os.mkfifo(bval), "pipe"),
    ):
        make()
        (notice,) = describe_image(str(path)).notices
        assert notice.code == "unread-gradients"
        assert why in notice.sentence
        bval.rmdir() if bval.is_dir() else bval.unlink()
    (tmp_path / "in" / "b.txt").write_text(B_VALUES)
    bval.symlink_to("b.txt")
    assert describe_image(str(path)).b_values == (0, 1000, 1000, 2000)


def test_in_folders_and_archives_they_are_no_files_of_their_own(tmp_path: Path, reader: Reader) -> None:
    weighted(tmp_path / "in")
    (tmp_path / "in" / "other.bval").write_text("0 1")
    images, refused = index_now([tmp_path / "in"], reader)
    assert [Path(one.path).name for one in refused] == ["other.bval"]  # it is of no image
    (tmp_path / "in" / "other.bval").unlink()
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for path in sorted((tmp_path / "in").iterdir()):
            archive.write(path, f"sub/{path.name}")
    packed, refused = index_now([tmp_path / "a.zip"], reader)
    assert not refused
    assert len(images) == len(packed) == 1
    assert packed[0].plan.diffusion == images[0].plan.diffusion != ()
    assert [volume.diffusion for volume in load_now(packed[0], reader)] == list(images[0].plan.diffusion)


TURN = Rotation.from_euler("xyz", (30, 50, 70), degrees=True).as_matrix()
WEIGHTINGS = [(0.0, None), (1000.0, (0.0, 0.6, 0.8)), (1000.0, (0.36, -0.48, 0.8)), (1500.0, (-0.8, 0.6, 0.0))]
ROUNDED = [(b_value, direction and pytest.approx(direction, abs=2e-6)) for b_value, direction in WEIGHTINGS]


def test_dicom_saved_as_nifti_and_read_again_has_the_same_gradients(tmp_path: Path, reader: Reader) -> None:
    """Oblique slices; as NIfTI, again as NIfTI, and back as DICOM."""
    grid = Grid.of((4, 5, 6), (2.5, 0.7, 0.8), (1, 2, 3), TURN)
    for n, (b_value, direction) in enumerate(WEIGHTINGS):
        for k in range(4):
            ds = dataset(
                ramp((5, 6)), Modality="MR", SOPClassUID=MRImageStorage, DiffusionBValue=b_value,
                ImageOrientationPatient=[float(x) for x in grid.direction.T[:2].ravel()],
                ImagePositionPatient=[float(x) for x in grid.to_world((k, 0, 0))], PixelSpacing=[0.7, 0.8],
            )  # fmt: skip
            if direction:
                ds.DiffusionGradientOrientation = list(direction)
            write(tmp_path / "in" / f"{n}-{k}.dcm", ds, ramp((5, 6)) + np.int16(n + k))
    (image,), _ = index_now([tmp_path / "in"], reader)
    for number, kind in enumerate(("nifti", "nifti", "dicom")):
        (tmp_path / str(number)).mkdir()
        target = tmp_path / str(number) / ("dwi.nii.gz" if kind == "nifti" else "series")
        save_image(load_now(image, reader), target, kind)
        times, (image,) = image.plan.times, index_now([target], reader)[0]
        assert [tuple(one) for one in image.plan.diffusion] == ROUNDED
        assert image.b_values == (0, 1000, 1000, 1500)
        assert kind == "dicom" or image.plan.times == times
    once, twice = (np.loadtxt(tmp_path / folder / "dwi.bvec") for folder in "01")
    assert once == pytest.approx(twice, abs=2e-6)


@pytest.mark.parametrize("handed", [1, -1])
def test_what_is_saved_on_other_axes_is_read_again_as_it_was(tmp_path: Path, handed: int) -> None:
    grid = Grid.of((4, 5, 6), (2.5, 0.7, 0.8), (1, 2, 3), TURN * (1, handed, 1))
    volumes = [Volume(ramp((4, 5, 6)), grid, "dwi", diffusion=Diffusion(*one)) for one in WEIGHTINGS]
    save_image(volumes, tmp_path / "dwi.nii", "nifti")
    assert [tuple(one) for one in describe_image(str(tmp_path / "dwi.nii")).plan.diffusion] == ROUNDED


def test_volumes_of_one_b_value_are_told_apart() -> None:
    told = [Diffusion(0), Diffusion(0), Diffusion(5, (1, 0, 0)), Diffusion(700, (1, 0, 0)), Diffusion(700)]
    words = ("b = 0, repetition 1", "b = 0, repetition 2", "b = 5", "b = 700, direction 1", "b = 700, repetition 1")
    assert weighting_words(told) == words
