"""Jobs have no network: one sentence, and nothing is tried."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator

import pytest
from engine_heard import submit

from viewer.compute.engine.engine import Engine
from viewer.compute.no_network import SENTENCE, Offline, no_network, offline_cause


@pytest.fixture
def door() -> Iterator[socket.socket]:
    """Where somebody could call; nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def nobody_called(door: socket.socket) -> bool:
    try:
        caller, _ = door.accept()
    except BlockingIOError:
        return True
    caller.close()
    return False


@pytest.mark.parametrize("way", ["connection", "page", "name", "datagram", "thread"])
def test_asking_for_the_network_is_refused_in_a_sentence(either: Engine, door: socket.socket, way: str) -> None:
    kind, text, _ = submit(either, "call_out", way, door.getsockname()[1])[1].end()
    assert kind == "failed"
    assert text.endswith(SENTENCE)
    assert "\n" not in text
    assert nobody_called(door)


def test_what_can_do_without_goes_on(either: Engine, door: socket.socket) -> None:
    assert submit(either, "call_out", "optional", door.getsockname()[1])[1].end() == ("done", "without")
    assert submit(either, "call_out", "between processes", 0)[1].end() == ("done", "heard")
    assert nobody_called(door)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel keeps programs off the network on Linux only")
def test_a_program_that_the_engine_starts_has_none_either(shared_engine: Engine, door: socket.socket) -> None:
    assert submit(shared_engine, "call_out", "program", door.getsockname()[1])[1].end()[0] == "failed"
    assert nobody_called(door)


def test_the_network_is_there_again_after_the_job(runner: Engine, door: socket.socket) -> None:
    assert submit(runner, "call_out", "connection", door.getsockname()[1])[1].end()[0] == "failed"
    socket.create_connection(door.getsockname(), 5).close()
    assert not nobody_called(door)


def test_what_hides_the_refusal_does_not_hide_it_from_the_sentence() -> None:
    def ask() -> None:
        try:
            socket.socket()
        except OSError:
            raise RuntimeError("the server is not there")  # noqa: B904, as many do it

    with no_network(), pytest.raises(RuntimeError) as caught:
        ask()
    assert isinstance(offline_cause(caught.value), Offline)
    assert offline_cause(ValueError("another matter")) is None
