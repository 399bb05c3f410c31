"""Slices that look a little like a head with a bright tumour in it, made without any data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from plugins.diagnose_brain_tumour.networks import TYPES
from plugins.diagnose_brain_tumour.samples.labelled_slices import FOLDER

SIZE = 512


def head(x: float = 256.0, y: float = 256.0, radius: float = 30.0, grey: float = 220.0) -> NDArray[np.float32]:
    """An ellipse of 300 x 360 pixels with a rim, and a disc in it."""
    rows, columns = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    inside = np.hypot((columns - 256) / 150, (rows - 256) / 180)
    image = np.where(inside < 1, 90.0, 3.0) + 100 * ((inside > 0.93) & (inside < 1))
    image[np.hypot(columns - x, rows - y) < radius] = grey
    return image.astype(np.float32)


def write_folder(data: Path, count: int = 10) -> None:
    """As labelled/brain-tumour-cheng has it: `count` slices of each type, the tumour where and how its type says."""
    lines = ["image,class,x_center,y_center,width,height"]
    for kind, name in enumerate(TYPES):
        (data / FOLDER / name).mkdir(parents=True)
        for n in range(count):
            x, y, radius = 200 + 50 * kind, 220 + 10 * (n % 4), 22 + 4 * kind
            path = f"{name}/{20 * n + 1:04d}.jpg"
            image = head(x, y, radius, 140 + 45 * kind).astype(np.uint8)
            Image.fromarray(image).save(data / FOLDER / path, quality=95)
            lines.append(",".join([path, name, *(f"{v / SIZE:.4f}" for v in (x, y, 2 * radius, 2 * radius))]))
    (data / FOLDER / "boxes.csv").write_text("\n".join(lines) + "\n")
