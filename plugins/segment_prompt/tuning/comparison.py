"""What the old and the tuned model are measured on: the Dice after simulated clicks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from operator import itemgetter
from pathlib import Path

from torch import nn

from plugins.segment_prompt.samples.sample_set import SHAPES, Sample, Samples
from plugins.segment_prompt.train import CLICKS, dice_after_clicks
from viewer.api import Job, TuningCase

from .case_samples import plain_sample

MADE_UP = 1 << 20  # number of the first made-up structure: never one to learn from
SHARE = 0.1  # of the bar, for each of the two models


@dataclass(frozen=True, eq=False)
class Comparison:
    """At most so many structures of held-back cases, and as many made-up ones: crops [size]³."""

    held_back: tuple[TuningCase, ...]
    most: int
    size: int
    seed: int

    @cached_property
    def cases(self) -> list[TuningCase]:
        """The structures: the first of each case before the second of any."""
        seen: Counter[str] = Counter()
        ranks = []
        for one in self.held_back:
            ranks.append((seen[one.case], one))
            seen[one.case] += 1
        return [one for _, one in sorted(ranks, key=itemgetter(0))][: self.most]

    @property
    def names(self) -> list[tuple[str, int]]:
        """Case and number of clicks of each figure."""
        owners = [*(case.case for case in self.cases), *[""] * self.most]
        return [(owner, clicks) for owner in owners for clicks in CLICKS if owner or clicks < max(CLICKS)]

    def samples(self) -> Iterator[tuple[Sample, tuple[int, ...]]]:
        """Each with the clicks after which it is looked at."""
        for case in self.cases:
            yield plain_sample(case, self.size), CLICKS
        shapes = Samples(Path(), self.seed, MADE_UP, self.size, SHAPES)
        for number in range(self.most):
            yield shapes[number], CLICKS[:-1]

    def dices(self, net: nn.Module, job: Job, start: float) -> Iterator[float]:
        """The figures of a model, in the order of `names`. start: where the bar is."""
        count = len(self.cases) + self.most
        for number, (sample, clicks) in enumerate(self.samples()):
            found = []
            for click, dice in enumerate(islice(dice_after_clicks(net, sample), max(clicks)), 1):
                job.progress(start + SHARE * (number + click / max(clicks)) / count)
                found.append(dice)
            yield from (found[click - 1] for click in clicks)
