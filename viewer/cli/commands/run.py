"""`run`: one plugin on images, label maps, transforms and landmarks from disk, its results on disk."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from viewer.cli.exit_codes import BadInput, Failure, JobFailed, WrongUse
from viewer.cli.headless_session import HeadlessStage
from viewer.cli.inputs import Series, read_inputs
from viewer.cli.outputs import ENDINGS, write_output
from viewer.compute.devices import choose_device
from viewer.compute.progress import Refusal
from viewer.data.annotations.landmarks import Landmarks
from viewer.data.printable_text import printable
from viewer.data.segmentation import Segmentation
from viewer.data.volume import Volume
from viewer.plugin.execute import Result, submit_plugin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from viewer.data.arrays import Json
    from viewer.io.images.save import Format
    from viewer.plugin.plugin import Plugin, Value


def run(
    plugin_id: str,
    inputs: Mapping[str, str],
    parameters: Mapping[str, Any],
    out: Path,
    format: str,
    device: str,
    time: int | None = None,
    placement: str = "",
) -> Json:
    """The document that `run --json` prints; results are written to `out` under their output's name.

    format: "auto" (DICOM for DICOM input, NIfTI else) or a key of ENDINGS. time: the time point of images that have
    several, 1 being the first; by default a plugin that makes images of images runs on all of them, any other on the
    first. placement: of NIfTI files, "sform" or "qform". Raises WrongUse, BadInput, JobFailed.
    """
    with HeadlessStage(placement) as stage:
        session = stage.session
        if plugin_id not in session.plugins:
            raise WrongUse(f"{plugin_id}: there is no such plugin; choose one of {', '.join(sorted(session.plugins))}.")
        plugin = session.plugins[plugin_id]
        _check(plugin, inputs, parameters)
        values, images = read_inputs(stage, plugin, dict(inputs), time)
        _print_notices(values)
        kind = _format(format, next((one for one in values.values() if isinstance(one, Volume)), None))
        count = _run_count(plugin, images)
        device = _device(plugin, device)
        results = [
            _execute(stage, plugin, values | _at_time_point(images, number), parameters, device)
            for number in range(count)
        ]
        outputs = {name: [result.outputs[name] for result in results] for name in results[0].outputs}
        known = values | {name: ones[0] for name, ones in outputs.items() if name not in values}
        written = [write_output(stage, name, ones, known, out, kind) for name, ones in outputs.items()]
        return {"plugin": plugin_id, "outputs": written, "timepoints": count, "timepoint": time} | _totals(results)


def _print_notices(values: Mapping[str, Value]) -> None:
    """What must be known of label maps and landmarks that were read: what was left out, moved or joined."""
    for name, value in values.items():
        said = value.badges if isinstance(value, Segmentation) else ()
        for sentence in value.warnings if isinstance(value, Landmarks) else said:
            print(printable(f"{name}: {sentence}"), file=sys.stderr)


def _run_count(plugin: Plugin, images: Mapping[str, Series]) -> int:
    """How often the plugin runs: once for each time point, where it makes images of images. Says where it does not.

    Raises BadInput where images have different numbers of time points.
    """
    several = {name: len(volumes) for name, volumes in images.items() if len(volumes) > 1}
    if not several:
        return 1
    if any(one.type != "volume" for one in plugin.outputs):
        for name, count in several.items():
            said = f"{name}: time point 1 of {count} is used; choose another one by --time."
            print(printable(said), file=sys.stderr)
        return 1
    if len(set(several.values())) > 1:
        counts = ", ".join(f"{name} {count}" for name, count in several.items())
        raise BadInput(f"The images have different numbers of time points ({counts}): choose one by --time.")
    return next(iter(several.values()))


def _at_time_point(images: Mapping[str, Series], number: int) -> dict[str, Value]:
    """Each image at a time point; an image that has only one is the same at all."""
    return {name: volumes[min(number, len(volumes) - 1)] for name, volumes in images.items()}


def _totals(results: Sequence[Result]) -> Json:
    """Time and memory of all runs together; device, precision and provenance are those of the first."""
    provenance = results[0].provenance
    stages = {name: sum(one.stages.get(name, 0.0) for one in results) for name in results[0].stages}
    return {
        "device": provenance.device,
        "precision": provenance.precision,
        "seconds": round(sum(one.seconds for one in results), 3),
        "stages": {name: round(seconds, 3) for name, seconds in stages.items()},
        "peak_memory_bytes": max(one.peak_memory for one in results),
        "provenance": provenance.to_json(),
    }


def _execute(
    stage: HeadlessStage, plugin: Plugin, values: Mapping[str, Value], parameters: Mapping[str, Any], device: str
) -> Result:
    """One run, its results not shown in the session. Raises JobFailed; BadInput where the plugin refuses its input."""
    ends: list[Result | Failure] = []
    running = submit_plugin(
        stage.session.engine,
        plugin.id,
        dict(values),
        dict(parameters),
        device=device,
        done=ends.append,
        failed=lambda sentence, _: ends.append(BadInput(sentence) if running.refused else JobFailed(sentence)),
        cancelled=lambda: ends.append(JobFailed(f"{plugin.title} was cancelled.")),
    )
    stage.until(lambda: bool(ends))
    if isinstance(ends[0], Failure):
        raise ends[0]
    return ends[0]


def parse_pairs(texts: list[str], option: str) -> dict[str, str]:
    """NAME=VALUE pairs. Raises WrongUse."""
    pairs = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise WrongUse(f"{option} {text}: write it as NAME=VALUE.")
        pairs[name] = value
    return pairs


def parse_value(text: str) -> Any:
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
