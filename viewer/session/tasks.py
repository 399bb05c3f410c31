"""What a session is doing and what it says about it: the tasks, the messages, and the work aside of the main thread."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

from psygnal import Signal

from viewer.scene.task import Kind, Message, Task

log = logging.getLogger(__name__)


class Tasks:
    """post: runs a function on the main thread; tasks change and signals are emitted there only."""

    task_added = Signal(Task)
    message = Signal(Message)

    def __init__(self, post: Callable[[Callable[[], None]], None]) -> None:
        self.post = post
        self.tasks: list[Task] = []
        self._background = ThreadPoolExecutor(1, "tomolens-session")

    def add_task(self, kind: Kind, title: str) -> Task:
        task = Task(kind, title)
        self.tasks.append(task)
        self.task_added.emit(task)
        return task

    def aside(self, task: Task, work: Callable[..., None], *arguments: Any) -> None:
        """Run in the background, one after the other; what goes wrong there ends the task."""

        def ended(future: Future[None]) -> None:
            error = future.exception()
            if error is not None:
                log.error("%s failed", task.kind, exc_info=error)
                self.post(partial(self.fail, task, f"{task.title} failed ({type(error).__name__}); see the log."))

        self._background.submit(work, *arguments).add_done_callback(ended)

    def fail(self, task: Task, reason: str, detail: str = "") -> None:
        """End a task that still runs, and say why in one sentence. detail: for the log and for who asks for it."""
        if task.running:
            task.end("failed", reason, detail)
            self.message.emit(Message(reason, "error", detail=detail))

    def warn(self, text: str) -> None:
        self.message.emit(Message(text, "warning"))

    def end_work(self) -> None:
        """Wait for what runs in the background."""
        self._background.shutdown()
