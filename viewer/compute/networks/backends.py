"""What a network runs on: the fastest of the engines and precisions that this machine has and that are exact enough."""

from __future__ import annotations

import logging
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from viewer.compute.networks.benchmark_tile import Probe, ramp
from viewer.compute.networks.openvino_network import (
    OpenVinoNet,
    convert_network,
    library,
    network_folder,
    precisions,
    save_network,
    saved_network,
)
from viewer.compute.networks.quantization import quantized
from viewer.compute.networks.torch_network import TorchNet
from viewer.compute.progress import Progress, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    import torch
    from numpy.typing import NDArray

    from viewer.compute.networks.network import Net, Ranges

log = logging.getLogger(__name__)


def prepare_network(
    module: torch.nn.Module,
    device: str,
    *,
    key: str,
    channels: int,
    multiple: int = 8,
    ranges: Ranges | None = None,
    example: NDArray[np.float32] | None = None,
    job: Progress,
) -> Net:
    """A network, in evaluation mode on the processor, made ready to run on a device.

    key: SHA-256 of its weights. channels: of its input. multiple: what the sides of its input must be multiples of.
    ranges: of what its convolutions get, where it may compute in 8-bit integers (see .quantization).
    example: [c, k, j, i], what it may be given: engines are measured and checked with it; else with a noisy ramp.
    On the processor OpenVINO runs it where it is installed and can, else torch. Raises Refusal where the device cannot,
    MemoryError, DeviceLost; Cancelled between its steps, of which each takes a second or so.
    """
    example = ramp(channels, multiple) if example is None else example
    with job.stage("preparing the network"):
        try:
            if device == "cpu":
                return _on_processor(module, key, multiple, ranges or {}, example, job)

            def spare(job: Progress) -> Net:
                return prepare_network(
                    module,
                    "cpu",
                    key=key,
                    channels=channels,
                    multiple=multiple,
                    ranges=ranges,
                    example=example,
                    job=job,
                )

            return _on_card(module, device, spare, example, job)
        except NotImplementedError as error:
            raise Refusal(f"the device {device} cannot run this network ({error}).") from error


def _on_processor(
    module: torch.nn.Module, key: str, multiple: int, ranges: Ranges, example: NDArray[np.float32], job: Progress
) -> Net:
    plain = TorchNet(module, "cpu")
    try:
        library()
    except ImportError as error:
        log.info("OpenVINO is not there (%s): torch runs the network", error)
        return plain
    folder = network_folder(key, ranges)
    probe = Probe(plain, example, job)
    net = saved_network(folder)
    if net is not None and probe.agrees(net):
        return net
    try:
        model = convert_network(module, len(example), multiple)
        job.progress(0.0)
        models = precision_variants(model, ranges)
        found = probe.fastest([plain, *_compile_models(models)])
    except (RuntimeError, TypeError, ValueError) as error:  # what OpenVINO raises for what it cannot convert
        log.warning("OpenVINO cannot run the network, torch does: %s", error)
        return plain
    if isinstance(found, OpenVinoNet):
        save_network(models[found.precision], found.precision, folder)
    return found


def _compile_models(models: dict[str, Any]) -> Iterator[OpenVinoNet]:
    """Those that OpenVINO can compile: one precision that it cannot costs the others nothing."""
    for precision, model in models.items():
        try:
            yield OpenVinoNet(model, precision)
        except RuntimeError as error:
            log.info("OpenVINO cannot compile the network in %s: %s", precision, error)


def precision_variants(model: Any, ranges: Ranges) -> dict[str, Any]:
    """The model for each precision that this processor and the model are made for."""
    made = dict.fromkeys(precisions(), model)
    if made.pop("int8", None) and ranges:
        try:
            made["int8"] = quantized(model, ranges)
        except ValueError as error:
            log.warning("the network cannot be rounded to integers: %s", error)
    return made


def _on_card(
    module: torch.nn.Module, device: str, spare: Callable[[Progress], Net], example: NDArray[np.float32], job: Progress
) -> Net:
    """In bfloat16 where that is exact enough; the processor helps out where the card's memory is too small."""
    plain = TorchNet(deepcopy(module), device, spare=spare)
    job.progress(0.0)
    half = TorchNet(deepcopy(module), device, "bfloat16", spare=spare)
    turned = TorchNet(deepcopy(module), device, "bfloat16", channels_last=True, spare=spare)
    return Probe(plain, example, job).fastest([plain, half, turned])
