"""The prompted network tuned on accepted structures, and compared with what it was on those of other cases.

Few steps at a low rate, their weights averaged (Izmailov et al., UAI 2018), with made-up structures among the samples,
so that what the network knew is not unlearned (rehearsal: Robins, Connection Science 7, 1995). Whatever is random
hangs on the seed and the number of the episode: a tuning that goes on gives what an unbroken one gives.
"""

from __future__ import annotations

import copy
import io
import logging
import pickle
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch import nn

from plugins.segment_prompt.network import PromptNet
from plugins.segment_prompt.samples.prompt_simulation import next_prompt
from plugins.segment_prompt.samples.sample_set import SHAPES, SIZE, Samples
from plugins.segment_prompt.train import Trajectory, segmentation_loss
from plugins.training import loop
from viewer.api import Job, Refusal, Score, Tuned, TuningRequest, TuningState

from .case_samples import random_sample
from .comparison import SHARE, Comparison

log = logging.getLogger(__name__)
DAMAGED = (RuntimeError, EOFError, KeyError, ValueError, TypeError, pickle.UnpicklingError)


@dataclass(frozen=True)
class Plan:
    """How much is done. size: voxels along a crop. episodes: at most; in each so many samples get up to `prompts`.

    rehearsal: every how many samples one is made up. compared: held-back structures at most, and made-up ones, which
    models are compared on. average: share of the averaged weights that an episode keeps.
    """

    size: int = SIZE
    episodes: int = 100
    samples: int = 2
    prompts: int = 3
    rate: float = 3e-4
    rehearsal: int = 3
    compared: int = 8
    average: float = 0.9


PLAN = Plan()


def tune(job: Job, network: nn.Module, request: TuningRequest, state: TuningState, plan: Plan = PLAN) -> Tuned:
    """Tune a copy of the network for as many minutes as are asked for; see viewer.plugin.tuning.Tuner."""
    if not isinstance(network, PromptNet):
        raise Refusal(f"the model {request.model} does not answer prompts: choose one that does.")
    comparison = Comparison(request.held_back, plan.compared, plan.size, request.seed)
    with job.stage("getting ready"):
        tuning = Tuning(job, network, request, plan)
        tuning.restore(state.read())
    if not tuning.old:
        with job.stage("the model as it is"):
            tuning.compare(comparison, 0.0)
            state.write(tuning.packed())
    with job.stage("tuning"):
        while tuning.left > 0:
            tuning.run_episode()
            state.write(tuning.packed())
    made = {name: value.half().contiguous() for name, value in tuning.average.state_dict().items()}
    tuned = copy.deepcopy(network)
    tuned.load_state_dict({name: value.float() for name, value in made.items()})
    with job.stage("the tuned model"):
        new = list(comparison.dices(tuned, job, 1 - SHARE))
    scores = [
        Score(case, clicks, *both) for (case, clicks), *both in zip(comparison.names, tuning.old, new, strict=True)
    ]
    return Tuned(save(made), tuple(scores), tuning.steps, tuning.seconds)


@dataclass(eq=False)
class Tuning:
    """The networks on their way. average: the one that counts. old: figures of the network as it was; see Comparison.

    seconds: that were computed. compared_for: of them, what `old` took.
    """

    job: Job
    network: PromptNet
    request: TuningRequest
    plan: Plan
    episode: int = 0
    steps: int = 0
    seconds: float = 0.0
    compared_for: float = 0.0
    old: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.net = copy.deepcopy(self.network).train()
        self.average = copy.deepcopy(self.network).eval()
        self.optimiser = torch.optim.AdamW(self.net.parameters(), lr=self.plan.rate, weight_decay=1e-4)

    @property
    def left(self) -> float:
        """The share of the tuning that is still to be done: of the episodes, or of the time where that is less."""
        limit = 60 * self.request.minutes - 1.3 * self.compared_for  # the tuned model is compared, too
        return min(1 - self.episode / self.plan.episodes, 1 - self.seconds / max(limit, 1e-3))

    def compare(self, comparison: Comparison, start: float) -> None:
        """Measure the network as it was."""
        began = time.monotonic()
        self.old = list(comparison.dices(self.network, self.job, start))
        self.compared_for = time.monotonic() - began
        self.seconds += self.compared_for

    def run_episode(self) -> None:
        """Some samples, prompted a few times each; every answer places the next prompt and is learned from."""
        began = time.monotonic()
        rng = np.random.default_rng((self.request.seed, self.episode))
        under_way = [self._begin(number, rng) for number in range(self.plan.samples)]
        for _ in range(1 + int(rng.integers(self.plan.prompts))):
            self.optimiser.zero_grad(set_to_none=True)
            under_way = [self._answer(one, rng) for one in under_way]
            nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
            self.optimiser.step()
            self.steps += 1
        self.episode += 1
        keep = min(self.plan.average, self.episode / (self.episode + 3))
        with torch.no_grad():
            for average, own in zip(self.average.parameters(), self.net.parameters(), strict=True):
                average.lerp_(own, 1 - keep)
        self.seconds += time.monotonic() - began

    def _begin(self, number: int, rng: np.random.Generator) -> Trajectory:
        count = self.episode * self.plan.samples + number
        if count % self.plan.rehearsal == self.plan.rehearsal - 1:
            sample = Samples(Path(), self.request.seed, count, self.plan.size, SHAPES)[0]
        else:
            case = self.request.train[int(rng.integers(len(self.request.train)))]
            sample = random_sample(case, self.plan.size, rng)
        return Trajectory(sample, sample.prompts, sample.previous, self.plan.prompts)

    def _answer(self, one: Trajectory, rng: np.random.Generator) -> Trajectory:
        """Its share of the gradient; and the next prompt."""
        self._tell()
        with loop.autocast("cpu"):
            logits = self.net(torch.from_numpy(one.channels()[None])).float()
        self._tell()
        target = torch.from_numpy(one.sample.target[None, None]).float()
        (segmentation_loss(logits, target) / self.plan.samples).backward()  # type: ignore[no-untyped-call]
        mask = one.prompts.constrain((logits.detach() > 0).numpy()[0, 0])
        return Trajectory(one.sample, next_prompt(one.prompts, mask, one.sample.target, rng), mask, one.left)

    def _tell(self) -> None:
        self.job.progress(SHARE + (1 - 2 * SHARE) * (1 - max(self.left, 0.0)))

    # ---- what it goes on from
    def packed(self) -> bytes:
        """All of it, as torch.save writes it."""
        parts: dict[str, nn.Module | torch.optim.Optimizer]
        parts = {"net": self.net, "average": self.average, "optimiser": self.optimiser}
        state: dict[str, Any] = {name: part.state_dict() for name, part in parts.items()}
        numbers = {name: getattr(self, name) for name in ("episode", "steps", "seconds", "compared_for", "old")}
        file = io.BytesIO()
        torch.save(state | numbers, file)
        return file.getvalue()

    def restore(self, data: bytes | None) -> None:
        """Go on from what `packed` gave; from the beginning where that is damaged, or of another network."""
        if data is None:
            return
        try:
            state = torch.load(io.BytesIO(data), weights_only=True)
            numbers = {name: state[name] for name in ("episode", "steps", "seconds", "compared_for", "old")}
            for name in ("net", "average", "optimiser"):
                getattr(self, name).load_state_dict(state[name])
        except DAMAGED:
            log.warning("the state of a tuning is damaged or of another network: it begins anew", exc_info=True)
            self.__post_init__()
            return
        for name, value in numbers.items():
            setattr(self, name, value)
