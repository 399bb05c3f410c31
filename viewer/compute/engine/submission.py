"""A submitted computation, as the one who asked for it sees it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypedDict, TypeVar, get_args

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.compute.engine.run_job import Outcome
    from viewer.data.arrays import Post

State = Literal["queued", "running", "done", "failed", "cancelled"]
Priority = Literal["interactive", "batch"]
PRIORITIES = get_args(Priority)
Result = TypeVar("Result")


class Listeners(TypedDict, Generic[Result], total=False):
    """Whom to tell; each is called through `post`, and exactly one of done, failed and cancelled at the end."""

    started: Callable[[], Any]
    progress: Callable[[float, str], Any]
    preview: Callable[[Any], Any]
    done: Callable[[Result], Any]
    failed: Callable[[str, str], Any]  # one sentence for the user, the detail for the log
    cancelled: Callable[[], Any]


class JobQueue(Protocol):
    """Where one job at a time runs: interactive ones before batches, and each kind in the order of submission."""

    def __init__(self, device: str) -> None: ...
    def add(self, running: SubmittedJob) -> None:
        """Have a job wait for its turn."""

    def cancel(self, running: SubmittedJob) -> None:
        """Take a job that waits out of the queue, or ask a running one to stop."""

    def close(self) -> None:
        """End what runs; nothing of it or of what waits is heard."""


class SubmittedJob:
    """A job. state: what is known of it; it changes on the queue's thread, before the listeners are told.

    rank: of those that wait, the first of the lowest rank is next. refused: it failed by what it was given.
    """

    def __init__(
        self,
        function: str,
        args: tuple[Any, ...],
        post: Post,
        listeners: Listeners[Any],
        queue: JobQueue,
        priority: Priority = "interactive",
    ) -> None:
        self.function, self.args = function, args
        self.rank = PRIORITIES.index(priority)
        self.state: State = "queued"
        self.refused = False
        self._post, self._listeners, self._queue = post, listeners, queue
        self._stopping = False

    def cancel(self) -> None:
        """Ask it to stop: nothing but `cancelled` is heard of it from now on."""
        self._stopping = True
        self._queue.cancel(self)

    @property
    def stopping(self) -> bool:
        """True once somebody has asked it to stop."""
        return self._stopping

    @property
    def ended(self) -> bool:
        """True once it is done, failed or cancelled."""
        return self.state not in ("queued", "running")

    # ---- for the queue
    def begin(self) -> None:
        """Note that it runs; called once more where the process was gone that it was handed to."""
        if self.state == "queued":
            self.state = "running"
            self._say("started")

    def advance(self, fraction: float, text: str) -> None:
        """Tell the listener for progress: fraction 0…1, and what happens now."""
        self._say("progress", fraction, text)

    def show(self, value: Any) -> None:
        """Tell the listener for previews."""
        self._say("preview", value)

    def end(self, outcome: Outcome) -> None:
        """Tell the listener of the outcome, and let the arguments go."""
        if self.ended:
            return
        self.args = ()  # what it worked on is free again
        self.state, self.refused = outcome.state, outcome.refused
        what = {"done": (outcome.value,), "failed": (outcome.sentence, outcome.detail), "cancelled": ()}
        self._say(outcome.state, *what[outcome.state])

    def _say(self, name: str, *what: Any) -> None:
        self._post(partial(self._hear, name, what))

    def _hear(self, name: str, what: tuple[Any, ...]) -> None:
        """On the listeners' thread: what a cancel has overtaken is dropped, and an end that it has overtaken is one."""
        if self._stopping:
            if name in ("started", "progress", "preview"):
                return
            name, what, self.state = "cancelled", (), "cancelled"
        listener: Callable[..., Any] | None = self._listeners.get(name)  # type: ignore[assignment]
        if listener is not None:
            listener(*what)
