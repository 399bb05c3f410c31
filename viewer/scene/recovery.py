"""The way back after a crash: journals whose process is gone, read and done again."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from viewer.data.grid import Grid
from viewer.data.provenance import Provenance
from viewer.data.study import Source
from viewer.data.transform import SignOff, Transform
from viewer.data.volume import Volume, Window
from viewer.scene.document import Document
from viewer.scene.edits import (
    AddLayer,
    AlignLayer,
    ChangeLandmark,
    Edit,
    MoveLayer,
    RemoveLayer,
    RenameLayer,
    ReviewLayer,
    Together,
)
from viewer.scene.history import History
from viewer.scene.journal import KEPT
from viewer.scene.landmarks import LandmarkPair
from viewer.scene.layer import VolumeLayer

log = logging.getLogger(__name__)

Json = dict[str, Any]


@dataclass(frozen=True)
class Recovery:
    """A journal whose session did not end cleanly."""

    folder: Path
    when: str
    steps: tuple[Json, ...]

    @property
    def summary(self) -> str:
        """What it holds, in words."""
        kinds = [_kinds(step["edit"]) for step in self.steps if step["step"] == "do"]
        results = sum(kind.count("result") for kind in kinds)
        images = sum(kind.count("image") for kind in kinds)
        return f"{images} opened image{'s' * (images != 1)}, {results} result{'s' * (results != 1)}"

    @property
    def images(self) -> dict[str, tuple[str, ...]]:
        """The images to read again: Image.key -> the files they came from."""
        added = [entry for step in self.steps if step["step"] == "do" for entry in _added(step["edit"])]
        return {entry["image"]: tuple(entry["files"]) for entry in added if "image" in entry}

    def layers(self, load: Callable[[str], VolumeLayer | None]) -> dict[str, VolumeLayer]:
        """Every layer by id: images through `load` (None where one is gone), results from this folder."""
        layers: dict[str, VolumeLayer] = {}
        for entry in (entry for step in self.steps if step["step"] == "do" for entry in _added(step["edit"])):
            layer = load(entry["image"]) if "image" in entry else VolumeLayer(volumes=self._volumes(entry))
            if layer is not None:
                for name in (name for name in KEPT if name in entry):
                    setattr(layer, name, entry[name])
                layer.window = Window(**entry["window"])
                layer.transform = self._transform(entry.get("transform"))
                layers[layer.id] = layer
        return layers

    def _volumes(self, entry: Json) -> tuple[Volume, ...]:
        return tuple(_restore(described, self._array(described["array"])) for described in entry["volumes"])

    def _array(self, name: str) -> NDArray[Any]:
        array: NDArray[Any] = np.load(self.folder.resolve() / Path(name).name, allow_pickle=False)
        return array

    def _transform(self, entry: Json | None) -> Transform | None:
        if entry is None:
            return None
        field, made, signed = entry["field"], entry["provenance"], entry["sign_off"]
        return Transform(
            np.array(entry["matrix"]),
            self._array(field["array"]) if field else None,
            _grid(field) if field else None,
            entry["name"],
            Provenance.from_json(made) if made else None,
            SignOff(**signed) if signed else None,
        )

    def replay(self, history: History, layers: dict[str, VolumeLayer]) -> None:
        """Do every step again; steps on layers that are gone are left out."""
        for step in self.steps:
            if step["step"] == "do":
                edit = self._revive(step["edit"], history.document, layers)
                if edit is not None:
                    history.do(edit)
            elif step["step"] == "undo":
                history.undo()
            else:
                history.redo()

    def _revive(self, edit: Json, document: Document, layers: dict[str, VolumeLayer]) -> Edit | None:
        if edit["kind"] == "together":
            parts = tuple(filter(None, (self._revive(part, document, layers) for part in edit["edits"])))
            return Together(label=edit["label"], edits=parts) if parts else None
        if edit["kind"] == "landmark":
            after = _landmark(edit["after"]) if edit["after"] else None
            return ChangeLandmark(document.landmarks.find(edit["id"]), after, edit["index"], edit["gesture"])
        layer = layers.get(edit["layer"]["id"] if edit["kind"] == "add" else edit["layer"])
        if layer is None:
            return None
        match edit["kind"]:
            case "add":
                return AddLayer(layer, edit["index"])
            case "remove":
                return RemoveLayer(layer, document.index(layer.id))
            case "move":
                return MoveLayer(layer, document.index(layer.id), edit["after"])
            case "rename":
                return RenameLayer(layer, layer.name, edit["after"])
            case "align":
                return AlignLayer(layer, layer.transform, self._transform(edit["after"]), edit["gesture"])
        return ReviewLayer(layer, layer.review, edit["after"])

    def discard(self) -> None:
        """Remove it for good."""
        shutil.rmtree(self.folder, ignore_errors=True)


def unfinished(root: Path) -> list[Recovery]:
    """The journals under `root` whose process is gone and that hold at least one step, newest first."""
    found = []
    for folder in sorted(root.glob("*-*"), reverse=True) if root.is_dir() else []:
        if _alive(folder):
            continue
        steps = tuple(_lines(folder / "journal.jsonl"))
        if steps:
            when = datetime.strptime(folder.name[:15], "%Y%m%d-%H%M%S")
            found.append(Recovery(folder, f"{when:%d %B %Y, %H:%M}", steps))
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return found


def _alive(folder: Path) -> bool:
    try:
        pid, created = (folder / "pid").read_text().split()
        return bool(abs(psutil.Process(int(pid)).create_time() - float(created)) < 1)
    except (OSError, ValueError, psutil.Error):
        return False


def _lines(path: Path) -> list[Json]:
    """Every whole line; a line that a crash cut short ends the list."""
    steps: list[Json] = []
    try:
        steps.extend(map(json.loads, path.read_text(encoding="utf-8").splitlines()))
    except (OSError, ValueError) as error:
        log.warning("journal %s: stopped after %d steps: %s", path.parent.name, len(steps), type(error).__name__)
    return steps


def _added(edit: Json) -> list[Json]:
    if edit["kind"] == "together":
        return [entry for part in edit["edits"] for entry in _added(part)]
    return [edit["layer"]] if edit["kind"] == "add" else []


def _kinds(edit: Json) -> list[str]:
    return ["image" if "image" in entry else "result" for entry in _added(edit)]


def _restore(described: Json, array: NDArray[Any]) -> Volume:
    source: Json = {name: tuple(v) if isinstance(v, list) else v for name, v in described["source"].items()}
    provenance = described["provenance"]
    return Volume(
        array=array,
        grid=_grid(described),
        windows=tuple(Window(**window) for window in described["windows"]),
        source=Source(**source),
        badges=tuple(described["badges"]),
        provenance=Provenance.from_json(provenance) if provenance else None,
        **{name: described[name] for name in ("name", "unit", "slope", "intercept", "inverted", "time")},
    )


def _landmark(entry: Json) -> LandmarkPair:
    parts: Json = {name: tuple(part) if isinstance(part, list) else part for name, part in entry.items()}
    return LandmarkPair(**parts)


def _grid(described: Json) -> Grid:
    affine = np.array(described["affine"])
    return Grid(tuple(described["shape"]), affine, described["frame_of_reference"], described["placed"])
