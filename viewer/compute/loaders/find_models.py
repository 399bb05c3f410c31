"""The nnU-Net models in a folder of several, such as TotalSegmentator's, told by their plans alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from viewer.compute.loaders.nnunet import results_folder
from viewer.compute.model_files.weights_file import MALFORMED
from viewer.compute.progress import Refusal

DEEPEST, MOST = 5, 5000  # levels of folders, and folders, that are looked through


class FoundModel(NamedTuple):
    """A model that was not opened. channels: what it takes; classes: what it finds; spacing: mm, the mean of three."""

    path: Path
    channels: tuple[str, ...]
    classes: tuple[str, ...]
    spacing: float


def find_models(folder: Path) -> list[FoundModel]:
    """Every nnU-Net model in or below a folder, by path; links are not followed.

    Models that cannot be told are left out; raises the Refusal of the first one where none is left.
    """
    found, refusals = [], []
    for number, (place, folders, _) in enumerate(os.walk(folder)):
        path = Path(place)
        if number == MOST or len(path.relative_to(folder).parts) >= DEEPEST:
            folders.clear()
        folders.sort()
        if number < MOST and results_folder.can_read(path):
            folders.clear()
            try:
                found.append(_told(path))
            except Refusal as refusal:
                refusals.append(refusal)
    if refusals and not found:
        raise refusals[0]
    return sorted(found)


def _told(path: Path) -> FoundModel:
    try:
        channels, classes, spacing = results_folder.outline(path)
    except MALFORMED as error:
        raise Refusal(
            f"plans or dataset of the nnU-Net model {path.name} lack something or contradict one another ({error!r})."
        ) from error
    return FoundModel(path, channels, classes, sum(spacing) / 3)
