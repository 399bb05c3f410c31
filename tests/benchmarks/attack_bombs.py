"""Inputs that unpack without end, claim what no machine has, or name what is not theirs: see attack.py."""

from __future__ import annotations

import gzip
import json
import os
import socket
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom import uid
from pydicom.uid import DeflatedExplicitVRLittleEndian

from tests.benchmarks.attack_seeds import IMAGES, LABELS, LANDMARKS, MODELS, PROJECTS, TRANSFORMS, WORK_LISTS, Door
from tests.fixtures.compressed import frame_of, picture, put_frames, write_compressed
from tests.fixtures.dicom_phantom import dataset, ramp, write
from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.io.segmentations.dicom_seg.write import write_seg

Found = Iterator[tuple[str, Path, Door]]  # kind, path, door


def bombs(folder: Path) -> Found:
    """About thirty."""
    yield from _archives(folder)
    yield from _dicom(folder)
    yield from _headers(folder)
    yield from _texts(folder)


def _archives(folder: Path) -> Found:
    zeros = bytes(1 << 28)
    for name, members in {
        "ratio.zip": {"a.dcm": zeros},
        "nested.zip": {"a.zip": b"PK\5\6" + bytes(18), "b.nii.gz": gzip.compress(zeros, 1)},
        "many.zip": {f"{n}.dcm": b"" for n in range(100_001)},
        "outside.zip": {"../../outside.dcm": b"x", "/etc/passwd": b"x"},
    }.items():
        with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, data in members.items():
                archive.writestr(member, data)
        yield "zip", folder / name, IMAGES
    with zipfile.ZipFile(folder / "project.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("project.json", zeros)
    yield "project", folder / "project.zip", PROJECTS
    yield "model", folder / "ratio.zip", MODELS
    (folder / "a.nii.gz").write_bytes(gzip.compress(zeros, 1))
    yield "gzip", folder / "a.nii.gz", IMAGES
    yield "gzip", folder / "a.nii.gz", TRANSFORMS


def _dicom(folder: Path) -> Found:
    pixels = picture()
    for syntax in (uid.RLELossless, uid.JPEGBaseline8Bit, uid.JPEGLSLossless, uid.JPEG2000Lossless):
        frame = frame_of(pixels, syntax)
        for rows, frames in ((65535, 1), (40, 99_999)):
            path = write_compressed(folder / f"{syntax}-{rows}.dcm", pixels, syntax, [frame] * 2)
            ds = pydicom.dcmread(path)
            ds.Rows, ds.Columns, ds.NumberOfFrames = rows, rows, frames
            ds.save_as(path)
            yield "claim", path, IMAGES
    scan = frame_of(pixels, uid.JPEGLSLossless)
    path = write_compressed(folder / "endless.dcm", pixels, uid.JPEGLSLossless)
    yield "scan without data", put_frames(path, uid.JPEGLSLossless, [scan[: scan.index(b"\xff\xda") + 14]]), IMAGES
    ds = dataset(ramp((4, 4)))
    ds.add_new(0x00091010, "OB", bytes(1 << 28))
    yield "deflated", write(folder / "deflated.dcm", ds, ramp((4, 4)), DeflatedExplicitVRLittleEndian), IMAGES
    whole = write(folder / "nested.dcm", dataset(pixels), pixels).read_bytes()
    sequence = struct.pack("<HH2sHIHHI", 0x0040, 0xA730, b"SQ", 0, 0xFFFFFFFF, 0xFFFE, 0xE000, 0xFFFFFFFF)
    (folder / "nested.dcm").write_bytes(whole[: whole.index(b"\xe0\x7f\x10\0")] + sequence * 100_000)
    yield "nested sequences", folder / "nested.dcm", IMAGES
    element = struct.pack("<HH2sH", 0x0009, 0x1001, b"SH", 0)
    (folder / "many.dcm").write_bytes(whole[: whole.index(b"\xe0\x7f\x10\0")] + element * 5_000_000)
    yield "millions of elements", folder / "many.dcm", IMAGES
    yield "segments 12 m apart", _far_segments(folder / "far.dcm"), LABELS


def _far_segments(path: Path) -> Path:
    array = np.zeros((2, 256, 256), np.uint8)
    array[:, 4:9, 4:9] = 1
    write_seg(Segmentation(array, Grid.of(array.shape), (Segment(1, "Liver"),), "made"), path)
    ds = pydicom.dcmread(path)
    ds.remove_private_tags()
    ds.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SpacingBetweenSlices = 1
    ds.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence[0].ImagePositionPatient = [0, 0, 12_000]
    ds.save_as(path)
    return path


def _headers(folder: Path) -> Found:
    """Sizes that the bytes of a file do not hold."""
    for ending in (".nii", ".nrrd", ".mha"):
        path = folder / f"huge{ending}"
        sitk.WriteImage(sitk.GetImageFromArray(ramp((4, 12, 14))), str(path))
        data = path.read_bytes()
        data = data.replace(b"14 12 4", b"65000 65000 65000")
        path.write_bytes(data[:42] + struct.pack("<3h", 32767, 32767, 32767) + data[48:] if ending == ".nii" else data)
        yield "claim", path, IMAGES
    side = 30_000
    for depth, level in ((1, 9), (8, 9), (1, 0)):
        head = struct.pack(">LLBBBBB", side, side, depth, 0, 0, 0, 0)
        rows = zlib.compress(bytes((side * depth // 8 + 1) * (side if level else 4000)), level)
        data = b"\x89PNG\r\n\x1a\n"
        for kind, body in ((b"IHDR", head), (b"IDAT", rows), (b"IEND", b"")):
            data += struct.pack(">L", len(body)) + kind + body + struct.pack(">L", zlib.crc32(kind + body))
        path = folder / f"{depth}-{level}.png"
        path.write_bytes(data)
        yield "picture", path, IMAGES


def _texts(folder: Path) -> Found:
    texts: dict[str, tuple[Door, str]] = {
        "deep.json": (LANDMARKS, "[" * 200_000),
        "long.csv": (LANDMARKS, "a,1,2,3,4,5,6\n" * 2_000_000),
        "wide.csv": (WORK_LISTS, "case,image\n" + "a" * 9_000_000),
        "many.csv": (WORK_LISTS, "case,image\n" + "".join(f"{n},a.nii\n" for n in range(300_000))),
        "numbers.tfm": (TRANSFORMS, "#Insight Transform File V1.0\nParameters: " + "1 " * 8_000_000),
        "size.tfm": (
            TRANSFORMS,
            "#Insight Transform File V1.0\n#Transform 0\nTransform: DisplacementFieldTransform_double_3_3\n"
            "Parameters:\n"
            "FixedParameters: 99999 99999 99999 0 0 0 1 1 1 1 0 0 0 1 0 0 0 1\n",
        ),
        "a.mrk.json": (LANDMARKS, json.dumps({"markups": [{"controlPoints": [{}] * 300_000}]})),
    }
    for name, (door, text) in texts.items():
        (folder / name).write_text(text)
        yield "text", folder / name, door


# ---- paths
def paths(folder: Path, secret: str) -> Found:
    """Pipes, sockets, devices, circles of links, odd names, and headers that name a file outside of their folder."""
    outside = folder / "outside"
    outside.mkdir()
    (outside / "pixels.raw").write_bytes(secret.encode() * 4000)
    inside = folder / "inside"
    inside.mkdir()
    yield from _specials(inside)
    yield from _names(inside)
    yield from _leading_out(inside, os.path.join("..", "outside", "pixels.raw"))


def _specials(folder: Path) -> Found:
    doors: dict[str, Door] = {
        "a.dcm": IMAGES, "a.nii": IMAGES, "a.nii.gz": IMAGES, "a.mha": IMAGES, "a.png": IMAGES, "a.zip": IMAGES,
        "a.seg.nrrd": LABELS, "b.dcm": LABELS, "a.h5": TRANSFORMS, "a.tfm": TRANSFORMS, "a.csv": LANDMARKS,
        "a.fcsv": LANDMARKS, "a.tomolens": PROJECTS, "cases.csv": WORK_LISTS, "model.pt": MODELS, "model.zip": MODELS,
    }  # fmt: skip
    for name, door in doors.items():
        os.mkfifo(folder / name)
        yield "pipe", folder / name, door
        (folder / f"link-{name}").symlink_to("/dev/zero")
        yield "device", folder / f"link-{name}", door
        (folder / f"loop-{name}").symlink_to(f"loop-{name}")
        yield "loop", folder / f"loop-{name}", door
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(folder / "socket.dcm"))
    yield "socket", folder / "socket.dcm", IMAGES
    (folder / "circle").mkdir()
    (folder / "circle" / "up").symlink_to(folder / "circle")
    yield "circle", folder / "circle", IMAGES


def _names(folder: Path) -> Found:
    pixels = picture()
    data = write(folder / "whole.dcm", dataset(pixels), pixels).read_bytes()
    names: list[Any] = [b"a\xff\xfe.dcm", b"a\nb.dcm", b"%s%n.dcm", b"a#?.dcm", b" .dcm", b"\xe2\x80\xaemcd.a.dcm"]
    for raw in (*names, b"x" * 250 + b".dcm"):
        path = Path(os.fsdecode(os.fsencode(folder) + b"/" + raw))
        path.write_bytes(data)
        yield "name", path, IMAGES


def _leading_out(folder: Path, outside: str) -> Found:
    mha = "ObjectType = Image\nNDims = 3\nDimSize = 10 10 10\nElementType = MET_UCHAR\n"
    nrrd = "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 10 10 10\nencoding: raw\n"
    texts = {
        "colon.mha": f"{mha}ElementDataFile : {outside}\n",
        "equals.mhd": f"{mha}ElementDataFile = {outside}\n",
        "pattern.mhd": f"{mha}ElementDataFile = {outside.replace('pix', '%s')} 1 1 1\n",
        "list.mhd": f"{mha}ElementDataFile = LIST\n{outside}\n",
        "long.nrrd": nrrd + "# comment\n" * 9000 + f"data file: {outside}\n\n",
        "short.nhdr": f"{nrrd}data file: {outside}\n\n",
        "several.nhdr": f"{nrrd}data file: LIST\n{outside}\n",
        "return.nhdr": nrrd.replace("\n", "\r\n") + f"datafile: {outside}\r\n\r\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
        yield "leads out", folder / name, IMAGES
    (folder / "link.dcm").symlink_to(folder / outside)
    yield "leads out", folder / "link.dcm", IMAGES
