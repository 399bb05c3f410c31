"""A task list of a model's segmentations: by doubt, and with the Dice of what was given against what was accepted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from viewer.cli.headless_session import HeadlessStage, finish
from viewer.data.annotations.doubt import Doubt, DoubtFlag
from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.io.reports.audit_log import entries
from viewer.io.reports.worklist_file import open_worklist
from viewer.io.segmentations.segmentation_file import read_segmentation, save_segmentation
from viewer.session.review.worklist_session import WorklistSession

SHAPE = (6, 8, 10)
FLAG = DoubtFlag("islands", "12% of it lies in 3 parts apart from the largest.")
DICES = {"first": (0.9, 0.8), "second": (0.7, 0.2), "third": None}
PLUGIN = '''
"""Slab: labels a slab."""
import numpy as np
from viewer.api import Job, Segment, Segmentation, Volume, plugin, with_doubts


@plugin("Slab", group="Test")
def slab(image: Volume, job: Job) -> Segmentation:
    """Label a slab."""
    labels = np.zeros(image.grid.shape, np.uint8)
    labels[2:4] = 1
    return with_doubts(Segmentation(labels, image.grid, (Segment(1, "slab"),)), [labels])
'''


def given(dices: tuple[float, ...]) -> Segmentation:
    labels = np.zeros(SHAPE, np.uint8)
    labels[1:3, 2:6, 2:6], labels[4:6, 2:6, 2:6] = 1, 2
    segments = tuple(
        Segment(n, f"part {n}", review="unreviewed", doubt=Doubt(dice, flags=(FLAG,)))
        for n, dice in enumerate(dices, 1)
    )
    return Segmentation(labels, Grid.of(SHAPE), segments, "parts")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Three cases: of the third no segmentation is given."""
    lines = ["case,image,segmentation"]
    for name, dices in DICES.items():
        sitk.WriteImage(sitk.Image(*SHAPE[::-1], sitk.sitkInt16), str(tmp_path / f"{name}.nii.gz"))
        if dices:
            save_segmentation(given(dices), tmp_path / f"{name}.seg.nrrd")
        lines.append(f"{name},{name}.nii.gz,{f'{name}.seg.nrrd' if dices else ''}")
    table = tmp_path / "cases.csv"
    table.write_text("\n".join(lines))
    return table


@pytest.fixture
def stage(home: Path) -> Iterator[HeadlessStage]:
    folder = home / "data" / "plugins"
    folder.mkdir(parents=True)
    (folder / "slab.py").write_text(PLUGIN)
    with HeadlessStage() as stage:
        yield stage


def opened(stage: HeadlessStage, table: Path) -> WorklistSession:
    reading = WorklistSession(stage.session)
    reading.open(table)
    stage.until(lambda: reading.worklist is not None)
    return reading


def shown(stage: HeadlessStage, reading: WorklistSession, case: str):
    reading.visit(case)
    stage.until(lambda: reading.case_id == case and reading.layer is not None)
    stage.until(lambda: reading.layer in tuple(stage.session.document))
    return reading.layer


def test_a_segmentation_file_keeps_doubts_and_verdicts(tmp_path: Path) -> None:
    values = given((0.9, 0.2))
    decided = replace(values.segments[0], review="corrected")
    values = replace(values, segments=(decided, values.segments[1], Segment(3, "drawn")))
    save_segmentation(values, tmp_path / "a.seg.nrrd")
    back = read_segmentation(tmp_path / "a.seg.nrrd").segments
    assert [(one.review, one.doubt) for one in back] == [(one.review, one.doubt) for one in values.segments]


def test_a_doubt_that_is_none_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.seg.nrrd"
    save_segmentation(given((0.9, 0.2)), path)
    data = path.read_bytes()
    path.write_bytes(data.replace(b'{"dice": 0.9', b'{"dice": 9.9').replace(b"unreviewed", b"unreviewes"))
    one, two = read_segmentation(path).segments
    assert (one.doubt, two.doubt.dice) == (None, 0.2)
    assert (one.review, two.review) == ("source", "source")


def test_the_most_doubtful_case_comes_first_before_any_is_opened(stage, table) -> None:
    reading = opened(stage, table)
    stage.until(lambda: [case.doubt for case in reading.worklist.cases] == [0.8, 0.2, None])
    assert reading.worklist.order == ("first", "second", "third")
    reading.sort_by_doubt(True)
    assert reading.worklist.order == ("second", "first", "third")
    assert reading.worklist.next(None, 1) == "second"
    assert reading.worklist.next("second", 1) == "first"
    reading.worklist.blinded = True
    assert {reading.worklist.name(case) for case in DICES} == {"Case 1", "Case 2", "Case 3"}
    assert reading.worklist.order == ("second", "first", "third")
    reading.end()


def test_what_was_given_is_kept_beside_what_was_accepted_with_their_dice(stage, table) -> None:
    session = stage.session
    reading = opened(stage, table)
    layer = shown(stage, reading, "first")
    came = layer.segmentation.array.copy()
    box = (slice(1, 2), slice(2, 6), slice(2, 6))
    session.segments.apply_mask(layer, (0, 1), np.ones((1, 4, 4), bool), box, "Cut", "remove")
    session.review.structures.accept(layer, (0, 1))
    session.review.structures.reject(layer, (0, 2))
    reading.decide("completed")
    stage.until(lambda: reading.case.state == "completed")
    half = 2 * 16 / (16 + 32)
    assert dict(reading.case.dices) == pytest.approx({"part 1": half, "part 2": 0.0})
    assert reading.case.dice == pytest.approx(half / 2)
    output = reading.worklist.output
    assert np.array_equal(read_segmentation(output / reading.case.given).array, came)
    accepted = read_segmentation(output / reading.case.saved)
    assert np.array_equal(accepted.array, layer.segmentation.array)
    assert [one.review for one in accepted.segments] == ["corrected", "rejected"]
    (last,) = [one for one in entries(output / "audit.jsonl") if one.facts.get("state") == "completed"]
    assert last.facts["dice"] == pytest.approx(half / 2, abs=1e-3)
    shown(stage, reading, "second")
    again = shown(stage, reading, "first")
    assert [one.review for one in again.segmentation.segments] == ["corrected", "rejected"]
    finish(stage, session.review.structures.restore(again, (0, 2)))
    assert np.array_equal(again.segmentation.array == 2, came == 2)
    reading.end()
    session.background.submit("worklist", lambda: None).result()
    kept = open_worklist(table).case("first")
    assert (dict(kept.dices), kept.doubt) == (pytest.approx({"part 1": half, "part 2": 0.0}), 0.8)


def test_a_models_result_in_an_empty_case_is_what_is_reviewed(stage, table) -> None:
    session = stage.session
    reading = opened(stage, table)
    own = shown(stage, reading, "third")
    (image,) = session.document.volume_layers
    finish(stage, session.runs.run_plugin("slab", {"image": image.id}, {}))
    assert reading.layer is not own
    result = reading.layer
    session.history.undo()
    assert reading.layer is own
    session.history.redo()
    assert reading.layer is result
    session.review.structures.accept(result, (0, 1))
    reading.decide("completed")
    stage.until(lambda: reading.case.state == "completed")
    assert reading.case.dices == (("slab", 1.0),)
    assert reading.case.doubt == 1.0
    reading.end()


def test_a_list_of_an_older_version_opens(table) -> None:
    output = table.parent / "tomolens-review-cases"
    output.mkdir()
    (output / "tasks.json").write_text(
        '{"version": 1, "seed": 1, "blinded": false, "cases": [{"id": "first", "image": "first.nii.gz", '
        '"segmentation": "first.seg.nrrd", "state": "flagged", "reader": "", "remark": "", "seconds": 3, '
        '"saved": "", "layer": ""}]}'
    )
    assert open_worklist(table).case("first").state == "flagged"
    damaged = (output / "tasks.json").read_text().replace('"layer": ""', '"layer": "", "dices": [["a", 7]]')
    (output / "tasks.json").write_text(damaged)
    with pytest.raises(ValueError, match="damaged"):
        open_worklist(table)
