"""Lesion measurement: from a mask to findings, in a session and on the command line."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from main import main
from plugins.diagnose_lesions import CODES, diagnose_lesions
from tests.fixtures.phantom import phantom
from viewer.api import UNMEASURED, Findings, Job, Refusal, Segment, Segmentation, Volume, statement
from viewer.cli.headless_session import HeadlessStage, finish
from viewer.data.provenance import Provenance
from viewer.plugin.execute import execute
from viewer.scene.edits import AddLayer
from viewer.scene.layer import volume_layer
from viewer.session.review.finding_review import changed_regions, segment_layer

IMAGE = phantom((8, 20, 24))  # oblique, 1.5 × 1 × 1 mm
DATA = os.environ.get("TOMOLENS_DATA", "")


def mask_of(image: Volume, *blocks: tuple[slice, slice, slice]) -> Segmentation:
    labels = np.zeros(image.grid.shape, np.uint8)
    for block in blocks:
        labels[block] = 1
    return Segmentation(labels, image.grid, (Segment(1, "lesions"),), source=image.source)


LARGE, SMALL = (slice(1, 4), slice(2, 6), slice(2, 8)), (slice(5, 6), slice(10, 13), slice(10, 13))
MASK = mask_of(IMAGE, LARGE, SMALL)


def run(mask: Segmentation = MASK, image: Volume = IMAGE, **settings: Any) -> tuple[Findings, Segmentation | None]:
    return diagnose_lesions(image, mask, Job(), **settings)


def test_every_lesion_is_a_finding_with_its_size_and_its_segment() -> None:
    found, lesions = run(kind="multiple sclerosis plaque")
    assert lesions is not None
    assert [one.tracking_id for one in found.findings] == ["Lesion 1", "Lesion 2"]
    assert np.array_equal(lesions.array > 0, MASK.array > 0)
    first = found.findings[0]
    assert first.statement == statement("ms-plaque")
    assert first.probability is None
    assert "calibrated" in found.checks[0].sentence
    figures = {one.unit: one.value for one in first.measurements}
    assert figures["ml"] == pytest.approx(3 * 4 * 6 * 1.5 / 1000)
    assert 5 < figures["mm"] <= np.linalg.norm([3 * 1.5, 4, 6])
    assert IMAGE.grid.nearest(first.point) is not None
    assert lesions.array[IMAGE.grid.nearest(first.point)] == 1  # the point lies in it
    assert first.segment is not None
    assert first.segment.key == (0, 1)


def test_lesions_below_the_smallest_volume_are_left_out() -> None:
    assert len(run(smallest=13.5)[0].findings) == 2  # 9 voxels of 1.5 mm³
    assert len(run(smallest=13.6)[0].findings) == 1
    found, lesions = run(smallest=1000.0)
    assert (found.findings, lesions) == ((), None)


def test_too_many_lesions_are_refused_in_a_sentence() -> None:
    image = phantom((20, 36, 40))
    labels = np.zeros(image.grid.shape, np.uint8)
    labels[::2, ::2, ::2] = 1
    with pytest.raises(Refusal, match="there are 3,600 lesions; more than 2,000"):
        run(Segmentation(labels, image.grid, (Segment(1, "dust"),)), image, smallest=0.0)


def test_another_grid_is_refused_and_no_pixel_size_is_no_measurement() -> None:
    with pytest.raises(Refusal, match="grid"):
        run(image=phantom((8, 20, 25)))
    found, lesions = run(image=replace(IMAGE, badges=(UNMEASURED,)))
    assert lesions is None
    assert found.refusal is not None
    assert found.refusal.sentence.count(".") == 1
    assert found.findings == ()


def test_every_kind_is_a_term() -> None:
    assert [statement(code).english.lower() for code in CODES.values()] == list(CODES)


def test_findings_of_a_mask_that_a_model_made_are_marked_as_such() -> None:
    learned = replace(MASK, provenance=Provenance("segment_x", "1", "0", learned=True))
    for mask, expected in ((MASK, False), (learned, True)):
        result = execute(Job(), "diagnose_lesions", {"image": IMAGE, "mask": mask}, {})
        (algorithm,) = {one.algorithm for one in result.outputs["findings"].findings}
        assert (algorithm.name, algorithm.version, algorithm.learned) == ("diagnose_lesions", "1.0", expected)


@pytest.fixture
def stage() -> Iterator[HeadlessStage]:
    with HeadlessStage() as stage:
        yield stage


def test_a_run_in_a_session_is_one_step_and_waits_for_review(stage: HeadlessStage) -> None:
    session = stage.session
    image = volume_layer((IMAGE,))
    session.history.do(AddLayer(image))
    finish(stage, session.runs.run_plugin("diagnose_lesions", {"image": image.id, "mask": MASK}, {}))
    listed = tuple(session.document.findings)
    assert [(one.image, one.state, one.mark, one.title) for one in listed] == [
        (image.id, "unreviewed", "processed, not reviewed", "Lesion measurement")
    ] * 2
    layer = segment_layer(session.document, listed[0])
    assert layer is not None
    assert layer.review == "unreviewed"
    assert changed_regions(layer, listed) == frozenset()
    for entry in listed:
        session.review.findings.accept(entry)
    assert layer.review == "accepted"
    for _ in range(3):
        session.history.undo()
    assert not len(session.document.findings)
    assert not session.document.segmentation_layers


def test_a_refusal_is_listed_and_an_empty_mask_is_said(stage: HeadlessStage) -> None:
    session = stage.session
    image = volume_layer((replace(IMAGE, badges=(UNMEASURED,)),))
    session.history.do(AddLayer(image))
    finish(stage, session.runs.run_plugin("diagnose_lesions", {"image": image.id, "mask": MASK}, {}))
    (entry,) = session.document.findings
    assert (entry.state, entry.name) == ("refused", "Lesion measurement: refused")
    plain = volume_layer((IMAGE,))
    session.history.do(AddLayer(plain))
    empty = mask_of(IMAGE)
    task = session.runs.run_plugin("diagnose_lesions", {"image": plain.id, "mask": empty}, {})
    stage.until(lambda: not task.running)
    assert "found nothing" in task.error


def test_the_reading_order_is_kept_with_the_findings(stage: HeadlessStage) -> None:
    session = stage.session
    image = volume_layer((IMAGE,))
    session.history.do(AddLayer(image))
    session.runs.reading = "after own look"
    finish(stage, session.runs.run_plugin("diagnose_lesions", {"image": image.id, "mask": MASK}, {}))
    assert {one.reading for one in session.document.findings} == {"after own look"}
    assert not session.state.show_ai


def written(tmp_path: Path, image: np.ndarray, mask: np.ndarray) -> list[str]:
    for name, values in (("image", image), ("mask", mask)):
        picture = sitk.GetImageFromArray(values)
        picture.SetSpacing((1.0, 1.0, 1.5))
        sitk.WriteImage(picture, str(tmp_path / f"{name}.nii.gz"))
    inputs = [f"--input={name}={tmp_path / f'{name}.nii.gz'}" for name in ("image", "mask")]
    return ["run", "diagnose_lesions", *inputs, "--out", str(tmp_path / "out"), "--json"]


def test_the_command_line_prints_findings_without_a_window(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(written(tmp_path, IMAGE.array, MASK.array)) == 0
    told = json.loads(capsys.readouterr().out)
    by_name = {one["name"]: one for one in told["outputs"]}
    assert by_name["findings"]["type"] == "findings"
    listed = by_name["findings"]["findings"]
    assert listed == json.loads(Path(by_name["findings"]["path"]).read_text(encoding="utf-8"))
    assert "病灶" in Path(by_name["findings"]["path"]).read_text(encoding="utf-8")
    wanted = {"statement", "code", "probability", "interval", "refused", "heat_map"}  # of the fixed contract
    assert all(wanted <= entry.keys() for entry in listed)
    assert [entry["refused"] for entry in listed] == [None, None]
    assert listed[0]["algorithm"]["name"] == "diagnose_lesions"
    assert listed[0]["state"] == "unreviewed"
    assert Path(by_name["lesions"]["path"]).exists()


def test_a_refused_input_is_an_entry_that_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A picture has no size in mm."""
    for name, value in (("image", 0), ("mask", 1)):
        sitk.WriteImage(sitk.GetImageFromArray(np.full((20, 24), value, np.uint8)), str(tmp_path / f"{name}.png"))
    inputs = [f"--input={name}={tmp_path / f'{name}.png'}" for name in ("image", "mask")]
    assert main(["run", "diagnose_lesions", *inputs, "--out", str(tmp_path / "out"), "--json"]) == 0
    (output,) = json.loads(capsys.readouterr().out)["outputs"]
    (entry,) = output["findings"]
    assert entry["refused"] == "The size of a pixel is not known: lesions cannot be measured."
    assert [entry[name] for name in ("statement", "probability", "heat_map")] == [None] * 3


@pytest.mark.skipif(not DATA, reason="TOMOLENS_DATA names no folder of real images")
def test_a_real_mask(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path(DATA) / "nifti" / "brain-ms-p07-mni"
    inputs = [f"--input=image={folder / 'FLAIR.nii.gz'}", f"--input=mask={folder / 'lesion_consensus.nii.gz'}"]
    assert main(["run", "diagnose_lesions", *inputs, "--out", str(tmp_path / "out"), "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["outputs"][0]["findings"]
    mask = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "lesion_consensus.nii.gz"))) > 0
    volumes = [entry["measurements"][0]["value"] for entry in listed]
    assert volumes == sorted(volumes, reverse=True)
    assert 0.9 * mask.sum() / 1000 < sum(volumes) <= mask.sum() / 1000 + 1e-9
    assert min(volumes) >= 0.01
