"""A network that OpenVINO runs on the processor: converted from torch once, then kept on disk.

The kept file depends on the weights, on OpenVINO's version and on the processor, and is named by them.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.compute.devices import processor
from viewer.compute.networks.network import Ranges, Stopped, plain_errors
from viewer.files.checksum import sha256_of
from viewer.settings import cache_folder

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

log = logging.getLogger(__name__)

HINTS = {"float32": "f32", "bfloat16": "bf16", "int8": "f32"}  # of what is not in integers anyway
EXAMPLE = 32  # voxels along each side of what a network is traced with, about; the trace holds for every size


def library() -> Any:
    """The package openvino. Raises ImportError.

    It reports its use over the internet, already when imported, by the package openvino_telemetry unless that is
    missing. Here it is missing.
    """
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    import openvino

    return openvino


class OpenVinoNet:
    """A Net on the processor. model: as OpenVINO holds it."""

    device = "cpu"
    stoppable = True

    def __init__(self, model: Any, precision: str) -> None:
        openvino = library()
        self.engine = f"OpenVINO {_version()}"
        self.precision = precision
        hints = {"INFERENCE_PRECISION_HINT": HINTS[precision], "PERFORMANCE_HINT": "LATENCY"}
        with plain_errors("cpu"):
            self._compiled = openvino.Core().compile_model(model, "CPU", hints)
            self._request = self._compiled.create_infer_request()
        self.spent = False

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """[n, c, k, j, i] to [n, c', k, j, i] in float32. Raises MemoryError where a batch is too large; Stopped."""
        return self.lend(batch).copy()

    def lend(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """The same, in memory that the next call uses again."""
        with plain_errors("cpu"):
            if self.spent:
                raise Stopped
            try:
                given = np.ascontiguousarray(batch, np.float32)
                result: NDArray[np.float32] = self._request.infer([given], share_inputs=True, share_outputs=True)[0]
            except RuntimeError as error:
                if self.spent:
                    raise Stopped from error
                raise
        return result

    def stop(self) -> None:
        """Have the call that runs now end with its layer; what is left in the middle gives nothing sure any more."""
        self.spent = True
        self._request.cancel()


@cache
def precisions() -> tuple[str, ...]:
    """What this processor computes in by itself: bfloat16 with AVX512-BF16, AMX or the like; int8 a quantized model."""
    able = library().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    found = [name for name, need in {"float32": "FP32", "bfloat16": "BF16", "int8": "INT8"}.items() if need in able]
    if "int8" in found and not _sums_integers_exactly():
        found.remove("int8")
    return tuple(found)


def _sums_integers_exactly() -> bool:
    """Whether the largest products of 8 bits add up: without VNNI, processors cut sums of two of them off at 2¹⁵.

    OpenVINO says of such processors, too, that they compute in int8.
    """
    openvino = library()
    from openvino import opset13

    values, weights = np.full((1, 32, 8, 8, 8), 255, np.float32), np.full((32, 32, 3, 3, 3), 127, np.float32)
    image = opset13.parameter([-1, 32, -1, -1, -1], np.float32)
    rounded = [
        opset13.fake_quantize(node, *(np.float32(end) for end in (low, high, low, high)), levels)
        for node, low, high, levels in ((image, 0, 255, 256), (opset13.constant(weights), -127, 127, 255))
    ]
    sums = opset13.convolution(*rounded, strides=[1] * 3, pads_begin=[0] * 3, pads_end=[0] * 3, dilations=[1] * 3)
    net = OpenVinoNet(openvino.Model([sums], [image]), "int8")
    return bool(np.allclose(net(values), weights[0].sum() * 255, rtol=1e-3))


def convert_network(module: torch.nn.Module, channels: int, multiple: int) -> Any:
    """The model for images of every size. Raises RuntimeError where the network uses what OpenVINO does not know."""
    import torch

    openvino = library()
    side = -(-EXAMPLE // multiple) * multiple
    example = torch.randn(1, channels, side, side, side, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        traced = torch.jit.trace(module, example, check_trace=False)  # type: ignore[no-untyped-call]
        shape = openvino.PartialShape([-1, channels, -1, -1, -1])
        return openvino.convert_model(traced, example_input=example, input=[shape])


def network_folder(key: str, ranges: Ranges) -> Path:
    """The folder where the converted network with these weights (their SHA-256) and ranges is kept."""
    other = hashlib.sha256(json.dumps([processor(), ranges], sort_keys=True).encode()).hexdigest()[:16]
    return cache_folder() / "openvino" / f"{key}-{_version()}-{other}"


def save_network(model: Any, precision: str, folder: Path) -> None:
    """Write the model and the precision it runs best in; a full disk costs nothing but the next conversion."""
    part = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(dir=folder.parent, prefix="part-"))
        library().save_model(model, part / "net.xml", compress_to_fp16=False)
        digests = {name: sha256_of(part / name) for name in ("net.xml", "net.bin")}
        (part / "kept.json").write_text(json.dumps({"precision": precision, "sha256": digests}))
        remove_network(folder)
        part.rename(folder)
    except (OSError, RuntimeError) as error:
        log.warning("the converted network cannot be kept: %s", error)
        if part is not None:
            remove_network(part)


def saved_network(folder: Path) -> OpenVinoNet | None:
    """The network that was kept there; None where there is none, or not a whole one."""
    try:
        about = json.loads((folder / "kept.json").read_text())
        whole = all(sha256_of(folder / name) == digest for name, digest in about["sha256"].items())
        return OpenVinoNet(folder / "net.xml", about["precision"]) if whole else None
    except FileNotFoundError:
        return None
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        log.warning("a kept network cannot be used and is made anew: %s", error)
        return None


def remove_network(folder: Path) -> None:
    """Remove a kept network."""
    shutil.rmtree(folder, ignore_errors=True)


def _version() -> str:
    return str(library().__version__).partition("-")[0]
