"""`run`: one plugin on images, label maps, transforms and landmarks from disk, its results on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from viewer.cli.failure import BadInput, Failure, JobFailed, WrongUse
from viewer.cli.inputs import read_inputs
from viewer.cli.outputs import ENDINGS, write_output
from viewer.cli.stage import HeadlessStage
from viewer.compute.device import choose_device
from viewer.compute.job import Refusal
from viewer.data.volume import Volume
from viewer.io.save import Format
from viewer.plugin.plugin import Plugin, Value
from viewer.plugin.run import Result

Json = dict[str, Any]


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
        values = read_inputs(stage, plugin, dict(inputs))
        kind = _format(format, next((one for one in values.values() if isinstance(one, Volume)), None))
        result = _execute(stage, plugin, values, parameters, _device(plugin, device))
        written = [write_output(stage, name, made, values, out, kind) for name, made in result.outputs.items()]
        return {
            "plugin": plugin_id,
            "outputs": written,
            "device": result.provenance.device,
            "precision": result.provenance.precision,
            "seconds": round(result.seconds, 3),
            "stages": {stage_name: round(seconds, 3) for stage_name, seconds in result.stages.items()},
            "peak_memory_bytes": result.peak_memory,
            "provenance": result.provenance.to_json(),
        }


def _execute(
    stage: HeadlessStage, plugin: Plugin, values: Mapping[str, Value], parameters: Mapping[str, Any], device: str
) -> Result:
    """Past the document, which shows images only. Raises JobFailed; BadInput where the plugin refuses what it gets."""
    ends: list[Result | Failure] = []
    running = stage.session.engine.submit(
        "viewer.plugin.run:execute",
        (plugin.id, dict(values), dict(parameters)),
        device=device,
        done=ends.append,
        failed=lambda sentence, _: ends.append(BadInput(sentence) if running.refused else JobFailed(sentence)),
        cancelled=lambda: ends.append(JobFailed(f"{plugin.title} was cancelled.")),
    )
    stage.until(lambda: bool(ends))
    if isinstance(ends[0], Failure):
        raise ends[0]
    return ends[0]


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
        if not inputs[name]:
            raise WrongUse(f"--input {name}= names no file: write a path after it.")
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


def _format(wanted: str, source: Volume | None) -> Format:
    if wanted == "auto":
        return "dicom" if source is not None and source.source.dicom else "nifti"
    for kind in ENDINGS:
        if wanted == kind:
            return kind
    raise WrongUse(f"--format {wanted}: choose auto, {', '.join(ENDINGS)}.")
