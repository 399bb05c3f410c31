"""What a tuning goes on from is kept whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from viewer.compute.engine.job import Job
from viewer.compute.progress import Refusal
from viewer.plugin.tuning import TuningRequest, TuningState, execute_tuning


def test_a_state_is_replaced_and_read_back(tmp_path: Path) -> None:
    state = TuningState(tmp_path / "a")
    assert state.read() is None
    for data in (b"one", b"other"):
        state.write(data)
        assert TuningState(tmp_path / "a").read() == data
    assert len(list((tmp_path / "a").iterdir())) == 1


def test_a_full_disk_is_said_in_a_sentence_and_what_was_kept_stays(mounted: Callable[[str], Path]) -> None:
    state = TuningState(mounted("size=256k"))
    state.write(b"a" * 100_000)
    with pytest.raises(Refusal, match=r"the disk is full: free about .* MB .*it goes on where it was kept last"):
        state.write(b"b" * 1_000_000)
    assert state.read() == b"a" * 100_000


def test_a_plugin_that_cannot_be_tuned_says_so(tmp_path: Path) -> None:
    request = TuningRequest("segment-prompt", (), (), tmp_path)
    with pytest.raises(Refusal, match="Tuning: Mask image cannot be tuned"):
        execute_tuning(Job(), "mask_image", request)


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="Tuning: the model gone is not installed"):
        execute_tuning(Job(), "segment_prompt", TuningRequest("gone", (), (), tmp_path))
