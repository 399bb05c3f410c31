"""The networks that stay in the process from job to job."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from viewer.compute.networks.backends import prepare_network
from viewer.compute.networks.model_cards import card_network, find_card
from viewer.compute.networks.network import StoppableNet

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import torch
    from numpy.typing import NDArray

    from viewer.compute.networks.network import Net, Ranges
    from viewer.compute.progress import Progress

KEPT = 2  # networks; the one used last goes last

_nets: dict[tuple[str, str], Net] = {}  # by what makes the network (Card.key), and the device


def cached_network(
    name: str, job: Progress, *, channels: int, multiple: int, example: NDArray[np.float32] | None = None
) -> tuple[Net, str]:
    """The network of a model, as Progress.model gives it, and the SHA-256 of its weights."""
    if not name:
        raise ValueError("it asks for a model but declares none")
    card = find_card(name)
    make = partial(card_network, card)
    net = cached(make, card.key, job, channels=channels, multiple=multiple, ranges=card.ranges, example=example)
    return net, card.sha256


def cached(
    make: Callable[[], torch.nn.Module],
    key: str,
    job: Progress,
    *,
    channels: int,
    multiple: int,
    ranges: Ranges | None = None,
    example: NDArray[np.float32] | None = None,
) -> Net:
    """The network that `make` makes, as prepare_network gives it; made once a process as long as it is kept."""
    net = _nets.pop((key, job.device), None)
    if net is None or (isinstance(net, StoppableNet) and net.spent):
        net = prepare_network(
            make(), job.device, key=key, channels=channels, multiple=multiple, ranges=ranges, example=example, job=job
        )
    _nets[key, job.device] = net
    for old in list(_nets)[:-KEPT]:
        del _nets[old]
    return net
