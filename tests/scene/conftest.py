from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from viewer.data.grid import Grid
from viewer.data.volume import Volume
from viewer.scene.layer import VolumeLayer


@pytest.fixture
def layer() -> Callable[..., VolumeLayer]:
    """A small image layer by name; `size` bytes of pixels."""

    def make(name: str = "CT", size: int = 8) -> VolumeLayer:
        volume = Volume(np.zeros((1, 1, size), np.uint8), Grid.of((1, 1, size)), name)
        return VolumeLayer(name=name, volumes=(volume,))

    return make
