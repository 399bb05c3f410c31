"""MeshNets of brainchop: networks of dilated convolutions as TensorFlow.js saves them, model.json and its .bin files.

Fedorov et al., arXiv 1612.00940 (MeshNet); Masoud et al., JOSS 2023 (brainchop). They see a head as mri_convert
--conform makes it: 256³ voxels of 1 mm, 256 grey levels, axes to the left, the feet, the front. A layer whose name
ends in _gn is followed by an instance norm over the whole image: such a network cannot run by tiles.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.compute.loaders.external_model import Decision, ExternalModel
from viewer.compute.loaders.preprocessing.conform import Conformation
from viewer.compute.loaders.preprocessing.intensity import Quantiles
from viewer.compute.model_files.trust import digest
from viewer.compute.model_files.weights_file import MALFORMED, read_bytes, read_json
from viewer.compute.networks.known_networks import size_limit
from viewer.compute.progress import Progress, Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from numpy.typing import NDArray

    from viewer.compute.networks.network import Net

SPEC = "model.json"
ACTIVATIONS = ("linear", "relu", "elu", "gelu", "sigmoid", "tanh", "softmax", "leaky_relu")
QUANTILES = ("model20chan3cls", "model30chan50cls")  # brainchop gives these the quantiles 5 … 95 %; others the range
LARGEST = 1 << 30  # bytes of weights
MOST = {"layers": 500, "filters": 1024, "kernel": 11, "dilation": 64}


@dataclass(frozen=True)
class Layer:
    """A convolution (kernel above 0), a batch norm, or only an activation. normed: an instance norm follows."""

    kind: str
    name: str
    activation: str = "linear"
    filters: int = 0
    kernel: int = 0
    dilation: int = 1
    bias: bool = True
    instance_norm: bool = False
    epsilon: float = 1e-3
    slope: float = 0.3


def can_read(folder: Path) -> bool:
    """Whether a folder holds model.json and .bin files."""
    return (folder / SPEC).is_file() and any(folder.glob("*.bin"))


def files(folder: Path) -> list[Path]:
    """The files that are read."""
    return [folder / SPEC, *sorted(folder.glob("*.bin")), *sorted(folder.glob("colormap*.json"))]


def describe(folder: Path, title: str) -> ExternalModel:
    """The model in a folder. Raises Refusal."""
    spec = read_json(folder / SPEC)
    try:
        layers = _layers(spec)
        weights = _weights(spec, folder)
        classes = next(layer.filters for layer in reversed(layers) if layer.filters)
        labels = _names(folder, classes, title)
    except Refusal:
        raise
    except MALFORMED as error:
        raise Refusal(f"the TensorFlow.js model {title} is no MeshNet that is known here ({error}).") from error
    intensity = Quantiles(0.05, 0.95) if title in QUANTILES else Quantiles()
    sha256 = digest(files(folder), folder)
    return ExternalModel(
        title=title,
        kind="brainchop MeshNet",
        sha256=sha256,
        channels=("T1-weighted head",),
        labels=labels,
        make=partial(_make, layers, weights, sha256, title),
        preparation=Conformation("LIA", (intensity,), Decision(), any(layer.instance_norm for layer in layers)),
        spacing=(1.0, 1.0, 1.0),
        axes="LIA",
        intensity=f"256 levels, then {intensity.text}",
        patch=(256, 256, 256),
        halo=128,  # all at once: no smaller tile leaves anything within this
    )


def _layers(spec: Any) -> tuple[Layer, ...]:
    """The layers in order. Raises ValueError where they form no chain."""
    config = spec["modelTopology"]["model_config"]["config"]
    told = config["layers"] if isinstance(config, dict) else config
    if len(told) > MOST["layers"]:
        raise ValueError("it has too many layers")
    found, before = [], None
    for one in told:
        nodes = one.get("inbound_nodes")
        if nodes and before is not None and [node[0] for node in nodes[0]] != [before]:
            raise ValueError(f"the layer {one['config']['name']} does not follow the one before it")
        before = one["config"]["name"]
        if one["class_name"] not in ("InputLayer", "Dropout", "SpatialDropout3D"):
            found.append(_layer(one["class_name"], one["config"]))
    return tuple(found)


def _layer(kind: str, config: dict[str, Any]) -> Layer:
    name, active = str(config["name"]), config.get("activation", "linear")
    if active not in ACTIVATIONS:
        raise ValueError(f"the activation {active} is not known")
    if kind == "Activation":
        return Layer(kind, name, active)
    if kind == "LeakyReLU":
        return Layer("Activation", name, "leaky_relu", slope=float(config.get("alpha", 0.3)))
    if kind == "BatchNormalization":
        return Layer(kind, name, epsilon=float(config.get("epsilon", 1e-3)))
    if kind != "Conv3D":
        raise ValueError(f"layers of the kind {kind} are not known")
    kernel, dilation = _one(config["kernel_size"]), _one(config.get("dilation_rate", 1))
    plain = _one(config.get("strides", 1)) == 1 and config.get("groups", 1) == 1 and kernel % 2
    if not plain or config["data_format"] != "channels_last" or (kernel > 1 and config["padding"] != "same"):
        raise ValueError(f"the convolution {name} is of an unusual kind")
    filters = int(config["filters"])
    if filters > MOST["filters"] or kernel > MOST["kernel"] or dilation > MOST["dilation"]:
        raise ValueError(f"the convolution {name} is far too large")
    bias, instance_norm = bool(config.get("use_bias", True)), name.endswith("_gn")
    return Layer("Conv3D", name, active, filters, kernel, dilation, bias, instance_norm)


def _one(value: Any) -> int:
    """The number that three equal ones, or one, are."""
    numbers = {int(one) for one in (value if isinstance(value, list) else [value])}
    if len(numbers) != 1:
        raise ValueError("it treats its axes differently")
    return numbers.pop()


def _weights(spec: Any, folder: Path) -> dict[str, NDArray[np.float32]]:
    """Every tensor by its name. Sizes are checked against the files before anything is read."""
    found: dict[str, NDArray[np.float32]] = {}
    known: set[Path] = set()
    for group in spec["weightsManifest"]:
        paths = [folder / Path(name).name for name in group["paths"]]
        for path in paths:
            if not path.is_file():
                raise Refusal(f"the model lacks its file {path.name}: get it again, whole.")
        if len(known.union(paths)) < len(known) + len(paths):
            raise ValueError("it names a file twice")
        known.update(paths)
        size = sum(path.stat().st_size for path in paths)
        told = [(str(one["name"]), tuple(int(n) for n in one["shape"]), one) for one in group["weights"]]
        wanted = 4 * sum(prod(shape) for _, shape, _ in told)
        if any(one["dtype"] != "float32" or "quantization" in one for _, _, one in told):
            raise ValueError("its weights are not plain float32")
        if min((n for _, shape, _ in told for n in shape), default=1) < 1 or size != wanted or size > LARGEST:
            raise Refusal(
                f"{paths[0].name} has {size} bytes instead of the {wanted} that model.json tells: get it again."
            )
        numbers = np.frombuffer(b"".join(map(read_bytes, paths)), "<f4")
        start = 0
        for name, shape, _ in told:
            found[name] = numbers[start : start + prod(shape)].reshape(shape)
            start += prod(shape)
    return found


def _names(folder: Path, classes: int, title: str) -> dict[int, str]:
    """From the colour table that has as many labels as the network; numbers where there is none."""
    tables = [read_json(path).get("labels", []) for path in sorted(folder.glob("colormap*.json"))]
    names = next((table for table in tables if len(table) == classes), None)
    if tables and names is None:
        counts = " or ".join(str(len(table)) for table in tables)
        raise Refusal(f"the colour table of the model {title} names {counts} labels, but the network has {classes}.")
    return {value: str(names[value]) if names else f"label {value}" for value in range(1, classes)}


def _make(layers: Sequence[Layer], weights: dict[str, Any], sha256: str, title: str, job: Progress) -> Net:
    from viewer.compute.networks.backends import prepare_network
    from viewer.compute.networks.torch_network import TorchNet

    try:
        with size_limit(sum(array.size for array in weights.values())):
            network = _network(layers, weights)
    except (KeyError, RuntimeError, ValueError) as error:
        raise Refusal(f"the weights of the model {title} do not fit its layers ({error}).") from error
    if job.device == "cpu":  # OpenVINO takes three to ten times as long over dilated convolutions
        return TorchNet(network, "cpu")
    return prepare_network(network, job.device, key=sha256, channels=1, multiple=1, job=job)


def _network(layers: Sequence[Layer], weights: dict[str, Any]) -> torch.nn.Module:
    """The layers in torch: [n, 1, k, j, i] to [n, classes, k, j, i]."""
    import torch
    from torch import nn

    def tensor(name: str) -> torch.Tensor:
        return torch.from_numpy(np.array(weights[name]))

    parts: list[nn.Module] = []
    channels = 1
    for layer in layers:
        if layer.kind == "Conv3D":
            size = layer.kernel, 1, layer.dilation * (layer.kernel // 2), layer.dilation
            convolution = nn.Conv3d(channels, layer.filters, *size, bias=layer.bias)
            values = {"weight": tensor(f"{layer.name}/kernel").permute(4, 3, 0, 1, 2)}
            if layer.bias:
                values["bias"] = tensor(f"{layer.name}/bias")
            convolution.load_state_dict(values)
            parts.append(convolution)
            channels = layer.filters
        elif layer.kind == "BatchNormalization":
            norm = nn.BatchNorm3d(channels, layer.epsilon)
            names = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
            norm.load_state_dict({own: tensor(f"{layer.name}/{name}") for own, name in names.items()}, strict=False)
            parts.append(norm)
        if layer.instance_norm:
            parts.append(nn.InstanceNorm3d(channels))
        if layer.activation != "linear":
            parts.append(_activation(layer))
    return nn.Sequential(*parts).eval().requires_grad_(False)


def _activation(layer: Layer) -> torch.nn.Module:
    from torch import nn

    made: dict[str, nn.Module] = {
        "relu": nn.ReLU(inplace=True),
        "elu": nn.ELU(inplace=True),
        "gelu": nn.GELU(),
        "sigmoid": nn.Sigmoid(),
        "tanh": nn.Tanh(),
        "softmax": nn.Softmax(1),
        "leaky_relu": nn.LeakyReLU(layer.slope, inplace=True),
    }
    return made[layer.activation]
