"""`run`: one plugin on images from disk, its results on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from viewer.cli.failure import BadInput, WrongUse
from viewer.cli.labels import run_labels
from viewer.cli.stage import HeadlessStage, finish, one_image
from viewer.compute.device import choose_device
from viewer.compute.job import Refusal
from viewer.data.volume import Volume
from viewer.io.save import Format
from viewer.plugin.plugin import Plugin
from viewer.scene.layer import VolumeLayer

Json = dict[str, Any]

ENDINGS: dict[Format, str] = {"dicom": "", "nifti": ".nii.gz", "nrrd": ".nrrd", "mha": ".mha"}


def run(
    plugin_id: str, inputs: Mapping[str, str], parameters: Mapping[str, Any], out: Path, format: str, device: str
) -> Json:
    """The document that `run --json` prints; results are written to `out` under their output's name.

    format: "auto" (DICOM for DICOM input, NIfTI else) or a key of ENDINGS. Raises WrongUse, BadInput, JobFailed.
    """
    with HeadlessStage() as stage:
        session = stage.session
        if plugin_id not in session.plugins:
            raise WrongUse(f"{plugin_id}: there is no such plugin; choose one of {', '.join(sorted(session.plugins))}.")
        plugin = session.plugins[plugin_id]
        _check(plugin, inputs, parameters)
        layers = {name: _load(stage, text) for name, text in inputs.items()}
        kind = _format(format, next(iter(layers.values())).volumes[0])
        if all(output.type == "segmentation" for output in plugin.outputs):
            return run_labels(stage, plugin, layers, parameters, out, kind, _device(plugin, device))
        chosen = {name: layer.id for name, layer in layers.items()}
        task = finish(stage, session.run(plugin_id, chosen, dict(parameters), _device(plugin, device)))
        written = []
        for output, layer in zip(plugin.outputs, _results(stage), strict=False):
            target = out / f"{output.name}{ENDINGS[kind]}"
            out.mkdir(parents=True, exist_ok=True)
            finish(stage, session.save(layer, target, kind))
            written.append({"name": output.name, "type": output.type, "path": str(target)})
        provenance = _results(stage)[0].volumes[0].provenance
        assert provenance is not None  # every result of a plugin carries it
        return {
            "plugin": plugin_id,
            "outputs": written,
            "device": provenance.device,
            "precision": provenance.precision,
            "seconds": round(task.seconds, 3),
            "stages": {stage_name: round(seconds, 3) for stage_name, seconds in task.stages.items()},
            "peak_memory_bytes": task.peak_memory,
            "provenance": provenance.to_json(),
        }


def parse(texts: list[str], option: str) -> dict[str, str]:
    """NAME=VALUE pairs. Raises WrongUse."""
    pairs = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise WrongUse(f"{option} {text}: write it as NAME=VALUE.")
        pairs[name] = value
    return pairs


def value(text: str) -> Any:
    """A parameter's value: JSON where it is JSON (numbers, true, false), the text itself else."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _check(plugin: Plugin, inputs: Mapping[str, str], parameters: Mapping[str, Any]) -> None:
    known = [one.name for one in plugin.inputs]
    for name in inputs:
        if name not in known:
            raise WrongUse(f"--input {name}: {plugin.id} has no such input; it takes {', '.join(known)}.")
    for one in plugin.inputs:
        if one.required and one.name not in inputs:
            raise WrongUse(f"{plugin.id} needs --input {one.name}=PATH.")
    try:
        plugin.validate(dict(parameters))
    except ValueError as error:
        raise WrongUse(str(error)) from error


def _device(plugin: Plugin, wanted: str) -> str:
    try:
        return choose_device(wanted, gpu=plugin.gpu)
    except Refusal as refusal:
        raise WrongUse(f"--device {wanted}: {refusal}") from refusal


def _load(stage: HeadlessStage, text: str) -> VolumeLayer:
    image = one_image(stage, text)
    task = stage.session.load(image)
    stage.until(lambda: not task.running)
    if task.state != "done":
        raise BadInput(task.error)
    return next(layer for layer in stage.session.document.volume_layers if layer.image is image)


def _results(stage: HeadlessStage) -> list[VolumeLayer]:
    return [layer for layer in stage.session.document.volume_layers if layer.review == "unreviewed"]


def _format(wanted: str, source: Volume) -> Format:
    if wanted == "auto":
        return "dicom" if source.source.dicom else "nifti"
    for kind in ENDINGS:
        if wanted == kind:
            return kind
    raise WrongUse(f"--format {wanted}: choose auto, {', '.join(ENDINGS)}.")
