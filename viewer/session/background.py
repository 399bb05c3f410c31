"""Work beside the main thread, in queues: what a person waits for never stands behind what takes long."""

from __future__ import annotations

import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Literal, ParamSpec, TypeVar, get_args

from viewer.compute.progress import PROGRESS_PAUSE, Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.data.arrays import ProgressCallback
    from viewer.scene.task import Task
    from viewer.session.tasks import Tasks

log = logging.getLogger(__name__)

JobQueue = Literal["results", "prompts", "work", "worklist"]
P = ParamSpec("P")
T = TypeVar("T")


class Background:
    """post: runs a function on the main thread.

    Within a queue there is one thread, and one thing after the other: "results" for previews and results of runs, which
    are short; "prompts" for masks that are found from them; "work" for what takes as long as it takes (effects, a
    consensus, projects); "worklist" for the file of a task list.
    """

    def __init__(self, post: Callable[[Callable[[], None]], None], tasks: Tasks) -> None:
        self.post = post
        self._tasks = tasks
        self._queues = {queue: ThreadPoolExecutor(1, f"tomolens-{queue}") for queue in get_args(JobQueue)}

    def submit(self, queue: JobQueue, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> Future[T]:
        """Run in the background. Who asks looks after what goes wrong there."""
        return self._queues[queue].submit(work, *arguments, **named)

    def run(self, task: Task, work: Callable[..., None], *arguments: object, queue: JobQueue = "work") -> None:
        """Run a part of a task in the background; what goes wrong there ends the task."""

        def ended(future: Future[None]) -> None:
            error = future.exception()
            if error is not None:
                log.error("%s failed", task.kind, exc_info=error)
                self.fail(task, f"{task.title} failed ({type(error).__name__}); see the log.")

        self.submit(queue, work, *arguments).add_done_callback(ended)

    def ask(self, title: str, call: Callable[[ProgressCallback], T], done: Callable[[T], None]) -> Task:
        """A task that can be cancelled: `done` gets what `call(tell)` returns on the main thread, unless it was.

        call: tells its progress (0…1), which is where a cancel takes effect; raises ValueError, one sentence, where it
        cannot.
        """
        task = self._tasks.add("measure", title)
        task.stop = partial(task.end, "cancelled")
        task.begin()

        def answer(found: T) -> None:
            if task.running:
                task.end("done")
                done(found)

        def work() -> None:
            try:
                found = call(self.progress(task))
            except Cancelled:
                return
            except ValueError as error:
                self.fail(task, str(error))
            else:
                self.post(partial(answer, found))

        self.run(task, work)
        return task

    def progress(self, task: Task, text: str = "") -> ProgressCallback:
        """What work tells its fraction done (0…1) to: shown a few times a second. It raises Cancelled once the
        task has ended."""
        shown = 0.0

        def tell(fraction: float) -> None:
            nonlocal shown
            if not task.running:
                raise Cancelled
            if time.monotonic() - shown > PROGRESS_PAUSE:
                shown = time.monotonic()
                self.post(partial(task.advance, fraction, text))

        return tell

    def fail(self, task: Task, reason: str) -> None:
        """End a task from any thread; see Tasks.fail."""
        self.post(partial(self._tasks.fail, task, reason))

    def close(self) -> None:
        """Wait for what runs."""
        for queue in self._queues.values():
            queue.shutdown()
