"""The network of MS lesions as the engine runs it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from plugins.own_weights import own_network
from viewer.api import Job, Net

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from .network import LesionNet

MODEL = "diagnose-ms-lesions"


def load_lesion_network(weights: Path | None, job: Job) -> Net:
    """The network with the user's weights, else the installed model. Raises Refusal, one sentence."""
    from .network import INPUTS, MULTIPLE

    example = np.random.default_rng(0).standard_normal((INPUTS, *(4 * MULTIPLE,) * 3)).astype(np.float32)
    engine: dict[str, Any] = {"channels": INPUTS, "multiple": MULTIPLE, "example": example}
    if weights is not None:
        return own_network(weights, job, _network, "plugins/diagnose_ms_lesions/train.py", "MS lesions", **engine)
    return job.model(MODEL, **engine)


def _network(state: Mapping[str, torch.Tensor]) -> LesionNet:
    """How wide it is, its weights tell. Raises KeyError where it is no network of ours."""
    from .network import LesionNet

    first, second, third = (state[name].shape[0] for name in ("stem.weight", "down.0.weight", "down.1.weight"))
    return LesionNet((first, second, third))
