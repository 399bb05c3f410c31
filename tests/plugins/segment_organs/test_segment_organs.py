"""Organs by a network of the user's: names and codes, chosen classes only, the model that fits, one sentence else."""

from __future__ import annotations

import json
import threading
import time
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from plugins.segment_organs.class_choice import chosen_labels
from plugins.segment_organs.input_checks import modality_of
from plugins.segment_organs.model_choice import choose_model
from tests.fixtures.model_files import DATASET, PLANS, bundle, meshnet, nnunet
from viewer.compute.engine.job import Job
from viewer.compute.loaders.open_model import open_model
from viewer.compute.networks.network import Stopped
from viewer.compute.networks.torch_network import TorchNet
from viewer.compute.progress import Cancelled, Refusal
from viewer.data.grid import Grid
from viewer.data.segmentation import Segmentation
from viewer.data.study import Source
from viewer.data.terminology import totalsegmentator_classes
from viewer.data.volume import Volume
from viewer.plugin.execute import execute

NAME = "nnUNetTrainer__nnUNetPlans__3d_fullres"
NAMES = ["background", "liver", "kidney_left", "kidney_right", "rib_left_1", "portal_vein_and_splenic_vein"]
SHAPE = (20, 18, 22)


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks run in torch at once: which engine is the fastest is another test's question."""
    monkeypatch.setattr(
        "viewer.compute.networks.backends.prepare_network", lambda module, device, **_: TorchNet(module, device)
    )


def image(modality: str = "CT", shape: tuple[int, int, int] = SHAPE, direction: Any = None, seed: int = 0) -> Volume:
    from scipy.ndimage import gaussian_filter

    lumps = gaussian_filter(np.random.default_rng(seed).normal(0, 3000, shape), 1.5).astype(np.float32)
    return Volume(lumps, Grid.of(shape, (2, 2, 2), (5, -7, 11), direction), source=Source(modality=modality))


def plans(spacing: float = 2.0, **changes: Any) -> dict[str, Any]:
    made = deepcopy(PLANS)
    made["configurations"]["3d_fullres"] |= {"spacing": [spacing] * 3, **changes}
    return made


def dataset(names: list[str] = NAMES, channel: str = "CT") -> dict[str, Any]:
    return DATASET | {"labels": {name: value for value, name in enumerate(names)}, "channel_names": {"0": channel}}


def organs(volume: Volume, folder: Path, job: Job | None = None, **settings: Any) -> Segmentation:
    found = execute(job or Job(), "segment_organs", {"image": volume}, {"model": folder, **settings}).outputs["organs"]
    assert isinstance(found, Segmentation)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return nnunet(tmp_path / "Dataset297" / NAME, plans(), dataset())


def test_names_codes_sides_and_provenance(folder: Path) -> None:
    volume = image()
    found = organs(volume, folder)
    assert found.grid is volume.grid
    assert found.array.dtype == np.uint8
    told = {one.label: (one.name, one.code[1] if one.code else None, one.side) for one in found.segments}
    assert told == {
        1: ("Liver", "10200004", ""),
        2: ("Left kidney", "64033007", "left"),
        3: ("Right kidney", "64033007", "right"),
        4: ("Left first rib", "48535007", "left"),
        5: ("Portal vein and splenic vein", "110765007", ""),
    }
    assert {one.algorithm for one in found.segments} == {"AUTOMATIC"}
    assert found.provenance is not None
    assert found.provenance.learned
    assert len(found.provenance.model_sha256) == 64


def test_only_the_chosen_classes_become_segments(folder: Path) -> None:
    whole = organs(image(), folder).array
    assert len(np.unique(whole)) > 3
    found = organs(image(), folder, classes="Left kidney, rib*")
    assert [one.label for one in found.segments] == [2, 4]
    assert np.array_equal(found.array, np.where(np.isin(whole, (2, 4)), whole, 0))
    with pytest.raises(Refusal, match="knows no class “kidny left”; it knows kidney_left"):
        organs(image(), folder, classes="kidny_left")


def test_classes_as_they_are_typed() -> None:
    labels = dict(enumerate(totalsegmentator_classes(), 1))
    assert len(chosen_labels("", labels, "m")) == len(labels)
    assert {labels[n] for n in chosen_labels(" Kidney LEFT,", labels, "m")} == {"kidney_left"}
    assert len(chosen_labels("rib_left_*", labels, "m")) == 12
    assert {labels[n] for n in chosen_labels("L5 vertebra", labels, "m")} == {"vertebrae_L5"}


def test_many_classes_give_what_all_channels_give(tmp_path: Path) -> None:
    """117 classes from 4 features: the labels of the network in one piece, by its own last layer."""
    names = ["background", *list(totalsegmentator_classes())[:117]]
    found = nnunet(tmp_path / NAME, plans(patch_size=[32, 32, 32]), dataset(names))
    volume = image(shape=(32, 32, 32))
    labels = organs(volume, found, axes="as the model tells").array
    with open_model(found) as model:
        values = np.clip(volume.array, -300, 500)
        logits = model.net(Job())(((values - 40) / 120)[None, None])[0]
    assert len(np.unique(labels)) > 8
    assert (labels == logits.argmax(0)).mean() > 0.999


def test_an_image_is_turned_as_totalsegmentator_turns_it(tmp_path: Path, folder: Path) -> None:
    """An image that lies another way gets the same labels at the same places of the patient."""
    volume = image()  # its axes point to the left, the back and the head
    canonical = Volume(
        volume.array[:, ::-1, ::-1].copy(),
        Grid.of(SHAPE, (2, 2, 2), volume.grid.to_world([0, SHAPE[1] - 1, SHAPE[2] - 1]), np.diag([-1, -1, 1])),
        source=volume.source,
    )
    found, expected = organs(volume, folder), organs(canonical, folder)
    assert "axes turned for the model" in found.badges
    assert not expected.badges
    assert np.array_equal(found.array[:, ::-1, ::-1], expected.array)
    stored = organs(volume, folder, axes="as the model tells")
    assert not np.array_equal(stored.array, found.array)
    foreign = nnunet(tmp_path / "other" / NAME, plans(), dataset([*NAMES[:-1], "lesion"]))
    assert np.array_equal(organs(volume, foreign).array, stored.array)


@pytest.fixture
def several(tmp_path: Path) -> Path:
    """A folder as TotalSegmentator keeps its weights."""
    results = tmp_path / "nnunet" / "results"
    for name, spacing, names, channel in (
        ("Dataset291_part1", 1.5, NAMES[:3], "CT"),
        ("Dataset292_part2", 1.5, ["background", "vertebrae_L5"], "CT"),
        ("Dataset297_total_3mm", 3.0, NAMES, "CT"),
        ("Dataset298_total_6mm", 6.0, NAMES, "CT"),
        ("Dataset852_mr_3mm", 3.0, [*NAMES, "spleen"], "MR"),
    ):
        nnunet(results / name / NAME, plans(spacing), dataset(names, channel))
    return tmp_path


@pytest.mark.parametrize(
    ("classes", "modality", "device", "chosen"),
    [
        ("", "CT", "cpu", "Dataset297_total_3mm"),
        ("liver", "CT", "cpu", "Dataset297_total_3mm"),
        ("L5 vertebra", "CT", "cpu", "Dataset292_part2"),
        ("", "MR", "cpu", "Dataset852_mr_3mm"),
        ("liver", "CT", "cuda", "Dataset291_part1"),
        ("", "CT", "cuda", "Dataset297_total_3mm"),
    ],
)
def test_of_several_models_the_one_that_fits(
    several: Path, classes: str, modality: str, device: str, chosen: str
) -> None:
    assert choose_model(several, classes, image(modality), device).parent.name == chosen


def test_other_kinds_of_models(tmp_path: Path) -> None:
    made = organs(image(), bundle(tmp_path / "bundle"))
    assert [(one.name, one.code[1] if one.code else "") for one in made.segments] == [
        ("Liver", "10200004"),
        ("Tumour", ""),
    ]
    head = image("MR", (16, 16, 16))
    head = replace(head, grid=Grid.of((16, 16, 16), (10, 10, 10)), array=np.abs(head.array))
    assert organs(head, meshnet(tmp_path / "mesh")).array.any()


def colour() -> Volume:
    return Volume(np.zeros((*SHAPE, 3), np.uint8), Grid.of(SHAPE, (2, 2, 2)))


def changed(**changes: Any) -> Volume:
    return replace(image(), **changes)


def with_nan() -> Volume:
    volume = image()
    volume.array[3, 4, 5] = np.nan
    return volume


@pytest.mark.parametrize(
    ("volume", "sentence"),
    [
        (colour(), "a colour image"),
        (image(shape=(1, 18, 22)), "a single slice"),
        (with_nan(), "without a value"),
        (changed(array=np.full(SHAPE, 7, np.int16)), "one value"),
        (image(shape=(2, 2, 2)), "only 4 mm wide one way"),
        (image("MR"), "is for CT, the image is MR"),
        (changed(array=np.abs(image().array), source=Source()), "no Hounsfield units"),
    ],
)
def test_images_that_are_refused_by_name(folder: Path, volume: Volume, sentence: str) -> None:
    with pytest.raises(Refusal, match=sentence) as refusal:
        organs(volume, folder)
    assert str(refusal.value).endswith(".")


def test_a_network_for_mr_refuses_a_ct(tmp_path: Path) -> None:
    folder = nnunet(tmp_path / NAME, plans(normalization_schemes=["ZScoreNormalization"]), dataset(channel="MR"))
    with pytest.raises(Refusal, match="is for MR, the image is CT"):
        organs(image(), folder)
    assert organs(image("MR"), folder).segments


@pytest.mark.parametrize(
    ("names", "modality"),
    [(["CT"], "CT"), (["T1-weighted head"], "MR"), (["noNorm"], ""), (["T2w", "CT"], ""), (["image"], "")],
)
def test_what_channels_tell_of_the_modality(names: list[str], modality: str) -> None:
    assert modality_of(names) == modality


def test_weights_that_are_cut_short_or_for_another_network(folder: Path) -> None:
    weights = folder / "fold_0" / "checkpoint_final.pth"
    data = weights.read_bytes()
    weights.write_bytes(data[: len(data) // 2])
    with pytest.raises(Refusal, match="checkpoint_final"):
        organs(image(), folder)
    weights.write_bytes(data)
    (folder / "dataset.json").write_text(json.dumps(dataset([*NAMES, "spleen"])))
    with pytest.raises(Refusal, match="do not fit the plans"):
        organs(image(), folder)
    weights.unlink()
    with pytest.raises(Refusal, match="checkpoint_final"):
        organs(image(), folder)
    with pytest.raises(Refusal, match=r"no weights|checkpoint_final"):
        organs(image(), folder.parents[1])


def test_what_takes_several_images_is_told_where_it_runs(tmp_path: Path) -> None:
    two = plans(normalization_schemes=["CTNormalization"] * 2, use_mask_for_norm=[False] * 2)
    facts = two["foreground_intensity_properties_per_channel"]
    facts["1"] = facts["0"]
    folder = nnunet(tmp_path / NAME, two, dataset() | {"channel_names": {"0": "CT", "1": "CT late"}})
    with pytest.raises(Refusal, match="takes 2 images"):
        organs(image(), folder)


def test_a_cancel_takes_effect_within_a_second(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inside of a tile: the network waits before a layer until it is stopped, or for half a minute."""
    inside = threading.Event()

    def slow(module: torch.nn.Module, device: str, **_: Any) -> TorchNet:
        net = TorchNet(module, device)

        def wait(*_: Any) -> None:
            inside.set()
            for _ in range(300):
                if net._stopped.is_set():
                    raise Stopped
                time.sleep(0.1)

        module.encoder.register_forward_pre_hook(wait)
        return net

    monkeypatch.setattr("viewer.compute.networks.backends.prepare_network", slow)
    asked: list[float] = []

    def cancelled() -> bool:
        if inside.is_set() and not asked:
            asked.append(time.monotonic())
        return bool(asked)

    with pytest.raises(Cancelled):
        organs(image(), folder, Job(cancelled=cancelled))
    assert time.monotonic() - asked[0] < 1
