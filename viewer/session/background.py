"""A question that takes a while, as a task that can be cancelled: asked beside the window, answered in it."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from viewer.compute.progress import PROGRESS_PAUSE, Cancelled
from viewer.data.arrays import Tell
from viewer.scene.task import Task
from viewer.session.session import Session


def ask(session: Session, title: str, call: Callable[[Tell], Any], done: Callable[[Any], None]) -> Task:
    """Run `call(tell)` in the background; `done` gets its answer on the main thread, unless the task was cancelled.

    call: tells its progress (0…1), which is where a cancel takes effect; raises ValueError, one sentence, where it
    cannot.
    """
    task = session.add_task("measure", title)
    task.stop = partial(task.end, "cancelled")
    task.begin()
    told = 0.0

    def tell(fraction: float) -> None:
        nonlocal told
        if not task.running:
            raise Cancelled
        if time.monotonic() - told > PROGRESS_PAUSE:
            told = time.monotonic()
            session.post(partial(task.advance, fraction))

    def answer(found: Any) -> None:
        if task.running:
            task.end("done")
            done(found)

    def work() -> None:
        try:
            found = call(tell)
        except Cancelled:
            return
        except ValueError as error:
            session.post(partial(session.fail, task, str(error)))
        else:
            session.post(partial(answer, found))

    session.aside(task, work)
    return task
