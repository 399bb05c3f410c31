"""Work in the background: what a task hears of it, and that queues do not wait for each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from threading import Event

import pytest

from viewer.effects.effect_run import ProgressCallback
from viewer.scene.task import Task
from viewer.session.background import Background
from viewer.session.tasks import Messages, Tasks

PATIENCE = 60  # seconds


class Main:
    """The main thread: it runs what is posted while it waits."""

    def __init__(self) -> None:
        self._posted: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self.messages = Messages()
        self.tasks = Tasks(self.messages)
        self.background = Background(self._posted.put, self.tasks)

    def wait_for(self, task: Task) -> Task:
        while task.running:
            try:
                self._posted.get(timeout=PATIENCE)()
            except Empty:
                pytest.fail("nothing came")
        return task


@pytest.fixture
def main() -> Iterator[Main]:
    main = Main()
    yield main
    main.background.close()


def test_an_answer_comes_on_the_main_thread(main: Main) -> None:
    found: list[int] = []
    task = main.background.ask("Count", lambda tell: 3, found.append)
    assert found == []
    assert main.wait_for(task).state == "done"
    assert found == [3]


def test_a_cancel_ends_the_task_at_once_and_the_work_where_it_tells_its_progress(main: Main) -> None:
    begun, cancelled, stopped = Event(), Event(), Event()

    def call(tell: ProgressCallback) -> None:
        begun.set()
        cancelled.wait(PATIENCE)
        try:
            tell(0.5)
        finally:
            stopped.set()
        pytest.fail("it went on")

    task = main.background.ask("Count", call, lambda found: pytest.fail("it was cancelled"))
    begun.wait(PATIENCE)
    task.cancel()
    assert task.state == "cancelled"
    cancelled.set()
    assert stopped.wait(PATIENCE)


def test_what_cannot_be_is_said_and_what_breaks_is_said_too(main: Main) -> None:
    said: list[str] = []
    main.messages.added.connect(lambda message: said.append(message.text))

    def refuse(tell: ProgressCallback) -> None:
        raise ValueError("There is nothing to count.")

    def crash(tell: ProgressCallback) -> None:
        raise ZeroDivisionError

    states = [main.wait_for(main.background.ask("Count", call, print)).state for call in (refuse, crash)]
    assert states == ["failed", "failed"]
    assert said == ["There is nothing to count.", "Count failed (ZeroDivisionError); see the log."]


def test_lanes_do_not_wait_for_each_other_and_a_lane_keeps_its_order(main: Main) -> None:
    gate, order = Event(), list[str]()
    held = main.background.submit("work", gate.wait, PATIENCE)
    after = main.background.submit("work", order.append, "work")
    main.background.submit("results", order.append, "result").result(PATIENCE)
    assert not held.done()
    gate.set()
    after.result(PATIENCE)
    assert order == ["result", "work"]
