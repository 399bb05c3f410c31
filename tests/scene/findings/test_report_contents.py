"""What may be in a report: never what was rejected, of one patient and one image, signed by a named reader only."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.fixtures.finding_reports import BY_HAND, GRID, REFUSAL, REJECTED, SHAPE, UNREVIEWED, WITH_BOX, listed
from viewer.data.study import Source
from viewer.data.transform import ImageReference
from viewer.data.volume import Volume
from viewer.scene.document import Document
from viewer.scene.edits import AddLayer
from viewer.scene.findings.finding_list import FindingEntry
from viewer.scene.findings.finding_report import FindingReport, report_of, reported
from viewer.scene.history import History
from viewer.scene.layer import VolumeLayer, volume_layer

ONE, OTHER = Source("P-1", "One^A", study_uid="1.2"), Source("P-2", "Two^B", study_uid="1.3")
IMAGE = ImageReference(GRID, ONE)


def opened(document: Document, source: Source) -> VolumeLayer:
    layer = volume_layer((Volume(np.zeros(SHAPE, np.int16), GRID, source=source),))
    History(document).do(AddLayer(layer))
    return layer


def test_rejected_findings_are_left_out_and_refused() -> None:
    entries = listed(WITH_BOX, REJECTED, UNREVIEWED, BY_HAND)
    assert [one.finding for one in reported(entries, unreviewed=False)] == [WITH_BOX, BY_HAND]
    assert [one.finding for one in reported(entries, unreviewed=True)] == [WITH_BOX, UNREVIEWED, BY_HAND]
    with pytest.raises(ValueError, match="was rejected"):
        FindingReport(IMAGE, "CT", entries)


def test_nobody_signs_without_a_name() -> None:
    for reader in ("", "   "):
        with pytest.raises(ValueError, match="signed by a named reader"):
            FindingReport(IMAGE, "CT", listed(WITH_BOX), reader, signed=True)
    assert FindingReport(IMAGE, "CT", listed(WITH_BOX), "AB", signed=True).signed


def test_nothing_that_nobody_reviewed_is_signed() -> None:
    with pytest.raises(ValueError, match="new one is not reviewed"):
        FindingReport(IMAGE, "CT", listed(WITH_BOX, UNREVIEWED), "AB", signed=True)
    assert len(FindingReport(IMAGE, "CT", listed(WITH_BOX, UNREVIEWED), "AB").findings) == 2


def test_a_refusal_is_reported_but_is_no_finding() -> None:
    report = FindingReport(IMAGE, "CT", (FindingEntry("image", refusal=REFUSAL, title="Model"), *listed(BY_HAND)))
    assert report.findings == (BY_HAND,)


def test_findings_of_two_patients_are_never_in_one_report() -> None:
    document = Document()
    one, other = opened(document, ONE), opened(document, OTHER)
    entries = (*listed(WITH_BOX, image=one.id), *listed(BY_HAND, image=other.id))
    with pytest.raises(ValueError, match="two patients"):
        report_of(document, entries)
    assert report_of(document, entries[:1]).image.source.patient_id == "P-1"


def test_findings_of_several_images_or_of_none_are_refused() -> None:
    document = Document()
    one, again = opened(document, ONE), opened(document, replace(ONE, series_uid="1.2.7"))
    with pytest.raises(ValueError, match="several images"):
        report_of(document, (*listed(WITH_BOX, image=one.id), *listed(BY_HAND, image=again.id)))
    with pytest.raises(ValueError, match="not open"):
        report_of(document, listed(WITH_BOX, image="gone"))
    for entries in ((), listed(UNREVIEWED, image=one.id)):
        with pytest.raises(ValueError, match="nothing to report"):
            report_of(document, entries)
    assert report_of(document, listed(UNREVIEWED, image=one.id), unreviewed=True).findings == (UNREVIEWED,)
