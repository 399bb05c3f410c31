from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewer.data.annotations.finding import (
    Finding,
    FindingAlgorithm,
    Findings,
    InputCheck,
    InputRefusal,
    Measurement,
    Probability,
    SegmentRegion,
    Statement,
    finding_json,
    new_uid,
)
from viewer.data.annotations.packed_mask import mask_checksum
from viewer.data.annotations.region import Region
from viewer.data.provenance import Provenance
from viewer.data.terminology import statement, statements
from viewer.scene.journal.serialization import from_json

LESION = statement("52988006")
VOLUME = ("SCT", "118565006", "Volume")
MODEL = FindingAlgorithm("diagnose_x", "1.0", "a" * 64, learned=True)
CHECKS = (InputCheck("modality", "passed", "The image is MR."), InputCheck("contrast agent", "unknown", "Not told."))

shares = st.floats(0, 1)
numbers = st.floats(-1e4, 1e4)
points = st.tuples(numbers, numbers, numbers)
figures = st.builds(Measurement, st.just(VOLUME), numbers, st.sampled_from(["ml", "mm", "1", "mm3"]))
probabilities = st.tuples(shares, shares, shares, st.none() | shares).map(
    lambda t: Probability(sorted(t[:3])[1], (min(t[:3]), max(t[:3])), t[3])
)
boxes = points.map(lambda centre: Region("box", centre, (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (3.0, 4.0), 2.0))
findings = st.builds(
    Finding,
    st.sampled_from(statements()),
    st.none() | probabilities,
    st.none() | points,
    st.none() | boxes,
    segment=st.none()
    | st.builds(SegmentRegion, st.text(), st.tuples(st.integers(0, 3), st.integers(1, 99)), st.integers(0)),
    heat_map=st.sampled_from(["", "heat_map"]),
    measurements=st.lists(figures, max_size=3).map(tuple),
    tracking_id=st.text(),
    algorithm=st.just(MODEL),
    checks=st.just(CHECKS),
)


@given(findings)
def test_a_finding_comes_back_from_json_as_it_was(finding: Finding) -> None:
    assert from_json(Finding, json.loads(json.dumps(asdict(finding)))) == finding


@given(findings)
def test_what_is_printed_of_a_finding_is_json_and_says_that_it_was_not_refused(finding: Finding) -> None:
    told = json.loads(json.dumps(finding_json(finding), allow_nan=False))
    assert told["refused"] is None
    assert told["code"]["value"] == finding.statement.code[1]
    assert (told["probability"] is None) == (finding.probability is None)
    assert told["state"] == "unreviewed"


def test_of_a_refused_input_nothing_is_printed_but_why() -> None:
    told = finding_json(InputRefusal("The image is a CT, not an MR.", CHECKS))
    assert told["refused"] == "The image is a CT, not an MR."
    assert [told[name] for name in ("statement", "code", "probability", "interval", "heat_map")] == [None] * 5
    assert [check["outcome"] for check in told["checks"]] == ["passed", "unknown"]


@given(st.floats().filter(lambda value: not 0 <= value <= 1))
def test_what_is_no_probability_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Probability(value)
    with pytest.raises(ValueError, match="between 0 and 1"):
        Probability(0.5, operating_point=value)


@given(shares, shares, shares)
def test_an_interval_holds_its_probability(value: float, low: float, high: float) -> None:
    if low <= value <= high:
        assert Probability(value, (low, high)).interval == (low, high)
    else:
        with pytest.raises(ValueError, match="outside of its interval"):
            Probability(value, (low, high))


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"state": "rejected"}, "rejected with a reason"),
        ({"state": "accepted", "reason": "artefact"}, "rejected with a reason"),
        ({"state": "manual", "probability": Probability(0.5)}, "no probability"),
        ({"state": "manual", "algorithm": MODEL}, "no algorithm"),
        ({"state": "manual", "heat_map": "map"}, "no heat map"),
        ({"tracking_uid": "1.2.03"}, "no DICOM UID"),
        ({"tracking_uid": "1." + "2" * 63}, "no DICOM UID"),
        ({"point": (0.0, float("nan"), 0.0)}, "not a number"),
    ],
)
def test_what_contradicts_itself_is_refused_in_one_sentence(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as refused:
        Finding(LESION, **fields)
    assert str(refused.value).count(".") == 1


def test_parts_of_a_finding_are_checked() -> None:
    with pytest.raises(ValueError, match="English and Chinese"):
        Statement(("SCT", "1", "Lesion"), "")
    with pytest.raises(ValueError, match="not a number"):
        Measurement(VOLUME, float("inf"), "ml")
    with pytest.raises(ValueError, match="UCUM"):
        Measurement(VOLUME, 1.0, "")
    with pytest.raises(ValueError, match="hexadecimal"):
        FindingAlgorithm("x", "1", "abc")
    with pytest.raises(ValueError, match="why"):
        InputRefusal("")
    with pytest.raises(ValueError, match="no findings"):
        Findings((Finding(LESION),), refusal=InputRefusal("No."))


def test_a_run_signs_what_it_found_and_it_waits_for_review() -> None:
    run = Provenance("diagnose_x", "1.0", "0.1", model_sha256="a" * 64, learned=True)
    found = Findings((Finding(LESION, state="accepted"),), CHECKS).made_by(run)
    assert (found.findings[0].algorithm, found.findings[0].checks) == (MODEL, CHECKS)
    assert found.findings[0].state == "unreviewed"
    assert (found.entries, found.provenance) == (found.findings, run)
    refused = Findings(checks=CHECKS, refusal=InputRefusal("No."))
    assert refused.made_by(run).refusal == InputRefusal("No.", CHECKS, MODEL)


def test_what_is_least_sure_is_reviewed_first_and_what_was_reviewed_last() -> None:
    sure, unsure, done = (Finding(LESION, Probability(value, operating_point=0.3)) for value in (0.9, 0.35, 0.31))
    done = replace(done, state="accepted")
    assert sorted([done, sure, unsure], key=lambda one: one.review_rank) == [unsure, sure, done]


def test_uids_are_valid_and_differ() -> None:
    assert len({new_uid() for _ in range(100)}) == 100
    Finding(LESION, tracking_uid=new_uid())


def test_every_statement_has_both_languages_and_its_own_code() -> None:
    assert len({one.code[:2] for one in statements()}) == len(statements())
    assert all(ord(one.chinese[0]) > 0x2E80 and one.english.isascii() for one in statements())
    with pytest.raises(KeyError):
        statement("0")


@given(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3))
def test_a_checksum_tells_every_change_and_every_move(k: int, j: int, i: int) -> None:
    mask = np.zeros((4, 4, 4), np.bool_)
    mask[1:3, 1:3, 1] = True
    changed = mask.copy()
    changed[k, j, i] ^= True
    assert mask_checksum(changed) != mask_checksum(mask)
    assert mask_checksum(mask[1:], (1, 0, 0)) == mask_checksum(mask)
    assert mask_checksum(mask, (1, 0, 0)) != mask_checksum(mask)
