"""Tuning of a plugin's model on structures that people have accepted: what a tuner gets, what it gives, how it is run.

A plugin that can be tuned says so by `@plugin(…, tune=function)`. The function computes; the files are looked after
here: the model is loaded by its card, and what is done so far is kept, so that a tuning goes on after a cancel or a
kill.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Unpack

import numpy as np
from numpy.typing import NDArray

from viewer.compute.networks.model_cards import card_network, find_card
from viewer.compute.progress import Refusal
from viewer.files import atomic_write
from viewer.plugin.execute import find_plugin
from viewer.processes.functions import name_of

if TYPE_CHECKING:
    import torch

    from viewer.compute.engine.engine import Engine
    from viewer.compute.engine.job import Job
    from viewer.compute.engine.submission import Listeners, SubmittedJob

STATE = "tuning-state"  # name of the file that a tuning goes on from


@dataclass(frozen=True, eq=False)
class TuningCase:
    """A structure that a person has accepted.

    case: the hash of whose it is. image: stored values [k, j, i] about it. mask: where it is. spacing: mm, k, j, i.
    """

    case: str
    image: NDArray[np.generic]
    mask: NDArray[np.bool_]
    spacing: tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class TuningRequest:
    """train: structures to learn from. held_back: those of other cases, on which old and new model are compared.

    model: name of the installed model to begin with. folder: where what is done so far is kept. minutes: that it may
    take in all, interruptions left out. Raises ValueError where a case is in both parts.
    """

    model: str
    train: tuple[TuningCase, ...]
    held_back: tuple[TuningCase, ...]
    folder: Path
    minutes: float = 10.0
    seed: int = 1

    def __post_init__(self) -> None:
        if {one.case for one in self.train} & {one.case for one in self.held_back}:
            raise ValueError("a case is learned from and held back: it must be in one part only.")


@dataclass(frozen=True)
class Score:
    """The Dice coefficient of one structure after so many clicks, by both models. case: "" for a made-up structure."""

    case: str
    clicks: int
    old: float
    new: float


@dataclass(frozen=True, eq=False)
class Tuned:
    """weights: of the tuned model, the bytes of a safetensors file. seconds: that it took, interruptions left out."""

    weights: bytes
    scores: tuple[Score, ...]
    steps: int
    seconds: float


class Tuner(Protocol):
    """What a plugin gives as `tune`."""

    def __call__(self, job: Job, network: torch.nn.Module, request: TuningRequest, state: TuningState) -> Tuned:
        """Tune a copy of the network. Raises Refusal where it is none that this plugin can tune."""
        ...


class TuningState:
    """What a tuning goes on from: one file, which is replaced as a whole."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / STATE

    def read(self) -> bytes | None:
        """What was kept last; None before that, and where it cannot be read."""
        try:
            return self._file.read_bytes()
        except OSError:
            return None

    def write(self, data: bytes) -> None:
        """Keep it. Raises Refusal where the disk does not take it; what was kept before stays."""
        folder = self._file.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            atomic_write.sweep(folder)
            with atomic_write.temporary_folder(folder) as beside:
                made = beside / STATE
                made.write_bytes(data)
                atomic_write.flush(made)
                made.replace(self._file)
        except OSError as error:
            reason = atomic_write.failure_reason(error, folder, len(data))
            raise Refusal(
                f"what was tuned cannot be kept, for {reason}; then tune again: it goes on where it was kept last."
            ) from error


def submit_tuning(
    engine: Engine, plugin_id: str, request: TuningRequest, **listeners: Unpack[Listeners[Tuned]]
) -> SubmittedJob:
    """Have an engine tune a plugin's model: see execute_tuning, and Engine.submit."""
    return engine.submit(name_of(execute_tuning), (plugin_id, request), priority="batch", **listeners)


def execute_tuning(job: Job, plugin_id: str, request: TuningRequest) -> Tuned:
    """Tune the model of a plugin, in the engine. Raises Refusal: one sentence that begins with "Tuning"."""
    job.title = "Tuning"
    try:
        plugin = find_plugin(plugin_id)
        if plugin.tune is None:
            raise Refusal(f"{plugin.title} cannot be tuned.")
        network = card_network(find_card(request.model)).requires_grad_(True)
        tuner: Tuner = plugin.tune
        return tuner(job, network, request, TuningState(request.folder))
    except Refusal as refusal:
        refusal.args = (f"Tuning: {refusal}",)
        raise
