"""From what the networks answer to a diagnosis: places, probabilities, series, and images that are refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from plugins.diagnose_brain_tumour.calibration import (
    GRID,
    Calibration,
    expected_calibration_error,
    fit_interval,
    fit_presence,
    fit_temperature,
)
from plugins.diagnose_brain_tumour.diagnosis import FoundTumour, SliceDiagnosis, TumourDiagnosis, candidates, iou
from plugins.diagnose_brain_tumour.fit_calibration import UNCALIBRATED, Answers
from plugins.diagnose_brain_tumour.input_gate import fit_reference, limits
from plugins.diagnose_brain_tumour.model_file import read_model, write_model
from plugins.diagnose_brain_tumour.networks import TumourFinder, TypeReader
from plugins.diagnose_brain_tumour.views import find_head
from tests.plugins.diagnose_brain_tumour.brain_phantom import head


class Eye(TumourFinder):
    """Finds what is brightest, 32 pixels of the view wide."""

    def forward(self, views: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        bright = torch.nn.functional.avg_pool2d(torch.nn.functional.avg_pool2d(views, 8), 5, 1, 2)[:, 0]
        return 40 * (bright - 0.55), torch.full((len(views), 4, 24, 24), 16.0)


class Mind(TypeReader):
    """Says meningioma, and that it is nothing where the view is dark in its middle."""

    def forward(self, views: torch.Tensor) -> torch.Tensor:
        middle = views[:, 0, 56:72, 56:72].mean((1, 2))
        logits = torch.tensor([0.0, 3.0, 0.0, 0.0]).repeat(len(views), 1)
        logits[:, 3] = 20 * (0.8 - middle)
        return logits


@pytest.fixture
def diagnosis() -> TumourDiagnosis:
    return TumourDiagnosis(Eye(), Mind(), UNCALIBRATED)


@pytest.mark.parametrize(("x", "y"), [(200, 250), (310, 180)])
def test_the_box_lies_on_the_tumour_in_pixels_of_the_slice(diagnosis: TumourDiagnosis, x: int, y: int) -> None:
    answer = diagnosis.slice(head(x, y, 30, 255))
    left, top, right, bottom = answer.found[0].box
    assert abs((left + right) / 2 - x) < 12
    assert abs((top + bottom) / 2 - y) < 12
    assert answer.found[0].types.argmax() == 1
    assert answer.sure
    assert Answers.of(diagnosis, [head(x, y, 30, 255)]).on(np.array([[x - 30, y - 30, x + 30, y + 30.0]])).all()


def test_where_nothing_is_found_no_type_is_said(diagnosis: TumourDiagnosis) -> None:
    answer = diagnosis.slice(np.zeros((128, 128), np.int16))
    assert answer.found == ()
    assert not answer.sure
    nothing = Answers.of(diagnosis, [np.zeros((128, 128))])
    assert nothing.scores[0] == 0
    assert not nothing.on(np.array([[0.0, 0, 128, 128]])).any()


def test_candidates_are_apart_and_the_hottest_come_first() -> None:
    heat, sides = np.zeros((24, 24), np.float32), np.full((4, 24, 24), 20, np.float32)
    heat[5, 5], heat[5, 7], heat[15, 15], heat[2, 20] = 0.6, 0.5, 0.9, 0.01
    found = candidates(heat, sides)
    assert [round(peak, 1) for _, peak in found] == [0.9, 0.6]
    assert found[0][0].tolist() == [104, 104, 144, 144]


def test_iou() -> None:
    a = np.array([0.0, 0, 2, 2])
    assert iou(a, a) == 1
    assert iou(a, a + 1) == pytest.approx(1 / 7)
    assert iou(a, a + 5) == 0
    assert iou(np.zeros(4), np.zeros(4)) == 0


def shown(presence: float, logits: list[float]) -> SliceDiagnosis:
    values = np.array(logits)
    found = FoundTumour((0, 0, 9, 9), presence, values, UNCALIBRATED.types(values), presence)
    return SliceDiagnosis((found,), np.zeros((24, 24), np.float32), find_head(head()))


def test_one_slice_that_is_surely_wrong_does_not_decide_for_the_series(diagnosis: TumourDiagnosis) -> None:
    wrong, right, empty = shown(0.9, [9, 0, 0]), shown(0.9, [0, 4, 0]), shown(0.02, [0, 0, 9])
    series = diagnosis.series([empty, empty, right, right, right, right, empty, wrong, empty])
    assert series.types.argmax() == 1
    assert series.types.max() < 0.99
    assert series.slice_index in (2, 3, 4, 5)
    assert series.presence > 0.8
    alone = diagnosis.series([wrong])
    assert np.allclose(alone.types, wrong.found[0].types)
    assert alone.presence == pytest.approx(0.9)


def test_a_series_without_a_tumour_has_no_type(diagnosis: TumourDiagnosis) -> None:
    bare = SliceDiagnosis((), np.zeros((24, 24), np.float32), find_head(head()))
    for slices in ([], [bare, bare]):
        series = diagnosis.series(slices)
        assert series.slice_index is None
        assert series.presence == 0
        assert np.allclose(series.types, 1 / 3)


def overconfident(seed: int, factor: float) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (3000, 3))
    odds = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return factor * logits, np.array([rng.choice(3, p=p) for p in odds])


def test_temperature_is_found_again_and_calibrates() -> None:
    logits, types = overconfident(0, 3.0)
    temperature = fit_temperature(logits, types, np.ones(len(types)))
    assert temperature == pytest.approx(3.0, rel=0.1)

    def error(t: float) -> float:
        p = replace(UNCALIBRATED, temperature=t).types(logits)
        return expected_calibration_error(p.max(1), p.argmax(1) == types)

    assert error(temperature) < 0.03 < 0.1 < error(1.0)


def test_presence_follows_how_often_it_was_right() -> None:
    rng = np.random.default_rng(0)
    score = rng.uniform(0, 1, 4000)
    slope, offset = fit_presence(score, rng.random(4000) < 0.5 * score)
    calibration = Calibration(1, slope, offset, UNCALIBRATED.low, UNCALIBRATED.high)
    assert slope > 0
    assert calibration.presence(np.array(0.9)) == pytest.approx(0.45, abs=0.05)


def test_an_interval_is_wider_where_patients_differ() -> None:
    rng = np.random.default_rng(0)
    probability, runs = np.full(900, 0.7), np.repeat(np.arange(75), 12)
    alike = rng.random(900) < 0.7
    by_patient = np.repeat(rng.random(75) < 0.7, 12)
    widths = []
    for right in (alike, by_patient):
        low, high = fit_interval(probability, right, runs, np.zeros(900, int))
        assert len(low) == len(GRID)
        assert (low <= high).all()
        widths.append(high[15] - low[15])
    assert widths[1] > 1.5 * widths[0]


def test_an_interval_holds_what_differs_between_blocks() -> None:
    rng = np.random.default_rng(0)
    blocks = np.repeat([0, 1, 2], 300)
    right = rng.random(900) < np.array([0.6, 0.75, 0.9])[blocks]
    low, high = fit_interval(np.full(900, 0.75), right, np.arange(900) // 12, blocks)
    assert low[18] < 0.62 < 0.88 < high[18]


def test_the_input_gate_passes_what_is_like_its_reference_and_refuses_the_rest() -> None:
    rng = np.random.default_rng(0)
    mix = rng.normal(0, 1, (10, 80))

    def like(count: int) -> NDArray[np.float32]:
        return np.float32(rng.normal(0, 1, (count, 10)) @ mix + rng.normal(0, 0.1, (count, 80)))

    gate = fit_reference(like(400))
    gate = replace(gate, limits=limits(gate.raw_distances(like(400))))
    assert gate.refuses(like(400)).mean() < 0.06
    assert gate.refuses(like(50) + 4 * np.float32(rng.normal(0, 1, 80))).all(), "beside what the components hold"
    assert gate.refuses(np.float32(6 * rng.normal(0, 1, (50, 10)) @ mix)).mean() > 0.95, "too far along them"
    assert all(value.dtype == torch.float16 for value in gate.tensors().values())


def test_a_model_is_read_as_it_was_written(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    gate = fit_reference(np.float32(rng.normal(0, 1, (80, 70))))
    calibration = Calibration(1.7, 1.1, -0.3, np.linspace(0.1, 0.9, len(GRID)), np.linspace(0.3, 1, len(GRID)))
    written = TumourDiagnosis(TumourFinder(), TypeReader(), calibration)
    path = tmp_path / "weights.safetensors"
    write_model(path, written, gate)
    read, its_gate = read_model(path)
    assert (read.calibration.temperature, read.calibration.slope, read.calibration.offset) == (1.7, 1.1, -0.3)
    assert np.array_equal(read.calibration.high, calibration.high)
    features = np.float32(rng.normal(0, 2, (5, 70)))
    assert np.allclose(its_gate.distances(features), gate.distances(features), atol=0.02)
    image = head(200, 250, 30, 255)
    assert np.allclose(read.slice(image).heat, written.slice(image).heat, atol=0.01)


def test_a_model_that_is_cut_foreign_or_full_of_nan_is_refused_in_a_sentence(tmp_path: Path) -> None:
    gate = fit_reference(np.float32(np.random.default_rng(0).normal(0, 1, (80, 70))))
    diagnosis = TumourDiagnosis(TumourFinder(), TypeReader(), UNCALIBRATED)
    path = tmp_path / "weights.safetensors"
    with torch.no_grad():
        diagnosis.finder.out.bias[0] = float("nan")
    write_model(path, diagnosis, gate)
    with pytest.raises(ValueError, match="no numbers"):
        read_model(path)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ValueError, match="no whole model"):
        read_model(path)
    save_file({"other": torch.zeros(1)}, path)
    with pytest.raises(ValueError, match="no whole model"):
        read_model(path)
