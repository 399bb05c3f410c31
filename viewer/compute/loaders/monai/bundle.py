"""MONAI bundles: configs/metadata.json, configs/inference.json or .yaml, models/model.pt or model.ts.

A bundle is code where its network is told by an expression ($…) or is anything but one of known_networks: it is
evaluated (by monai.bundle.ConfigParser) only when it is trusted. The rest only describes. Code may import and read
whatever lies in the bundle, so its hash is that of every file.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from viewer.compute.loaders import torchscript
from viewer.compute.loaders.card_model import ModelDescription
from viewer.compute.loaders.external_model import Decision, ExternalModel
from viewer.compute.loaders.monai.config import ResolvedConfig, read_config
from viewer.compute.loaders.monai.transforms import is_multi_label, preparation
from viewer.compute.model_files.copies import every_file
from viewer.compute.model_files.trust import digest, require_trust
from viewer.compute.model_files.weights_file import MALFORMED, read_checkpoint, read_json, read_text, tensor_table
from viewer.compute.networks.known_networks import check_sizes, load_network, monai_network
from viewer.compute.no_network import offline_cause
from viewer.compute.progress import Progress, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import torch

    from viewer.compute.loaders.preprocessing.orientation import Preparation
    from viewer.compute.networks.network import Net
    from viewer.data.arrays import Json

    Make = Callable[[], torch.nn.Module]

METADATA = "configs/metadata.json"
WEIGHTS, SCRIPT = "models/model.pt", "models/model.ts"
LABELLED = ("segmentation", "labels", "classes")
MOST = {"num_channels": 64, "classes": 1024}


def can_read(folder: Path) -> bool:
    """Whether a folder holds configs/metadata.json."""
    return (folder / METADATA).is_file()


def files(folder: Path) -> Iterator[Path]:
    """All that could be read or run. Raises Refusal."""
    return every_file(folder)


def describe(folder: Path, title: str) -> ExternalModel:
    """The model in a bundle's folder. Raises Refusal."""
    metadata, config = read_json(folder / METADATA), read_config(folder)
    try:
        return _model(metadata, config, folder, title)
    except Refusal:
        raise
    except MALFORMED as error:
        raise Refusal(
            f"the metadata or configs of the bundle {title} lack something or cannot be understood ({error!r})."
        ) from error


def _model(metadata: Json, config: Json, folder: Path, title: str) -> ExternalModel:
    resolved = ResolvedConfig(config)
    network, code = resolved.network()
    sha256 = digest(every_file(folder), folder)
    channels, labels, count = _data(metadata, title)
    prepare = _preparation(resolved, labels, count, title)
    if network is None and (folder / SCRIPT).is_file():
        scripted = torchscript.describe(folder / SCRIPT, title, ModelDescription(channels=channels), sha256)
        make, code = scripted.make, "TorchScript"
    elif network is None:
        raise KeyError("network_def")
    else:
        arguments = {key: value for key, value in network.items() if key != "_target_"} if not code else {}
        check_sizes(arguments, title)
        plain = partial(monai_network, str(network["_target_"]), arguments) if not code else None
        make = partial(
            _make, folder, plain or partial(_evaluate_network, config, folder), code, sha256, title, len(channels)
        )
    return ExternalModel(
        title=str(metadata.get("name") or title),
        kind="MONAI bundle",
        sha256=sha256,
        channels=channels,
        labels={value: name for value, name in labels.items() if value},
        make=make,
        preparation=prepare,
        spacing=prepare.spacing,
        axes=prepare.axes,
        intensity=", then ".join(step.text for step in (*prepare.before, *prepare.after)),
        patch=prepare.patch,
        halo=prepare.lap // 2,
        licence=_licence(folder, metadata),
        is_code=bool(code),
    )


def _preparation(resolved: ResolvedConfig, labels: dict[int, str], count: int, title: str) -> Preparation:
    """How images are prepared, and how the channels of the result become labels."""
    made = resolved.value("network_def::out_channels")
    if isinstance(made, int) and made != count:
        raise Refusal(
            f"the bundle {title} contradicts itself: its network makes {made} channels, its metadata tells {count}."
        )
    apart = is_multi_label(resolved.transforms("postprocessing")) or count == 1
    decision = Decision(tuple(sorted(labels))) if apart else Decision()
    patch, halo = _patch(resolved)
    prepare = preparation(resolved.transforms("preprocessing"), decision if labels else None)
    return replace(prepare, patch=patch, lap=2 * halo)


def _data(metadata: Json, title: str) -> tuple[tuple[str, ...], dict[int, str], int]:
    """Names of the input's channels, names of the result's labels by channel (or value), and its number of channels."""
    told = metadata["network_data_format"]
    inputs, outputs = list(told["inputs"].values()), list(told["outputs"].values())
    if len(inputs) != 1 or len(outputs) != 1:
        raise Refusal(
            f"the bundle {title} has {len(inputs)} inputs and {len(outputs)} outputs: only one of each runs here."
        )
    given, made = inputs[0], outputs[0]
    if len(given.get("spatial_shape", [0] * 3)) != 3:
        raise Refusal(f"the bundle {title} is for pictures, not for volumes.")
    count, names = _count(given, MOST["num_channels"], title), given.get("channel_def") or {}
    channels = tuple(str(names.get(str(n), f"channel {n}")) for n in range(count))
    classes = _count(made, MOST["classes"], title)
    defined = {int(value): str(name) for value, name in (made.get("channel_def") or {}).items()}
    if made.get("format") not in LABELLED and not defined:
        return channels, {}, classes
    if len(defined) != classes and not (classes == 1 and len(defined) == 2):
        raise Refusal(
            f"the bundle {title} contradicts itself: it makes {classes} channels but names {len(defined)} labels."
        )
    background = "back" in defined.get(0, "").lower()
    if classes == 1:
        return channels, {1: defined.get(1, defined.get(0, "label"))}, classes
    if background:
        return channels, defined, classes
    return channels, {value + 1: name for value, name in defined.items()}, classes


def _count(told: Json, most: int, title: str) -> int:
    count = told["num_channels"]
    if not isinstance(count, int) or not 1 <= count <= most:
        raise Refusal(f"the bundle {title} tells {str(count)[:20]} channels: numbers from 1 to {most} are taken.")
    return count


def _patch(resolved: ResolvedConfig) -> tuple[tuple[int, int, int], int]:
    """The size of a patch and the halo that overlap asks for: from the sliding window, else the usual ones."""
    sizes, overlap = resolved.value("inferer::roi_size"), resolved.value("inferer::overlap")
    if not (isinstance(sizes, list) and len(sizes) == 3 and all(isinstance(n, int) and 16 <= n <= 512 for n in sizes)):
        return (96, 96, 96), 16
    share = overlap if isinstance(overlap, float) and 0 <= overlap <= 0.75 else 0.25
    return (sizes[0], sizes[1], sizes[2]), max(4, int(min(sizes) * share / 2))


def _licence(folder: Path, metadata: Json) -> str:
    told = metadata.get("license", metadata.get("licence", ""))
    files = [
        path
        for path in (folder / "LICENSE", folder / "docs/license.txt", folder / "docs/data_license.txt")
        if path.is_file()
    ]
    first = (
        next((line.strip() for line in read_text(files[0]).splitlines() if line.strip()), "")
        if files and not told
        else ""
    )
    return str(told or first)[:200]


def _make(folder: Path, network: Make, code: str, sha256: str, title: str, channels: int, job: Progress) -> Net:
    from viewer.compute.networks.backends import prepare_network

    if code:
        require_trust(title, code, sha256)
    weights = _weights(folder / WEIGHTS)
    with _importable(folder):
        try:
            made = load_network(network, weights)
        except Refusal:
            raise
        except (RuntimeError, ImportError, AssertionError, *MALFORMED) as error:
            raise offline_cause(error) or Refusal(
                f"the network of the bundle {title} cannot be made, or its weights do not fit it ({error!r:.200})."
            ) from error
        return prepare_network(made, job.device, key=sha256, channels=channels, multiple=16, job=job)


def _weights(path: Path) -> dict[str, torch.Tensor]:
    """The table of weights in a bundle's file: the file itself, or an entry of it."""
    found = read_checkpoint(path)
    for key in ("model", "state_dict"):
        found = found[key] if isinstance(found, dict) and isinstance(found.get(key), dict) else found
    return tensor_table(found, path.name)


def _evaluate_network(config: Json, folder: Path) -> torch.nn.Module:
    """The network that a trusted bundle's config makes."""
    import torch
    from monai.bundle import ConfigParser

    parser = ConfigParser({**config, "bundle_root": str(folder)})
    network = parser.get_parsed_content("network_def", instantiate=True)
    assert isinstance(network, torch.nn.Module)
    return network


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """A trusted bundle's own scripts can be imported meanwhile, and none of them stays for the next bundle."""
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            places = (getattr(sys.modules[name], one, "") for one in ("__file__", "__path__"))
            if any(str(folder) in str(place) for place in places):
                del sys.modules[name]
