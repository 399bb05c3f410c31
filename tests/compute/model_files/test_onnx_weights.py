"""Which files an ONNX file names, wherever in it a tensor stands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fixtures.onnx_writer import part, tensor, write_convolution
from viewer.compute.model_files.onnx_weights import data_files
from viewer.compute.progress import Refusal

OUTER = tensor("w", np.zeros(2), "w.bin")
NODE = part(5, part(5, OUTER))  # an attribute's tensor in a node
PLACES = {
    "an initializer": part(7, part(5, OUTER)),
    "a sparse initializer": part(7, part(15, part(1, OUTER))),
    "its indices": part(7, part(15, part(2, OUTER))),
    "a constant": part(7, part(1, NODE)),
    "a list of constants": part(7, part(1, part(5, part(10, OUTER)))),
    "a sparse constant": part(7, part(1, part(5, part(22, part(1, OUTER))))),
    "sparse constants": part(7, part(1, part(5, part(23, part(1, OUTER))))),
    "a branch": part(7, part(1, part(5, part(6, part(5, OUTER))))),
    "branches": part(7, part(1, part(5, part(11, part(1, NODE))))),
    "a function": part(25, part(7, NODE)),
    "a function's attribute": part(25, part(11, part(5, OUTER))),
    "training": part(20, part(1, part(5, OUTER))),
    "a step of training": part(20, part(2, part(1, NODE))),
}


def found(path: Path, data: bytes) -> list[str]:
    path.write_bytes(data)
    return [one.relative_to(path.parent).as_posix() for one in data_files(path)]


@pytest.mark.parametrize("place", list(PLACES))
def test_wherever_a_tensor_stands(tmp_path: Path, place: str) -> None:
    assert found(tmp_path / "net.onnx", PLACES[place]) == ["w.bin"]


def test_one_file_for_several_tensors_and_none(tmp_path: Path) -> None:
    two = part(7, part(5, OUTER) + part(5, OUTER) + part(5, tensor("v", np.zeros(2), "a/b.bin")))
    assert found(tmp_path / "net.onnx", two) == ["a/b.bin", "w.bin"]
    path = write_convolution(tmp_path / "net.onnx", np.zeros((1, 1, 1, 1, 1)), np.zeros(1))
    assert data_files(path) == []


def test_two_values_for_one_entry_are_both_kept(tmp_path: Path) -> None:
    """Libraries take the last one; nobody has to know which."""
    entry = part(13, part(1, "location") + part(2, "a.bin") + part(2, "b.bin"))
    assert found(tmp_path / "net.onnx", part(7, part(5, entry))) == ["a.bin", "b.bin"]
    other = part(13, part(2, "a.bin") + part(1, "offset") + part(1, "location"))
    assert found(tmp_path / "net.onnx", part(7, part(5, other))) == ["a.bin"]


@pytest.mark.parametrize(
    "place", ["../w.bin", "/etc/passwd", "a/../../w", "..\\w", "C:w", "", ".", "w\0.bin", "*/_ORT_MEM_ADDR_/*"]
)
def test_nothing_outside_the_folder(tmp_path: Path, place: str) -> None:
    entry = part(13, part(1, "location") + part(2, place))
    with pytest.raises(Refusal, match="outside its folder"):
        found(tmp_path / "net.onnx", part(7, part(5, entry)))


@given(st.binary(max_size=200), st.integers(0, 200))
def test_damaged_files_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes, at: int) -> None:
    whole = PLACES["branches"]
    for damaged in (data, whole[:at] + data, whole[:at] + data[:1] + whole[at + 1 :]):
        try:
            found(tmp_path_factory.getbasetemp() / "net.onnx", damaged)
        except Refusal as refusal:
            assert str(refusal).endswith(("get it again.", "it is not read."))  # noqa: PT017
