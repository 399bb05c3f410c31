"""Edits on disk before they are shown: what makes a crash cost nothing.

A journal is a private folder: `journal.jsonl` has one line a step ({"step": "do", "edit": {…}}), arrays that a plugin
made lie beside it as .npy files. Images that came from files are named by path and read again. A clean end removes the
folder; viewer.scene.recovery offers back what is left behind.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any
from uuid import uuid4
from weakref import WeakValueDictionary

import numpy as np
import psutil
from numpy.typing import NDArray

from viewer.data.grid import Grid
from viewer.data.transform import Transform
from viewer.data.volume import Volume
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
from viewer.scene.history import Step
from viewer.scene.layer import Layer, VolumeLayer

log = logging.getLogger(__name__)

Json = dict[str, Any]
KEPT = ("id", "name", "visible", "opacity", "review", "colormap", "made_from", "made_at")  # of a layer, as they are


class Journal:
    """Writes the steps of one session under `root`. Raises OSError where the disk refuses."""

    def __init__(self, root: Path) -> None:
        self.folder = root / f"{datetime.now():%Y%m%d-%H%M%S}-{os.getpid()}-{uuid4().hex[:6]}"
        self.folder.mkdir(parents=True, mode=0o700)
        (self.folder / "pid").write_text(f"{os.getpid()} {psutil.Process().create_time()}")
        self._file = (self.folder / "journal.jsonl").open("a", encoding="utf-8")
        self._stored: WeakValueDictionary[str, NDArray[Any]] = WeakValueDictionary()
        self._lock = Lock()

    def store(self, array: NDArray[Any]) -> str:
        """Write an array, once; its file name. Slow for large arrays: called off the main thread beforehand."""
        with self._lock:
            known = next((name for name, kept in self._stored.items() if kept is array), None)
            if known is not None:
                return known
            name = f"{uuid4().hex}.npy"
            with (self.folder / name).open("wb") as file:
                np.save(file, array, allow_pickle=False)
                file.flush()
                os.fsync(file.fileno())
            self._stored[name] = array
            return name

    def record(self, step: Step, edit: Edit) -> None:
        """Append a step and wait until the disk has it."""
        line = {"step": step, "edit": self._edit(edit)} if step == "do" else {"step": step}
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """A clean end: nothing is left to recover."""
        self._file.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _edit(self, edit: Edit) -> Json:
        match edit:
            case AddLayer():
                return {"kind": "add", "layer": self._layer(edit.layer), "index": edit.index}
            case RemoveLayer():
                return {"kind": "remove", "layer": edit.layer.id}
            case MoveLayer():
                return {"kind": "move", "layer": edit.layer.id, "after": edit.after}
            case RenameLayer():
                return {"kind": "rename", "layer": edit.layer.id, "after": edit.after}
            case ReviewLayer():
                return {"kind": "review", "layer": edit.layer.id, "after": edit.after}
            case AlignLayer():
                after = self._transform(edit.after)
                return {"kind": "align", "layer": edit.layer.id, "after": after, "gesture": edit.gesture}
            case ChangeLandmark():
                after = asdict(edit.after) if edit.after else None
                place = {"index": edit.index, "gesture": edit.gesture}
                return {"kind": "landmark", "id": edit.id, "after": after, **place}
            case Together():
                return {"kind": "together", "label": edit.label, "edits": [self._edit(part) for part in edit.edits]}
        raise TypeError(f"the journal does not know the edit {type(edit).__name__}")

    def _layer(self, layer: Layer) -> Json:
        if not isinstance(layer, VolumeLayer):
            raise TypeError(f"the journal does not know the layer {type(layer).__name__}")
        look: Json = {name: getattr(layer, name) for name in KEPT}
        look["window"] = asdict(layer.window)
        look["transform"] = self._transform(layer.transform)
        if layer.image is not None:
            files = [path.split("!")[0] for path in layer.image.source.files]
            return {**look, "image": layer.image.key, "files": list(dict.fromkeys(files))}
        described = [{**_describe(volume), "array": self.store(volume.array)} for volume in layer.volumes]
        return {**look, "volumes": described}

    def _transform(self, transform: Transform | None) -> Json | None:
        if transform is None:
            return None
        field = None
        if transform.displacement is not None and transform.grid is not None:
            field = {**_lattice(transform.grid), "array": self.store(transform.displacement)}
        return {
            "matrix": transform.matrix.tolist(),
            "field": field,
            "name": transform.name,
            "provenance": transform.provenance.to_json() if transform.provenance else None,
            "sign_off": asdict(transform.sign_off) if transform.sign_off else None,
        }


class JournalKeeper:
    """A journal, made at the first step, that never stands in the way of the work: when the disk refuses, `lost` is
    told once, in one sentence, and the work goes on without it."""

    def __init__(self, root: Path, lost: Callable[[str], None]) -> None:
        self._root = root
        self._lost = lost
        self._journal: Journal | None = None
        self._failed = False

    def record(self, step: Step, edit: Edit) -> None:
        """Append a step, if the disk lets us."""
        self._try(lambda journal: journal.record(step, edit))

    def store(self, arrays: Iterable[NDArray[Any]]) -> None:
        """Write the arrays of results in any thread, so that recording their edit takes no time."""
        for array in arrays:
            self._try(lambda journal, array=array: journal.store(array))  # type: ignore[misc]

    def close(self) -> None:
        if self._journal is not None:
            self._journal.close()

    def _try(self, verb: Callable[[Journal], object]) -> None:
        if self._failed:
            return
        try:
            self._journal = self._journal or Journal(self._root)
            verb(self._journal)
        except OSError as error:
            self._failed = True
            log.error("the journal cannot be written: %s", error.strerror)
            self._lost(f"Unsaved work is not safe from a crash now ({error.strerror}): save soon, or free space.")


def _describe(volume: Volume) -> Json:
    """Everything of a volume but its array, as JSON."""
    return {
        **_lattice(volume.grid),
        "name": volume.name,
        "unit": volume.unit,
        "slope": volume.slope,
        "intercept": volume.intercept,
        "windows": [asdict(window) for window in volume.windows],
        "inverted": volume.inverted,
        "source": asdict(volume.source),
        "time": volume.time,
        "badges": volume.badges,
        "provenance": volume.provenance.to_json() if volume.provenance else None,
    }


def _lattice(grid: Grid) -> Json:
    return {
        "shape": grid.shape,
        "affine": grid.affine.tolist(),
        "frame_of_reference": grid.frame_of_reference,
        "placed": grid.placed,
    }
