"""How each kind of edit is written to a journal, and read back: one entry of CODECS a kind.

A kind that has no entry is refused by its name: it is never taken for another one.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, get_args

from viewer.data.arrays import Json
from viewer.scene.document import Document
from viewer.scene.edits import (
    AddLayer,
    AlignLayer,
    ChangeLandmark,
    CompositeEdit,
    Edit,
    MoveLayer,
    RemoveLayer,
    RenameLayer,
    ReviewLayer,
)
from viewer.scene.findings.edits import ChangeFindings
from viewer.scene.findings.finding_list import FindingChange
from viewer.scene.journal.serialization import (
    Load,
    Restored,
    Store,
    describe_layer,
    describe_transform,
    json_value,
    restore_finding,
    restore_landmark,
    restore_segments,
    restore_transform,
)
from viewer.scene.layer import Review, VolumeLayer
from viewer.scene.segmentation.edits import EditLabels
from viewer.scene.segmentation.label_delta import LabelDelta
from viewer.scene.segmentation_layer import SegmentationLayer

LayersById = dict[str, Restored]
Types = type | tuple[type, ...]
NOTHING = type(None)


class UnknownEditError(ValueError):
    """An edit of a kind that only another version of the program knows; the text is its name."""


class LayerGoneError(Exception):
    """An edit of a layer that did not come back."""


@dataclass(frozen=True)
class EncodeContext:
    """Where arrays and bytes of edits go. store, store_labels: arrays, those of label maps; append: where bytes are."""

    store: Store
    store_labels: Store
    append: Callable[[bytes], int]


@dataclass(frozen=True)
class DecodeContext:
    """What edits are made of when they are read.

    document: as it was before them. layers: those that came back. load: arrays by their names. read: bytes of `strokes`
    (from where, how many).
    """

    document: Document
    layers: LayersById
    load: Load
    read: Callable[[int, int], bytes]

    def layer(self, layer_id: str) -> Restored:
        """The layer of that id. Raises LayerGoneError."""
        if layer_id not in self.layers:
            raise LayerGoneError
        return self.layers[layer_id]


@dataclass(frozen=True)
class Codec:
    """How one kind of edit is written and read.

    edit: the class. fields: what its JSON must say beside its kind. write: those, and what else it needs. read: the
    edit again; None where nothing of it is left. Reading raises what a wrong value raises: KeyError, TypeError …
    """

    edit: type[Edit]
    fields: dict[str, Types]
    write: Callable[[Any, EncodeContext], Json]
    read: Callable[[Json, DecodeContext], Edit | None]


def encode_edit(edit: Edit, context: EncodeContext) -> Json:
    """The JSON object of an edit. Raises TypeError for one that is not in CODECS, OSError where the disk refuses."""
    for kind, codec in CODECS.items():
        if type(edit) is codec.edit:
            return {"kind": kind, **codec.write(edit, context)}
    raise TypeError(f"the journal does not know the edit {type(edit).__name__}")


def check_edit(entry: Any) -> None:
    """Raises ValueError where a JSON object is no edit, UnknownEditError where it is one of an unknown kind."""
    kind = entry.get("kind") if isinstance(entry, dict) else None
    if not isinstance(kind, str):
        raise ValueError("no edit")
    if kind not in CODECS:
        raise UnknownEditError(kind)
    if not all(name in entry and isinstance(entry[name], types) for name, types in CODECS[kind].fields.items()):
        raise ValueError(f"no edit of the kind {kind!r}")
    for part in entry["edits"] if kind == "together" else ():
        check_edit(part)
    if kind == "add":
        _check_layer(entry["layer"])


def decode_edit(entry: Json, context: DecodeContext) -> Edit | None:
    """The edit of an entry that was checked; None where it is of a layer that is gone.

    Raises KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError or OSError for values that no edit
    has, before anything is changed.
    """
    try:
        return CODECS[entry["kind"]].read(entry, context)
    except LayerGoneError:
        return None


def added_layers(entry: Json) -> list[Json]:
    """The entries of the layers that an edit adds."""
    if entry["kind"] == "together":
        return [layer for part in entry["edits"] for layer in added_layers(part)]
    return [entry["layer"]] if entry["kind"] == "add" else []


def _check_layer(entry: Json) -> None:
    files = entry.get("files", None if "image" in entry else [])
    texts = [entry.get("id"), entry.get("image", ""), *(files if isinstance(files, list) else [None])]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("no layer")


def _write_add(edit: AddLayer, context: EncodeContext) -> Json:
    return {"layer": describe_layer(edit.layer, context.store, context.store_labels), "index": edit.index}


def _read_add(entry: Json, context: DecodeContext) -> Edit:
    return AddLayer(context.layer(entry["layer"]["id"]), entry["index"])


def _write_remove(edit: RemoveLayer, _: EncodeContext) -> Json:
    return {"layer": edit.layer.id}


def _read_remove(entry: Json, context: DecodeContext) -> Edit:
    layer = context.layer(entry["layer"])
    return RemoveLayer(layer, context.document.index(layer.id))


def _write_change(edit: MoveLayer | RenameLayer | ReviewLayer, _: EncodeContext) -> Json:
    return {"layer": edit.layer.id, "after": edit.after}


def _read_move(entry: Json, context: DecodeContext) -> Edit:
    layer = context.layer(entry["layer"])
    return MoveLayer(layer, context.document.index(layer.id), entry["after"])


def _read_rename(entry: Json, context: DecodeContext) -> Edit:
    layer = context.layer(entry["layer"])
    return RenameLayer(layer, layer.name, entry["after"])


def _read_review(entry: Json, context: DecodeContext) -> Edit:
    layer = context.layer(entry["layer"])
    if entry["after"] not in get_args(Review):
        raise ValueError("no review")
    return ReviewLayer(layer, layer.review, entry["after"])


def _write_align(edit: AlignLayer, context: EncodeContext) -> Json:
    return {
        "layer": edit.layer.id,
        "after": describe_transform(edit.after, context.store),
        "gesture": edit.gesture,
    }


def _read_align(entry: Json, context: DecodeContext) -> Edit:
    layer = context.layer(entry["layer"])
    if not isinstance(layer, VolumeLayer):
        raise ValueError(f"no edit of a {type(layer).__name__}")
    after = restore_transform(entry["after"], context.load)
    return AlignLayer(layer, layer.transform, after, entry["gesture"])


def _write_landmark(edit: ChangeLandmark, _: EncodeContext) -> Json:
    after = asdict(edit.after) if edit.after else None
    return {"id": edit.id, "after": after, "index": edit.index, "gesture": edit.gesture}


def _read_landmark(entry: Json, context: DecodeContext) -> Edit | None:
    before = context.document.landmarks.find(entry["id"])
    after = restore_landmark(entry["after"]) if entry["after"] else None
    return ChangeLandmark(before, after, entry["index"], entry["gesture"]) if before or after else None


def _write_findings(edit: ChangeFindings, _: EncodeContext) -> Json:
    told = [
        {
            "before": change.before.id if change.before else None,
            "after": asdict(change.after) if change.after else None,
            "index": change.index,
        }
        for change in edit.changes
    ]
    return {"label": edit.label, "changes": told}


def _read_findings(entry: Json, context: DecodeContext) -> Edit:
    """Raises ValueError for a change of an entry that is not there."""
    changes = []
    for told in entry["changes"]:
        before = context.document.findings.find(told["before"]) if told["before"] else None
        after = restore_finding(told["after"]) if told["after"] else None
        if before is None and (told["before"] or after is None):
            raise ValueError("a finding that is not there")
        changes.append(FindingChange(before, after, json_value(int, told["index"])))
    return ChangeFindings(entry["label"], tuple(changes))


def _write_labels(edit: EditLabels, context: EncodeContext) -> Json:
    entry: Json = {"layer": edit.layer.id, "label": edit.label, "gesture": edit.gesture}
    if edit.after != edit.before:
        entry["segments"] = [asdict(segment) for segment in edit.after]
    if edit.boxes is not None:
        entry["boxes"] = _write_boxes(edit.boxes, context)
    return entry


def _read_labels(entry: Json, context: DecodeContext) -> Edit:
    layer = context.layer(entry["layer"])
    if not isinstance(layer, SegmentationLayer):
        raise ValueError(f"no edit of a {type(layer).__name__}")
    before = layer.segmentation.segments
    after = restore_segments(entry["segments"]) if "segments" in entry else before
    if after != before:
        layer.segmentation.with_segments(after)  # raises where they do not fit the label maps
    boxes = _read_boxes(entry["boxes"], context) if "boxes" in entry else None
    if boxes is not None:
        boxes.check(layer.grid.shape)
    return EditLabels(layer, entry["label"], before, after, boxes, gesture=entry["gesture"])


def _write_boxes(boxes: LabelDelta, context: EncodeContext) -> Json:
    """What is in the boxes now and what was before: no step depends on what was stored before it."""
    data = boxes.before + boxes.after
    place = {"at": context.append(data), "lengths": [len(boxes.before), len(boxes.after)]}
    return {**place, "crc": zlib.crc32(data), "dtype": boxes.dtype, "places": boxes.places}


def _read_boxes(entry: Json, context: DecodeContext) -> LabelDelta:
    """Raises ValueError where its bytes are not those that were written, OSError where they cannot be read."""
    before, after = entry["lengths"]
    data = context.read(entry["at"], before + after)
    if zlib.crc32(data) != entry["crc"]:
        raise ValueError("its bytes are damaged")
    places = tuple(tuple(place) for place in entry["places"])
    return LabelDelta(places, entry["dtype"], data[:before], data[before:])


def _write_together(edit: CompositeEdit, context: EncodeContext) -> Json:
    return {"label": edit.label, "edits": [encode_edit(part, context) for part in edit.edits]}


def _read_together(entry: Json, context: DecodeContext) -> Edit | None:
    parts = tuple(filter(None, (decode_edit(part, context) for part in entry["edits"])))
    return CompositeEdit(entry["label"], parts) if parts else None


CODECS: dict[str, Codec] = {
    "add": Codec(AddLayer, {"layer": dict, "index": (int, NOTHING)}, _write_add, _read_add),
    "remove": Codec(RemoveLayer, {"layer": str}, _write_remove, _read_remove),
    "move": Codec(MoveLayer, {"layer": str, "after": int}, _write_change, _read_move),
    "rename": Codec(RenameLayer, {"layer": str, "after": str}, _write_change, _read_rename),
    "review": Codec(ReviewLayer, {"layer": str, "after": str}, _write_change, _read_review),
    "align": Codec(AlignLayer, {"layer": str, "after": (dict, NOTHING), "gesture": str}, _write_align, _read_align),
    "landmark": Codec(
        ChangeLandmark,
        {"id": str, "after": (dict, NOTHING), "index": int, "gesture": str},
        _write_landmark,
        _read_landmark,
    ),
    "findings": Codec(ChangeFindings, {"label": str, "changes": list}, _write_findings, _read_findings),
    "labels": Codec(EditLabels, {"layer": str, "label": str, "gesture": str}, _write_labels, _read_labels),
    "together": Codec(CompositeEdit, {"label": str, "edits": list}, _write_together, _read_together),
}
