"""nnInteractive as a method of prompts, by a stand-in for the package."""

from __future__ import annotations

import hashlib
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from plugins.segment_prompt.methods import nninteractive
from tests.fixtures.nninteractive import ARCHITECTURE, RADIUS, Session, install, write_weights
from viewer.api import Grid, Job, Prompt, Prompts, Refusal, Segment, Segmentation, Volume
from viewer.plugin.execute import Result, execute

SHAPE = (30, 40, 50)
GRID = Grid.of(SHAPE, (2.0, 1.0, 1.0), (5.0, -3.0, 7.0))
IMAGE = Volume(np.random.default_rng(0).normal(0, 10, SHAPE).astype(np.int16), GRID)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return write_weights(tmp_path / "nnInteractive_v1.0")


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> type[Session]:
    return install(monkeypatch)


def at(*voxel: float) -> tuple[float, float, float]:
    x, y, z = GRID.to_world(voxel).tolist()
    return x, y, z


def point(*voxel: float, positive: bool = True) -> Prompt:
    return Prompt("point", (at(*voxel),), positive)


def run(
    weights: Path | None, *prompts: Prompt, accepted: bool = True, answered: int = 0, **inputs: Segmentation
) -> Result:
    settings = {"method": "nnInteractive", "weights": weights, "licence_accepted": accepted, "answered": answered}
    return execute(Job(), "segment_prompt", {"image": IMAGE, "prompts": Prompts(prompts), **inputs}, settings)


def mask(result: Result) -> np.ndarray:
    return result.outputs["mask"].array > 0


def test_points_are_given_in_the_voxels_of_the_image_and_the_mask_obeys_them(weights, package) -> None:
    result = run(weights, point(15, 20, 25), point(15, 20, 29, positive=False))
    (session,) = package.made
    assert session.told == [("point", (15, 20, 25), True, True), ("point", (15, 20, 29), False, True)]
    assert np.array_equal(session.image[0], IMAGE.array)
    found = mask(result)
    assert found[15, 20, 25]
    assert found[15, 20, 21]
    assert not found[15, 20, 29]


def test_it_goes_on_from_the_mask_that_earlier_prompts_gave_and_predicts_for_new_ones_alone(weights, package) -> None:
    first = run(weights, point(15, 20, 25))
    before = Segmentation(first.outputs["mask"].array, GRID, (Segment(1, "structure"),))
    both = (point(15, 20, 25), point(15, 20, 40))
    package.made[0].told.clear()
    found = mask(run(weights, *both, answered=1, previous=before))
    assert len(package.made) == 1  # the weights are loaded once
    assert package.made[0].told == [
        ("initial", int(mask(first).sum()), True, False),
        ("point", (15, 20, 25), True, False),
        ("point", (15, 20, 40), True, True),
    ]
    assert (found >= mask(first)).all()
    assert found[15, 20, 40 - RADIUS]


def test_boxes_are_given_as_slices_and_drawn_prompts_as_voxels(weights, package) -> None:
    box = Prompt("box", (at(9.6, 9.6, 19.6), at(19.4, 9.6, 19.6), at(9.6, 29.4, 19.6), at(9.6, 9.6, 39.4)))
    lasso = Prompt("lasso", (at(15, 10, 10), at(15, 10, 30), at(15, 30, 30), at(15, 30, 10)))
    scribble = Prompt("scribble", (at(15, 20, 20), at(15, 20, 26)))
    run(weights, scribble)
    run(weights, lasso)
    run(weights, box)
    told = package.made[0].told
    assert told[0] == ("scribble", 7, True, True)
    assert told[1][0] == "lasso"
    assert 380 <= told[1][1] <= 441
    assert [kind for kind, *_ in told[2:]] == ["bbox"] * 3
    assert told[2][1] == [[15, 16], [10, 30], [20, 40]]


def test_protected_voxels_stay_out(weights, package) -> None:
    half = np.zeros(SHAPE, np.uint8)
    half[:, :, 27:] = 1
    found = mask(run(weights, point(15, 20, 25), protected=Segmentation(half, GRID, (Segment(1, "other"),))))
    assert found.any()
    assert not found[half > 0].any()


def test_the_provenance_names_the_weights(weights, package) -> None:
    made = run(weights, point(15, 20, 25)).provenance
    assert (made.model, made.engine, made.learned) == ("nnInteractive_v1.0", "nnInteractive 2.3.1", True)
    assert len(made.model_sha256) == 64


def test_nothing_runs_before_the_licence_is_accepted(weights, package) -> None:
    with pytest.raises(Refusal, match="licence"):
        run(weights, point(15, 20, 25), accepted=False)
    with pytest.raises(Refusal, match="choose their folder"):
        run(None, point(15, 20, 25))
    assert not package.made


def test_what_is_missing_is_said_in_a_sentence(tmp_path, weights, monkeypatch) -> None:
    with pytest.raises(Refusal, match="pip install nninteractive"):
        run(weights, point(15, 20, 25))
    install(monkeypatch)
    (tmp_path / "empty").mkdir()
    with pytest.raises(Refusal, match="holds no fold_"):
        run(tmp_path / "empty", point(15, 20, 25))


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("run",)


def test_a_checkpoint_with_code_in_it_is_refused_before_the_package_reads_it(weights, package, capfd) -> None:
    torch.save({"network_weights": Evil()}, weights / "fold_0/checkpoint_final.pth", pickle_module=pickle)
    with pytest.raises(Refusal, match="more than weights"):
        run(weights, point(15, 20, 25))
    assert not package.made
    assert "run" not in capfd.readouterr().out


def test_what_is_read_is_a_copy_that_was_checked(weights, package, monkeypatch) -> None:
    checked = nninteractive.read_checkpoint
    before = (weights / "fold_0/checkpoint_final.pth").read_bytes()

    def exchanged(path: Path) -> object:
        torch.save({"network_weights": Evil()}, weights / "fold_0/checkpoint_final.pth", pickle_module=pickle)
        return checked(path)

    monkeypatch.setattr(nninteractive, "read_checkpoint", exchanged)
    made = run(weights, point(15, 20, 25)).provenance
    (session,) = package.made
    assert session.read["checkpoint_final.pth"] == before
    assert sorted(session.read) == ["checkpoint_final.pth", "dataset.json", "plans.json"]
    assert made.model_sha256 == hashlib.sha256(before).hexdigest()
    assert not Path(session.folder).exists()


@pytest.mark.parametrize("name", ["plans.json", "dataset.json"])
@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "no valid JSON"),
        ("[]", "not what its makers write"),
        (" " * (1 << 21), "far too large"),
        (None, "lacks its"),
    ],
)
def test_a_broken_description_is_refused_in_a_sentence(weights, package, name, text, sentence) -> None:
    (weights / name).unlink()
    if text is not None:
        (weights / name).write_text(text)
    with pytest.raises(Refusal, match=sentence):
        run(weights, point(15, 20, 25))
    assert not package.made


@pytest.mark.parametrize(
    "changes",
    [
        {"network_class_name": "subprocess.Popen"},
        {"arch_kwargs": {"conv_op": "antigravity", "dropout_op": None}},
    ],
)
def test_plans_that_name_other_code_than_networks_are_refused(weights, package, changes) -> None:
    plans = {"configurations": {"3d_fullres": {"architecture": {**ARCHITECTURE, **changes}}}}
    (weights / "plans.json").write_text(json.dumps(plans))
    with pytest.raises(Refusal, match="no part of a network"):
        run(weights, point(15, 20, 25))
    assert not package.made


def test_plans_without_configurations_are_refused(weights, package) -> None:
    (weights / "plans.json").write_text('{"configurations": 3}')
    with pytest.raises(Refusal, match="not what its makers write"):
        run(weights, point(15, 20, 25))


def test_weights_that_the_package_cannot_read_are_refused_in_a_sentence(weights, package, monkeypatch) -> None:
    def fails(*_: object) -> None:
        raise KeyError("trainer_name")

    monkeypatch.setattr(Session, "initialize_from_trained_model_folder", fails)
    with pytest.raises(Refusal, match=r"cannot read these weights .*trainer_name"):
        run(weights, point(15, 20, 25))


def test_it_computes_on_the_jobs_device_and_classical_methods_on_the_processor(weights, package) -> None:
    settings = {"method": "nnInteractive", "weights": weights, "licence_accepted": True}
    inputs = {"image": IMAGE, "prompts": Prompts((point(15, 20, 25),))}
    made = execute(Job(device="cuda:0"), "segment_prompt", inputs, settings).provenance
    assert (str(package.made[0].device), made.device) == ("cuda:0", "cuda:0")
    assert execute(Job(device="cuda:0"), "segment_prompt", inputs, {"method": "watershed"}).provenance.device == "cpu"
