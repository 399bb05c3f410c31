"""Findings reviewed one by one, without a window: each verdict is a step, a line of the trail, and comes back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from viewer.cli.headless_session import HeadlessStage, finish
from viewer.data.annotations.finding import Finding, FindingAlgorithm, Probability, SegmentRegion
from viewer.data.annotations.packed_mask import mask_checksum
from viewer.data.segmentation import Segment, Segmentation
from viewer.data.terminology import statement
from viewer.io.reports.audit_log import check, entries
from viewer.scene.edits import AddLayer, CompositeEdit
from viewer.scene.findings.edits import add_findings
from viewer.scene.findings.finding_list import FindingEntry
from viewer.scene.history import History
from viewer.scene.segmentation.given_labels import GivenLabels
from viewer.scene.segmentation_layer import SegmentationLayer, segmentation_layer
from viewer.session.review.finding_review import changed_regions, segment_layer
from viewer.session.session import Session

SHAPE = (6, 16, 20)
MODEL = FindingAlgorithm("diagnose_x", "1.0", "b" * 64, learned=True)
LESION, PLAQUE = statement("52988006"), statement("ms-plaque")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[HeadlessStage]:
    with HeadlessStage() as stage:
        image = sitk.GetImageFromArray(np.zeros(SHAPE, np.int16))
        image.SetSpacing((1.0, 1.2, 3.0))
        path = tmp_path / "scans" / "flair.nii.gz"
        path.parent.mkdir()
        sitk.WriteImage(image, str(path))
        finish(stage, stage.session.studies.open([path]))
        (found,) = [image for images in stage.session.studies.images.values() for image in images]
        finish(stage, stage.session.studies.load(found))
        _found(stage.session)
        yield stage


def _found(session: Session) -> None:
    """What a run leaves: two lesions as segments that wait for review, and a finding for each."""
    (image,) = session.document.volume_layers
    labels = np.zeros(SHAPE, np.uint8)
    labels[1:3, 2:4, 2:5], labels[4, 10, 10] = 1, 2
    segments = tuple(Segment(n, f"Lesion {n}", review="unreviewed", algorithm="AUTOMATIC") for n in (1, 2))
    made = segmentation_layer(Segmentation(labels, image.grid, segments, "lesions"), image)
    made.review, made.given = "unreviewed", GivenLabels.of(made.segmentation)
    session.journal.store([made])
    findings = [
        Finding(
            LESION,
            Probability(0.9 - n / 5, (0.1, 0.95)),
            (1.0, 2.0, 3.0),
            segment=SegmentRegion(made.id, (0, n), mask_checksum(labels == n)),
            tracking_id=f"Lesion {n}",
            algorithm=MODEL,
        )
        for n in (1, 2)
    ]
    listed = [FindingEntry(image.id, one, run="r", title="Lesions") for one in findings]
    session.history.do(CompositeEdit("Lesions", (AddLayer(made), add_findings(session.document, "Add", listed))))


def labels_of(session: Session) -> SegmentationLayer:
    (layer,) = session.document.segmentation_layers
    return layer


def first(session: Session) -> FindingEntry:
    return next(iter(session.document.findings))


def states(session: Session) -> list[str]:
    return [one.state for one in session.document.findings]


def test_accepting_accepts_the_segment_too_in_one_step(stage: HeadlessStage) -> None:
    session = stage.session
    session.review.findings.accept(first(session))
    assert states(session) == ["accepted", "unreviewed"]
    assert [one.review for one in labels_of(session).segmentation.segments] == ["accepted", "unreviewed"]
    assert first(session).finding.reader == session.review.trail.reader
    session.history.undo()
    assert states(session) == ["unreviewed", "unreviewed"]
    assert [one.review for one in labels_of(session).segmentation.segments] == ["unreviewed", "unreviewed"]
    assert session.history.redo_labels == ("Accept Lesion 1",)


def test_a_rejection_needs_a_reason_takes_the_voxels_and_can_be_undone(stage: HeadlessStage) -> None:
    session = stage.session
    before = labels_of(session).segmentation.array.copy()
    with pytest.raises(ValueError, match="with a reason"):
        session.review.findings.reject(first(session), "  ")
    assert states(session) == ["unreviewed", "unreviewed"]
    session.review.findings.reject(first(session), "flow artefact")
    assert first(session).finding.reason == "flow artefact"
    assert not (labels_of(session).segmentation.array == 1).any()
    session.history.undo()
    assert states(session) == ["unreviewed", "unreviewed"]
    assert np.array_equal(labels_of(session).segmentation.array, before)


def test_a_locked_segment_keeps_its_finding(stage: HeadlessStage) -> None:
    session = stage.session
    labels_of(session).locked = frozenset({(0, 1)})
    with pytest.raises(ValueError, match="locked"):
        session.review.findings.reject(first(session), "artefact")
    assert states(session) == ["unreviewed", "unreviewed"]


def test_what_is_said_otherwise_loses_the_probability_of_what_was_said(stage: HeadlessStage) -> None:
    session = stage.session
    session.review.findings.restate(first(session), PLAQUE)
    finding = first(session).finding
    assert (finding.state, finding.statement, finding.probability) == ("edited", PLAQUE, None)
    steps = len(session.history.undo_labels)
    session.review.findings.restate(first(session), PLAQUE)
    assert len(session.history.undo_labels) == steps


def test_a_changed_region_is_noticed_and_measured_again(stage: HeadlessStage) -> None:
    session = stage.session
    layer, listed = labels_of(session), tuple(session.document.findings)
    assert changed_regions(layer, listed) == frozenset()
    mask = np.ones((1, 2, 2), bool)
    session.segments.apply_mask(layer, (0, 1), mask, (slice(4, 5), slice(2, 4), slice(2, 4)), "Paint")
    assert changed_regions(layer, listed) == {first(session).id}
    finish(stage, session.review.findings.measure_again(first(session)))
    finding = first(session).finding
    assert (finding.state, finding.reader) == ("edited", session.review.trail.reader)
    assert finding.measurements[0].value == pytest.approx((12 + 4) * 3.6 / 1000)
    assert changed_regions(layer, tuple(session.document.findings)) == frozenset()
    session.history.undo()
    assert first(session) == listed[0]


def test_a_region_without_voxels_is_not_measured(stage: HeadlessStage) -> None:
    session = stage.session
    session.review.structures.reject(labels_of(session), (0, 1))
    task = session.review.findings.measure_again(first(session))
    stage.until(lambda: not task.running)
    assert "has no voxels any more" in task.error
    assert changed_regions(labels_of(session), tuple(session.document.findings)) == {first(session).id}


def test_a_person_adds_a_finding_where_the_image_says_it_is(stage: HeadlessStage) -> None:
    session = stage.session
    (image,) = session.document.volume_layers
    for _ in range(2):
        entry = session.review.findings.add(image, (5.0, 6.0, 7.0), PLAQUE)
    assert entry.finding.point == (5.0, 6.0, 7.0)
    assert (entry.state, entry.run, entry.name) == ("manual", "", "Multiple sclerosis plaque 2")
    session.review.findings.restate(entry, LESION)
    assert session.document.findings.find(entry.id).state == "manual"


def test_removing_a_run_leaves_what_persons_found(stage: HeadlessStage) -> None:
    session = stage.session
    (image,) = session.document.volume_layers
    session.review.findings.add(image, (5.0, 6.0, 7.0), PLAQUE)
    session.review.findings.remove_run("r")
    assert states(session) == ["manual"]
    session.history.undo()
    assert states(session) == ["unreviewed", "unreviewed", "manual"]
    session.review.findings.remove_run("")
    session.review.findings.remove(first(session))
    assert states(session) == ["unreviewed", "manual"]


def test_nothing_accepts_several_at_once() -> None:
    """No verb takes more than one finding, but the one that removes a run."""
    from viewer.session.review.finding_review import FindingReview

    verbs = {name for name in vars(FindingReview) if not name.startswith("_")}
    fields = {"history", "background", "tasks", "trail"}
    assert verbs - fields == {"accept", "reject", "restate", "add", "remove", "remove_run", "measure_again"}


def test_every_verdict_is_in_the_audit_trail(stage: HeadlessStage) -> None:
    session = stage.session
    session.review.findings.reject(first(session), "flow artefact")
    session.history.undo()
    session.review.findings.remove_run("r")
    told = [entry.facts for entry in entries(session.review.trail.path) if entry.what.startswith("finding")]
    assert told[0] == {"made_by": "Lesions", "count": 2, "verdict": "unreviewed"}
    assert told[1]["verdict"] == "rejected"
    assert told[1]["reason"] == "flow artefact"
    assert told[1]["made_by"] == "diagnose_x 1.0"
    assert told[2]["verdict"] == "unreviewed"
    assert told[3] == {"made_by": "Lesions", "count": 2, "verdict": "removed"}
    assert check(session.review.trail.path) == ""


def test_a_killed_session_brings_every_verdict_back(stage: HeadlessStage) -> None:
    session = stage.session
    findings = session.review.findings
    findings.accept(first(session))
    findings.reject(tuple(session.document.findings)[1], "artefact")
    (image,) = session.document.volume_layers
    findings.add(image, (5.0, 6.0, 7.0), PLAQUE)
    findings.add(image, (1.0, 6.0, 7.0), PLAQUE)
    session.history.undo()
    listed = tuple(session.document.findings)
    session.journal._keeper._journal.abandon()
    with HeadlessStage() as later:
        (recovery,) = later.session.recovery.unfinished()
        finish(later, later.session.recovery.recover(recovery))
        again = later.session
        assert tuple(again.document.findings) == listed
        assert states(again) == ["accepted", "rejected", "manual"]
        assert segment_layer(again.document, first(again)) is labels_of(again)
        assert changed_regions(labels_of(again), listed[:1]) == frozenset()
        again.history.undo()
        again.history.undo()
        assert states(again) == ["accepted", "unreviewed"]


def test_a_project_keeps_them_and_an_older_one_opens_without(stage: HeadlessStage, tmp_path: Path) -> None:
    session = stage.session
    session.review.findings.accept(first(session))
    listed = tuple(session.document.findings)
    assert session.document.findings.unsaved
    finish(stage, session.projects.save(tmp_path / "case.tomolens"))
    assert not session.document.findings.unsaved
    session.clear()
    assert not len(session.document.findings)
    for _ in range(2):  # the second time in the place of itself
        finish(stage, session.projects.open(tmp_path / "case.tomolens"))
        assert tuple(session.document.findings) == listed
        assert not session.document.findings.unsaved
    session.history.undo()
    assert tuple(session.document.findings) == listed


def test_opening_a_project_over_itself_is_undone_from_the_journal_too(stage: HeadlessStage, tmp_path: Path) -> None:
    session = stage.session
    finish(stage, session.projects.save(tmp_path / "case.tomolens"))
    finish(stage, session.projects.open(tmp_path / "case.tomolens"))
    listed = tuple(session.document.findings)
    session.journal._keeper._journal.abandon()
    with HeadlessStage() as later:
        (recovery,) = later.session.recovery.unfinished()
        finish(later, later.session.recovery.recover(recovery))
        assert tuple(later.session.document.findings) == listed
        later.session.history.undo()
        assert tuple(later.session.document.findings) == listed


def test_undo_of_a_run_takes_findings_and_regions_together(stage: HeadlessStage) -> None:
    session = stage.session
    session.history.undo()
    assert not len(session.document.findings)
    assert not session.document.segmentation_layers
    session.history.redo()
    assert states(session) == ["unreviewed", "unreviewed"]
    assert isinstance(session.history, History)
    assert replace(first(session), title="x") != first(session)
