"""What an ONNX file has computed before it is given an image is bounded, however few bytes tell of it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.fixtures.onnx_writer import branch, graph, node, part, tensor, value, write_graph
from viewer.compute.engine.peak_memory import PeakMemory
from viewer.compute.loaders.open_model import open_model
from viewer.compute.progress import Refusal

HUGE = 4_000_000_000  # float32 numbers: 16 GB
LITTLE = 1000
MOST = 1 << 29  # bytes that reading such a file may take
OPEN, STATIC = ("n", 1, "k", "j", "i"), (1, 1, 16, 16, 16)
ONE, FIVE = tensor("one", np.ones(1)), tensor("five", np.ones(5, np.int64))
TAIL = [node("ReduceSum", ("b",), "s", {}), node("Reshape", ("s", "five"), "s5", {}), node("Add", ("x", "s5"), "y", {})]


def grown(kind: str, count: int) -> tuple[list[bytes], list[bytes]]:
    """Nodes and tensors that make an array "b" of `count` numbers of next to nothing."""
    size = tensor("n", np.array([count]))
    made = {
        "ConstantOfShape": (node(kind, ("n",), "b", {}), [size]),
        "Expand": (node(kind, ("one", "n"), "b", {}), [size]),
        "Tile": (node(kind, ("one", "n"), "b", {}), [size]),
        "Pad": (node(kind, ("one", "n"), "b", {}), [tensor("n", np.array([0, count]))]),
        "Resize": (
            node(kind, ("image", "", "scales"), "b", {}),
            [tensor("image", np.ones((1, 1, 1, 8))), tensor("scales", np.array([1.0, 1.0, count / 8, 1.0]))],
        ),
        "Range": (
            node(kind, ("zero", "end", "step"), "b", {}),
            [tensor("zero", np.array(0.0)), tensor("end", np.array(float(count // 2))), tensor("step", np.array(0.5))],
        ),
    }
    first, tensors = made[kind]
    return [first, *TAIL], [*tensors, ONE, FIVE]


def by_its_shape(count: int) -> tuple[list[bytes], list[bytes]]:
    """Of the shape of an image that has always the same."""
    sizes = [node("Shape", ("x",), "h", {}), node("Mul", ("h", "n"), "m", {}), node("Expand", ("one", "m"), "b", {})]
    return [*sizes, *TAIL], [tensor("n", np.array([1, 1, 1, 1, -(-count // 4096)])), ONE, FIVE]


def in_a_branch(count: int) -> tuple[list[bytes], list[bytes]]:
    branches = [
        graph(
            [node("ConstantOfShape", ("n",), f"c{n}", {}), node("ReduceSum", (f"c{n}",), f"o{n}", {})],
            [tensor("n", np.array([count]))],
            part(12, value(f"o{n}", (1,))),
        )
        for n in range(2)
    ]
    chosen = [
        node("ReduceSum", ("x",), "t", {}), node("Reshape", ("t", "size"), "t1", {}),
        node("Greater", ("t1", "one"), "q", {}),
        node("If", ("q",), "b", {}) + branch("then_branch", branches[0]) + branch("else_branch", branches[1]),
    ]  # fmt: skip
    return [*chosen, *TAIL], [tensor("size", np.ones(1, np.int64)), ONE, FIVE]


def by_its_values(count: int) -> tuple[list[bytes], list[bytes]]:
    """Its size is known once the numbers are: these are computed while the file is read."""
    nodes = [node("ConstantOfShape", ("n",), "c", {}), node("NonZero", ("c",), "z", {}), node("Shape", ("z",), "h", {})]
    nodes += [node("ConstantOfShape", ("h",), "b", {})]
    return [*nodes, *TAIL], [tensor("n", np.array([count])), FIVE]


BY_VALUES = "by its values"
CASES = {
    **{kind: (lambda count, kind=kind: grown(kind, count), OPEN) for kind in
       ("ConstantOfShape", "Expand", "Tile", "Pad", "Resize", "Range")},
    "by its shape": (by_its_shape, STATIC),
    "in a branch": (in_a_branch, OPEN),
    BY_VALUES: (by_its_values, OPEN),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_small_file_that_would_fold_to_16_gb_is_refused(tmp_path: Path, case: str) -> None:
    if case == BY_VALUES and sys.platform != "linux":
        pytest.skip("memory is limited on Linux only")
    made, shape = CASES[case]
    path = write_graph(tmp_path / "net.onnx", *made(HUGE), shape)
    assert path.stat().st_size < 1000
    before = psutil.Process().memory_info().rss
    with PeakMemory() as peak, pytest.raises(Refusal) as refused, open_model(path):
        pass
    assert peak.bytes < before + MOST
    assert re.search("is cut off" if case == BY_VALUES else r"would fill [\d,.]+ GB with numbers", str(refused.value))


@pytest.mark.parametrize("case", CASES)
def test_a_little_that_is_folded_is_no_reason(tmp_path: Path, case: str) -> None:
    made, shape = CASES[case]
    with open_model(write_graph(tmp_path / "net.onnx", *made(LITTLE), shape)) as model:
        assert model.kind == "ONNX"
