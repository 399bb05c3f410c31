"""The networks that stay in the process from job to job."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from viewer.compute.backend import ready
from viewer.compute.job import Job
from viewer.compute.models import find_card, load_network
from viewer.compute.net import Net

KEPT = 2  # networks; the one used last goes last

_nets: dict[tuple[str, str], Net] = {}  # by the SHA-256 of the weights, and the device


def find(
    name: str, job: Job, *, channels: int, multiple: int, example: NDArray[np.float32] | None = None
) -> tuple[Net, str]:
    """The network of a model, as Job.model gives it, and the SHA-256 of its weights."""
    if not name:
        raise ValueError("it asks for a model but declares none")
    card = find_card(name)
    sha256 = card.sha256
    net = _nets.pop((sha256, job.device), None)
    if net is None:
        module, sha256 = load_network(name)
        net = ready(
            module,
            job.device,
            key=sha256,
            channels=channels,
            multiple=multiple,
            ranges=card.ranges,
            example=example,
            job=job,
        )
    _nets[sha256, job.device] = net
    for old in list(_nets)[:-KEPT]:
        del _nets[old]
    return net, sha256
