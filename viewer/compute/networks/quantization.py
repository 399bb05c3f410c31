"""A network whose convolutions compute in 8-bit integers, as a processor does several times as fast.

Values and weights are rounded to at most 256 steps (Jacob et al., CVPR 2018; Nagel et al., arXiv 2106.08295): weights
with a step for each channel of the result, values with one for each convolution. OpenVINO finds the FakeQuantize pairs
and runs what is between them in integers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.compute.networks.openvino_network import library

if TYPE_CHECKING:
    from viewer.compute.networks.network import Ranges

CHANNELS = {"Convolution": 0, "ConvolutionBackpropData": 1}  # the axis of a weight that counts the result's


def quantized(model: Any, ranges: Ranges) -> Any:
    """A copy of OpenVINO's model in which the named convolutions are rounded; the others stay as they are.

    A range begins at 0, where what comes in is never negative, or lies evenly around it. Raises ValueError where a
    named convolution is not in the model.
    """
    made = model.clone()
    left = dict(ranges)
    for operation in made.get_ordered_ops():
        if operation.get_type_name() in CHANNELS and (span := left.pop(_name(operation), None)):
            # -128 … 127 steps: 0 must be one of them, else OpenVINO moves every value by half a step
            _round(operation.input(0), np.float32(span[0] * 128 / 127), np.float32(span[1]), 256)
            largest = _largest(operation)
            _round(operation.input(1), -largest, largest, 255)
    if left:
        raise ValueError(f"the network has no convolution {min(left)}")
    made.validate_nodes_and_infer_types()
    return made


def _name(operation: Any) -> str:
    """As torch names the module: the weights of "a.b" are the constant "self.a.b.weight"."""
    name: str = _weights(operation).get_friendly_name()
    return name.removeprefix("self.").removesuffix(".weight")


def _weights(operation: Any) -> Any:
    return operation.input(1).get_source_output().get_node()


def _largest(operation: Any) -> Any:
    """The largest weight of each channel of the result, with the weights' number of axes."""
    weights = np.abs(_weights(operation).get_data())
    others = tuple(axis for axis in range(weights.ndim) if axis != CHANNELS[operation.get_type_name()])
    return np.maximum(weights.max(others, keepdims=True), np.finfo(np.float32).tiny).astype(np.float32)


def _round(given: Any, low: Any, high: Any, levels: int) -> None:
    library()
    from openvino import opset13

    source = given.get_source_output()
    given.replace_source_output(opset13.fake_quantize(source, low, high, low, high, levels).output(0))
