"""SynthMorph's networks from Keras files, beside what the package that writes them makes of the same images.

tests/fixtures/synthmorph_*.h5 and .npy: VxmDense of voxelmorph 0.2 on TensorFlow 2.15, its weights drawn at random,
written by its `save`; every third voxel of the displacements that its registration model predicts for `pair`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from plugins.register import register_network
from plugins.register.learned import keras_weights
from plugins.register.learned.synthmorph import Network
from plugins.register.run_synthmorph import register
from tests.fixtures.phantom import clean
from viewer.api import Cancelled, Grid, Job, Refusal, Volume, resample

FILES = Path(__file__).parents[2] / "fixtures"
SHAPE, SPACING = (40, 44, 48), (1.5, 1.2, 1.1)
KERNEL = "vxm_dense_unet_enc_conv_1_0/vxm_dense_unet_enc_conv_1_0/kernel:0"


def pair(shape: tuple[int, ...]) -> list[torch.Tensor]:
    """The moving image, then the fixed one."""
    rng = np.random.default_rng(7)
    return [torch.from_numpy(rng.random((1, *shape, 1), dtype=np.float32)[..., 0]) for _ in range(2)]


@pytest.mark.parametrize(("name", "coarse"), [("coarse", 2), ("fine", 1)])
def test_it_says_what_voxelmorph_says(name: str, coarse: int) -> None:
    net = Network.of(*keras_weights.read(FILES / f"synthmorph_{name}.h5"))
    assert (net.coarse, net.between) == (coarse, 2)
    told: list[float] = []
    with torch.inference_mode():
        found = net.displacement(*pair(net.shape), told.append).numpy()
    wanted = np.load(FILES / f"synthmorph_{name}.npy")
    assert np.abs(wanted).max() > 1
    assert found[:, ::3, ::3, ::3] == pytest.approx(wanted.transpose(3, 0, 1, 2), abs=1e-4)
    assert told == sorted(told)
    assert len(told) == (9 if coarse == 2 else 10)


@pytest.fixture
def weights(tmp_path: Path) -> Callable[..., Path]:
    """A copy of a file with the same displacement everywhere, or changed otherwise."""

    def make(mm: tuple[float, float, float] = (0, 0, 0), change: Callable[[h5py.File], None] | None = None) -> Path:
        path = shutil.copy(FILES / "synthmorph_coarse.h5", tmp_path / "net.h5")
        with h5py.File(path, "r+") as file:
            flow = file["model_weights/vxm_dense_flow/vxm_dense_flow"]
            flow["kernel:0"][:] = 0
            flow["bias:0"][:] = np.array(mm) / 2  # its voxels have 2 mm
            if change is not None:
                change(file)
        return path

    return make


def head(degrees: float = 0.0, origin: tuple[float, float, float] = (-30, 12, 5)) -> Volume:
    turn = Rotation.from_euler("zyx", (degrees, degrees / 2, degrees), degrees=True).as_matrix()
    return Volume(clean(SHAPE, SPACING).astype(np.float32), Grid.of(SHAPE, SPACING, origin, turn), "head")


def test_it_moves_to_the_left_the_feet_and_the_front(weights: Callable[..., Path]) -> None:
    fixed, moving = head(10), head(-5, (3, -20, 40))
    found = register(fixed, moving, np.eye(4), weights((3, 2, -1)), Job())
    near = fixed.grid.centre + np.random.default_rng(1).uniform(-5, 5, (20, 3))
    assert found(near) - near == pytest.approx(np.tile((3, 1, -2), (20, 1)), abs=1e-3)  # LPS: left, back, head


def test_without_an_alignment_the_middles_are_laid_on_each_other(weights: Callable[..., Path]) -> None:
    fixed, moving = head(), head(8, (3, -20, 40))
    found = register(fixed, moving, None, weights(), Job())
    assert found(fixed.grid.centre[None])[0] == pytest.approx(moving.grid.centre, abs=1e-3)


def test_it_sees_both_images_in_the_same_box(monkeypatch: pytest.MonkeyPatch, weights: Callable[..., Path]) -> None:
    """However they are stored: the moving one where the alignment puts it."""
    seen: list[torch.Tensor] = []

    def look(self: Network, moving: torch.Tensor, fixed: torch.Tensor, tell: object) -> torch.Tensor:
        seen.extend((moving, fixed))
        return torch.zeros(3, *self.shape)

    monkeypatch.setattr(Network, "displacement", look)
    fixed, shift = head(10), np.eye(4)
    shift[:3, 3] = 4, -3, 2
    back = Grid(SHAPE, shift @ fixed.grid.affine @ np.array([(-1, 0, 0, 39), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)]))
    moving = Volume(np.ascontiguousarray(fixed.array[::-1]), back, "moving")
    register(fixed, moving, shift, weights(), Job())
    assert seen[0].numpy() == pytest.approx(seen[1].numpy(), abs=1e-4)
    assert float(seen[0].max()) == 1
    assert float(seen[0].std()) > 0.05


def test_the_plugin_gives_the_transform_and_the_image(weights: Callable[..., Path]) -> None:
    fixed, moving = head(), head(3)
    transform, image = register_network(fixed, moving, Job(), weights=weights((2, 0, 0)), before="nothing")
    again = resample(moving, fixed.grid, transform)
    assert image is not None
    assert np.array_equal(image.array, again.array)


def test_a_cancel_takes_effect(weights: Callable[..., Path]) -> None:
    class Stopped(Job):
        def progress(self, fraction: float, text: str = "") -> None:
            if fraction > 0.6:
                raise Cancelled

    with pytest.raises(Cancelled):
        register(head(), head(), None, weights(), Stopped())


def settings(**changed: object) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        told = json.loads(file.attrs["model_config"])
        told["config"] |= changed
        file.attrs["model_config"] = json.dumps(told)

    return change


def drop(name: str) -> Callable[[h5py.File], None]:
    return lambda file: file["model_weights"].__delitem__(name)


def other(shape: tuple[int, ...], **options: object) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file["model_weights"][KERNEL]
        file["model_weights"].create_dataset(KERNEL, shape, np.float32, **options)

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (settings(inshape=[16, 24, 16]), "halved"),
        (settings(inshape=[16, 10**9, 16]), "inshape"),
        (settings(inshape="many"), "inshape"),
        (settings(int_steps=99), "int_steps"),
        (settings(int_resolution=None), "int_resolution"),
        (settings(svf_resolution=3), "lattice"),
        (settings(svf_resolution=1), "follow on each other"),
        (settings(hyp_model={"class_name": "Lambda"}), "not known"),
        (lambda file: file.attrs.__delitem__("model_config"), "does not tell"),
        (lambda file: file.attrs.__setitem__("model_config", "{"), "damaged"),
        (lambda file: file.attrs.__setitem__("model_config", "[1]"), "does not tell"),
        (drop("vxm_dense_flow"), "U-Net"),
        (drop(KERNEL.split("/")[0]), "U-Net"),
        (other((3, 3, 3, 5, 4)), "follow on each other"),
        (other((3, 3, 3, 4, 10**9), chunks=(3, 3, 3, 4, 4)), "claims more numbers"),
        (other((3, 3, 3, 4, 4), external=[("/etc/hostname", 0, 1728)]), "in other files"),
        (lambda file: file["model_weights"].__setitem__("x", h5py.ExternalLink("/etc/x.h5", "x")), "holds a link"),
    ],
)
def test_what_is_no_such_network_is_refused(weights: Callable[..., Path], change: Callable, said: str) -> None:
    with pytest.raises(Refusal, match=said) as refused:
        register(head(), head(), None, weights(change=change), Job())
    assert "\n" not in str(refused.value)


def linked(group: h5py.Group, kernel: np.ndarray, outside: Path) -> None:
    with h5py.File(outside, "w") as file:
        file["kernel"] = kernel
    group[KERNEL] = h5py.ExternalLink(outside.name, "kernel")


def stored(group: h5py.Group, kernel: np.ndarray, outside: Path) -> None:
    outside.write_bytes(kernel.tobytes())
    group.create_dataset(KERNEL, kernel.shape, kernel.dtype, external=[(outside.name, 0, kernel.nbytes)])


def virtual(group: h5py.Group, kernel: np.ndarray, outside: Path) -> None:
    with h5py.File(outside, "w") as file:
        file["kernel"] = kernel
    layout = h5py.VirtualLayout(kernel.shape, kernel.dtype)
    layout[:] = h5py.VirtualSource(outside.name, "kernel", kernel.shape)
    group.create_virtual_dataset(KERNEL, layout)


@pytest.mark.parametrize(
    ("put", "said"), [(linked, "holds a link"), (stored, "in other files"), (virtual, "in other files")]
)
def test_weights_that_lie_in_another_file_are_refused(
    weights: Callable[..., Path], put: Callable, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HDF5 would read them as if they lay in this one, whatever file that is; the network is whole with them."""
    monkeypatch.chdir(tmp_path)

    def change(file: h5py.File) -> None:
        group = file["model_weights"]
        kernel = group[KERNEL][()]
        del group[KERNEL]
        put(group, kernel, tmp_path / "outside")

    with pytest.raises(Refusal, match=said):
        keras_weights.read(weights(change=change))


def test_a_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.h5"
    whole = (FILES / "synthmorph_fine.h5").read_bytes()
    for size in (8, 100, 5000, len(whole) // 2, len(whole) - 1000):
        path.write_bytes(whole[:size])
        with pytest.raises(Refusal, match="damaged"):
            register(head(), head(), None, path, Job())


def test_only_hdf5_files_are_taken_for_such(tmp_path: Path) -> None:
    assert keras_weights.is_keras(FILES / "synthmorph_fine.h5")
    assert not keras_weights.is_keras(Path(__file__))
    assert not keras_weights.is_keras(tmp_path / "none")
