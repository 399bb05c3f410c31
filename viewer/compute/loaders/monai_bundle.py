"""MONAI bundles: configs/metadata.json, configs/inference.json or .yaml, models/model.pt or model.ts.

A bundle is code where its network is told by an expression ($…) or is anything but a network of monai.networks.nets or
torch.nn: it is evaluated (by monai.bundle.ConfigParser) only when it is trusted. The rest only describes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from viewer.compute.job import Job, Refusal
from viewer.compute.loaders import torchscript
from viewer.compute.loaders.aligned import Preparation
from viewer.compute.loaders.carded import Told
from viewer.compute.loaders.files import check_network, read_checkpoint, read_json, read_text
from viewer.compute.loaders.foreign import Decision, Foreign
from viewer.compute.loaders.monai_config import Json, Resolved, read_config
from viewer.compute.loaders.monai_steps import preparation, thresholded
from viewer.compute.loaders.trust import ask, digest
from viewer.compute.net import Net

METADATA = "configs/metadata.json"
WEIGHTS, SCRIPT = "models/model.pt", "models/model.ts"
TEXTS = (".py", ".json", ".yaml", ".yml")
LABELLED = ("segmentation", "labels", "classes")


def looks_like(folder: Path) -> bool:
    return (folder / METADATA).is_file()


def describe(folder: Path, title: str) -> Foreign:
    """The model in a bundle's folder. Raises Refusal."""
    metadata, config = read_json(folder / METADATA), read_config(folder)
    try:
        return _described(metadata, config, folder, title)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, StopIteration) as error:
        raise Refusal(
            f"the metadata or configs of the bundle {title} lack something or cannot be understood ({error!r})."
        ) from error


def _described(metadata: Json, config: Json, folder: Path, title: str) -> Foreign:
    resolved = Resolved(config)
    network, code = resolved.network()
    known = [path for path in folder.rglob("*") if path.suffix in TEXTS and path.is_file()]
    sha256 = digest(known + [folder / name for name in (WEIGHTS, SCRIPT) if (folder / name).is_file()], folder)
    channels, labels, count = _data(metadata, title)
    prepare = _preparation(resolved, labels, count, title)
    if network is None and (folder / SCRIPT).is_file():
        scripted = torchscript.describe(folder / SCRIPT, title, Told(channels=channels), sha256)
        make, code = scripted.make, "TorchScript"
    elif network is None:
        raise KeyError("network_def")
    else:
        evaluated = config if code else {"network_def": network}
        make = partial(_make, folder, evaluated, code, sha256, title, len(channels))
    return Foreign(
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


def _preparation(resolved: Resolved, labels: dict[int, str], count: int, title: str) -> Preparation:
    """How images are prepared, and how the channels of the result become labels."""
    made = resolved.plain("network_def::out_channels")
    if isinstance(made, int) and made != count:
        raise Refusal(
            f"the bundle {title} contradicts itself: its network makes {made} channels, its metadata tells {count}."
        )
    apart = thresholded(resolved.transforms("postprocessing")) or count == 1
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
    count, names = int(given["num_channels"]), given.get("channel_def") or {}
    channels = tuple(str(names.get(str(n), f"channel {n}")) for n in range(count))
    classes = int(made["num_channels"])
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


def _patch(resolved: Resolved) -> tuple[tuple[int, int, int], int]:
    """The size of a patch and the halo that overlap asks for: from the sliding window, else the usual ones."""
    sizes, overlap = resolved.plain("inferer::roi_size"), resolved.plain("inferer::overlap")
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


def _make(folder: Path, config: Json, code: str, sha256: str, title: str, channels: int, job: Job) -> Net:
    from viewer.compute.backend import ready

    if code:
        ask(title, code, sha256)
    network = _network(folder, config, title)
    return ready(network, job.device, key=digest([folder / WEIGHTS]), channels=channels, multiple=16, job=job)


def _network(folder: Path, config: Json, title: str) -> Any:
    """The network with its weights."""
    import torch
    from monai.bundle import ConfigParser

    weights = read_checkpoint(folder / WEIGHTS)
    with _importable(folder):
        try:

            def make() -> Any:
                return ConfigParser({**config, "bundle_root": str(folder)}).get_parsed_content(
                    "network_def", instantiate=True
                )

            check_network(make)
            network = make()
        except (RuntimeError, ValueError, TypeError, KeyError, ImportError, AttributeError) as error:
            raise Refusal(f"the network of the bundle {title} cannot be made ({error!r}).") from error
    for key in ("model", "state_dict"):
        weights = weights[key] if isinstance(weights, dict) and isinstance(weights.get(key), dict) else weights
    try:
        assert isinstance(network, torch.nn.Module)
        network.load_state_dict(weights)
    except (AssertionError, RuntimeError, TypeError, AttributeError) as error:
        raise Refusal(f"the weights of the bundle {title} do not fit its network.") from error
    return network.float().eval().requires_grad_(False)


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
            if str(folder) in str(getattr(sys.modules[name], "__file__", "")):
                del sys.modules[name]
