"""Convolutions and settings of a Keras network in an HDF5 file, as Keras 2 and voxelmorph write them.

Read as data: layers that are code are left alone; links and data that lie in other files are refused.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from viewer.api import Refusal, is_hdf5, open_hdf5

MOST_TEXT = 1 << 20  # characters of the settings
PARTS = {"kernel:0": 5, "bias:0": 1}  # of a convolution in 3-D: its arrays and their dimensions
Convolutions = dict[str, tuple[Tensor, Tensor]]


def is_keras(path: Path) -> bool:
    """Whether it may be a Keras network: an HDF5 file, whatever its name."""
    return is_hdf5(path)


def read(path: Path) -> tuple[dict[str, Any], Convolutions]:
    """The settings that its network was made with, and kernel [out, in, k, j, i] and bias [out] of each layer by name.

    Raises Refusal.
    """
    with open_hdf5(path) as file:
        return _settings(path, file.attrs.get("model_config")), _convolutions(path, file)


def _settings(path: Path, value: Any) -> dict[str, Any]:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    settings = json.loads(text) if isinstance(text, str) and len(text) < MOST_TEXT else None
    config = settings.get("config") if isinstance(settings, dict) else None
    if not isinstance(config, dict):
        raise Refusal(f"{path.name} does not tell how its network was made: weights alone do not do.")
    return config


def _convolutions(path: Path, file: Any) -> Convolutions:
    import h5py

    found: dict[str, dict[str, Tensor]] = {}
    left = os.path.getsize(path)  # Keras does not compress: what claims more is none of its files

    def visit(name: str, one: Any) -> None:
        nonlocal left
        layer, _, part = name.rpartition("/")
        if not isinstance(one, h5py.Dataset) or one.ndim != PARTS.get(part):
            return
        left -= one.size * 4
        if one.dtype != np.float32 or left < 0:
            raise Refusal(f"{path.name} is no file of a Keras network: {layer[:80]} is not as Keras writes its layers.")
        values = torch.from_numpy(one[()])
        values = values.movedim((-1, -2), (0, 1)).contiguous() if one.ndim > 1 else values
        found.setdefault(layer.rpartition("/")[2], {})[part] = values

    file.visititems(visit)
    return {layer: (parts["kernel:0"], parts["bias:0"]) for layer, parts in found.items() if len(parts) == len(PARTS)}
