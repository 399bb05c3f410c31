"""ONNX files, read and run by OpenVINO. They hold operations and weights, no code; weights may lie in files beside."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.compute.loaders.onnx_constants import check_constants
from viewer.compute.memory_check import check_memory, memory_limit
from viewer.compute.model_files.onnx_weights import DAMAGED, data_files
from viewer.compute.model_files.trust import digest
from viewer.compute.model_files.weights_file import BESIDE, GROWS
from viewer.compute.networks.network import Net, plain_errors
from viewer.compute.progress import Progress, Refusal

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.compute.loaders.card_model import ModelDescription
    from viewer.compute.loaders.external_model import ExternalModel
    from viewer.data.box import Shape

TYPES = {"f32": np.float32, "f16": np.float16, "f64": np.float64}


def can_read(path: Path) -> bool:
    """Whether a file is called .onnx."""
    return path.suffix.lower() == ".onnx"


def files(path: Path) -> list[Path]:
    """The files that run: the file itself, and those that it names. Raises Refusal."""
    check_memory(path.stat().st_size * GROWS, "the model's weights")
    return [path, *data_files(path)]


def describe(path: Path, title: str, description: ModelDescription) -> ExternalModel:
    """The model in a file.

    Raises Refusal where it cannot be read, or is for other inputs than a volume with these channels.
    """
    runs = files(path)
    model = _read(path, runs)
    channels, patch = _inputs(model, title, description)
    description = replace(description, channels=channels, patch=patch)
    return description.model(title, "ONNX", digest(runs, path.parent), partial(_make, model))


def _library() -> Any:
    from viewer.compute.networks.openvino_network import library

    try:
        return library()
    except ImportError as error:
        raise Refusal("ONNX files are run by OpenVINO, which is not installed: pip install openvino.") from error


def _read(path: Path, runs: list[Path]) -> Any:
    core, size = _library().Core(), sum(one.stat().st_size for one in runs)
    check_memory(size * GROWS, "the model's weights")
    try:
        with memory_limit(size * GROWS + BESIDE):  # shapes that depend on values are computed while it is read
            model = core.read_model(path)
    except (RuntimeError, MemoryError) as error:
        raise Refusal(DAMAGED.format(name=path.name)) from error
    check_constants(model, path.name, size)
    return model


def _inputs(model: Any, title: str, description: ModelDescription) -> tuple[tuple[str, ...], Shape]:
    """Names of the channels, and the size of a patch."""
    if len(model.inputs) != 1:
        raise Refusal(f"the model {title} takes {len(model.inputs)} inputs at once: only models of one image run here.")
    given = model.inputs[0]
    shape, kind = given.get_partial_shape(), given.get_element_type().get_type_name()
    if shape.rank.is_dynamic or len(shape) != 5:
        rank = "any number of" if shape.rank.is_dynamic else str(len(shape))
        raise Refusal(
            f"the model {title} takes arrays with {rank} axes, not volumes with 5 (batch, channels, space): it is for "
            "other inputs."
        )
    if kind not in TYPES:
        raise Refusal(
            f"the model {title} takes numbers of the type {kind}, not floating-point ones: it is for other inputs."
        )
    batch, count, *space = (0 if size.is_dynamic else size.get_length() for size in shape)
    if batch > 1:
        raise Refusal(f"the model {title} takes {batch} images at once: only models of one image run here.")
    channels = description.channels or tuple(f"image {n + 1}" if count > 1 else "image" for n in range(count or 1))
    if count and count != len(channels):
        raise Refusal(f"the model {title} takes {count} channels, but its card names {len(channels)}.")
    patch = tuple(size or wanted for size, wanted in zip(space, description.patch, strict=True))
    if min(patch) < 8 or max(patch) > 1024:
        raise Refusal(
            f"the model {title} takes volumes of {' × '.join(map(str, patch))} voxels only: it is for other inputs."
        )
    return channels, (patch[0], patch[1], patch[2])


def _make(model: Any, job: Progress) -> Net:
    return OnnxNet(model)


class OnnxNet:
    """A Net on the processor."""

    device, precision = "cpu", "float32"

    def __init__(self, model: Any) -> None:
        openvino = _library()
        self.engine = f"OpenVINO {str(openvino.__version__).partition('-')[0]}"
        self._type = TYPES[model.inputs[0].get_element_type().get_type_name()]
        with plain_errors("cpu"):
            self._run = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """[n, c, k, j, i] to [n, c', k, j, i]. Raises Refusal for volumes of a size that it cannot take."""
        try:
            with plain_errors("cpu"):
                result = np.asarray(self._run(np.ascontiguousarray(batch, self._type))[0], np.float32)
        except RuntimeError as error:
            raise Refusal(
                f"the model cannot run on a volume of {' × '.join(map(str, batch.shape[2:]))} voxels."
            ) from error
        if result.ndim != 5 or result.shape[2:] != batch.shape[2:]:
            raise Refusal("the model makes no volume of the size that it was given: it is for other tasks.")
        return result
