"""Values of every kind that NIfTI, NRRD and MetaImage hold: all of them come through, and what is done is said."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from tests.fixtures.nifti_file import SHAPE, I, J, K, nifti
from tests.fixtures.opened_file import opened, said, written
from viewer.io.errors import OpenError
from viewer.io.images.image_files import describe_image
from viewer.io.reader.reader import Reader


def nrrd(array: np.ndarray[Any, Any], *lines: str, kind: str, axis: int = 0) -> bytes:
    """array: [component, k, j, i]; the list axis stands at `axis` of the file's four (0: the fastest)."""
    moved = np.moveaxis(array, 0, 3 - axis)
    directions = ["(1,0,0)", "(0,1,0)", "(0,0,2)"]
    directions.insert(axis, "none")
    kinds = ["domain"] * 3
    kinds.insert(axis, kind)
    names = {"u1": "uchar", "u2": "ushort", "f4": "float", "i2": "short"}
    fields = [
        "NRRD0005", f"type: {names[array.dtype.str[1:]]}", "dimension: 4", "space: left-posterior-superior",
        f"sizes: {' '.join(map(str, moved.shape[::-1]))}", f"space directions: {' '.join(directions)}",
        f"kinds: {' '.join(kinds)}", "endian: little", "encoding: raw", "space origin: (0,0,0)", *lines,
    ]  # fmt: skip
    return ("\n".join(fields) + "\n\n").encode() + np.ascontiguousarray(moved).tobytes()


@pytest.mark.parametrize("axis", [0, 1, 2, 3])
@pytest.mark.parametrize("count", [2, 3, 4, 6])
def test_a_list_of_16_bit_values_is_as_many_volumes(reader: Reader, tmp_path: Path, axis: int, count: int) -> None:
    array = (np.arange(count * K * J * I) * 19 % 4000).astype(np.uint16).reshape(count, K, J, I)
    image, volumes = opened(reader, written(tmp_path, nrrd(array, kind="list", axis=axis), ".nrrd"))
    assert image.timepoints == count
    np.testing.assert_array_equal([volume.array for volume in volumes], array)
    assert "several-values" in said(image)
    assert volumes[1].time == "component 2"


def several_axes(
    array: np.ndarray[Any, Any], kinds: Sequence[str], places: Sequence[int], *, told: bool = True
) -> bytes:
    """array: [values …, k, j, i], those of kind n along axis `places[n]` of the file.

    told: by directions which axes are those of space; else by kinds and spacings.
    """
    count, sizes = array.ndim, list(array.shape[:-4:-1])
    named, ways, lengths = ["domain"] * 3, ["(1,0,0)", "(0,2,0)", "(0,0,3)"], ["1", "2", "3"]
    for place, kind, size in zip(places, kinds, array.shape, strict=False):
        for texts, text in ((named, kind), (ways, "none"), (lengths, "nan")):
            texts.insert(place, text)
        sizes.insert(place, size)
    moved = np.moveaxis(array, range(len(kinds)), [count - 1 - place for place in places])
    space = ["space: right-anterior-superior", f"space directions: {' '.join(ways)}"]
    fields = [
        "NRRD0005", "type: short", f"dimension: {count}", f"sizes: {' '.join(map(str, sizes))}",
        f"kinds: {' '.join(named)}", "endian: little", "encoding: raw",
        *(space if told else [f"spacings: {' '.join(lengths)}"]),
    ]  # fmt: skip
    return ("\n".join(fields) + "\n\n").encode() + np.ascontiguousarray(moved).tobytes()


@pytest.mark.parametrize("places", list(combinations(range(5), 2)))
@pytest.mark.parametrize(
    ("kinds", "words", "told"),
    [(("list", "vector"), "component 2, 1", False), (("matrix", "list"), "component 2, 1", True),
     (("list", "time"), "component 2, time point 1", True), (("time", "3-color"), "time point 2, component 1", True)],
)  # fmt: skip
def test_two_axes_of_values_are_the_product_of_both(
    reader: Reader, tmp_path: Path, kinds: tuple[str, str], words: str, places: tuple[int, int], told: bool
) -> None:
    array = np.arange(2 * 3 * K * J * I, dtype="<i2").reshape(2, 3, K, J, I)
    image, volumes = opened(reader, written(tmp_path, several_axes(array, kinds, places, told=told), ".nrrd"))
    assert image.timepoints == 6
    assert volumes[3].time == words
    assert image.grid.spacing.tolist() == [3, 2, 1]
    assert said(image) == {"several-values"} | (set() if told else {"no-orientation"})
    np.testing.assert_array_equal([volume.array for volume in volumes], array.reshape(6, K, J, I))


def test_three_axes_of_values(reader: Reader, tmp_path: Path) -> None:
    array = np.arange(2 * 3 * 2 * K * J * I, dtype="<i2").reshape(2, 3, 2, K, J, I)
    _, volumes = opened(reader, written(tmp_path, several_axes(array, ["list"] * 3, (0, 4, 5)), ".nrrd"))
    assert volumes[1].time == "component 1, 1, 2"
    np.testing.assert_array_equal([volume.array for volume in volumes], array.reshape(12, K, J, I))


@pytest.mark.parametrize(
    ("old", "new"),
    [("sizes: 2", "sizes: 20000"), ("sizes: 2", "sizes: 65537"), ("sizes: 2", "sizes: 0"),
     ("dimension: 5", "dimension: 4"), ("sizes: 2 7", "sizes: 2 -7"), ("domain domain", "domain"),
     ("none (", "none none (")],
)  # fmt: skip
def test_axes_of_values_that_contradict_the_header_or_hold_too_much_are_refused(
    tmp_path: Path, old: str, new: str
) -> None:
    array = np.zeros((2, 3, K, J, I), "<i2")
    data = several_axes(array, ("list", "list"), (0, 4)).replace(old.encode(), new.encode(), 1)
    with pytest.raises(OpenError, match=r"\.$"):
        describe_image(str(written(tmp_path, data, ".nrrd")))


def test_a_file_that_packs_millions_of_volumes_is_refused(tmp_path: Path) -> None:
    header = several_axes(np.zeros((1, 1, 1, 1, 1), "<i2"), ("list", "list"), (0, 4)).split(b"\n\n")[0]
    header = header.replace(b"sizes: 1 1 1 1 1", b"sizes: 3000 1 1 1 3000").replace(b"encoding: raw", b"encoding: gzip")
    with pytest.raises(OpenError, match="9,000,000 values a voxel"):
        describe_image(str(written(tmp_path, header + b"\n\n" + gzip.compress(bytes(18_000_000)), ".nrrd")))


@pytest.mark.parametrize(
    ("kind", "color"), [("vector", True), ("RGB-color", True), ("list", False), ("3-vector", False)]
)
def test_three_bytes_are_a_colour_unless_they_are_called_otherwise(
    reader: Reader, tmp_path: Path, kind: str, color: bool
) -> None:
    array = np.arange(3 * K * J * I).astype(np.uint8).reshape(3, K, J, I)
    _, volumes = opened(reader, written(tmp_path, nrrd(array, kind=kind), ".nrrd"))
    if color:
        np.testing.assert_array_equal(volumes[0].array, np.moveaxis(array, 0, -1))
    else:
        np.testing.assert_array_equal([volume.array for volume in volumes], array)


@pytest.mark.parametrize("kind", ["time", "domain", "???", "3D-symmetric-matrix"])
@pytest.mark.parametrize("count", [3, 6])
def test_an_axis_without_a_direction_holds_values_whatever_its_kind(
    reader: Reader, tmp_path: Path, kind: str, count: int
) -> None:
    array = np.arange(count * K * J * I).astype(np.uint8).reshape(count, K, J, I)
    _, volumes = opened(reader, written(tmp_path, nrrd(array, kind=kind, axis=3), ".nrrd"))
    np.testing.assert_array_equal([volume.array for volume in volumes], array)
    assert volumes[1].time == ("time point 2" if kind == "time" else "component 2")


def test_whole_complex_numbers_of_nrrd(reader: Reader, tmp_path: Path) -> None:
    array = np.arange(2 * K * J * I).astype(np.int16).reshape(2, K, J, I)
    image, volumes = opened(reader, written(tmp_path, nrrd(array, kind="complex"), ".nrrd"))
    np.testing.assert_array_equal([volume.array for volume in volumes], array)
    assert "complex-values" in said(image)


def test_channels_of_a_metaimage_are_volumes_or_a_colour(reader: Reader, tmp_path: Path) -> None:
    array = np.arange(K * J * I * 3).astype(np.int16).reshape(K, J, I, 3)
    sitk.WriteImage(sitk.GetImageFromArray(array, isVector=True), str(tmp_path / "a.mha"))
    _, volumes = opened(reader, tmp_path / "a.mha")
    np.testing.assert_array_equal([volume.array for volume in volumes], np.moveaxis(array, -1, 0))
    sitk.WriteImage(sitk.GetImageFromArray(array.astype(np.uint8), isVector=True), str(tmp_path / "c.mha"))
    _, (volume,) = opened(reader, tmp_path / "c.mha")
    np.testing.assert_array_equal(volume.array, array.astype(np.uint8))


@pytest.mark.parametrize(
    ("dtype", "code"),
    [("u1", 2), ("i2", 4), ("i4", 8), ("f4", 16), ("f8", 64), ("i1", 256), ("u2", 512), ("u4", 768), ("i8", 1024),
     ("u8", 1280)],
)  # fmt: skip
@pytest.mark.parametrize(("order", "version"), [("<", 1), (">", 1), ("<", 2), (">", 2)])
def test_every_type_of_nifti_comes_through(
    reader: Reader, tmp_path: Path, dtype: str, code: int, order: str, version: int
) -> None:
    kind = np.dtype(dtype)
    top = 0 if kind.kind == "f" else np.iinfo(kind).max
    array = (top - np.arange(I * J * K).astype(kind) % 100).astype(kind).reshape(SHAPE, order="F")
    data = nifti(array, order=order, version=version, datatype=code)
    image, (volume,) = opened(reader, written(tmp_path, data))
    assert volume.array.dtype == kind
    np.testing.assert_array_equal(volume.array, array.T)
    assert not said(image)


def test_five_dimensions_are_volumes_time_point_by_time_point(reader: Reader, tmp_path: Path) -> None:
    array = np.arange(np.prod(SHAPE) * 2 * 3).astype(np.int16).reshape((*SHAPE, 2, 3), order="F")
    image, volumes = opened(reader, written(tmp_path, nifti(array, intent=1007)))
    wanted = [array[..., t, c].T for t in range(2) for c in range(3)]
    np.testing.assert_array_equal([volume.array for volume in volumes], wanted)
    assert volumes[1].time == "time point 1, component 2"
    assert {"several-values", "vectors-as-stored"} <= said(image)


def test_seven_dimensions_are_volumes(reader: Reader, tmp_path: Path) -> None:
    array = np.arange(2 * 2 * 2 * 2 * 2 * 3 * 2).astype(np.int16).reshape((2, 2, 2, 2, 2, 3, 2), order="F")
    image, volumes = opened(reader, written(tmp_path, nifti(array)))
    wanted = [array[..., t, c, d, e].T for e in range(2) for d in range(3) for t in range(2) for c in range(2)]
    np.testing.assert_array_equal([volume.array for volume in volumes], wanted)
    assert "further-dimensions" in said(image)


@pytest.mark.parametrize(("channels", "code"), [(3, 128), (4, 2304)])
@pytest.mark.parametrize("times", [1, 2])
def test_colours_of_nifti(reader: Reader, tmp_path: Path, channels: int, code: int, times: int) -> None:
    shape = (*SHAPE, times, channels)
    array = np.arange(np.prod(shape)).astype(np.uint8).reshape(shape)
    image, volumes = opened(reader, written(tmp_path, nifti(array, datatype=code, scale=[2, 5])))
    wanted = [array[..., t, :3].transpose(2, 1, 0, 3) for t in range(times)]
    np.testing.assert_array_equal([volume.array for volume in volumes], wanted)
    assert said(image) == ({"transparency"} if channels == 4 else set())
    assert volumes[0].slope == 1


@pytest.mark.parametrize("ending", [".nii", ".nrrd", ".mha"])
def test_complex_values_are_their_real_and_imaginary_parts(reader: Reader, tmp_path: Path, ending: str) -> None:
    rng = np.random.default_rng(1)
    array = (rng.normal(size=(K, J, I)) + 1j * rng.normal(size=(K, J, I))).astype(np.complex64)
    if ending == ".nii":
        written(tmp_path, nifti(array.T, datatype=32))
    else:
        sitk.WriteImage(sitk.GetImageFromArray(array), str(tmp_path / f"a{ending}"))
    image, volumes = opened(reader, tmp_path / f"a{ending}")
    np.testing.assert_array_equal([volume.array for volume in volumes], [array.real, array.imag])
    if ending != ".mha":  # it calls them two channels
        assert [volume.time for volume in volumes] == ["real part", "imaginary part"]
        assert "complex-values" in said(image)


@pytest.mark.parametrize(
    ("scale", "wanted", "code"),
    [([0, 5], (1, 0), None), ([2, -3], (2, -3), None), ([np.nan, 0], (1, 0), "damaged-scale"),
     ([2, np.inf], (1, 0), "damaged-scale")],
)  # fmt: skip
def test_the_scale_of_nifti(
    reader: Reader, tmp_path: Path, scale: list[float], wanted: tuple[float, float], code: str | None
) -> None:
    image, (volume,) = opened(reader, written(tmp_path, nifti(scale=scale)))
    assert (volume.slope, volume.intercept) == wanted
    assert said(image) == ({code} if code else set())


def test_the_window_of_a_file_is_taken(reader: Reader, tmp_path: Path) -> None:
    _, (volume,) = opened(reader, written(tmp_path, nifti(cal=[150, 50])))  # cal_max stands first
    assert (volume.windows[0].lower, volume.windows[0].upper) == (50, 150)


def test_numbers_beyond_single_precision_are_kept_and_said(reader: Reader, tmp_path: Path) -> None:
    array = np.full(SHAPE, (1 << 24) + 1, np.int32)
    _, (volume,) = opened(reader, written(tmp_path, nifti(array, datatype=8)))
    assert (volume.array == (1 << 24) + 1).all()
    assert "large numbers" in volume.badges


def test_the_scale_of_a_metaimage_is_applied(reader: Reader, tmp_path: Path) -> None:
    array = np.arange(K * J * I, dtype=np.int16).reshape(K, J, I)
    sitk.WriteImage(sitk.GetImageFromArray(array), str(tmp_path / "a.mha"))
    told = b"ElementToIntensityFunctionSlope = 2\nElementToIntensityFunctionOffset = -5\nElementSpacing"
    data = (tmp_path / "a.mha").read_bytes().replace(b"ElementSpacing", told)
    _, (volume,) = opened(reader, written(tmp_path, data, ".mha"))
    np.testing.assert_array_equal(volume.values(), array * 2.0 - 5)
