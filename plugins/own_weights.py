"""Weights of the user's own training in the place of a model that comes with the program."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viewer.api import Job, Net, Refusal, read_weights

if TYPE_CHECKING:
    import torch
    from torch import nn

    Build = Callable[[Mapping[str, torch.Tensor]], nn.Module]


def own_network(path: Path, job: Job, build: Build, script: str, purpose: str, **engine: Any) -> Net:
    """A network with the averaged weights of a state of training, or with weights alone.

    build: makes the network, as wide as its weights tell; it raises KeyError or ValueError where they are none of it.
    script: that writes such files; purpose: what the network is of. engine: as of Job.network. Raises Refusal.
    """
    import torch

    if path.suffix.lower() != ".safetensors":
        raise Refusal(f"{path.name} is no safetensors file: choose one that {script} has written.")
    found = read_weights(path)
    state = {name.removeprefix("average."): one for name, one in found.items() if name.startswith("average.")} or found
    try:
        with torch.device("meta"):  # takes no memory, whatever sizes the file claims
            net = build(state)
        net.load_state_dict(state, assign=True)
    except (KeyError, ValueError, RuntimeError) as error:
        told = f"{path.name} holds weights of another network than that of {purpose}: choose another."
        raise Refusal(told) from error
    if not all(bool(torch.isfinite(one).all()) for one in state.values()):
        raise Refusal(f"{path.name} holds weights that are not numbers: choose another file.")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return job.network(net.eval().requires_grad_(False), path.name, sha256, **engine)
