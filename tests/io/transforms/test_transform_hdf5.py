"""ITK's transforms in HDF5: read as ITK reads them, but by ourselves; what leads out or is damaged is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import SimpleITK as sitk

from tests.io.asking import ask
from tests.io.transforms.test_transform_file import DIRECTION, ENDS, FIXED, MATRIX
from viewer.compute.images.resample import itk_image
from viewer.io.errors import OpenError
from viewer.io.reader.reader import Reader
from viewer.io.transforms.transform_file import read_transform


def field_and_matrix() -> sitk.Transform:
    """ITK's composite of a field and an affine map."""
    field = sitk.GetImageFromArray(np.random.default_rng(3).normal(0, 2, (4, 5, 6, 3)), isVector=True)
    field.SetSpacing((4, 5, 6))
    field.SetOrigin((-8, 3, 20))
    field.SetDirection(DIRECTION.ravel().tolist())
    affine = sitk.AffineTransform(MATRIX[:3, :3].ravel().tolist(), MATRIX[:3, 3].tolist(), (5.0, 6, 7))
    return sitk.CompositeTransform([affine, sitk.DisplacementFieldTransform(field)])


def parts_of(path: Path, change: Callable[[h5py.File], object]) -> Path:
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def test_hdf5_is_read_as_itk_reads_it(tmp_path: Path) -> None:
    spline = sitk.BSplineTransformInitializer(itk_image(np.zeros(FIXED.shape, np.float32), FIXED), (3, 3, 3))
    spline.SetParameters(np.random.default_rng(0).normal(0, 3, len(spline.GetParameters())).tolist())
    versor = sitk.VersorRigid3DTransform((0.1, 0.2, 0.3), 0.4, (3.0, 4, 5), (7.0, 8, 9))
    plane = [sitk.Euler2DTransform((3.0, 4), 0.5, (10.0, -5)), sitk.TranslationTransform(2, (1.0, 2))]
    inner = FIXED.to_world(np.random.default_rng(0).integers(1, np.array(FIXED.shape) - 1, (40, 3)))
    nothing = sitk.Transform(3, sitk.sitkIdentity)
    for number, transform in enumerate((field_and_matrix(), spline, versor, nothing, sitk.CompositeTransform(plane))):
        path = tmp_path / f"{number}.h5"
        sitk.WriteTransform(transform, str(path))
        points = inner[:, : transform.GetDimension()]
        theirs = [transform.TransformPoint(point.tolist()) for point in points]
        found = read_transform(path, ENDS[0])(inner)
        assert np.allclose(found[:, : transform.GetDimension()], theirs, atol=1e-3)


def test_single_precision_and_the_spelling_of_older_itk_are_read(tmp_path: Path) -> None:
    def older(file: h5py.File) -> None:
        group = file["TransformGroup/0"]
        group["TranformParameters"] = group["TransformParameters"][()].astype(np.float32)
        group["TranformFixedParameters"] = group["TransformFixedParameters"][()].astype(np.float32)
        del group["TransformParameters"], group["TransformFixedParameters"], group["TransformType"]
        group["TransformType"] = [b"AffineTransform_float_3_3"]

    sitk.WriteTransform(sitk.AffineTransform(MATRIX[:3, :3].ravel().tolist(), (1, 2, 3)), str(tmp_path / "a.h5"))
    found = read_transform(parts_of(tmp_path / "a.h5", older))
    assert np.allclose(found([1, 2, 3]), MATRIX[:3, :3] @ [1, 2, 3] + [1, 2, 3], atol=1e-5)


@pytest.mark.parametrize("name", ["a.h5", "a.tfm", "a.mat", "a.txt"])
def test_no_transform_takes_numbers_from_another_file(tmp_path: Path, name: str) -> None:
    """An HDF5 file is one by whatever name: ITK would go by its bytes, too."""
    (tmp_path / "in").mkdir()
    with h5py.File(tmp_path / "outside.h5", "w") as outside:
        outside["x"] = [1, 0, 0, 0, 1, 0, 0, 0, 1, 42.5, 43.5, 44.5]

    def lead_out(file: h5py.File) -> None:
        del file["TransformGroup/0/TransformParameters"]
        file["TransformGroup/0/TransformParameters"] = h5py.ExternalLink("../outside.h5", "/x")

    sitk.WriteTransform(sitk.AffineTransform(3), str(tmp_path / "in" / "a.h5"))
    path = parts_of(tmp_path / "in" / "a.h5", lead_out).rename(tmp_path / "in" / name)
    with pytest.raises(OpenError, match="link"):
        read_transform(path)


WRONG: dict[str, Callable[[h5py.File], object]] = {
    "no group": lambda file: file.__delitem__("TransformGroup"),
    "no parts": lambda file: [file["TransformGroup"].__delitem__(n) for n in "012"],
    "a part is missing": lambda file: file["TransformGroup"].__delitem__("1"),
    "no composite": lambda file: file["TransformGroup"].move("2", "0x"),
    "unknown kind": lambda file: file["TransformGroup/1/TransformType"].__setitem__(0, b"Parameters: 1\nTransform: x"),
    "few parameters": lambda file: shortened(file, "TransformGroup/1/TransformParameters"),
    "few voxels": lambda file: shortened(file, "TransformGroup/2/TransformParameters"),
    "no geometry": lambda file: shortened(file, "TransformGroup/2/TransformFixedParameters"),
    "negative size": lambda file: file["TransformGroup/2/TransformFixedParameters"].__setitem__(0, -6.0),
    "no spacing": lambda file: file["TransformGroup/2/TransformFixedParameters"].__setitem__(6, 0.0),
    "not a number": lambda file: file["TransformGroup/1/TransformParameters"].__setitem__(0, np.nan),
    "text": lambda file: replaced(file, "TransformGroup/1/TransformParameters", np.array([b"1"] * 12)),
}


def shortened(file: h5py.File, name: str) -> None:
    replaced(file, name, file[name][:-1])


def replaced(file: h5py.File, name: str, values: np.ndarray) -> None:
    del file[name]
    file[name] = values


@pytest.mark.parametrize("kind", WRONG)
def test_an_hdf5_file_that_is_no_transform_is_refused(tmp_path: Path, kind: str) -> None:
    sitk.WriteTransform(field_and_matrix(), str(tmp_path / "a.h5"))
    with pytest.raises(OpenError) as refused:
        read_transform(parts_of(tmp_path / "a.h5", WRONG[kind]))
    assert str(refused.value).endswith(".")
    assert "\n" not in str(refused.value)


def test_a_file_that_ends_itks_reader_is_refused_and_the_next_is_read(reader: Reader, tmp_path: Path) -> None:
    hostile = Path(__file__).parents[2] / "fixtures" / "transform-that-crashes-itk.h5"
    sitk.WriteTransform(field_and_matrix(), str(tmp_path / "a.h5"))
    kind, said = ask(reader, read_transform, hostile)
    assert kind == "failed"
    assert str(said).endswith(".")
    assert ask(reader, read_transform, tmp_path / "a.h5")[0] == "done"


def test_mutated_hdf5_files_cost_no_more_than_a_reader(tmp_path: Path) -> None:
    """What is read of them, if anything, are numbers; a second reader, as some may be lost."""
    sitk.WriteTransform(field_and_matrix(), str(tmp_path / "a.h5"))
    whole, rng = (tmp_path / "a.h5").read_bytes(), np.random.default_rng(11)
    fresh = Reader(workers=1, memory_limit=2 << 30)
    for _ in range(60):
        data = np.frombuffer(whole, np.uint8).copy()
        data[rng.integers(0, min(len(data), 9000), 4)] = rng.integers(0, 256, 4)
        (tmp_path / "b.h5").write_bytes(data.tobytes())
        kind, said = ask(fresh, read_transform, tmp_path / "b.h5")
        assert kind == "done" or str(said).endswith((".", "again."))
    fresh.close()
