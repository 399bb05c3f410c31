"""Files of weights that are bombs: small on the disk, gigabytes when they are read."""

from __future__ import annotations

import json
import struct
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from viewer.compute.model_files.weights_file import read_checkpoint, read_weights, tensor_table
from viewer.compute.progress import Refusal


def repacked(path: Path, kind: int, extra: dict[str, bytes] | None = None) -> Path:
    """A file of torch whose members are packed in another way."""
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, data in (members | (extra or {})).items():
            archive.writestr(name, data)
    return path


def test_packed_members(tmp_path: Path) -> None:
    path = tmp_path / "w.pt"
    torch.save({"w": torch.zeros(1 << 20)}, path)
    assert read_weights(path)["w"].numel() == 1 << 20
    repacked(path, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 1 << 16
    with pytest.raises(Refusal, match="would unpack to more than its own size"):
        read_checkpoint(path)


def test_members_that_lie_over_each_other(tmp_path: Path) -> None:
    """Many entries of the directory for the same bytes."""
    path = tmp_path / "w.pt"
    torch.save({"w": torch.zeros(1000)}, path)
    with zipfile.ZipFile(path, "a") as archive:
        largest = max(archive.infolist(), key=lambda info: info.file_size)
        archive.infolist().extend([largest] * 50)
        archive.writestr("last", b"")  # the directory is written again
    with pytest.raises(Refusal, match="would unpack to more than its own size"):
        read_checkpoint(path)


@pytest.mark.parametrize("shape", [(1 << 40,), (1 << 20, 1 << 20)])
def test_tensors_that_tell_any_size_over_a_few_bytes(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = tmp_path / "w.pt"
    torch.save({"w": torch.zeros(1, dtype=torch.float16).expand(shape)}, path)
    assert path.stat().st_size < 1 << 12
    with pytest.raises(Refusal, match="larger than the file"):
        read_weights(path)


@pytest.mark.parametrize("odd", [torch.zeros(2, 2).to_sparse(), torch.empty(2, device="meta")])
def test_tensors_that_hold_no_plain_numbers(odd: torch.Tensor) -> None:
    with pytest.raises(Refusal, match="larger than the file"):
        tensor_table({"w": odd}, "w.pt")


def test_layouts_that_torch_saves_are_read() -> None:
    plain = torch.arange(24.0).reshape(1, 2, 3, 2, 2)
    kept = {
        "last": plain.contiguous(memory_format=torch.channels_last_3d),
        "turned": plain.transpose(1, 2),
        "none": plain[:0],
    }
    assert set(tensor_table(kept, "w.pt")) == set(kept)


def test_numbers_of_a_type_that_is_gigabytes_wide(tmp_path: Path) -> None:
    """numpy's way to write a number down: a type, and its bytes."""

    class Wide:
        def __reduce__(self) -> Any:
            kind = np.dtype("V2147483647")
            return np._core.multiarray.scalar, (kind,)

    path = tmp_path / "w.pt"
    torch.save({"w": [Wide()]}, path)
    with pytest.raises(Refusal):
        read_checkpoint(path)
    torch.save({"log": [np.float32(0.5), np.float64(2), np.int64(3), np.bool_(True)]}, path)
    assert read_checkpoint(path)["log"] == [0.5, 2, 3, True]


@pytest.mark.skipif(sys.platform != "linux", reason="memory can be limited on Linux only")
def test_a_pickle_that_doubles_with_every_step(tmp_path: Path) -> None:
    """Codecs are among what torch lets a file of weights call: 31 hexadecimal forms of hexadecimal forms are 16 GB."""
    path, doubled = tmp_path / "w.pt", 31
    torch.save({"w": b"x"}, path)
    program = b"\x80\x02}X\x01\x00\x00\x00w" + b"c_codecs\nencode\n" * (doubled + 1)
    program += b"X\x08\x00\x00\x00abcdefghX\x06\x00\x00\x00latin1\x86R" + b"X\x03\x00\x00\x00hex\x86R" * doubled + b"s."
    with zipfile.ZipFile(path) as archive:
        name = next(name for name in archive.namelist() if name.endswith("data.pkl"))
    with pytest.raises(Refusal, match="far more than its own size"):
        read_checkpoint(repacked(path, zipfile.ZIP_STORED, {name: program}))


@pytest.mark.parametrize(
    "header",
    [
        {"w": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}},
        {"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 8]}},
        {"w": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 8]}},
        {name: {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} for name in "wv"},
        {"w": {"dtype": "X", "shape": [2], "data_offsets": [0, 8]}},
        [],
    ],
)
def test_safetensors_with_a_header_that_lies(tmp_path: Path, header: Any) -> None:
    text = json.dumps(header).encode()
    (tmp_path / "w.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + bytes(8))
    with pytest.raises(Refusal, match="cut off or no safetensors file"):
        read_weights(tmp_path / "w.safetensors")


@given(st.binary(max_size=300), st.integers(0, 3000))
def test_damaged_files_are_one_sentence(tmp_path_factory: pytest.TempPathFactory, data: bytes, at: int) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.pt"
    torch.save({"w": torch.zeros(50)}, path)
    whole = path.read_bytes()
    path.write_bytes(whole[:at] + data + whole[at + len(data) :])
    try:
        read_weights(path)
    except Refusal as refusal:
        assert "\n" not in str(refusal)  # noqa: PT017
