"""MONAI bundles against MONAI's own transforms and inferer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from tests.fixtures.model_files import bundle
from viewer.compute.engine.job import Job
from viewer.compute.loaders.open_model import open_model
from viewer.compute.model_files import trust
from viewer.compute.progress import Refusal
from viewer.data.volume import Volume

TILTED = Rotation.from_euler("xyz", (8, -5, 12), degrees=True).as_matrix() @ np.array(
    [[0, 1, 0], [-1, 0, 0], [0, 0, -1]]
)


def middle(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """What is in a padded array, which holds no more than one patch."""
    fronts = [max(0, 32 - n) // 2 for n in shape[1:]]
    return array[:, *(slice(front, front + n) for front, n in zip(fronts, shape[1:], strict=True))]


def meta_tensor(volume: Volume) -> Any:
    """As MONAI's LoadImage and EnsureChannelFirst give it: [1, i, j, k] with an affine in RAS."""
    from monai.data import MetaTensor

    affine = volume.grid.affine[:, [2, 1, 0, 3]].copy()
    affine[:2] *= -1
    return MetaTensor(
        torch.from_numpy(volume.values().transpose(2, 1, 0).copy())[None], affine=torch.from_numpy(affine)
    )


def test_images_are_prepared_as_monai_does(tmp_path: Path, ct: Callable[..., Volume]) -> None:
    from monai.transforms import Compose, CropForeground, NormalizeIntensity, Orientation, ScaleIntensity, Spacing

    transforms = [
        {"_target_": "Orientationd", "keys": "image", "axcodes": "RAS"},
        {"_target_": "Spacingd", "keys": ["image"], "pixdim": [1.5, 2.5, 2.0]},
        {"_target_": "CropForegroundd", "keys": "image", "source_key": "image", "margin": 1},
    ]
    folder = bundle(tmp_path / "Tiny", transforms=transforms)
    volume = ct((17, 20, 23), spacing=(3.0, 1.2, 1.6), direction=TILTED)
    volume.array[:, :5] = -1
    with open_model(folder) as model:
        found = model.prepare([volume], Job()).array
    own = Compose([Orientation("RAS"), Spacing((1.5, 2.5, 2.0)), CropForeground(margin=1, allow_smaller=True)])
    wanted = own(meta_tensor(volume)).numpy()
    found = middle(found, wanted.shape)
    assert np.abs(found - wanted).max() < 1e-5 * np.abs(wanted).max()

    for entry, same in (
        (
            {"_target_": "NormalizeIntensityd", "nonzero": True, "channel_wise": True},
            NormalizeIntensity(nonzero=True, channel_wise=True),
        ),
        ({"_target_": "ScaleIntensityd", "minv": -1.0, "maxv": 2.0}, ScaleIntensity(-1.0, 2.0)),
    ):
        folder = bundle(tmp_path / str(entry["_target_"]), transforms=[entry])
        with open_model(folder) as model:
            found = model.prepare([volume], Job()).array
        wanted = same(meta_tensor(volume)).numpy()
        assert np.allclose(middle(found, wanted.shape), wanted, atol=1e-4)


@pytest.mark.parametrize("zipped", [False, True])
def test_labels_come_back_to_the_image(
    tmp_path: Path, ct: Callable[..., Volume], run: Callable[..., Any], zipped: bool
) -> None:
    """Against MONAI's transforms and inferer, and labels taken from linearly interpolated channels."""
    from monai.inferers import SlidingWindowInferer
    from monai.networks.nets import UNet
    from monai.transforms import Compose, Orientation, ScaleIntensityRange, Spacing

    path = bundle(tmp_path / "Tiny", zipped=zipped)
    volume = ct((12, 15, 14), spacing=(4.0, 2.0, 3.0), direction=TILTED)
    found = run(path, volume)
    given = Compose([Orientation("RAS"), Spacing((2.0, 2.0, 2.0)), ScaleIntensityRange(-100, 300, 0, 1, clip=True)])(
        meta_tensor(volume)
    )
    network = UNet(spatial_dims=3, in_channels=1, out_channels=3, channels=(4, 8), strides=(2,)).eval()
    network.load_state_dict(torch.load(tmp_path / "Tiny" / "models" / "model.pt", weights_only=True))
    inferer = SlidingWindowInferer((32, 32, 32), overlap=0.25)
    with torch.no_grad():
        made = inferer(torch.from_numpy(given.numpy())[None], network)[0].numpy()
    from scipy.ndimage import map_coordinates

    places = volume.grid.to_world(np.moveaxis(np.indices(volume.array.shape), 0, -1))
    places[..., :2] *= -1
    index = (places - given.affine.numpy()[:3, 3]) @ np.linalg.inv(given.affine.numpy()[:3, :3]).T
    logits = [map_coordinates(one, np.moveaxis(index, -1, 0), order=1, mode="nearest") for one in made]
    wanted = np.argmax(logits, 0)
    assert found.dtype == np.uint8
    assert len(np.unique(wanted)) > 1
    assert (found == wanted).mean() > 0.995


def test_what_a_bundle_tells(tmp_path: Path) -> None:
    with open_model(bundle(tmp_path / "Tiny")) as model:
        assert (model.title, model.kind, model.licence) == ("Tiny", "MONAI bundle", "Apache-2.0")
        assert model.channels == ("CT",)
        assert model.labels == {1: "liver", 2: "tumour"}
        assert model.spacing == (2, 2, 2)
        assert model.axes == "RAS"
        assert model.patch == (32, 32, 32)
        assert not model.is_code


def test_yaml_configs(tmp_path: Path) -> None:
    import yaml

    folder = bundle(tmp_path / "Tiny")
    path = folder / "configs" / "inference.json"
    path.with_suffix(".yaml").write_text(yaml.safe_dump(json.loads(path.read_text())))
    path.unlink()
    with open_model(folder) as model:
        assert model.spacing == (2, 2, 2)


CODE: list[Any] = [
    "$__import__('monai').networks.nets.UNet(3, 1, 3, (4, 8), (2,))",
    {"_target_": "os.system", "command": "true"},
    {"_target_": "torch.hub.load", "repo_or_dir": "x"},
    {"_target_": "monai.apps.download_url", "url": "x"},
    {"_target_": "UNet", "spatial_dims": "$3", "in_channels": 1, "out_channels": 3, "channels": [4, 8], "strides": [2]},
    {"_target_": "torch.nn.Sequential", "x": "@hidden"},
    {"_target_": "torch.nn.Identity", "_mode_": "debug"},
    {"_target_": "torch.nn.Identity", "x": "@not::there"},
    {"_target_": "@hidden"},
]


@pytest.mark.parametrize("network", CODE)
def test_code_is_named_and_does_not_run_until_it_is_trusted(tmp_path: Path, network: Any) -> None:
    ran = tmp_path / "ran"
    hidden = f"$open({str(ran)!r}, 'w').close()"
    folder = bundle(tmp_path / "Tiny", config={"network_def": network, "hidden": hidden})
    with open_model(folder) as model:
        assert model.is_code
        with pytest.raises(Refusal, match=r"is code .* “trust” switched on") as refusal:
            model.net(Job())
        assert model.sha256 in str(refusal.value)
    assert not ran.exists()


def test_trusted_code_runs_and_is_asked_for_again_when_it_changes(
    tmp_path: Path, ct: Callable[..., Volume], run: Callable[..., Any]
) -> None:
    plain, folder = bundle(tmp_path / "Plain"), bundle(tmp_path / "Tiny", config={"network_def": CODE[0]})
    volume = ct((16, 16, 16))
    assert np.array_equal(run(folder, volume, trust=True), run(plain, volume))
    run(folder, volume)
    with open_model(folder) as model:
        assert trust.is_trusted(model.sha256)
    path = folder / "configs" / "inference.json"
    path.write_text(path.read_text() + " ")
    with pytest.raises(Refusal, match="is code"):
        run(folder, volume)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"num_channels": 4}, "contradicts itself"),
        ({"channel_def": {"0": "background", "1": "liver"}}, "names 2 labels"),
        ({"config": {"network_def": {"_target_": "UNet", "out_channels": 5}}}, "makes 5 channels"),
        ({"transforms": [{"_target_": "Spacingd", "keys": "image"}]}, "to which spacing"),
        ({"transforms": [{"_target_": "RandFlipd", "keys": "image"}]}, "RandFlipd"),
        (
            {"transforms": [{"_target_": "ScaleIntensityRanged", "keys": "image", "a_min": "$1", "a_max": 3}]},
            "expressions",
        ),
        ({"config": {"preprocessing": "@preprocessing"}}, "cannot be understood|refers to itself|expressions"),
    ],
)
def test_bundles_that_contradict_themselves(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    with pytest.raises(Refusal, match=said), open_model(bundle(tmp_path / "Tiny", **change)):
        pass


@pytest.mark.parametrize("count", [10**9, 0, -1, "10**9", "1", 1.5, float("inf"), None, [1]])
@pytest.mark.parametrize("place", ["inputs", "outputs"])
def test_numbers_of_channels_that_no_image_has(tmp_path: Path, place: str, count: Any) -> None:
    folder = bundle(tmp_path / "Tiny")
    path = folder / "configs" / "metadata.json"
    told = json.loads(path.read_text())
    next(iter(told["network_data_format"][place].values()))["num_channels"] = count
    path.write_text(json.dumps(told))
    with pytest.raises(Refusal, match=r"the bundle Tiny tells .* channels: numbers from 1 to"), open_model(folder):
        pass


@pytest.mark.parametrize("change", [{"channels": [10**9, 8]}, {"num_res_units": 10**9}, {"channels": [4] * 1000}])
def test_a_network_that_no_machine_is_to_make(tmp_path: Path, change: dict[str, Any]) -> None:
    network = {"_target_": "UNet", "spatial_dims": 3, "in_channels": 1, "out_channels": 3, "strides": [2]}
    folder = bundle(tmp_path / "Tiny", config={"network_def": network | {"channels": [4, 8]} | change})
    with pytest.raises(Refusal, match="not meant well"), open_model(folder):
        pass


def test_a_network_that_its_weights_do_not_fill(tmp_path: Path) -> None:
    """As large as its arguments may be: it is given up before there is any memory in it."""
    network = {"_target_": "UNet", "spatial_dims": 3, "in_channels": 1, "out_channels": 3, "channels": [4096] * 3,
               "strides": [2, 2], "kernel_size": 31}  # fmt: skip
    folder = bundle(tmp_path / "Tiny", config={"network_def": network})
    with open_model(folder) as model, pytest.raises(Refusal, match="cannot be made, or its weights do not fit"):
        model.net(Job())


@pytest.mark.parametrize("more", [{"pretrained": True}, {"progress": False}, {"pretrained_url": "http://127.0.0.1:9/"}])
def test_what_would_download_is_code_and_has_no_network(tmp_path: Path, more: dict[str, Any]) -> None:
    """Whoever trusts it all the same gets a network made here, or a sentence."""
    network = {"_target_": "UNet", "spatial_dims": 3, "in_channels": 1, "out_channels": 3, "channels": [4, 8]}
    folder = bundle(tmp_path / "Tiny", config={"network_def": network | {"strides": [2]} | more})
    with open_model(folder) as model, pytest.raises(Refusal, match=f"it sets {next(iter(more))}"):
        model.net(Job())


def test_yaml_that_doubles_with_every_line(tmp_path: Path) -> None:
    folder = bundle(tmp_path / "Tiny")
    (folder / "configs" / "inference.json").unlink()
    merges = [f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}" for n in range(1, 60)]
    (folder / "configs" / "inference.yaml").write_text("\n".join(["a0: &a0 {x: 1}", *merges]))
    with pytest.raises(Refusal, match="no valid YAML"), open_model(folder):
        pass
    shared = [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)]
    text = "\n".join(["a0: &a0 [1, 1]", *shared, "network_def: *a59"])
    (folder / "configs" / "inference.yaml").write_text(text)
    with pytest.raises(Refusal, match="far too large"), open_model(folder):
        pass


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "a: !!python/object/apply:os.system [true]", "network_def: 2001-01-01", "- 1"]
)
def test_yaml_that_is_no_config(tmp_path: Path, text: str) -> None:
    folder = bundle(tmp_path / "Tiny")
    (folder / "configs" / "inference.json").unlink()
    (folder / "configs" / "inference.yaml").write_text(text)
    with pytest.raises(Refusal) as refusal, open_model(folder) as model:
        model.net(Job())
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("missing", ["configs/inference.json", "models/model.pt"])
def test_bundles_with_missing_files(tmp_path: Path, missing: str) -> None:
    folder = bundle(tmp_path / "Tiny")
    (folder / missing).unlink()
    with pytest.raises(Refusal, match=missing.rpartition("/")[2]), open_model(folder) as model:
        model.net(Job())


def test_a_bundle_with_torchscript_only(tmp_path: Path, ct: Callable[..., Volume], run: Callable[..., Any]) -> None:
    """Its network is code; what is done to images and labels is the same."""
    from monai.networks.nets import UNet

    plain, folder = bundle(tmp_path / "Plain"), bundle(tmp_path / "Tiny")
    network = UNet(spatial_dims=3, in_channels=1, out_channels=3, channels=(4, 8), strides=(2,)).eval()
    network.load_state_dict(torch.load(folder / "models" / "model.pt", weights_only=True))
    torch.jit.trace(network, torch.zeros(1, 1, 32, 32, 32)).save(str(folder / "models" / "model.ts"))
    path = folder / "configs" / "inference.json"
    config = json.loads(path.read_text())
    del config["network_def"], config["network"]
    path.write_text(json.dumps(config))
    volume = ct((16, 16, 16))
    with pytest.raises(Refusal, match=r"is code \(TorchScript\)"):
        run(folder, volume)
    assert (run(folder, volume, trust=True) == run(plain, volume)).mean() > 0.999
