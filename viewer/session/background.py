"""Work beside the main thread, in queues: what a person waits for never stands behind what takes long."""

from __future__ import annotations

import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Generic, Literal, ParamSpec, Protocol, TypeVar, get_args

from viewer.compute.progress import PROGRESS_PAUSE, Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.data.arrays import Post
    from viewer.scene.task import Task
    from viewer.session.tasks import Tasks

log = logging.getLogger(__name__)

JobQueue = Literal["results", "prompts", "work", "worklist", "display", "preview", "measure", "inventory"]
P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")
V = TypeVar("V")


class TaskProgress(Protocol):
    """What work tells its progress to: the fraction done (0…1) and what it is at. It raises Cancelled."""

    def __call__(self, fraction: float, text: str = "") -> None:
        """Show it; raises Cancelled once the task has ended."""


class Background:
    """post: runs a function on the main thread. closed: nobody waits for answers any more.

    Within a queue there is one thread, and one thing after the other: "results" for previews and results of runs, which
    are short; "prompts" for masks that are found from them; "work" for what takes as long as it takes (effects, a
    consensus, projects); "worklist" for the file of a task list; "display" for what is short and shown at once (a
    histogram), and segments to be copied; "preview" for effects that are tried out, and islands; "measure" for figures;
    "inventory" for model files and devices.
    """

    def __init__(self, post: Post, tasks: Tasks) -> None:
        self.post = post
        self._tasks = tasks
        self._queues = {queue: ThreadPoolExecutor(1, f"tomolens-{queue}") for queue in get_args(JobQueue)}
        self.closed = False

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

    def ask(self, title: str, call: Callable[[TaskProgress], T], done: Callable[[T], None]) -> Task:
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

    def call(
        self,
        queue: JobQueue,
        work: Callable[[Callable[[S], None]], T],
        done: Callable[[T], None],
        *,
        progress: Callable[[S], None] | None = None,
        failed: Callable[[str], None] | None = None,
    ) -> BackgroundCall[S, T]:
        """Compute what a part of the window shows: `done` gets what `work(tell)` returns, unless it was stopped.

        progress: gets what work tells on its way, such as the fraction done. failed: gets the sentence of a ValueError.
        All three are called on the main thread; any other error is raised there.
        """
        call = BackgroundCall(self, work, done, progress, failed)

        def ended(future: Future[None]) -> None:
            if future.exception() is not None:
                self.post(future.result)

        self.submit(queue, call.run).add_done_callback(ended)
        return call

    def progress(self, task: Task, text: str = "") -> TaskProgress:
        """What work tells its fraction done (0…1) to: shown a few times a second.

        It raises Cancelled once the task has ended. text: what the work is at, unless it tells.
        """
        shown, default = 0.0, text

        def tell(fraction: float, text: str = "") -> None:
            nonlocal shown
            if not task.running:
                raise Cancelled
            if time.monotonic() - shown > PROGRESS_PAUSE:
                shown = time.monotonic()
                self.post(partial(task.advance, fraction, text or default))

        return tell

    def fail(self, task: Task, reason: str) -> None:
        """End a task from any thread; see Tasks.fail."""
        self.post(partial(self._tasks.fail, task, reason))

    def close(self) -> None:
        """Wait for what runs; a call ends where it next tells something."""
        self.closed = True
        for queue in self._queues.values():
            queue.shutdown()


class BackgroundCall(Generic[S, T]):
    """What one part of the window wants to know: see Background.call. It is no task: nobody else follows it."""

    def __init__(
        self,
        background: Background,
        work: Callable[[Callable[[S], None]], T],
        done: Callable[[T], None],
        progress: Callable[[S], None] | None,
        failed: Callable[[str], None] | None,
    ) -> None:
        self._background, self._work = background, work
        self._done, self._progress, self._failed = done, progress, failed
        self._stopped = False

    @property
    def wanted(self) -> bool:
        """Whether anybody still waits for it."""
        return not (self._stopped or self._background.closed)

    def stop(self) -> None:
        """Nothing more of it is heard; it ends where it next tells something."""
        self._stopped = True

    def run(self) -> None:
        """Do the work, in the background, and post what it comes to. What was stopped before is not begun."""
        if not self.wanted:
            return
        try:
            self._post(self._done, self._work(self._tell))
        except Cancelled:
            return
        except ValueError as error:
            if self._failed is None:
                raise
            self._post(self._failed, str(error))

    def _tell(self, value: S) -> None:
        if not self.wanted:
            raise Cancelled
        if self._progress is not None:
            self._post(self._progress, value)

    def _post(self, listener: Callable[[V], None], value: V) -> None:
        self._background.post(lambda: listener(value) if self.wanted else None)
