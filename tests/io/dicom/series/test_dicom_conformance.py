"""Studies drawn at random come back whole: nothing lost, nothing merged, nothing unsaid."""

from __future__ import annotations

from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fixtures.dicom_draw import draw_study
from tests.fixtures.dicom_forms import write_study
from tests.fixtures.dicom_indexed import index
from tests.fixtures.dicom_verdict import Verdict, judge
from viewer.io.dicom.headers.scan import scan_file


def verdict_of(random: Random) -> tuple[list[str], Verdict]:
    """The form and the faults of a drawn study, and what is wrong with the images made of it."""
    study = draw_study(random)
    with TemporaryDirectory() as folder:
        write_study(study, Path(folder), random)
        headers = [scan_file(str(path)) for path in study.paths]
        images = [image for images in index(headers).values() for image in images]
        return [study.form, *study.faults], judge(study, images)


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(random=st.randoms(use_true_random=False))
def test_nothing_is_lost_merged_misplaced_or_unsaid(random: Random) -> None:
    faults, verdict = verdict_of(random)
    assert not verdict.faults, (faults, verdict)
