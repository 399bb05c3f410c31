"""Results folders of nnU-Net v2: plans.json, dataset.json and fold_*/checkpoint_final.pth. nnunetv2 is not needed."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from math import lcm, prod
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.compute.loaders.external_model import Decision, ExternalModel
from viewer.compute.loaders.nnunet.network_plans import network_design, triple
from viewer.compute.loaders.nnunet.preprocessing import SCHEMES, Preparation, Resampling, Scheme
from viewer.compute.loaders.preprocessing.label_stream import LinearHead
from viewer.compute.loaders.preprocessing.orientation import spacing_of
from viewer.compute.model_files.trust import digest
from viewer.compute.model_files.weights_file import MALFORMED, read_checkpoint, read_json, tensor_table
from viewer.compute.networks.known_networks import load_network
from viewer.compute.networks.network import StoppableNet, Stopped
from viewer.compute.progress import Progress, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.compute.networks.network import Net

NETWORK = "plugins.apply_model.nnunet_networks"  # found by name: modules of torch live in plugins
PLANS, DATASET, CHECKPOINT = "plans.json", "dataset.json", "checkpoint_final.pth"
RESIZE = "resample_data_or_seg_to_shape"
PREPROCESSOR = "DefaultPreprocessor"
# The readers of nnU-Net that images of any file are read like, and the axes that they turn images to: SimpleITK's order
# of the stored image (k, j, i), which nibabel's is put into as well; towards the head, the front and the right.
READERS = {"SimpleITKIO": "kji", "NibabelIO": "kji", "Tiff3DIO": "kji", "NibabelIOWithReorient": "SAR",
           "SimpleITKIOWithReorient": "SAR"}  # fmt: skip
PICTURES = "NaturalImage2DIO"
MOST = {"classes": 1000, "patch": 512, "configurations": 100}


def can_read(folder: Path) -> bool:
    """Whether a folder holds plans.json, dataset.json and a fold."""
    return (folder / PLANS).is_file() and (folder / DATASET).is_file()


def files(folder: Path) -> list[Path]:
    """The files that are read."""
    return [folder / PLANS, folder / DATASET, *_folds(folder)]


def _folds(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"fold_*/{CHECKPOINT}"))


def describe(folder: Path, title: str) -> ExternalModel:
    """The model in a results folder, all its folds together. Raises Refusal."""
    plans, dataset = read_json(folder / PLANS), read_json(folder / DATASET)
    folds = _folds(folder)
    if not folds:
        raise Refusal(
            f"the nnU-Net folder {title} holds no fold_…/{CHECKPOINT}: choose the folder of a finished training."
        )
    try:
        return _model(plans, dataset, folds, folder, title)
    except Refusal:
        raise
    except MALFORMED as error:
        raise Refusal(
            f"plans or dataset of the nnU-Net model {title} lack something or contradict one another ({error!r})."
        ) from error


def outline(folder: Path) -> tuple[tuple[str, ...], tuple[str, ...], tuple[float, float, float]]:
    """Names of the channels and of the classes, and mm of the voxels. Raises Refusal, or what MALFORMED names."""
    plans, dataset = read_json(folder / PLANS), read_json(folder / DATASET)
    config = _configuration(plans, folder.name.rpartition("__")[2])
    return _channels(dataset), tuple(_labels(dataset)[0].values()), spacing_of(config["spacing"])


def _channels(dataset: Any) -> tuple[str, ...]:
    names = dataset.get("channel_names", dataset.get("modality"))
    return tuple(str(names[key]) for key in sorted(names, key=int))


def _model(plans: Any, dataset: Any, folds: list[Path], folder: Path, title: str) -> ExternalModel:
    config = _configuration(plans, folder.name.rpartition("__")[2])
    if config.get("preprocessor_name", PREPROCESSOR) != PREPROCESSOR:
        raise Refusal(f"this nnU-Net model prepares images by {config['preprocessor_name']}, which is not known here.")
    channels = _channels(dataset)
    labels, decision, classes = _labels(dataset)
    patch, spacing = triple(config["patch_size"], int, MOST["patch"]), spacing_of(config["spacing"])
    design = network_design(config, len(channels), classes)
    multiple = _multiple(design, patch)
    schemes = _schemes(plans, config, len(channels))
    axes, sha256 = _axes(plans, dataset), digest(files(folder), folder)
    made = (folds, design, title, multiple, sha256)
    fewer = not decision.values and len(folds) * design["features"][0] < classes  # features than classes
    return ExternalModel(
        title=title,
        kind="nnU-Net v2",
        sha256=sha256,
        channels=channels,
        labels=labels,
        make=partial(_make, *made),
        make_features=partial(_make_features, *made) if fewer else None,
        preparation=Preparation(
            axes=axes,
            transpose=_transpose(plans),
            spacing=spacing,
            schemes=schemes,
            data=_resampling(config, "data"),
            result=_resampling(config, "probabilities"),
            patch=patch,
            decision=decision,
        ),
        spacing=spacing,
        axes=axes,
        intensity=", ".join(scheme.text for scheme in schemes),
        patch=patch,
        halo=None,
        multiple=multiple,
        licence=str(dataset.get("licence", dataset.get("license", ""))),
    )


def _multiple(design: dict[str, Any], patch: tuple[int, int, int]) -> int:
    """What sides of tiles are multiples of. Raises ValueError for patches that the strides do not divide."""
    strides = [prod(stride[axis] for stride in design["strides"]) for axis in range(3)]
    if any(side % step for side, step in zip(patch, strides, strict=True)):
        raise ValueError(f"patches of {patch} voxels do not fit its strides")
    return lcm(*strides)


def _axes(plans: Any, dataset: Any) -> str:
    """The axes that the reader of the model's images turns them to. Raises Refusal for a reader that is not known."""
    reader = plans.get("image_reader_writer") or dataset.get("overwrite_image_reader_writer") or "SimpleITKIO"
    if reader == PICTURES:
        raise Refusal(f"this nnU-Net model is for pictures ({PICTURES}), not for volumes.")
    if reader not in READERS:
        raise Refusal(
            f"this nnU-Net model reads its images by {reader}, which is not known here: how its axes lie is not told."
        )
    return READERS[reader]


def _transpose(plans: Any) -> tuple[int, int, int]:
    forward, backward = ([int(axis) for axis in plans[f"transpose_{way}"]] for way in ("forward", "backward"))
    if sorted(forward) != [0, 1, 2] or [forward[axis] for axis in backward] != [0, 1, 2]:
        raise ValueError(f"axes cannot be transposed by {forward} and back by {backward}")
    return forward[0], forward[1], forward[2]


def _configuration(plans: Any, name: str) -> dict[str, Any]:
    """The configuration that the folder's name ends with, else the only one in three dimensions."""
    known = plans["configurations"]
    if len(known) > MOST["configurations"]:
        raise ValueError("it has far too many configurations")
    found = [key for key in ([name] if name in known else known) if len(_inherited(known, key)["patch_size"]) == 3]
    if len(found) != 1:
        choice = ", ".join(known)
        raise Refusal(
            f"which of its configurations ({choice}) an nnU-Net folder holds is told by its name (…__3d_fullres), and "
            "only those in three dimensions run here."
        )
    config = _inherited(known, found[0])
    if config.get("previous_stage"):
        raise Refusal("this nnU-Net model is the second stage of a cascade, which does not run here: take another one.")
    return config


def _inherited(known: Any, name: str, depth: int = 0) -> dict[str, Any]:
    config = dict(known[name])
    if depth > len(known):
        raise ValueError("configurations inherit in a circle")
    parent = config.pop("inherits_from", None)
    return {**_inherited(known, parent, depth + 1), **config} if parent else config


def _labels(dataset: Any) -> tuple[dict[int, str], Decision, int]:
    """Names by value, how channels become labels, and the number of channels."""
    named = {str(name): value for name, value in dataset["labels"].items() if name != "ignore"}
    if any(isinstance(value, list) for value in named.values()):
        regions = [name for name, value in named.items() if value not in (0, [0])]
        order = tuple(int(value) for value in dataset["regions_class_order"])
        if len(order) != len(regions):
            raise ValueError(f"{len(regions)} regions but an order of {len(order)}")
        return dict(zip(order, regions, strict=True)), Decision(order), len(order)
    values = {int(value): name for name, value in named.items()}
    if sorted(values) != list(range(len(values))) or len(values) > MOST["classes"]:
        raise ValueError("label values are not 0, 1, 2, …")
    return {value: name for value, name in sorted(values.items()) if value}, Decision(), len(values)


def _schemes(plans: Any, config: dict[str, Any], channels: int) -> tuple[Scheme, ...]:
    names, masked = config["normalization_schemes"], config["use_mask_for_norm"]
    facts = (
        plans.get("foreground_intensity_properties_per_channel") or plans["foreground_intensity_properties_by_modality"]
    )
    if len(names) != channels or len(masked) != channels:
        raise ValueError(f"{len(names)} normalizations for {channels} channels")
    for name in names:
        if name not in SCHEMES:
            raise Refusal(f"this nnU-Net model normalizes its images by {name}, which is not known here.")
    return tuple(
        Scheme(name, bool(mask), {key: float(value) for key, value in (facts.get(str(n)) or {}).items()})
        for n, (name, mask) in enumerate(zip(names, masked, strict=True))
    )


def _resampling(config: dict[str, Any], what: str) -> Resampling:
    name = config.get(f"resampling_fn_{what}", RESIZE)
    if name != RESIZE:
        raise Refusal(f"this nnU-Net model resamples by {name}, which is not known here.")
    options = config.get(f"resampling_fn_{what}_kwargs", {})
    separate = options.get("force_separate_z")
    order, across = options.get("order", 3 if what == "data" else 1), options.get("order_z", 0)
    if across != 0 or (what != "data" and order != 1):
        raise Refusal("this nnU-Net model resamples with splines of an order that is not known here.")
    return Resampling(int(order), int(across), None if separate is None else bool(separate))


def _make(folds: list[Path], design: dict[str, Any], title: str, multiple: int, sha256: str, job: Progress) -> Net:
    nets = [_prepared(_network(path, design, title, job), path, design, multiple, sha256, job) for path in folds]
    return nets[0] if len(nets) == 1 else Ensemble(nets)


def _make_features(
    folds: list[Path], design: dict[str, Any], title: str, multiple: int, sha256: str, job: Progress
) -> tuple[Net, LinearHead]:
    """The networks of all folds without their last layers, and one layer that makes the mean of their channels."""
    nets, weights, biases = [], [], []
    for path in folds:
        body, weight, bias = import_module(NETWORK).split_head(_network(path, design, title, job))
        nets.append(_prepared(body, path, design, multiple, f"{sha256}-features", job))
        weights.append(weight.numpy() / np.float32(len(folds)))
        biases.append(bias.numpy())
    head = LinearHead(np.concatenate(weights, 1), np.mean(biases, 0))
    return (nets[0] if len(nets) == 1 else Features(nets)), head


def _network(path: Path, design: dict[str, Any], title: str, job: Progress) -> Any:
    """The network of a fold, with its weights. Raises Refusal."""
    made_of = import_module(NETWORK)
    fold = path.parent.name
    with job.stage(f"loading {fold}"):
        found = read_checkpoint(path)
        if not isinstance(found, dict) or "network_weights" not in found:
            raise Refusal(f"{CHECKPOINT} of {fold} holds no “network_weights”: it is no checkpoint of nnU-Net v2.")
        try:
            weights = made_of.own_names(
                tensor_table(found["network_weights"], path.name), str(len(design["decoder"]) - 1)
            )
            return load_network(lambda: made_of.UNet(made_of.Design(**design)), weights)
        except (RuntimeError, *MALFORMED) as error:
            raise Refusal(f"the weights of {fold} do not fit the plans of the nnU-Net model {title}.") from error


def _prepared(network: Any, path: Path, design: dict[str, Any], multiple: int, sha256: str, job: Progress) -> Net:
    """Ready to run."""
    from viewer.compute.networks.backends import prepare_network

    key = f"{sha256}-{path.parent.name}"
    return prepare_network(network, job.device, key=key, channels=design["channels"], multiple=multiple, job=job)


class Several:
    """Several networks, one after the other."""

    spent = False

    def __init__(self, nets: list[Net]) -> None:
        self._nets = nets
        self.stoppable = all(isinstance(net, StoppableNet) and net.stoppable for net in nets)
        self.engine, self.precision, self.device = nets[0].engine, nets[0].precision, nets[0].device

    def stop(self) -> None:
        """Have what runs now end with its layer."""
        self.spent = True
        for net in self._nets:
            if isinstance(net, StoppableNet):
                net.stop()

    def _results(self, batch: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
        for net in self._nets:
            if self.spent:
                raise Stopped
            yield net(batch)


class Ensemble(Several):
    """The mean of what networks make."""

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """[n, c, k, j, i] to the mean of all results [n, c', k, j, i]."""
        results = self._results(batch)
        total = next(results)
        for result in results:
            total = total + result
        return total / np.float32(len(self._nets))


class Features(Several):
    """The features that networks make, side by side."""

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """[n, c, k, j, i] to [n, c' · networks, k, j, i]."""
        return np.concatenate(list(self._results(batch)), 1)
