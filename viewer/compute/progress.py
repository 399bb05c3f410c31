"""What a computation sees of the one who asked for it: where to tell progress, and where a cancel takes effect."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")
PROGRESS_PAUSE = 0.05  # seconds between two messages that only move the bar
LISTENING = 0.1  # seconds between two looks for a cancel while another thread works
PATIENCE = 0.4  # seconds that work which was told to stop is waited for


class Cancelled(BaseException):
    """The person asked to stop. No Exception, so that a computation's own `except Exception` lets it through."""


class Refusal(ValueError):
    """An input or a setting that a computation cannot work with; the text is the one sentence the user sees."""


def _nobody(*_: Any) -> None:
    """Nobody listens."""


class NetworkRun(NamedTuple):
    """What a job's network ran on in the end, for the provenance of its result. sha256: of the weights."""

    model: str
    sha256: str
    engine: str
    precision: str
    device: str


class Progress:
    """What a computation tells of itself while it runs, and whether it is to go on.

    device: "cpu", "cuda" …: where it is to compute. title: what messages call it. wanted: the outputs that are asked
    for; None for all. stages: seconds by stage, in the order they ended. used: the network that does the work, None
    without one.
    """

    def __init__(
        self,
        *,
        tell: Callable[[float, str], None] = _nobody,
        show: Callable[[Any], None] = _nobody,
        cancelled: Callable[[], bool] = lambda: False,
        device: str = "cpu",
    ) -> None:
        self.device = device
        self.title = "The job"
        self.used: NetworkRun | None = None
        self.wanted: frozenset[str] | None = None
        self.stages: dict[str, float] = {}
        self._tell, self._show, self._cancelled = tell, show, cancelled
        self._fraction, self._text = 0.0, ""
        self._last_time = -1.0

    def progress(self, fraction: float, text: str = "") -> None:
        """Say how much of the whole is done (0…1; it never falls) and what happens now (else what was said before).

        The one point where a cancel takes effect: call it at least a few times a second. Raises Cancelled.
        """
        if self._cancelled():
            raise Cancelled
        now = time.monotonic()
        news = text not in ("", self._text) or fraction >= 1 > self._fraction
        self._fraction = max(self._fraction, min(1.0, float(fraction)))
        self._text = text or self._text
        if news or now - self._last_time >= PROGRESS_PAUSE:
            self._last_time = now
            self._tell(self._fraction, self._text)

    def heed(self) -> None:
        """Where a cancel takes effect and nothing is to be said. Raises Cancelled."""
        self.progress(self._fraction)

    def run_aside(self, work: Callable[[], T], stop: Callable[[], None]) -> T:
        """What `work` gives, which takes seconds and tells nothing: on another thread, so that a cancel is heard.

        stop: tells the work to end soon. What does not within PATIENCE is left to end by itself. Raises Cancelled, and
        what `work` raises.
        """
        pool = ThreadPoolExecutor(1, "tomolens-aside")
        future = pool.submit(work)
        pool.shutdown(wait=False)
        while not wait([future], LISTENING).done:
            try:
                self.heed()
            except Cancelled:
                stop()
                wait([future], PATIENCE)
                raise
        return future.result()

    def wants(self, output: str) -> bool:
        """True where an output of the plugin is asked for; it may return None in place of one that is not."""
        return self.wanted is None or output in self.wanted

    def preview(self, value: Any) -> None:
        """Show what there is so far: a Preview of finished slices, a Transform, a CurvePoint; send each once."""
        self._show(value)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Name what happens inside, and record how long it takes."""
        self.progress(self._fraction, name)
        start = time.perf_counter()
        try:
            yield
        finally:
            self.stages[name] = self.stages.get(name, 0.0) + time.perf_counter() - start

    def runs_on(self, engine: str, precision: str, device: str) -> None:
        """Note that another network of the same weights does the work now."""
        if self.used is not None:
            self.used = self.used._replace(engine=engine, precision=precision, device=device)
