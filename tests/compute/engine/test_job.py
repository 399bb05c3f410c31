from __future__ import annotations

import time

import pytest

from viewer.compute.engine.job import Job
from viewer.compute.progress import Cancelled


def test_progress_is_told_seldom_but_news_always() -> None:
    told: list[tuple[float, str]] = []
    job = Job(tell=lambda fraction, text: told.append((fraction, text)))
    for step in range(1000):
        job.progress(step / 1000)
    job.progress(0.5, "second part")
    job.progress(0.5, "second part")
    job.progress(1.0)
    assert 3 <= len(told) < 100
    assert told[-2] == (0.999, "second part")  # it never falls
    assert told[-1] == (1.0, "second part")


def test_a_cancel_passes_through_except_exception() -> None:
    stop = [False]
    job = Job(cancelled=lambda: stop[0])
    job.progress(0.1)
    stop[0] = True
    with pytest.raises(Cancelled):  # noqa: PT012
        try:
            job.progress(0.2)
        except Exception:  # noqa: BLE001
            pytest.fail("swallowed")


def test_stages_are_timed_and_named() -> None:
    told: list[str] = []
    job = Job(tell=lambda _, text: told.append(text))
    for _ in range(2):
        with job.stage("sleeping"):
            time.sleep(0.01)
    with job.stage("waking"):
        pass
    assert list(job.stages) == ["sleeping", "waking"]
    assert job.stages["sleeping"] >= 0.02
    assert told == ["sleeping", "waking"] or told == ["sleeping", "sleeping", "waking"]


def test_every_preview_is_shown() -> None:
    shown: list[int] = []
    job = Job(show=shown.append)
    for number in range(5):
        job.preview(number)
    assert shown == [0, 1, 2, 3, 4]
