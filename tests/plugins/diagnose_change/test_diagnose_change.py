"""Two studies of a phantom patient whose lesions grew, went and came, under a known shift of the head."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from viewer.api import Findings, Grid, Job, MeasurementTable, Refusal, Segment, Segmentation, Transform, Volume
from viewer.data.study import Source
from viewer.plugin.execute import execute

SHIFT = (7.0, -4.0, 3.0)  # LPS mm: where the head lies in the prior, beside the current
GRID = Grid.of((30, 60, 60), (2.0, 1.5, 1.5), (-40, -45, -30))
OBLIQUE = Grid.of((34, 50, 52), (2.5, 2.0, 2.0), (-52, -58, -44), [[1, 0, 0], [0, 0.98, -0.199], [0, 0.199, 0.98]])
# middle (LPS mm of the current study), radius before and now; 0 where there is none
LESIONS = (((18, 0, 0), 4.0, 4.0), ((-18, 5, 2), 3.5, 6.0), ((0, 22, 0), 5.0, 0.0), ((0, -20, 6), 0.0, 4.5))
PATIENT = Source(patient_id="1", patient_name="A", modality="MR", study_date="20240101", series_uid="1.2.1", dicom=True)


def study(grid: Grid, shift: tuple[float, float, float], which: int, seed: int) -> tuple[Volume, Segmentation]:
    index = np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij"), -1)
    places = grid.to_world(index) - np.array(shift)
    radius = np.linalg.norm(places / (38, 42, 34), axis=-1)
    values = np.where(radius < 1, 100 + 30 * np.sin(places[..., 0] / 9) * np.cos(places[..., 1] / 7), 5.0)
    mask = np.zeros(grid.shape, bool)
    for middle, before, now in LESIONS:
        mask |= np.linalg.norm(places - middle, axis=-1) < (before, now)[which]
    values[mask] = 200
    values += np.random.default_rng(seed).normal(0, 2, grid.shape)
    source = replace(PATIENT, study_date=("20230101", "20240101")[which], series_uid=f"1.2.{which}")
    image = Volume(values.astype(np.float32), grid, source=source)
    return image, Segmentation(mask.astype(np.uint8), grid, (Segment(1, "lesions"),), source=source)


def run(transform: Transform | None = None, **changed: object) -> dict[str, object]:
    (image, lesions), (prior, prior_lesions) = study(GRID, (0, 0, 0), 1, 0), study(OBLIQUE, SHIFT, 0, 1)
    matrix = np.eye(4)
    matrix[:3, 3] = SHIFT  # a point of the current study lies there in the prior
    inputs = {"image": image, "lesions": lesions, "prior": prior, "prior_lesions": prior_lesions}
    inputs |= {"transform": Transform(matrix) if transform is None else transform} | changed
    return execute(Job(), "diagnose_change", inputs, {}).outputs


def test_each_lesion_has_its_class_its_volumes_and_its_place() -> None:
    found = run()["findings"]
    assert isinstance(found, Findings)
    told = {one.statement.code[1]: one for one in found.findings}
    assert set(told) == {"enlarged-lesion", "new-lesion", "stable-lesion", "vanished-lesion"}
    for (middle, before, now), code in zip(
        LESIONS, ("stable-lesion", "enlarged-lesion", "vanished-lesion", "new-lesion"), strict=True
    ):
        one = told[code]
        assert one.point == pytest.approx(middle, abs=2.5)
        current, prior, difference = (figure.value for figure in one.measurements[:3])
        for ml, radius in ((current, now), (prior, before)):
            assert ml == pytest.approx(4 / 3 * np.pi * radius**3 / 1000, rel=0.25)
        assert difference == pytest.approx(current - prior)
    assert all(one.probability is None for one in found.findings)


def test_the_table_has_every_lesion_and_their_sum() -> None:
    table = run()["table"]
    assert isinstance(table, MeasurementTable)
    assert len(table.rows) == 5
    for row in range(5):
        prior, current, difference, percent = table.line(row)
        assert difference == pytest.approx(current - prior)
        assert percent is None if prior == 0 else percent == pytest.approx(100 * difference / prior)
    assert table.line(4)[0] == pytest.approx(sum(table.line(row)[0] for row in range(4)))


def test_segments_are_of_the_current_study_and_of_what_vanished() -> None:
    outputs = run()
    changes, (_, lesions) = outputs["changes"], study(GRID, (0, 0, 0), 1, 0)
    assert isinstance(changes, Segmentation)
    vanished = next(one.label for one in changes.segments if "vanished" in one.name)
    ours: NDArray[np.bool_] = (changes.array > 0) & (changes.array != vanished)
    assert np.array_equal(ours, lesions.array > 0)
    assert (changes.array == vanished).any()


def refused(**changed: object) -> str:
    found = run(**changed)["findings"]
    assert isinstance(found, Findings)
    assert found.refusal is not None
    assert not found.findings
    return found.refusal.sentence


def test_a_prior_of_another_patient_is_refused() -> None:
    prior, _ = study(OBLIQUE, SHIFT, 0, 1)
    other = replace(prior, source=replace(prior.source, patient_id="2", patient_name="B"))
    assert "different patients" in refused(prior=other)


def test_studies_in_the_wrong_order_are_refused() -> None:
    prior, _ = study(OBLIQUE, SHIFT, 0, 1)
    later = replace(prior, source=replace(prior.source, study_date="20250101"))
    assert "exchange the two" in refused(prior=later)


def test_the_same_study_twice_is_refused() -> None:
    image, lesions = study(GRID, (0, 0, 0), 1, 0)
    assert "both images are the same" in refused(prior=image, prior_lesions=lesions)


def test_images_that_do_not_lie_over_each_other_are_refused() -> None:
    far = np.eye(4)
    far[:3, 3] = 40.0
    assert refused(transform=Transform(far)).startswith("Registration: ")


def test_another_kind_of_image_is_refused() -> None:
    prior, _ = study(OBLIQUE, SHIFT, 0, 1)
    assert "one kind" in refused(prior=replace(prior, source=replace(prior.source, modality="CT")))


def test_a_mask_on_another_grid_is_refused() -> None:
    _, lesions = study(GRID, (0, 0, 0), 1, 0)
    with pytest.raises(Refusal, match="grid of its image"):
        run(prior_lesions=lesions)


def test_without_dates_that_is_said_and_not_guessed() -> None:
    prior, _ = study(OBLIQUE, SHIFT, 0, 1)
    found = run(prior=replace(prior, source=replace(prior.source, study_date="")))["findings"]
    assert isinstance(found, Findings)
    assert [one.outcome for one in found.checks if one.name == "dates"] == ["unknown"]
    assert found.findings
