"""Asking a reader and waiting for the answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from tests.io import misbehaviour
from viewer.io.reader.reader import Reader

PATIENCE = 300.0


def ask(reader: Reader, function: Callable[..., Any], *arguments: Any, **options: Any) -> tuple[str, Any]:
    """Reader.call, waited for: ("done", result) or ("failed", sentence)."""
    answers: list[tuple[str, Any]] = []
    ended = threading.Event()

    def answer(kind: str, value: Any) -> None:
        answers.append((kind, value))
        ended.set()

    reader.call(
        function,
        *arguments,
        done=lambda value: answer("done", value),
        failed=lambda reason: answer("failed", reason),
        **options,
    )
    assert ended.wait(PATIENCE)
    return answers[0]


def call(reader: Reader, name: str, *arguments: Any, **options: Any) -> tuple[str, Any]:
    """A function of misbehaviour, called and waited for; where there is none of that name, none that can be found."""
    return ask(reader, getattr(misbehaviour, name, lambda: None), *arguments, **options)


def eventually(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False
