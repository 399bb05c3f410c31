"""The same image stored with other axes: the same labels at the same places, by every kind that tells its axes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from tests.compute.loaders.conftest import labelled
from tests.fixtures.model_files import PLANS, bundle, nnunet, write_card
from tests.fixtures.onnx_writer import write_convolution
from viewer.compute.loaders.external_model import ExternalModel
from viewer.compute.loaders.open_model import open_model
from viewer.compute.networks.torch_network import TorchNet
from viewer.data.grid import Grid
from viewer.data.volume import Volume

NAME = "nnUNetTrainer__nnUNetPlans__3d_fullres"
ORDERS = st.permutations((0, 1, 2))
FLIPS = st.lists(st.sampled_from((0, 1, 2)), unique=True)
TILTS = st.tuples(*[st.floats(-20, 20)] * 3)


def reorienting(folder: Path) -> Path:
    return nnunet(folder / NAME, deepcopy(PLANS) | {"image_reader_writer": "NibabelIOWithReorient"})


def lopsided(folder: Path) -> Path:
    """An ONNX file of a convolution that is not the same from both sides, and a card that tells its axes."""
    (folder / "net").mkdir()
    weights = np.random.default_rng(1).normal(size=(2, 1, 3, 3, 3)).astype(np.float32)
    write_convolution(folder / "net" / "net.onnx", weights, np.zeros(2, np.float32), ("n", 1, "k", "j", "i"))
    told = {"channels": ["CT"], "prepare": {"axes": "PIR", "spacing": [2, 2.5, 3]}}
    return write_card(folder / "net", "net.onnx", input=told, output={"patch": [32, 32, 32]})


KINDS: dict[str, Callable[[Path], Path]] = {
    "MONAI": lambda folder: bundle(folder / "Tiny"),
    "nnU-Net": reorienting,
    "ONNX": lopsided,
}


@pytest.fixture(scope="module", params=list(KINDS))
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExternalModel]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOMOLENS_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setattr(
            "viewer.compute.networks.backends.prepare_network", lambda module, device, **_: TorchNet(module, device)
        )
        with open_model(KINDS[request.param](tmp_path_factory.mktemp("model"))) as opened:
            yield opened


def image(tilt: tuple[float, float, float]) -> Volume:
    shape = (14, 17, 20)
    lumps = gaussian_filter(np.random.default_rng(0).normal(0, 3000, shape), 1.5).astype(np.float32)
    direction = Rotation.from_euler("xyz", tilt, degrees=True).as_matrix()
    return Volume(lumps, Grid.of(shape, (3.0, 1.5, 2.0), (5, -7, 11), direction))


def turned(volume: Volume, order: Any, flips: Any) -> Volume:
    """The same voxels at the same places, stored in another order."""
    array = np.ascontiguousarray(np.flip(volume.array.transpose(order), flips))
    affine = volume.grid.affine[:, [*order, 3]].copy()
    for axis in flips:
        affine[:3, 3] += affine[:3, axis] * (array.shape[axis] - 1)
        affine[:3, axis] *= -1
    return replace(volume, array=array, grid=Grid(array.shape, affine))


@settings(max_examples=12, deadline=None)
@given(ORDERS, FLIPS, TILTS)
def test_a_turned_copy_gets_the_same_labels(model: ExternalModel, order: Any, flips: Any, tilt: Any) -> None:
    volume = image(tilt)
    wanted = labelled(model, [volume])
    copy = turned(volume, order, flips)
    found = np.flip(labelled(model, [copy]), flips).transpose(np.argsort(order))
    assert len(np.unique(wanted)) > 1
    assert np.array_equal(found, wanted)


def test_a_mirrored_image_gets_others(model: ExternalModel) -> None:
    """Or the test above could not fail."""
    volume = image((0, 0, 0))
    mirrored = replace(volume, array=np.ascontiguousarray(volume.array[:, :, ::-1]))
    assert (labelled(model, [mirrored])[:, :, ::-1] != labelled(model, [volume])).mean() > 0.01


@settings(deadline=None)
@given(ORDERS, FLIPS, st.tuples(*[st.floats(-60, 60)] * 3))
def test_axes_are_turned_as_nibabel_turns_them(order: Any, flips: Any, tilt: Any) -> None:
    """And so as MONAI and nnU-Net do, at every angle."""
    orientations = pytest.importorskip("nibabel.orientations")
    from viewer.compute.loaders.preprocessing.orientation import reorientation

    volume = turned(image(tilt), order, flips)
    affine = volume.grid.affine[:, [2, 1, 0, 3]].copy()
    affine[:2] *= -1
    stored = volume.array.transpose(2, 1, 0)
    wanted = orientations.apply_orientation(stored, orientations.io_orientation(affine))
    assert np.array_equal(reorientation("RAS", volume.grid).apply(volume.array), wanted)
    assert np.array_equal(reorientation("SAR", volume.grid).apply(volume.array), wanted.transpose(2, 1, 0))


def test_no_side_is_made_up(tmp_path: Path) -> None:
    """An image that is not placed in the patient is seen as it is stored, and that is said."""
    from viewer.compute.engine.job import Job

    volume = image((0, 0, 0))
    unplaced = replace(volume, grid=replace(volume.grid, placed=False))
    with open_model(reorienting(tmp_path)) as model:
        prepared = model.prepare([unplaced], Job())
    assert "no side is known: the model sees the image as it is stored" in prepared.notes
