"""Where computations run: one spawned process per device, out of reach of the window.

A crash, a hang or a want of memory there costs the running job, never the window. The process holds what is slow to
load (libraries, models) from job to job. Nothing here imports torch: only what a job imports is in its process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from viewer.compute.engine.process_queue import ProcessQueue
from viewer.compute.engine.submission import JobQueue, Listeners, Priority, SubmittedJob

if TYPE_CHECKING:
    from viewer.data.arrays import Post


class Engine:
    """Runs jobs. post: brings a call to the listeners' thread; by default they are called at once, on the engine's."""

    queue: type[JobQueue] = ProcessQueue

    def __init__(self, post: Post = lambda call: call()) -> None:
        self._post = post
        self._queues: dict[str, JobQueue] = {}

    def submit(
        self,
        function: str,
        args: tuple[Any, ...] = (),
        *,
        device: str = "cpu",
        priority: Priority = "interactive",
        **listeners: Unpack[Listeners[Any]],
    ) -> SubmittedJob:
        """Run "module:name" as name(job, *args) when the device is free. Arguments and result are picklable values.

        priority: those that somebody waits for ("interactive") begin before those that nobody does ("batch").
        Large arrays travel in shared memory; a job must not write to those of its arguments.
        """
        if device not in self._queues:
            self._queues[device] = self.queue(device)
        running = SubmittedJob(function, args, self._post, listeners, self._queues[device], priority)
        self._queues[device].add(running)
        return running

    def close(self) -> None:
        """End every process; listeners hear nothing more."""
        for queue in self._queues.values():
            queue.close()
        self._queues.clear()
