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
from viewer.scene.journal.serialization import Restored, describe_layer, restore_landmark, restore_layer
from viewer.scene.journal.view_snapshot import describe_state, restore_state
from viewer.scene.landmarks import LandmarkPair
from viewer.scene.layer import VolumeLayer
from viewer.scene.view_state import ViewState


@dataclass(frozen=True)
class Project:
    """What is open. layers, landmarks, view: JSON objects (see .serialization). arrays: by the names that these say.

    The same values in two projects are equal, arrays by their voxels.
    """

    layers: tuple[Json, ...]
    landmarks: tuple[Json, ...]
    view: Json
    arrays: dict[str, NDArray[Any]]

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
    return Project(layers, tuple(asdict(pair) for pair in document.landmarks), describe_state(state), arrays)


def replacement_edit(
    document: Document, layers: tuple[Restored, ...], pairs: tuple[LandmarkPair, ...], name: str
) -> Edit:
    """The one step that puts the layers and landmarks of a project in the place of what is open."""
    old = [ChangeLandmark(pair, None, place) for place, pair in reversed(list(enumerate(document.landmarks)))]
    gone = [RemoveLayer(layer, place) for place, layer in reversed(list(enumerate(document)))]
    new = [ChangeLandmark(None, pair, place) for place, pair in enumerate(pairs)]
    return CompositeEdit(f"Open {name}", (*old, *gone, *(AddLayer(layer) for layer in layers), *new))


def same_project(one: Project, other: Project) -> bool:
    """True where both say the same, voxel by voxel."""
    told = (one.layers, one.landmarks, one.view) == (other.layers, other.landmarks, other.view)
    return (
        told
        and one.arrays.keys() == other.arrays.keys()
        and all(
            np.array_equal(array, other.arrays[name], equal_nan=array.dtype.kind == "f")
            for name, array in one.arrays.items()
        )
    )
