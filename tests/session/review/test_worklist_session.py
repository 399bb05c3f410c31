"""A task list without a window: a case is opened, decided, saved and written down."""

from __future__ import annotations

from pathlib import Path

import SimpleITK as sitk

from viewer.cli.headless_session import HeadlessStage
from viewer.io.reports.audit_log import entries
from viewer.io.reports.worklist_file import open_worklist
from viewer.session.review.worklist_session import WorklistSession


def test_a_script_works_through_a_list(tmp_path: Path) -> None:
    sitk.WriteImage(sitk.Image(10, 8, 6, sitk.sitkInt16), str(tmp_path / "image.nii.gz"))
    table = tmp_path / "cases.csv"
    table.write_text("case,image\nfirst,image.nii.gz\n")
    with HeadlessStage() as stage:
        reading = WorklistSession(stage.session)
        reading.open(table)
        stage.until(lambda: reading.worklist is not None)
        assert reading.worklist is not None
        reading.go(1)
        stage.until(lambda: reading.layer is not None)
        reading.decide("rejected")
        stage.until(lambda: reading.case is not None and reading.case.state == "rejected")
        trail = entries(reading.worklist.output / "audit.jsonl")
        assert [(entry.what, entry.facts) for entry in trail] == [
            ("case", {"case": "first", "state": "in progress"}),
            ("case", {"case": "first", "state": "rejected"}),
        ]
        reading.end()
    assert [case.state for case in open_worklist(table).cases] == ["rejected"]
