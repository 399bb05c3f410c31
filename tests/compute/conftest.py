from __future__ import annotations

from collections.abc import Iterator

import pytest

from viewer.compute.engine.engine import Engine
from viewer.compute.engine.thread_queue import Runner


@pytest.fixture(scope="module")
def shared_engine() -> Iterator[Engine]:
    engine = Engine()
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def runner() -> Iterator[Engine]:
    engine = Runner()
    yield engine
    engine.close()


@pytest.fixture(params=["engine", "runner"])
def either(request: pytest.FixtureRequest, shared_engine: Engine, runner: Engine) -> Engine:
    """The engine, or the runner in this process: a job cannot tell them apart."""
    return shared_engine if request.param == "engine" else runner
