"""The table of edits: it has every kind, each comes back as it was written, and no other is taken for one of them."""

from __future__ import annotations

import inspect
import pkgutil
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from journalled import Work, again, painted

import viewer.scene
from viewer.data.annotations.finding import Finding, Probability
from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.data.terminology import statement
from viewer.data.transform import Transform
from viewer.data.volume import Volume
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
from viewer.scene.findings.edits import add_findings
from viewer.scene.findings.finding_list import FindingEntry
from viewer.scene.history import History
from viewer.scene.journal.edit_codec import (
    CODECS,
    DecodeContext,
    EncodeContext,
    UnknownEditError,
    added_layers,
    check_edit,
    decode_edit,
    encode_edit,
)
from viewer.scene.journal.journal import LINES
from viewer.scene.journal.journal_lines import encode_line
from viewer.scene.journal.replay import find_recoveries
from viewer.scene.landmarks import LandmarkPair
from viewer.scene.layer import VolumeLayer, volume_layer
from viewer.scene.segmentation.edits import EditLabels
from viewer.scene.segmentation.stroke import Stroke
from viewer.scene.segmentation_layer import SegmentationLayer, segmentation_layer

GRID = Grid.of((2, 3, 4))
BEFORE = Path(__file__).parents[2] / "fixtures" / "journal-2026-11-30"  # every kind of edit, before the codec was


def every_edit() -> set[type]:
    """The classes in viewer.scene that can be done, undone and merged."""
    modules = [import_module(one.name) for one in pkgutil.walk_packages(viewer.scene.__path__, "viewer.scene.")]
    classes = [value for module in modules for value in vars(module).values() if inspect.isclass(value)]
    return {one for one in classes if one is not Edit and all(hasattr(one, verb) for verb in ("do", "undo", "merge"))}


def test_every_edit_is_in_the_table() -> None:
    assert every_edit() == {codec.edit for codec in CODECS.values()}
    assert len(every_edit()) == len(CODECS) == 10


@dataclass
class Scene:
    """An image, a result over it, and segments; and where their edits are written."""

    image: VolumeLayer
    labels: SegmentationLayer
    document: Document = field(default_factory=Document)
    arrays: dict[str, Any] = field(default_factory=dict)
    strokes: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        for layer in (self.image, self.labels):
            AddLayer(layer).do(self.document)

    @property
    def encoding(self) -> EncodeContext:
        return EncodeContext(self.store, self.store, self.append)

    @property
    def decoding(self) -> DecodeContext:
        layers = {layer.id: layer for layer in (self.image, self.labels)}
        return DecodeContext(
            self.document, layers, self.arrays.__getitem__, lambda at, count: bytes(self.strokes[at : at + count])
        )

    def store(self, array: Any) -> str:
        self.arrays[name := f"{len(self.arrays)}.npy"] = array
        return name

    def append(self, data: bytes) -> int:
        self.strokes += data
        return len(self.strokes) - len(data)


@pytest.fixture
def scene() -> Scene:
    image = volume_layer((Volume(np.zeros(GRID.shape, np.int16), GRID, "CT"),))
    maps = np.zeros(GRID.shape, np.uint8)
    return Scene(image, segmentation_layer(Segmentation(maps, GRID, (Segment(1, "liver"),), "labels"), image))


def brush(scene: Scene) -> EditLabels:
    """A stroke and another name, taken back: as it is before it is done."""
    stroke = Stroke(scene.labels)
    stroke.write(0, (slice(0, 1), slice(1, 2), slice(0, 4)), np.ones((1, 1, 4), np.uint8))
    stroke.change((0, 1), lambda segment: replace(segment, name="cyst"))
    edit = stroke.edit("Brush")
    assert edit is not None
    edit.do(scene.document)
    edit.undo(scene.document)
    return edit


FINDING = Finding(statement("52988006"), Probability(0.7, (0.6, 0.8)), (1.0, 2.0, 3.0))
ENTRY = FindingEntry("a", FINDING, reading="after own look")
PAIR = LandmarkPair(("a", "b"), "L1", (1.0, 2.0, 3.0), (1.5, 2.5, 3.5))
EDITS: dict[str, Callable[[Scene], Edit]] = {
    "add": lambda scene: AddLayer(scene.image, 1),
    "remove": lambda scene: RemoveLayer(scene.image, 0),
    "move": lambda scene: MoveLayer(scene.image, 0, 1),
    "rename": lambda scene: RenameLayer(scene.image, "CT", "CT of the chest"),
    "review": lambda scene: ReviewLayer(scene.image, "source", "accepted"),
    "align": lambda scene: AlignLayer(scene.image, None, Transform(np.diag([1.0, 1, 2, 1])), "drag"),
    "landmark": lambda scene: ChangeLandmark(None, PAIR, 0, "typing"),
    "findings": lambda scene: add_findings(
        scene.document, "Add", (FindingEntry("a", FINDING, reading="after own look"),)
    ),
    "labels": brush,
    "together": lambda scene: CompositeEdit(
        "both", (RenameLayer(scene.image, "CT", "MR"), ChangeLandmark(None, PAIR, 0))
    ),
}


def comparable(value: Any) -> Any:
    """Edits, which are equal to themselves only, by what they hold."""
    if isinstance(value, tuple):
        return tuple(map(comparable, value))
    if isinstance(value, Transform):
        return value.matrix.tolist()
    inside = vars(value) if type(value) in every_edit() else None
    return value if inside is None else (type(value), {name: comparable(one) for name, one in inside.items()})


def test_every_kind_is_tried() -> None:
    assert EDITS.keys() == CODECS.keys()


@pytest.mark.parametrize("kind", EDITS)
def test_every_kind_comes_back_as_it_was(scene: Scene, kind: str) -> None:
    edit = EDITS[kind](scene)
    entry = encode_edit(edit, scene.encoding)
    assert entry["kind"] == kind
    check_edit(entry)
    assert comparable(decode_edit(entry, scene.decoding)) == comparable(edit)


@pytest.mark.parametrize("kind", [kind for kind in EDITS if kind not in ("landmark", "findings", "together")])
def test_an_edit_of_a_layer_that_is_gone_is_none(scene: Scene, kind: str) -> None:
    entry = encode_edit(EDITS[kind](scene), scene.encoding)
    gone = replace(scene.decoding, layers={})
    assert decode_edit(entry, gone) is None
    assert decode_edit({"kind": "together", "label": "x", "edits": [entry]}, gone) is None


@pytest.mark.parametrize("kind", ["align", "labels"])
def test_an_edit_of_a_layer_of_another_kind_is_refused(scene: Scene, kind: str) -> None:
    entry = encode_edit(EDITS[kind](scene), scene.encoding)
    entry["layer"] = (scene.labels if kind == "align" else scene.image).id
    with pytest.raises(ValueError, match="no edit of a"):
        decode_edit(entry, scene.decoding)


def test_an_edit_that_nobody_taught_it_is_not_written(scene: Scene) -> None:
    class ReviewTwice(ReviewLayer):
        pass

    with pytest.raises(TypeError, match="ReviewTwice"):
        encode_edit(ReviewTwice(scene.image, "source", "accepted"), scene.encoding)


@pytest.mark.parametrize("wrap", [lambda edit: edit, lambda edit: {"kind": "together", "label": "x", "edits": [edit]}])
def test_an_unknown_kind_is_refused_by_its_name_and_what_is_before_it_is_offered(
    tmp_path: Path, wrap: Callable[[Any], Any]
) -> None:
    work = Work(tmp_path)
    work.paint(0)
    unknown = wrap({"kind": "annotation", "layer": work.layer.id, "after": "accepted"})
    with pytest.raises(UnknownEditError, match="annotation"):
        check_edit(unknown)
    found = work.abandoned()
    steps = [*found.steps, {"step": "do", "edit": unknown}, found.steps[1]]
    data, total = b"", 0
    for step in steps:
        line, total = encode_line(step, total)
        data += line
    (work.folder / LINES).write_bytes(data)
    (found,) = find_recoveries(tmp_path)
    assert found.damage == (
        "This journal was written by a newer Tomolens: it holds an edit that this one does not know ('annotation'), "
        "as step 3; only what was done before it can be brought back here."
    )
    assert found.summary == "1 segmentation, 1 edit of segments"
    history, layer = again(found)
    assert (painted(layer), layer.review) == ([0], "source")
    assert history.undo_labels == ("row 0", "Add labels")


def test_the_layers_that_an_edit_adds(scene: Scene) -> None:
    parts = (AddLayer(scene.image), RenameLayer(scene.image, "CT", "MR"), AddLayer(scene.labels))
    entry = encode_edit(CompositeEdit("both", parts), scene.encoding)
    assert [layer["id"] for layer in added_layers(entry)] == [scene.image.id, scene.labels.id]


def test_a_journal_of_the_version_before_opens_as_it_did(tmp_path: Path) -> None:
    shutil.copytree(BEFORE, tmp_path / "20261130-070721-28048-000000")
    (found,) = find_recoveries(tmp_path)
    assert (found.damage, found.summary) == ("", "1 opened image, 2 results, 1 segmentation, 1 edit of segments")
    image = volume_layer((Volume(np.zeros(GRID.shape, np.int16), GRID, "CT"),))
    history = History(Document())
    found.replay(history, found.layers(lambda key: image if key == "1.2.3|CT" else None))
    assert [(layer.name, layer.review) for layer in history.document] == [
        ("CT", "source"),
        ("denoised CT", "accepted"),
        ("labels", "source"),
    ]
    assert history.undo_labels == (
        "Add landmark L1", "Align CT", "Align CT", "Brush", "Add labels", "Remove second", "Move second down",
        "Accept denoised CT", "Rename denoised", "Denoise", "Add CT",
    )  # fmt: skip
    assert history.redo_labels == ("Rename landmark L1",)
    (labels,) = history.document.segmentation_layers
    expected = np.zeros((2, 3, 4), np.uint8)
    expected[0, 0], expected[:, 1, :3] = 1, 2
    assert np.array_equal(labels.segmentation.array, expected)
    assert image.transform is not None
    assert image.transform.sign_off is not None
    assert np.array_equal(image.transform.displacement, np.full((2, 3, 4, 3), 0.25, np.float32))
    assert [pair.name for pair in history.document.landmarks] == ["L1"]
    assert found.view is not None
    assert found.view["state"]["layout"] == "1-up"
