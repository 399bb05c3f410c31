"""MeshNets: small ones that tests write, and brainchop's own where the shared data is."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.ndimage import label
from scipy.spatial.transform import Rotation

from tests.fixtures import model_files
from viewer.compute.engine.job import Job
from viewer.compute.loaders import meshnet
from viewer.compute.loaders.open_model import open_model
from viewer.compute.progress import Refusal
from viewer.data.grid import Grid
from viewer.data.volume import Volume

DATA = Path(os.environ.get("TOMOLENS_DATA", ""), "weights", "brainchop-meshnet-tfjs")
shared = pytest.mark.skipif(not os.environ.get("TOMOLENS_DATA"), reason="needs the shared data (TOMOLENS_DATA)")


def ball(shape: tuple[int, int, int], spacing: tuple[float, float, float], direction: Any = None) -> Volume:
    """Bright within 12 mm of a place off the middle."""
    grid = Grid.of(shape, spacing, (3, 4, 5), direction)
    places = grid.to_world(np.moveaxis(np.indices(shape), 0, -1))
    inside = np.linalg.norm(places - grid.to_world(np.array(shape) * (0.4, 0.55, 0.35)), axis=-1) < 12
    return Volume(np.where(inside, 900, 100).astype(np.int16), grid)


@pytest.mark.parametrize(("normed", "tilt"), [(False, 0), (False, 20), pytest.param(True, 0, marks=pytest.mark.slow)])
def test_labels_on_a_grid_of_any_direction(tmp_path: Path, run: Callable[..., Any], normed: bool, tilt: int) -> None:
    volume = ball(
        (16, 40, 44), (3.0, 1.0, 1.0), Rotation.from_euler("xyz", (tilt, -tilt / 2, 3), degrees=True).as_matrix()
    )
    found = run(model_files.meshnet(tmp_path / "mesh", normed=normed), volume)
    truth = volume.array > 500
    assert found.dtype == np.uint8
    assert 2 * (found.astype(bool) & truth).sum() / (found.sum() + truth.sum()) > (0.9 if tilt or normed else 0.97)


def test_turned_copies_are_prepared_alike(tmp_path: Path) -> None:
    """Left stays left: a copy with its axes turned round and its affine with them is the same head."""
    volume = ball((20, 40, 44), (2.0, 1.0, 1.0))
    with open_model(model_files.meshnet(tmp_path / "mesh", normed=True)) as model:
        first = model.prepare([volume], Job()).array
        for axes in ((2,), (0, 1)):
            affine = volume.grid.affine.copy()
            for axis in axes:
                affine[:3, 3] += affine[:3, axis] * (volume.array.shape[axis] - 1)
                affine[:3, axis] *= -1
            turned = replace(volume, array=np.flip(volume.array, axes).copy(), grid=Grid(volume.array.shape, affine))
            found = model.prepare([turned], Job()).array
            assert (found != first).mean() < 1e-5  # a voxel or two at the edge of a grey level
        mirrored = replace(volume, array=volume.array[:, :, ::-1].copy())
        assert np.abs(model.prepare([mirrored], Job()).array - first).max() > 0.5


def test_axes_point_to_the_left_the_feet_and_the_front() -> None:
    from viewer.compute.loaders.preprocessing.conform import conformed_grid

    grid = conformed_grid(Grid.of((10, 20, 30), (5, 1, 1), (1, 2, 3)), "LIA")
    assert np.allclose(grid.axes, [[1, 0, 0], [0, 0, -1], [0, -1, 0]])
    assert np.allclose(grid.centre, Grid.of((10, 20, 30), (5, 1, 1), (1, 2, 3)).centre)


def changed(folder: Path, change: Callable[[Any], Any]) -> Path:
    path = folder / "model.json"
    spec = json.loads(path.read_text())
    change(spec["modelTopology"]["model_config"]["config"]["layers"])
    path.write_text(json.dumps(spec))
    return folder


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda layers: layers[1].update(class_name="Lambda"), "Lambda"),
        (lambda layers: layers[2]["config"].update(activation="mish"), "mish"),
        (lambda layers: layers[3].update(inbound_nodes=[[["input", 0, 0, {}]]]), "does not follow"),
        (lambda layers: layers[1]["config"].update(dilation_rate=[1, 2, 3]), "differently"),
        (lambda layers: layers[1]["config"].update(filters=10**6), "far too large"),
        (lambda layers: layers[3]["config"].update(filters=5), "names 2 labels, but the network has 5"),
        (lambda layers: layers.clear(), "no MeshNet"),
    ],
)
def test_layers_that_are_not_known(tmp_path: Path, change: Callable[[Any], Any], said: str) -> None:
    with pytest.raises(Refusal, match=said), open_model(changed(model_files.meshnet(tmp_path / "mesh"), change)):
        pass


def test_weights_that_are_cut_off_or_do_not_fit(tmp_path: Path) -> None:
    folder = model_files.meshnet(tmp_path / "mesh")
    path = folder / "model.bin"
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(Refusal, match="bytes instead of"), open_model(folder):
        pass
    folder = changed(model_files.meshnet(tmp_path / "other"), lambda layers: layers[1]["config"].update(filters=3))
    with open_model(folder) as model, pytest.raises(Refusal, match="do not fit its layers"):
        model.net(Job())


def test_one_file_named_a_thousand_times(tmp_path: Path) -> None:
    """Small on the disk, gigabytes in memory."""
    folder = model_files.meshnet(tmp_path / "mesh")
    spec = json.loads((folder / "model.json").read_text())
    group = spec["weightsManifest"][0]
    for manifest in ([{**group, "paths": group["paths"] * 1000}], [group] * 1000):
        (folder / "model.json").write_text(json.dumps({**spec, "weightsManifest": manifest}))
        with pytest.raises(Refusal, match="names a file twice"), open_model(folder):
            pass


def test_layers_that_their_weights_do_not_fill(tmp_path: Path) -> None:
    """The largest that may be told: five gigabytes each, were they made."""

    def change(layers: Any) -> None:
        layers[1]["config"].update(filters=1024)
        layers[3]["config"].update(filters=2, kernel_size=[11] * 3)

    with (
        open_model(changed(model_files.meshnet(tmp_path / "mesh"), change)) as model,
        pytest.raises(Refusal, match="do not fit"),
    ):
        model.net(Job())


def head() -> Volume:
    image = sitk.ReadImage(str(DATA / "example_t1_crop.nii.gz"))
    array = sitk.GetArrayFromImage(image)
    return Volume(array, Grid.of(array.shape, image.GetSpacing()[::-1], image.GetOrigin(), image.GetDirection()))


@shared
@pytest.mark.parametrize("name", sorted(path.name for path in DATA.glob("m*")) if DATA.name else [])
def test_brainchops_own_are_all_read(name: str) -> None:
    with open_model(DATA / name) as model:
        assert len(model.labels) == {"mindgrab": 1, "model18cls": 17, "model30chan18cls": 17, "model30chan50cls": 49,
                                     "model21_104class": 103}.get(name, 2)  # fmt: skip
        spec = meshnet.read_json(DATA / name / "model.json")
        network = meshnet._network(meshnet._layers(spec), meshnet._weights(spec, DATA / name))
        size = sum(path.stat().st_size for path in (DATA / name).glob("*.bin"))
        assert 4 * sum(one.numel() for one in network.parameters()) == size


@shared
@pytest.mark.slow
def test_tissues_of_a_real_head(run: Callable[..., Any]) -> None:
    """Volumes of an adult brain; one piece; grey matter around white."""
    found = run(DATA / "model5_gw_ae", head())
    white, grey = (found == 1).sum() / 1000, (found == 2).sum() / 1000  # ml, as voxels are 1 mm³
    assert 1000 < white + grey < 1800
    assert 350 < white < 800
    assert 500 < grey < 1000
    pieces = np.bincount(label(found > 0)[0].ravel())[1:]
    assert pieces.max() > 0.999 * pieces.sum()
    with open_model(DATA / "model5_gw_ae") as model:
        assert model.labels == {1: "White Matter", 2: "Grey Matter"}
    outside = head().array == 0
    assert found[outside].sum() < 0.001 * (found > 0).sum()
