"""What an ONNX file would have computed before it is given an image: bounded by its shapes before anything is.

Engines fold what depends on no input (https://docs.openvino.ai, "ConstantFolding"): a file of a few hundred bytes that
expands a number to an array can take any amount of memory while it is made ready.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from viewer.compute.model_files.weights_file import BESIDE
from viewer.compute.progress import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDS = 32  # times its file: weights of 4 bits, converted to float32, shifted and scaled
DATA, SHAPE, CONSTANT = range(3)  # what a value depends on: an input, only the shape of one, or nothing
FOLDED = (
    "{name} would fill {size} with numbers before it is given an image: it is damaged or made to fill the memory; "
    "get it again from its makers."
)


def check_constants(model: Any, name: str, size: int) -> None:
    """Raises Refusal where far too much would be computed. model: as OpenVINO has read it. size: bytes of its files."""
    most = max(BESIDE, FOLDS * size)
    found = sum(_constant_sizes(model, DATA))
    if found > most:
        told = f"{found / 2**30:,.1f} GB" if math.isfinite(found) else "an unknown part of the memory"
        raise Refusal(FOLDED.format(name=name, size=told))


def _constant_sizes(model: Any, given: int) -> Iterator[float]:
    """Bytes of each array that may be computed beforehand, in branches and loops, too; infinite where nothing tells.

    given: what its parameters depend on.
    """
    known: dict[str, int] = {}
    for node in model.get_ordered_ops():
        kind, sources = node.get_type_name(), [value.get_node().get_name() for value in node.input_values()]
        least = given if kind == "Parameter" else min((known[source] for source in sources), default=CONSTANT)
        known[node.get_name()] = max(least, SHAPE) if kind == "ShapeOf" else least
        for body in _bodies(node):
            yield from _constant_sizes(body, SHAPE)
        if known[node.get_name()] > DATA and kind not in ("Parameter", "Constant"):
            yield from (_bytes(output, known[node.get_name()]) for output in node.outputs())


def _bodies(node: Any) -> list[Any]:
    """Of a branch, a loop or an iterator."""
    if node.get_type_name() == "If":
        return [node.get_then_body(), node.get_else_body()]
    return [node.get_function()] if hasattr(node, "get_function") else []


def _bytes(output: Any, depends: int) -> float:
    shape = output.get_partial_shape()
    if shape.is_dynamic:
        return math.inf if depends == CONSTANT else 0
    return float(math.prod(shape.to_shape()) * output.get_element_type().bitwidth / 8)
