"""What a network runs on: the fastest of the engines and precisions that this machine has and that are exact enough."""

from __future__ import annotations

import logging
from copy import deepcopy
from functools import partial
from typing import TYPE_CHECKING

from viewer.compute.job import Job, Refusal
from viewer.compute.net import Net
from viewer.compute.openvino_net import OpenVinoNet, converted, keep, kept, library, place, precisions
from viewer.compute.probe import Probe
from viewer.compute.torch_net import TorchNet

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

SIDE = 32  # voxels along each side of the tile that engines are measured and checked by


def ready(module: torch.nn.Module, device: str, *, key: str, channels: int, multiple: int = 8, job: Job) -> Net:
    """A network, in evaluation mode on the processor, made ready to run on a device.

    key: SHA-256 of its weights. channels: of its input. multiple: what the sides of its input must be multiples of.
    On the processor OpenVINO runs it where it is installed and can, else torch. Raises Refusal where the device cannot,
    MemoryError, DeviceLost; Cancelled between its steps, of which each takes a second or so.
    """
    with job.stage("preparing the network"):
        try:
            if device == "cpu":
                return _on_processor(module, key, channels, multiple, job)
            return _on_card(module, device, key, channels, multiple, job)
        except NotImplementedError as error:
            raise Refusal(f"the device {device} cannot run this network ({error}).") from error


def _on_processor(module: torch.nn.Module, key: str, channels: int, multiple: int, job: Job) -> Net:
    plain = TorchNet(module, "cpu")
    try:
        library()
    except ImportError as error:
        log.info("OpenVINO is not there (%s): torch runs the network", error)
        return plain
    folder = place(key)
    net = kept(folder)
    if net is not None and Probe(plain, channels, SIDE, multiple, job).agrees(net):
        return net
    probe = Probe(plain, channels, SIDE, multiple, job)
    try:
        model = converted(module, channels, multiple)
        job.progress(0.0)
        found = probe.fastest([plain, *(OpenVinoNet(model, precision) for precision in precisions())])
    except (RuntimeError, TypeError, ValueError) as error:  # what OpenVINO raises for what it cannot convert
        log.warning("OpenVINO cannot run the network, torch does: %s", error)
        return plain
    if isinstance(found, OpenVinoNet):
        keep(model, found.precision, folder)
    return found


def _on_card(module: torch.nn.Module, device: str, key: str, channels: int, multiple: int, job: Job) -> Net:
    """In bfloat16 where that is exact enough; the processor helps out where the card's memory is too small."""
    spare = partial(_spare, module, key, channels, multiple)
    plain = TorchNet(deepcopy(module), device, spare=spare)
    job.progress(0.0)
    half = TorchNet(deepcopy(module), device, "bfloat16", spare=spare)
    turned = TorchNet(deepcopy(module), device, "bfloat16", channels_last=True, spare=spare)
    return Probe(plain, channels, SIDE, multiple, job).fastest([plain, half, turned])


def _spare(module: torch.nn.Module, key: str, channels: int, multiple: int, job: Job) -> Net:
    return ready(module, "cpu", key=key, channels=channels, multiple=multiple, job=job)
