"""Work in the background: what a task hears of it, and that queues do not wait for each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from threading import Event

import pytest

from viewer.compute.progress import Cancelled
from viewer.data.arrays import ProgressCallback
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
            self.step()
        return task

    def step(self) -> None:
        """Run the next thing that is posted."""
        try:
            self._posted.get(timeout=PATIENCE)()
        except Empty:
            pytest.fail("nothing came")

    @property
    def idle(self) -> bool:
        return self._posted.empty()


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


def test_queues_do_not_wait_for_each_other_and_a_queue_keeps_its_order(main: Main) -> None:
    gate, order = Event(), list[str]()
    held = main.background.submit("work", gate.wait, PATIENCE)
    after = main.background.submit("work", order.append, "work")
    main.background.submit("results", order.append, "result").result(PATIENCE)
    assert not held.done()
    gate.set()
    after.result(PATIENCE)
    assert order == ["result", "work"]


def test_a_call_tells_on_the_main_thread_and_is_no_task(main: Main) -> None:
    heard: list[object] = []

    def work(tell: Callable[[float], None]) -> str:
        tell(0.5)
        return "answer"

    main.background.call("display", work, heard.append, progress=heard.append)
    assert heard == []
    main.step()
    main.step()
    assert heard == [0.5, "answer"]
    assert len(main.tasks) == 0


def test_a_stopped_call_is_not_heard_and_ends_where_it_tells(main: Main) -> None:
    begun, stopped, ends = Event(), Event(), list[str]()

    def work(tell: Callable[[float], None]) -> None:
        tell(0.1)
        begun.set()
        stopped.wait(PATIENCE)
        try:
            tell(0.5)
        except Cancelled:
            ends.append("cancelled")
            raise

    def hear(what: object) -> None:
        pytest.fail("it was stopped")

    call = main.background.call("display", work, hear, progress=hear)
    begun.wait(PATIENCE)
    call.stop()
    stopped.set()
    main.background.submit("display", int).result(PATIENCE)
    main.step()  # what it had told before
    assert main.idle
    assert ends == ["cancelled"]


def test_a_call_that_cannot_be_says_why_and_one_that_breaks_raises_on_the_main_thread(main: Main) -> None:
    said: list[str] = []

    def refuse(tell: Callable[[float], None]) -> None:
        raise ValueError("There is nothing to count.")

    def crash(tell: Callable[[float], None]) -> None:
        raise ZeroDivisionError

    main.background.call("display", refuse, print, failed=said.append)
    main.step()
    assert said == ["There is nothing to count."]
    for work, error in ((refuse, ValueError), (crash, ZeroDivisionError)):
        main.background.call("display", work, print)
        with pytest.raises(error):
            main.step()


def test_a_call_ends_with_the_session_where_it_tells(main: Main) -> None:
    begun = Event()

    def work(tell: Callable[[float], None]) -> None:
        begun.set()
        while True:
            tell(0.5)

    main.background.call("measure", work, lambda found: pytest.fail("nobody waits for it"))
    begun.wait(PATIENCE)
    main.background.close()
    assert main.idle
