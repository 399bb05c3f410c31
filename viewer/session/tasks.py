"""What a session is doing, and what it says about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal

from viewer.scene.task import Kind, Message, Task

if TYPE_CHECKING:
    from collections.abc import Iterator


class Messages:
    """Sentences for the person at the screen. added: there is one more; on the main thread."""

    added = Signal(Message)

    def add(self, message: Message) -> None:
        """Show a message; on the main thread."""
        self.added.emit(message)

    def warn(self, text: str) -> None:
        """Show a sentence as a warning; on the main thread."""
        self.add(Message(text, "warning"))


class Tasks:
    """Every task of the session, the latest last. added: there is one more. Tasks change on the main thread only."""

    added = Signal(Task)

    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self._all: list[Task] = []

    def add(self, kind: Kind, title: str) -> Task:
        """A task that is queued."""
        task = Task(kind, title)
        self._all.append(task)
        self.added.emit(task)
        return task

    def fail(self, task: Task, reason: str, detail: str = "") -> None:
        """End a task that still runs, and say why in one sentence. detail: for the log and for who asks for it."""
        if task.running:
            task.end("failed", reason, detail)
            self._messages.add(Message(reason, "error", detail=detail))

    def __iter__(self) -> Iterator[Task]:
        return iter(self._all)

    def __getitem__(self, place: int) -> Task:
        return self._all[place]

    def __len__(self) -> int:
        return len(self._all)
