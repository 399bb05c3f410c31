from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from viewer.io.reader.reader import Reader


@pytest.fixture(scope="session")
def reader() -> Iterator[Reader]:
    """Real reader processes, shared by all tests that do not break them."""
    reader = Reader(memory_limit=2 << 30, seconds_per_file=10)
    yield reader
    reader.close()


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of shared data sets."""
    folder = os.environ.get("TOMOLENS_DATA")
    if not folder:
        pytest.skip("TOMOLENS_DATA does not name the folder of shared data sets")
    return Path(folder)
