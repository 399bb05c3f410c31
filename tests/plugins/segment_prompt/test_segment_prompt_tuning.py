"""Tuning on accepted structures: it learns, goes on where it was, and measures both models on what it never saw."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load
from torch import nn

from plugins.segment_prompt.network import PromptNet
from plugins.segment_prompt.tuning.case_samples import plain_sample, random_sample
from plugins.segment_prompt.tuning.comparison import Comparison
from plugins.segment_prompt.tuning.tune_network import Plan, tune
from viewer.api import Cancelled, Job, Refusal, Tuned, TuningCase, TuningRequest, TuningState

PLAN = Plan(size=16, episodes=3, samples=1, prompts=2, rehearsal=2, compared=1)


def ball(case: str, seed: int, radius: float = 6.0) -> TuningCase:
    """A dim ball beside a bright one, in voxels that are longer than wide."""
    rng = np.random.default_rng(seed)
    places = np.indices((14, 30, 40)) * np.array((2.0, 1.0, 1.0))[:, None, None, None]
    inside = [
        np.linalg.norm(places - np.array(middle)[:, None, None, None], axis=0)
        for middle in ((14, 14, 12), (14, 14, 28))
    ]
    image = 40 * (inside[0] < radius) + 90 * (inside[1] < radius) + rng.normal(0, 6, inside[0].shape)
    return TuningCase(case, image.astype(np.int16), inside[0] < radius, (2.0, 1.0, 1.0))


def network() -> PromptNet:
    torch.manual_seed(0)
    return PromptNet((4, 4, 4)).eval()


@pytest.fixture
def request_(tmp_path: Path) -> TuningRequest:
    train = tuple(ball(f"case {n}", n) for n in range(2))
    return TuningRequest("small", train, (ball("other", 9),), tmp_path / "tuning")


def run(request: TuningRequest, plan: Plan = PLAN, job: Job | None = None, net: nn.Module | None = None) -> Tuned:
    return tune(job or Job(), net or network(), request, TuningState(request.folder), plan)


def test_samples_are_about_the_structure_whatever_its_voxels() -> None:
    plain = plain_sample(ball("a", 1), 32)
    volume = 2.0 * ball("a", 1).mask.sum() / (22 / 32) ** 3  # a side of twice the extent, which is 11 mm
    assert plain.target.sum() == pytest.approx(volume, rel=0.05)
    assert np.abs(np.argwhere(plain.target).mean(axis=0) - 15.5).max() < 1
    for seed in range(5):
        one = random_sample(ball("a", 1), 32, np.random.default_rng(seed))
        assert one.image[one.target].mean() != pytest.approx(one.image[~one.target].mean(), abs=0.3)
        assert one.prompts.seeds().any()
        assert not (one.prompts.positive & ~one.target).any()


def test_a_line_of_single_voxels_is_still_there() -> None:
    mask = np.zeros((30, 30, 40), bool)
    mask[15, 15, 3:37] = True
    line = TuningCase("a", np.where(mask, 100, 0).astype(np.int16), mask, (1.0, 1.0, 1.0))
    assert all(random_sample(line, 48, np.random.default_rng(seed)).target.any() for seed in range(8))


def test_it_learns_what_it_is_shown_and_tells_by_which_cases(request_: TuningRequest) -> None:
    plan = replace(PLAN, episodes=20, samples=2, rate=5e-3, rehearsal=100, average=0.8)
    found = run(request_, plan)
    held_back = [score for score in found.scores if score.case]
    assert {score.case for score in held_back} == {"other"}
    assert [score.clicks for score in held_back] == [1, 2, 5]
    assert [score.clicks for score in found.scores if not score.case] == [1, 2]
    assert held_back[0].new - held_back[0].old > 0.01
    weights = load(found.weights)
    assert weights.keys() == network().state_dict().keys()
    assert all(value.dtype == torch.float16 for value in weights.values())


def test_figures_are_those_of_the_weights_that_are_given(request_: TuningRequest) -> None:
    found, net = run(request_), network()
    net.load_state_dict({name: value.float() for name, value in load(found.weights).items()})
    again = Comparison(request_.held_back, PLAN.compared, PLAN.size, request_.seed).dices(net, Job(), 0.0)
    assert [score.new for score in found.scores] == list(again)


def test_each_case_is_looked_at_before_one_twice() -> None:
    held_back = tuple(ball(case, 1) for case in "aaab")
    assert [one.case for one in Comparison(held_back, 3, 16, 1).cases] == ["a", "b", "a"]


@pytest.mark.parametrize("calls", [3, 11])
def test_a_cancelled_tuning_goes_on_to_what_an_unbroken_one_gives(request_: TuningRequest, calls: int) -> None:
    unbroken = run(replace(request_, folder=request_.folder / "unbroken"))
    told: list[float] = []

    def cancelled() -> bool:
        told.append(0.0)
        return len(told) > calls

    with pytest.raises(Cancelled):
        run(request_, job=Job(cancelled=cancelled))
    resumed = run(request_)
    assert resumed.weights == unbroken.weights
    assert resumed.scores == unbroken.scores
    assert resumed.steps == unbroken.steps


def test_it_ends_when_its_time_is_over(request_: TuningRequest) -> None:
    found = run(replace(request_, minutes=0.0))
    assert found.steps == 0
    assert all(score.new == pytest.approx(score.old, abs=0.02) for score in found.scores)  # but for half precision


def test_a_damaged_state_costs_what_was_done_not_the_tuning(request_: TuningRequest) -> None:
    whole, state = run(request_), TuningState(request_.folder)
    state.write(state.read()[:5000])
    assert run(request_).weights == whole.weights


def test_progress_never_falls_and_says_what_is_done(request_: TuningRequest) -> None:
    told: list[tuple[float, str]] = []
    run(request_, job=Job(tell=lambda fraction, text: told.append((fraction, text))))
    assert [fraction for fraction, _ in told] == sorted(fraction for fraction, _ in told)
    assert {text for _, text in told} >= {"the model as it is", "tuning", "the tuned model"}


def test_a_network_for_something_else_is_refused(request_: TuningRequest) -> None:
    with pytest.raises(Refusal, match="does not answer prompts"):
        run(request_, net=nn.Conv3d(2, 1, 3))


def test_no_case_is_in_both_parts(request_: TuningRequest) -> None:
    with pytest.raises(ValueError, match="in one part only"):
        replace(request_, held_back=(ball("case 1", 5),))
