"""A running request to the reader, and how its answers get to the thread that asked."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.data.arrays import Post


def at_once(function: Callable[[], None]) -> None:
    """The Post that calls on the reader's own thread."""
    function()


class Request:
    """A running request. After `cancel` on the thread that gets the answers, none comes any more."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._ended = threading.Event()
        self._cancelled = False

    def cancel(self) -> None:
        """Drop the request: no callback comes, and what runs for it is stopped."""
        self._cancelled = True
        self._ended.set()

    def abandon(self) -> None:
        """Stop what still runs for a request that has given its last answer."""
        self._cancelled = True

    @property
    def cancelled(self) -> bool:
        """True where no work for it is wanted any more."""
        return self._cancelled

    @property
    def done(self) -> bool:
        """True after the last callback, or after a cancel."""
        return self._ended.is_set()

    def answer(self, callback: Callable[..., None], *arguments: Any) -> None:
        """Answer on the asking thread."""
        self._post(partial(self._deliver, callback, arguments, last=False))

    def finish(self, callback: Callable[..., None], *arguments: Any) -> None:
        """Answer for the last time."""
        self._post(partial(self._deliver, callback, arguments, last=True))

    def _deliver(self, callback: Callable[..., None], arguments: tuple[Any, ...], *, last: bool) -> None:
        if self._ended.is_set():
            return
        if last:
            self._ended.set()
        callback(*arguments)
