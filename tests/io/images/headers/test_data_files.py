"""Headers that name files: ITK reads what was checked, and nothing outside the header's folder, whatever they say."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from viewer.io.errors import OpenError
from viewer.io.images.headers.data_files import files_of
from viewer.io.images.headers.itk_header import read_itk_header, voxels
from viewer.io.images.headers.meta_image_header import parse_meta_image
from viewer.io.images.headers.nrrd_header import parse_nrrd
from viewer.io.reader.reader import Reader, index_now, load_now
from viewer.processes.shared_array import FOLDER, PREFIX

ARRAY = np.arange(3 * 4 * 5, dtype="<i2").reshape(3, 4, 5) - 7
SECRET = b"Whoever shows these bytes left the folder. " * 20
META = [
    "ObjectType = Image",
    "NDims = 3",
    "BinaryData = True",
    "BinaryDataByteOrderMSB = False",
    "ElementSpacing = 0.5 0.75 3",
    "Offset = -30 12.5 200",
    "DimSize = 5 4 3",
    "ElementType = MET_SHORT",
]
NRRD = [
    "type: short",
    "dimension: 3",
    "space: left-posterior-superior",
    "sizes: 5 4 3",
    "space directions: (0.5,0,0) (0,0.75,0) (0,0,3)",
    "space origin: (-30,12.5,200)",
    "kinds: domain domain domain",
    "endian: little",
]


def read(path: Path) -> np.ndarray:
    array, owner = voxels(str(path))
    facts = read_itk_header(str(path))
    np.testing.assert_allclose((facts.spacing, facts.origin), ((0.5, 0.75, 3), (-30, 12.5, 200)))
    return np.array(array) if owner else array


def pieces(folder: Path, how: str, packed: bool) -> tuple[str, bytes, list[str]]:
    """Write ARRAY as one file, as slices, or nowhere; what a header calls it, what follows the header, the names."""
    data = [ARRAY.tobytes()] if how in ("file", "below", "local") else [one.tobytes() for one in ARRAY]
    data = [zlib.compress(one) if packed else one for one in data]
    if how == "local":
        return "", data[0], []
    (folder / "sub").mkdir()
    names = {"file": ["my pixels.raw"], "below": ["sub/a#b.raw"]}.get(how, [f"s{n:03d}.raw" for n in (2, 4, 6)])
    for name, one in zip(names, data, strict=True):
        (folder / name).write_bytes(one)
    return {"pattern": "s%03d.raw 2 6 2", "list": "LIST"}.get(how, names[0]), b"", names


@settings(max_examples=60, deadline=None)
@given(
    how=st.sampled_from(["local", "file", "below", "list", "pattern"]),
    packed=st.booleans(),
    sign=st.sampled_from([" = ", "=", ":", " : ", "\t=  "]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    order=st.permutations(range(2, len(META))),
    junk=st.lists(st.sampled_from(["", "  ", "Comment = ElementDataFile = ../secret.raw", "Anything at all", "#"])),
    long=st.booleans(),
)
def test_a_meta_image_is_read_as_it_says(
    how: str, packed: bool, sign: str, end: str, order: list[int], junk: list[str], long: bool
) -> None:
    packed = packed and how in ("local", "file", "below")  # MetaIO wants the length of each compressed slice
    with TemporaryDirectory() as place:
        folder = Path(place, "in")
        folder.mkdir()
        (folder.parent / "secret.raw").write_bytes(SECRET)
        named, after, names = pieces(folder, how, packed)
        lines = [*META[:2], *junk, *(META[n] for n in order), f"CompressedData = {packed}"]
        lines += ["Comment = " + "x" * 70_000] if long else []
        lines += [f"ElementDataFile = {named or 'LOCAL'}", *(names if how == "list" else [])]
        text = end.join(line.replace(" = ", sign, 1) for line in lines) + end
        path = folder / ("a.mha" if how == "local" else "a.mhd")
        path.write_bytes(text.encode() + after)
        np.testing.assert_array_equal(read(path), ARRAY)
        assert [os.path.relpath(one, os.path.realpath(folder)) for one in files_of(str(path))[1:]] == names


@settings(max_examples=60, deadline=None)
@given(
    how=st.sampled_from(["local", "file", "below", "list", "pattern"]),
    encoding=st.sampled_from(["raw", "gzip", "text"]),
    end=st.sampled_from(["\n", "\r\n"]),
    order=st.permutations(range(len(NRRD))),
    junk=st.lists(st.sampled_from(["# data file: ../secret.raw", "key:=value", "data file:=a: ../secret.raw", "#"])),
    long=st.booleans(),
    field=st.sampled_from(["data file", "datafile", "Data File"]),
)
def test_an_nrrd_is_read_as_it_says(
    how: str, encoding: str, end: str, order: list[int], junk: list[str], long: bool, field: str
) -> None:
    order = [1, 2, *(n for n in order if n not in (1, 2))]  # teem wants dimension and space first
    with TemporaryDirectory() as place:
        folder = Path(place, "in")
        folder.mkdir()
        (folder.parent / "secret.raw").write_bytes(SECRET)
        named, after, names = pieces(folder, how, packed=False)
        for path in (folder / name for name in names):
            path.write_bytes(encoded(path.read_bytes(), encoding))
        lines = ["NRRD0005", *(NRRD[n] for n in order), f"encoding: {encoding}", *junk]
        lines += ["# " + "x" * 100] * 700 + ["# " + "y" * 70_000] if long else []
        lines += [f"{field}: {named}"] if named else [""]
        path = folder / ("a.nrrd" if how == "local" else "a.nhdr")
        listed = end.join([*lines, *(names if how == "list" else []), ""]).encode()
        path.write_bytes(listed + (encoded(after, encoding) if how == "local" else b""))
        np.testing.assert_array_equal(read(path), ARRAY)
        assert [os.path.relpath(one, os.path.realpath(folder)) for one in files_of(str(path))[1:]] == names


def encoded(data: bytes, encoding: str) -> bytes:
    if encoding == "text":
        return " ".join(map(str, np.frombuffer(data, "<i2"))).encode()
    return gzip.compress(data) if encoding == "gzip" else data


WAYS_OUT = [
    "/etc/passwd", "../secret.raw", "sub/../../secret.raw", "link.raw", "linked/secret.raw", "http://127.0.0.1/x.raw",
    "-", "", "missing.raw", "LIST", "LIST 2D", "%s", "../s%03d.raw 1 3 1", "s%03d.raw 1 3 1", "sub",
]  # fmt: skip


@pytest.mark.parametrize("name", WAYS_OUT)
@pytest.mark.parametrize(
    "start", ["ElementDataFile =", "ElementDataFile :", "elementdatafile:", "data file:", "DataFile: "]
)
def test_no_header_leads_out_of_its_folder(tmp_path: Path, start: str, name: str) -> None:
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    for number in range(4):
        (tmp_path / f"s{number:03d}.raw").write_bytes(SECRET)
        (folder / f"s{number:03d}.raw").symlink_to(tmp_path / f"s{number:03d}.raw")
    (tmp_path / "secret.raw").write_bytes(SECRET)
    (folder / "link.raw").symlink_to(tmp_path / "secret.raw")
    (folder / "linked").symlink_to(tmp_path, target_is_directory=True)
    meta = start.lower().startswith("elem")
    path = folder / ("a.mhd" if meta else "a.nhdr")
    lines = META if meta else ["NRRD0005", *NRRD, "encoding: raw"]
    path.write_text("\n".join([*lines, f"{start} {name}", *["../secret.raw"] * 3]) + "\n")
    with pytest.raises(OpenError) as refused:
        voxels(str(path))
    assert str(refused.value).endswith(".")


@pytest.mark.parametrize("ending", [".img", ".img.gz", ".IMG"])
def test_the_voxels_of_a_pair_are_no_link_that_leads_out(tmp_path: Path, ending: str) -> None:
    (tmp_path / "in").mkdir()
    sitk.WriteImage(sitk.GetImageFromArray(ARRAY), str(tmp_path / "in" / "a.hdr"))
    (tmp_path / "in" / "a.img").rename(tmp_path / "secret")
    (tmp_path / "in" / f"a{ending}").symlink_to(tmp_path / "secret")
    with pytest.raises(OpenError, match="outside its own folder"):
        read_itk_header(str(tmp_path / "in" / "a.hdr"))


def test_a_link_within_the_folder_is_followed(tmp_path: Path) -> None:
    sitk.WriteImage(sitk.GetImageFromArray(ARRAY), str(tmp_path / "a.mhd"))
    (tmp_path / "a.raw").rename(tmp_path / "real.raw")
    (tmp_path / "a.raw").symlink_to("real.raw")
    array, _owner = voxels(str(tmp_path / "a.mhd"))
    np.testing.assert_array_equal(array, ARRAY)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("NDims = 3", "NDims = 3\nNDims = 4", "twice"),
        ("NDims = 3", "NDims = 99999999999", "NDims"),
        ("NDims = 3", "NDims = 99999999999 3", "NDims"),
        ("NDims = 3", "NDims = 4", "for 4 dimensions"),
        ("DimSize = 5 4 3", "DimSize = 5 4 x", "no number"),
        ("DimSize = 5 4 3", "DimSize = 5 -4 3", "no sizes"),
        ("DimSize = 5 4 3\n", "", "no sizes"),
        ("ElementSpacing = 0.5 0.75 3", "ElementSpacing = 0,5 0,75 3", "no number"),
        ("ElementSpacing = 0.5 0.75 3", "ElementSpacing = 0.5 0.75", "2 numbers"),
        ("NDims = 3", "NDims = 3\nTransformMatrix = 1 0 0 1", "4 numbers"),
        ("NDims = 3", "NDims = 3\nElementNumberOfChannels = 99999999", "Channels"),
        ("DimSize = 5 4 3", "DimSize = 5 4 99999999", "pieces"),
        ("DimSize = 5 4 3", "DimSize = 5 4 3\nHeaderSize = many", "HeaderSize"),
        ("LIST", "LIST 7D", "what each of its files holds"),
    ],
)  # fmt: skip
def test_a_contradictory_meta_image_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    (tmp_path / "s").write_bytes(bytes(40))
    text = "\n".join([*META, "CompressedData = True", "ElementDataFile = LIST", "s", "s", "s", ""])
    (tmp_path / "a.mhd").write_text(text.replace(old, new, 1))
    with pytest.raises(OpenError, match=said):
        voxels(str(tmp_path / "a.mhd"))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("sizes: 5 4 3", "twice"),
        ("data file: ../x\ndatafile: b", "twice"),
        ("nonsense", "neither"),
        ("content: a\x0bb", "control"),
        ("line skip: -1\n", "line skip"),
    ],
)  # fmt: skip
def test_a_contradictory_nrrd_is_refused(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "a.nrrd").write_text("\n".join(["NRRD0005", *NRRD, "encoding: raw", line, "", ""]))
    with pytest.raises(OpenError, match=said):
        voxels(str(tmp_path / "a.nrrd"))


TOKENS = st.sampled_from([
    b"ElementDataFile", b"=", b":", b"\n", b"\r", b"LIST", b"LOCAL", b"..", b"/", b"secret.raw", b"%03d", b" 1 3 1",
    b"0", b"data file", b"NRRD0005\n", b":=", b"NDims = 3\n", b"DimSize = 5 4 3\n", b"#", b" ", b"HeaderSize",
    b"-1", b"9" * 30,
])  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(TOKENS | st.binary(max_size=6)).map(b"".join), st.sampled_from(["a.mha", "a.mhd", "a.nrrd", "a.nhdr"]))
def test_whatever_a_header_holds_it_is_refused_or_names_files_of_its_folder(data: bytes, name: str) -> None:
    with TemporaryDirectory() as place:
        folder = Path(place, "in")
        folder.mkdir()
        (folder.parent / "secret.raw").write_bytes(SECRET)
        (folder / "0").write_bytes(bytes(120))
        (folder / name).write_bytes(data)
        try:
            found = files_of(str(folder / name))
        except OpenError:
            return
        assert all(Path(one).resolve().parent == folder.resolve() for one in found)


@settings(max_examples=200, deadline=None)
@given(st.lists(TOKENS | st.binary(max_size=6)).map(b"".join))
def test_what_is_written_anew_says_the_same(data: bytes) -> None:
    for start, parse in (("\n".join(META) + "\n", parse_meta_image), ("\n".join(["NRRD0005", *NRRD, ""]), parse_nrrd)):
        try:
            header = parse(start.encode() + data)
        except OpenError:
            continue
        places = [f"place.{n}" for n in range(max(1, len(header.names)))]
        written = header.rewritten(places, 1000)
        again = parse(written)
        assert again.names == tuple(places)
        assert again.rewritten(places, 1000) == written


def test_nothing_is_left_in_memory(tmp_path: Path) -> None:
    before = set(FOLDER.glob(f"{PREFIX}{os.getpid()}-*"))
    sitk.WriteImage(sitk.GetImageFromArray(ARRAY), str(tmp_path / "a.mhd"))
    voxels(str(tmp_path / "a.mhd"))
    (tmp_path / "a.raw").unlink()
    with pytest.raises(OpenError):
        voxels(str(tmp_path / "a.mhd"))
    assert set(FOLDER.glob(f"{PREFIX}{os.getpid()}-*")) == before


def test_files_of_pixels_are_no_files_of_their_own(reader: Reader, tmp_path: Path) -> None:
    """Whatever they are called; what no header names is told to be no image."""
    for number, name in enumerate(("1.dat", "2.raw", "three")):
        (tmp_path / name).write_bytes(ARRAY[number].tobytes())
    lines = [*META, "ElementDataFile = LIST", "1.dat", "2.raw", "three"]
    (tmp_path / "list.mhd").write_text("\n".join(lines))
    (tmp_path / "pair").mkdir()
    sitk.WriteImage(sitk.GetImageFromArray(ARRAY), str(tmp_path / "pair" / "a.hdr"))
    (tmp_path / "stray.raw").write_bytes(bytes(40))
    images, refused = index_now([tmp_path], reader)
    assert len(images) == 2
    assert [Path(one.path).name for one in refused] == ["stray.raw"]
    image = next(one for one in images if one.source.files[0].endswith("list.mhd"))
    np.testing.assert_array_equal(load_now(image, reader)[0].array, ARRAY)
