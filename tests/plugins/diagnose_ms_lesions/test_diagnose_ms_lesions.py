"""The plugin as it is run, on a FLAIR of a painted head with bright lesions, by a network that is a threshold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.fixtures import brain_phantom
from tests.fixtures.lesion_phantom import flair, lesions, threshold_weights
from viewer.api import Findings, Grid, Job, Segmentation
from viewer.compute.progress import Refusal
from viewer.data.study import Source
from viewer.files.checksum import sha256_of
from viewer.plugin.execute import Result, execute

GRID = Grid.of((64, 106, 92), (3.0, 2.0, 2.0), (105, -110, -91), [[-1, 0, 0], [0, 1, 0], [0, 0, 1]])


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return threshold_weights(tmp_path_factory.mktemp("weights") / "net.safetensors")


@pytest.fixture(scope="module")
def result(weights: Path) -> Result:
    return execute(Job(), "diagnose_ms_lesions", {"image": flair(GRID)}, {"weights": weights})


def test_each_lesion_is_a_finding_with_its_place_and_size(result: Result, weights: Path) -> None:
    found, mask = result.outputs["findings"], result.outputs["lesions"]
    assert isinstance(found, Findings)
    assert isinstance(mask, Segmentation)
    truth = lesions(GRID)
    ours = mask.array > 0
    assert 2 * (ours & truth).sum() / (ours.sum() + truth.sum()) > 0.8
    assert len(found.findings) == 2
    large = found.findings[0]
    x, y, z = np.array(large.point) - brain_phantom.MIDDLE
    assert (x, y, z) == pytest.approx((26, -18, 26), abs=4)  # on the left: x runs to it
    ml = next(one.value for one in large.measurements if one.unit == "ml")
    assert ml == pytest.approx(truth[:, :53].sum() * np.prod(GRID.spacing) / 1000, rel=0.35)
    assert large.site is not None
    assert large.state == "unreviewed"
    assert large.probability is None
    assert large.algorithm is not None
    assert large.algorithm.learned
    assert large.algorithm.weights_sha256 == sha256_of(weights)  # of the network of lesions, not of that of the brain
    assert large.segment is not None
    assert large.segment.key == (0, 1)


def test_what_is_no_flair_is_refused_by_its_contrast(weights: Path) -> None:
    image = replace(brain_phantom.head(GRID), source=Source(modality="MR"))
    result = execute(Job(), "diagnose_ms_lesions", {"image": image}, {"weights": weights})
    found = result.outputs["findings"]
    assert isinstance(found, Findings)
    assert found.refusal is not None
    assert "FLAIR" in found.refusal.sentence
    assert not found.findings


def test_what_the_header_calls_ct_is_refused_before_any_network(weights: Path) -> None:
    image = replace(flair(GRID), source=Source(modality="CT"))
    result = execute(Job(), "diagnose_ms_lesions", {"image": image}, {"weights": weights})
    found = result.outputs["findings"]
    assert isinstance(found, Findings)
    assert found.refusal is not None
    assert found.refusal.sentence.startswith("Modality: it is CT")


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    path = brain_phantom.write_weights(tmp_path / "brain.safetensors")
    with pytest.raises(Refusal, match="another network than that of MS lesions"):
        execute(Job(), "diagnose_ms_lesions", {"image": flair(GRID)}, {"weights": path})
