"""Tables and maps that plugins return: kept with their segmentation, old once that is edited, saved and written."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from main import main
from viewer.cli.headless_session import HeadlessStage, finish
from viewer.data.grid import Grid
from viewer.data.volume import Volume
from viewer.scene.edits import AddLayer
from viewer.scene.journal.serialization import describe_layer, restore_layer
from viewer.scene.layer import VolumeLayer, volume_layer
from viewer.scene.segmentation_layer import SegmentationLayer

SHAPE = (4, 6, 8)
PLUGIN = '''
"""Count: labels what is bright, counts it, and maps how bright it is."""
from typing import Literal
import numpy as np
from viewer.api import Column, Job, MeasurementTable, Segment, Segmentation, Volume, plugin

What = Literal["voxels", "share"]


@plugin("Count", group="Test", outputs=("labels", "counts", "brightness"))
def count(
    image: Volume, job: Job, *, what: tuple[What, ...] = ("voxels", "share"), brightness: bool = True
) -> tuple[Segmentation, MeasurementTable, Volume | None]:
    """Label the values above 0."""
    found = (image.values() > 0).astype(np.uint8)
    columns = {"voxels": Column("Voxels", "", (float(found.sum()),)), "share": Column("Share", "%", (None,))}
    labels = Segmentation(
        found, image.grid, (Segment(1, "bright"), Segment(2, "all", layer=1)), overlapping=(np.full_like(found, 2),)
    )
    table = MeasurementTable("Segment", ("bright",), tuple(columns[name] for name in what), ("As it is.",))
    return labels, table, image.with_values(image.values() / 5, unit="bit") if brightness else None
'''


@pytest.fixture
def stage(home: Path) -> Iterator[HeadlessStage]:
    folder = home / "data" / "plugins"
    folder.mkdir(parents=True)
    (folder / "count.py").write_text(PLUGIN)
    with HeadlessStage() as stage:
        yield stage


def counted(stage: HeadlessStage, **settings: object) -> tuple[VolumeLayer, SegmentationLayer]:
    values = np.zeros(SHAPE, np.int16)
    values[1:3] = 5
    image = volume_layer((Volume(values, Grid.of(SHAPE, (2, 1, 1)), "MR"),))
    stage.session.history.do(AddLayer(image))
    finish(stage, stage.session.runs.run_plugin("count", {"image": image.id}, settings))
    (layer,) = stage.session.document.segmentation_layers
    return image, layer


def test_a_table_is_kept_with_the_segments_that_it_is_of(stage: HeadlessStage) -> None:
    _, layer = counted(stage)
    (table,) = layer.tables
    assert (table.subject, table.rows, table.line(0)) == ("Segment", ("bright",), (96.0, None))
    assert table.name == "MR – Count, counts"
    assert table.provenance == layer.segmentation.provenance
    assert layer.tables_current
    assert layer.hidden == {(1, 2)}  # it lies over the other


def test_a_map_comes_hidden_in_its_colours_and_without_a_difference(stage: HeadlessStage) -> None:
    image, _ = counted(stage)
    first, brightness = stage.session.document.volume_layers
    assert first is image
    assert (brightness.colormap, brightness.visible, brightness.volumes[0].unit) == ("doubt", False, "bit")
    assert stage.session.state.active != brightness.id


def test_what_a_setting_leaves_out_is_no_layer(stage: HeadlessStage) -> None:
    image, layer = counted(stage, brightness=False, what=["share"])
    assert stage.session.document.volume_layers == (image,)
    assert [column.name for column in layer.tables[0].columns] == ["Share"]
    assert layer.segmentation.provenance is not None
    assert layer.segmentation.provenance.parameters == {"what": ["share"], "brightness": False}


def test_a_stroke_makes_the_figures_old_also_after_undo(stage: HeadlessStage) -> None:
    _, layer = counted(stage)
    box = (slice(0, 1), slice(0, 1), slice(0, 1))
    stage.session.segments.apply_mask(layer, (0, 1), np.ones((1, 1, 1), bool), box, "Paint")
    assert not layer.tables_current
    stage.session.history.undo()
    assert not layer.tables_current  # what was undone may be done again


@pytest.mark.parametrize("edited", [False, True])
def test_they_come_back_from_json(stage: HeadlessStage, edited: bool) -> None:
    _, layer = counted(stage)
    layer.generation += edited
    arrays: dict[str, np.ndarray] = {}

    def store(array: np.ndarray) -> str:
        arrays[str(len(arrays))] = array
        return str(len(arrays) - 1)

    entry = json.loads(json.dumps(describe_layer(layer, store, store)))
    again = restore_layer(entry, lambda _: None, arrays.__getitem__)
    assert isinstance(again, SegmentationLayer)
    assert again.tables == layer.tables
    assert again.tables_current is not edited
    del entry["tables"], entry["tables_current"]  # as an older version wrote it
    older = restore_layer(entry, lambda _: None, arrays.__getitem__)
    assert isinstance(older, SegmentationLayer)
    assert older.tables == ()
    assert older.tables_current


def test_a_project_holds_them(stage: HeadlessStage, tmp_path: Path) -> None:
    _, layer = counted(stage)
    table, path = layer.tables[0], tmp_path / "work.tomolens"
    finish(stage, stage.session.projects.save(path))
    finish(stage, stage.session.projects.open(path))
    (again,) = stage.session.document.segmentation_layers
    assert again is not layer
    assert again.tables == (table,)


def test_the_command_line_writes_every_map_and_the_table(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = home / "data" / "plugins"
    folder.mkdir(parents=True)
    (folder / "count.py").write_text(PLUGIN)
    values = np.zeros(SHAPE, np.int16)
    values[1:3] = 5
    sitk.WriteImage(sitk.GetImageFromArray(values), str(tmp_path / "mr.nii.gz"))
    out = tmp_path / "out"
    arguments = ["run", "count", "--input", f"image={tmp_path / 'mr.nii.gz'}", "--set", "what=voxels"]
    assert main([*arguments, "--out", str(out), "--json"]) == 0
    labels, counts, brightness = json.loads(capsys.readouterr().out)["outputs"]
    assert (labels["type"], counts["type"], brightness["type"]) == ("segmentation", "table", "volume")
    (more,) = labels["overlapping"]
    assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(labels["path"])), values > 0)
    assert (sitk.GetArrayFromImage(sitk.ReadImage(more)) == 2).all()
    assert counts["rows"] == ["bright"]
    assert counts["columns"] == [{"name": "Voxels", "unit": "", "values": [96.0]}]
    with Path(counts["path"]).open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file)) == [["Segment", "Voxels"], ["bright", "96"]]
    beside = json.loads(Path(counts["path"]).with_suffix(".json").read_text())
    assert beside["provenance"]["plugin"] == "count"
