from __future__ import annotations

import pytest

from viewer.data.annotations.finding import Finding, FindingAlgorithm, Measurement, Probability
from viewer.data.grid import Grid
from viewer.data.terminology import statement
from viewer.scene.findings.finding_list import FindingEntry
from viewer.ui.findings.finding_text import (
    algorithm_text,
    certainty_text,
    figure_lines,
    place_text,
    probability_text,
    state_text,
    tip_text,
)

LESION = statement("52988006")
MODEL = FindingAlgorithm("diagnose_x", "1.0", "c" * 64, learned=True)


@pytest.mark.parametrize(
    ("point", "words"),
    [
        ((28.0, 23.0, 46.0), "L 28.0, P 23.0, H 46.0 mm"),
        ((-28.0, -23.04, -46.0), "R 28.0, A 23.0, F 46.0 mm"),
        (None, "of the whole image"),
    ],
)
def test_sides_are_those_of_the_patient_and_none_where_no_side_is_known(point, words):
    """x to the left, y to the back, z to the head, however the voxels run."""
    grid = Grid.of((4, 5, 6), direction=[[-1, 0, 0], [0, -1, 0], [0, 0, 1]])
    assert place_text(point, grid) == words
    if point is not None:
        assert place_text(point, Grid.of((4, 5, 6), placed=False)) == "not placed in the patient"


def test_how_sure_is_said_with_its_interval_and_operating_point():
    told = Probability(0.82, (0.74, 0.88), 0.5)
    assert probability_text(told) == "82 % (74–88 %)"
    assert certainty_text(Finding(LESION, told)) == "Probability 82 % (74–88 %); called positive from 50 % on."
    assert certainty_text(Finding(LESION, algorithm=MODEL)) == "No probability was calibrated."
    assert certainty_text(Finding(LESION, state="manual")) == "No probability: a person found it."


def test_who_made_it_and_what_became_of_it():
    made = Finding(LESION, algorithm=MODEL)
    assert algorithm_text(made) == "diagnose_x 1.0, weights cccccccccccc…"
    assert algorithm_text(Finding(LESION, state="manual", reader="MK")) == "added by MK"
    entry = FindingEntry("image", made)
    assert state_text(entry, stale=False) == "AI, not reviewed"
    assert state_text(entry, stale=True) == "region changed since"
    rejected = FindingEntry("image", Finding(LESION, state="rejected", reason="artefact", algorithm=MODEL))
    assert state_text(rejected, stale=False) == "rejected"
    assert "Rejected: artefact" in tip_text(rejected)


def test_figures_have_their_units():
    figures = (
        Measurement(("SCT", "118565006", "Volume"), 0.21, "ml"),
        Measurement(("IBSI", "L0JK", "Maximum 3D Diameter of a Mesh"), 11.045, "mm"),
        Measurement(("DCM", "1", "Ratio"), 2.0, "1"),
    )
    found = figure_lines(Finding(LESION, measurements=figures))
    assert found == [("volume", "0.21 ml"), ("longest diameter", "11.04 mm"), ("ratio", "2")]
