"""What takes time, and what is said about it: followed by the job list and the status bar."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Literal
from uuid import uuid4

from psygnal import Signal, SignalGroupDescriptor

from viewer.data.printable_text import keep_printable, printable
from viewer.data.provenance import Provenance

Kind = Literal["index", "load", "run", "tune", "measure", "save", "sample", "recover"]
State = Literal["queued", "running", "done", "failed", "cancelled"]
Severity = Literal["info", "warning", "error"]


@dataclass(frozen=True, eq=False)
class Message:
    """One sentence for the person at the screen; `cure` labels a button that calls `action`. detail: for the log."""

    text: str
    severity: Severity = "info"
    cure: str = ""
    action: Callable[[], None] | None = None
    detail: str = ""

    def __post_init__(self) -> None:
        keep_printable(self, "text", "cure")


@dataclass(eq=False)
class Task:
    """Something that runs. progress: 0…1. started, ended: time.monotonic() seconds, 0 before. error: one sentence.

    about: id of the layer that it saves, where it does.
    device: what it computes on, as torch names it ("cpu", "cuda:0"); "" where that is nobody's choice.
    stages: seconds by stage; peak_memory: bytes; provenance: of what it made; all known when it is done.
    detail: of a failure, for who asks for it. curves: what the run has told of itself so far, such as the similarity
    after each step, by the curve's name; `curve_grew` tells each new value.
    """

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()
    curve_grew: ClassVar[Signal] = Signal(str, float)  # curve, value

    kind: Kind
    title: str
    state: State = "queued"
    progress: float = 0.0
    text: str = ""
    error: str = ""
    started: float = 0.0
    ended: float = 0.0
    about: str = ""
    device: str = ""
    stages: dict[str, float] = field(default_factory=dict)
    peak_memory: int = 0
    provenance: Provenance | None = None
    detail: str = ""
    curves: dict[str, list[float]] = field(default_factory=dict)
    id: str = field(default_factory=lambda: uuid4().hex)
    stop: Callable[[], None] | None = None

    def __post_init__(self) -> None:
        keep_printable(self, "title")

    @property
    def running(self) -> bool:
        """True until it has ended, also while it waits."""
        return self.state in ("queued", "running")

    @property
    def seconds(self) -> float:
        """Wall time it has taken so far."""
        return (self.ended or time.monotonic()) - self.started if self.started else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Seconds that it will still take, from the progress so far; None until there is enough of it to tell."""
        if self.state != "running" or self.progress < 0.02 or self.seconds < 0.5:
            return None
        return self.seconds * (1 - self.progress) / self.progress

    def begin(self) -> None:
        """Note that it has started."""
        self.started = time.monotonic()
        self.state = "running"

    def advance(self, fraction: float, text: str = "") -> None:
        """Note how far it is, 0…1 (it never falls), and what happens now ("": as before)."""
        if self.running:
            self.text = printable(text) or self.text
            self.progress = max(self.progress, min(1.0, fraction))

    def add_curve_value(self, curve: str, value: float) -> None:
        """Note the next value of a curve."""
        self.curves.setdefault(curve, []).append(value)
        self.curve_grew.emit(curve, value)

    def end(self, state: State, error: str = "", detail: str = "") -> None:
        """Note how it ended; what is said after that is not heard."""
        if self.running:
            self.ended = time.monotonic()
            self.error, self.detail = printable(error), detail
            self.progress = 1.0 if state == "done" else self.progress
            self.state = state

    def cancel(self) -> None:
        """Ask it to stop; its state says when it has."""
        if self.running and self.stop is not None:
            self.stop()

    def stop_with(self, cancel: Callable[[], None]) -> None:
        """Have a cancel call `cancel` and end the task at once."""

        def stop() -> None:
            cancel()
            self.end("cancelled")

        self.stop = stop
