"""A project: what is open and how it is looked at, as JSON and arrays, and back. The history of edits is no part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viewer.data.arrays import Json
from viewer.scene.document import Document
from viewer.scene.edits import AddLayer, ChangeLandmark, CompositeEdit, Edit, RemoveLayer
from viewer.scene.findings.edits import ChangeFindings, remove_findings
from viewer.scene.findings.finding_list import FindingChange, FindingEntry
from viewer.scene.journal.serialization import (
    Restored,
    describe_layer,
    restore_finding,
    restore_landmark,
    restore_layer,
)
from viewer.scene.journal.view_snapshot import describe_state, restore_state
from viewer.scene.landmarks import LandmarkPair
from viewer.scene.layer import VolumeLayer
from viewer.scene.view_state import ViewState


@dataclass(frozen=True)
class Project:
    """What is open. layers, landmarks, view, findings: JSON objects (.serialization). arrays: by the names these say.

    The same values in two projects are equal, arrays by their voxels.
    """

    layers: tuple[Json, ...]
    landmarks: tuple[Json, ...]
    view: Json
    arrays: dict[str, NDArray[Any]]
    findings: tuple[Json, ...] = ()

    @property
    def images(self) -> dict[str, tuple[str, ...]]:
        """The images that came from files: Image.key -> those files."""
        return {entry["image"]: tuple(entry["files"]) for entry in self.layers if "image" in entry}

    def restored(self, image: Callable[[str], VolumeLayer | None]) -> tuple[Restored, ...]:
        """The layers, the lowest first; those of images that are gone (None) are left out.

        Raises KeyError, TypeError or ValueError where an entry is none that describe_project made.
        """
        layers = (restore_layer(entry, image, self.arrays.__getitem__) for entry in self.layers)
        return tuple(layer for layer in layers if layer is not None)

    @property
    def pairs(self) -> tuple[LandmarkPair, ...]:
        """The pairs of landmarks. Raises KeyError or TypeError where an entry is none."""
        return tuple(restore_landmark(entry) for entry in self.landmarks)

    @property
    def entries(self) -> tuple[FindingEntry, ...]:
        """The findings. Raises KeyError, TypeError or ValueError where an entry is none."""
        return tuple(restore_finding(entry) for entry in self.findings)

    def restore_view(self, state: ViewState) -> None:
        """Look at things as they were looked at. Raises KeyError, TypeError or ValueError as `restored`."""
        restore_state(self.view, state)


def describe_project(document: Document, state: ViewState, *, voxels: bool = False) -> Project:
    """The project as it is now. voxels: also those of images from files. Label maps are copied: strokes go on."""
    arrays: dict[str, NDArray[Any]] = {}

    def store(array: NDArray[Any]) -> str:
        known = next((name for name, kept in arrays.items() if kept is array), "")
        name = known or f"arrays/{len(arrays)}.npy"
        arrays[name] = array
        return name

    layers = tuple(
        describe_layer(layer, store, lambda labels: store(labels.copy()), voxels=voxels) for layer in document
    )
    landmarks, findings = (tuple(asdict(one) for one in kept) for kept in (document.landmarks, document.findings))
    return Project(layers, landmarks, describe_state(state), arrays, findings)


def replacement_edit(
    document: Document,
    layers: tuple[Restored, ...],
    pairs: tuple[LandmarkPair, ...],
    entries: tuple[FindingEntry, ...],
    name: str,
) -> Edit:
    """The one step that puts the layers, landmarks and findings of a project in the place of what is open."""
    old = [ChangeLandmark(pair, None, place) for place, pair in reversed(list(enumerate(document.landmarks)))]
    gone = [RemoveLayer(layer, place) for place, layer in reversed(list(enumerate(document)))]
    new = [ChangeLandmark(None, pair, place) for place, pair in enumerate(pairs)]
    edits: list[Edit] = [*old, *gone, *(AddLayer(layer) for layer in layers), *new]
    if len(document.findings):
        edits.append(remove_findings(document, "Findings", document.findings))
    if entries:
        edits.append(ChangeFindings("Findings", tuple(FindingChange(None, one, n) for n, one in enumerate(entries))))
    return CompositeEdit(f"Open {name}", tuple(edits))


def same_project(one: Project, other: Project) -> bool:
    """True where both say the same, voxel by voxel."""
    kept = ("layers", "landmarks", "view", "findings")
    told = all(getattr(one, name) == getattr(other, name) for name in kept)
    return (
        told
        and one.arrays.keys() == other.arrays.keys()
        and all(
            np.array_equal(array, other.arrays[name], equal_nan=array.dtype.kind == "f")
            for name, array in one.arrays.items()
        )
    )
