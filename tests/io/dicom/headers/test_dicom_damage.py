"""Damaged headers of every encoding: a header or one sentence comes back, nothing else, and soon."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from tests.fixtures.dicom_indexed import one_sentence, outcome
from tests.fixtures.dicom_phantom import PLACED, PYDICOM_FILES, dataset, ramp, write, write_enhanced
from viewer.data.grid import Grid


def _valid_files(tmp: Path) -> list[bytes]:
    pixels = ramp((6, 5))
    files = [
        write(tmp / "a.dcm", dataset(pixels, **PLACED), pixels, syntax).read_bytes()
        for syntax in (
            ExplicitVRLittleEndian,
            ImplicitVRLittleEndian,
            ExplicitVRBigEndian,
            DeflatedExplicitVRLittleEndian,
        )
    ]
    files.append(write_enhanced(tmp / "e.dcm", ramp((2, 3, 4, 5)), Grid.of((3, 4, 5))).read_bytes())
    files += [
        (PYDICOM_FILES / name).read_bytes()
        for name in ("MR_small_RLE.dcm", "color3d_jpeg_baseline.dcm", "badVR.dcm")
        if (PYDICOM_FILES / name).exists()
    ]
    return files


@pytest.fixture(scope="module")
def valid(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    return _valid_files(tmp_path_factory.mktemp("valid"))


@settings(max_examples=600, deadline=5000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_never_raises_anything_else(valid: list[bytes], data: st.DataObject) -> None:
    """Bytes overwritten, cut out or cut off: the scanner gives a header or its own error, soon."""
    broken = bytearray(data.draw(st.sampled_from(valid)))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, max(0, min(len(broken), 6000) - 1)))
        match data.draw(st.sampled_from(("write", "cut", "drop", "length"))):
            case "write":
                broken[at : at + 4] = data.draw(st.binary(min_size=1, max_size=4))
            case "cut":
                del broken[at:]
            case "drop":
                del broken[at : at + data.draw(st.integers(1, 40))]
            case "length":
                broken[at : at + 4] = struct.pack(
                    "<L", data.draw(st.sampled_from((0, 1, 0xFFFF, 0xFFFFFFFF, 0x7FFFFFFF)))
                )
    found = outcome(bytes(broken))
    assert one_sentence(found) if isinstance(found, str) else len(found.frames) == found.pixels.frames


@settings(max_examples=300, deadline=5000)
@given(st.binary(max_size=600))
def test_noise_behind_a_preamble_never_raises_anything_else(noise: bytes) -> None:
    for data in (noise, bytes(128) + b"DICM" + noise):
        found = outcome(data)
        assert one_sentence(found) if isinstance(found, str) else found.frames
