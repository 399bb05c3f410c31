"""A job that cannot fit is refused before it begins, with what it needs and what is free."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from viewer.compute import memory_check
from viewer.compute.devices import Device
from viewer.compute.engine.job import Job
from viewer.compute.progress import Refusal
from viewer.data.grid import Grid
from viewer.data.volume import Volume
from viewer.plugin.execute import execute


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes a machine with so many bytes of memory free, and so many on its graphics card."""

    def make(memory: int, card: int = 0) -> None:
        monkeypatch.setattr(memory_check, "available_memory", lambda: memory)
        there = (Device("cpu", "Chip", memory, memory), Device("cuda:0", "Card X", card, card))
        monkeypatch.setattr(memory_check, "devices", lambda: there)

    return make


def test_need_and_free_are_named(free: Any) -> None:
    free(3 << 29)
    Job().need(3 << 29, "the result")
    with pytest.raises(Refusal, match=r"for the result: it needs 2\.0 GB, and 1\.5 GB are free; close") as caught:
        Job().need(2 << 30, "the result")
    assert "\n" not in str(caught.value)


def test_a_card_has_its_own_memory(free: Any) -> None:
    free(8 << 30, card=300 << 20)
    Job(device="cuda:0").need(300 << 20, "the network")
    with pytest.raises(Refusal, match="it needs 400 MB, and 300 MB are free on Card X"):
        Job(device="cuda:0").need(400 << 20, "the network")
    Job(device="cuda:1").need(4 << 30, "a card that does not tell its memory")


def test_what_no_machine_holds_is_refused() -> None:
    with pytest.raises(Refusal, match="not enough memory"):
        Job().need(1 << 60, "the impossible")


def test_a_plugin_is_not_begun_where_its_images_do_not_fit(free: Any) -> None:
    image = Volume(np.zeros((20, 32, 32), np.int16), Grid.of((20, 32, 32)))
    free(image.array.size * (2 + 4) - 1)
    with pytest.raises(Refusal, match=r"^Denoise: there is not enough memory for the images it works on"):
        execute(Job(), "denoise", {"image": image}, {})
