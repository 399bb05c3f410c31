"""What the plugin declares as its tuner: torch comes with a run, not before."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

    from viewer.api import Job, Tuned, TuningRequest, TuningState


def tune(job: Job, network: nn.Module, request: TuningRequest, state: TuningState) -> Tuned:
    """Tune the prompted network; see tune_network."""
    from .tune_network import tune as tune_network

    return tune_network(job, network, request, state)
