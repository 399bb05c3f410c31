from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from viewer.compute.engine.job import Job
from viewer.compute.loaders.external_model import ExternalModel
from viewer.compute.loaders.open_model import open_model
from viewer.compute.networks.torch_network import TorchNet
from viewer.data.volume import Volume

Run = Callable[..., NDArray[Any]]


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks run in torch at once: which engine is the fastest is another test's question."""
    monkeypatch.setattr(
        "viewer.compute.networks.backends.prepare_network", lambda module, device, **_: TorchNet(module, device)
    )


def labelled(model: ExternalModel, volumes: Sequence[Volume]) -> NDArray[Any]:
    """The label map of a model, as the plugin makes it."""
    return model.run(volumes, Job()).labels()


@pytest.fixture
def run(plain: None) -> Run:
    """The label map that the model in a file makes of images."""

    def run(path: Path, *volumes: Volume, trust: bool = False) -> NDArray[Any]:
        with open_model(path, trust=trust) as model:
            return labelled(model, volumes)

    return run


@pytest.fixture
def ct() -> Callable[..., Volume]:
    """A lumpy image with the values of a CT."""
    from scipy.ndimage import gaussian_filter

    from viewer.data.grid import Grid

    def made(
        shape: tuple[int, int, int], spacing: Any = (2.0, 2.0, 2.0), direction: Any = None, seed: int = 0
    ) -> Volume:
        lumps = gaussian_filter(np.random.default_rng(seed).normal(0, 3000, shape), 1.5).astype(np.float32)
        return Volume(lumps, Grid.of(shape, spacing, (5, -7, 11), direction))

    return made
