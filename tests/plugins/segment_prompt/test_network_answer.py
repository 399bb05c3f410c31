"""The network as a method of the plugin, with weights that a test makes: it begins where the classical methods end."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from fixtures.model_card import write_model
from safetensors.torch import save

from plugins.segment_prompt import segment_prompt
from plugins.segment_prompt.network import PromptNet
from viewer.api import Grid, Job, Prompt, Prompts, Refusal, Volume
from viewer.settings import models_folder

GRID = Grid.of((40, 40, 40), (2.0, 1.0, 1.0))
BALL = np.linalg.norm((np.indices(GRID.shape).T - (20, 20, 20)) * (2, 1, 1), axis=-1).T < 12
IMAGE = Volume((100 * BALL + np.random.default_rng(0).normal(0, 5, GRID.shape)).astype(np.int16), GRID, "MR")
INSIDE = Prompt("point", (tuple(GRID.to_world((20, 20, 20)).tolist()),))
OUTSIDE = Prompt("point", (tuple(GRID.to_world((20, 20, 30)).tolist()),), positive=False)


def install(name: str) -> None:
    """A network of small width that was not trained, in the folder of the user's models."""
    torch.manual_seed(0)
    weights = save(PromptNet((8, 8, 8)).state_dict())
    network = {"class": "plugins.segment_prompt.network:PromptNet", "arguments": {"widths": [8, 8, 8]}}
    write_model(models_folder(), name, weights, sha256=hashlib.sha256(weights).hexdigest(), network=network, labels={})


def run(*prompts: Prompt, model: str) -> np.ndarray:
    found = segment_prompt(IMAGE, Prompts(prompts), None, None, None, Job(), method="network", model=model)
    return np.asarray(found.array > 0)


def test_a_network_finds_a_ball_and_obeys(home: Path) -> None:
    install("mine")
    mask = run(INSIDE, model="mine")
    assert 2 * (mask & BALL).sum() / (mask.sum() + BALL.sum()) > 0.9
    with_negative = run(INSIDE, OUTSIDE, model="mine")
    assert with_negative[20, 20, 20]
    assert not with_negative[20, 20, 30]


def test_a_model_that_is_not_there_is_named(home: Path) -> None:
    with pytest.raises(Refusal, match="nobodys"):
        run(INSIDE, model="nobodys")
