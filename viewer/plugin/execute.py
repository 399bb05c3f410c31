"""One run of a plugin, in the engine: checked before, checked after, and the result says where it came from."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from viewer.compute.engine.engine import Engine
from viewer.compute.engine.job import Job
from viewer.compute.engine.peak_memory import PeakMemory
from viewer.compute.engine.submission import Listeners, SubmittedJob
from viewer.compute.progress import Refusal
from viewer.data.annotations.finding import Findings
from viewer.data.annotations.landmarks import Landmarks
from viewer.data.annotations.measurement_table import MeasurementTable
from viewer.data.annotations.prompts import Prompts
from viewer.data.provenance import Provenance, is_learned
from viewer.data.segmentation import Algorithm, Segment, Segmentation
from viewer.data.study import Source
from viewer.data.transform import Transform
from viewer.data.volume import Volume
from viewer.files.checksum import sha256_of
from viewer.plugin.discovery import discover
from viewer.plugin.parameter import json_value, title_of
from viewer.plugin.plugin import KINDS, Plugin, Value
from viewer.processes.functions import name_of
from viewer.settings import application_version

KEPT = ("u1", "i1", "u2", "i2", "u4", "i4", "f4")  # voxel types that every part of the program can show and save
CONVERTED = {"f2": "f4", "f8": "f4", "b1": "u1"}
CHUNK = 32  # slices looked at in one go


@dataclass(frozen=True, eq=False)
class Result:
    """What a run gave. outputs: by name, in the plugin's order. stages: seconds by stage. peak_memory: bytes."""

    outputs: dict[str, Value]
    provenance: Provenance
    stages: dict[str, float]
    seconds: float
    peak_memory: int


def submit_plugin(
    engine: Engine,
    plugin_id: str,
    inputs: Mapping[str, Value],
    parameters: Mapping[str, Any],
    wanted: Collection[str] | None = None,
    *,
    device: str = "cpu",
    **listeners: Unpack[Listeners[Result]],
) -> SubmittedJob:
    """Have an engine execute a plugin: see execute, and Engine.submit."""
    return engine.submit(name_of(execute), (plugin_id, inputs, parameters, wanted), device=device, **listeners)


def execute(
    job: Job,
    plugin_id: str,
    inputs: Mapping[str, Value],
    parameters: Mapping[str, Any],
    wanted: Collection[str] | None = None,
) -> Result:
    """Run a plugin by its id. wanted: the outputs that are asked for; None for all.

    Raises Refusal: one sentence that begins with the plugin's title.
    """
    plugin = find_plugin(plugin_id)
    job.title, job.model_name = plugin.title, plugin.model
    job.wanted = None if wanted is None else frozenset(wanted)
    started, clock = datetime.now().astimezone(), time.perf_counter()
    with PeakMemory() as peak:
        try:
            settings = plugin.validate(parameters)
            plugin.check_inputs(inputs)
            job.need(_bytes(plugin, inputs), "the images it works on and makes")
            left_out = {one.name: None for one in plugin.inputs if one.name not in inputs}
            returned = plugin(**inputs, **left_out, job=job, **settings)
        except Refusal as refusal:
            refusal.args = (f"{plugin.title}: {refusal}",)
            raise
        with job.stage("checking the result"):
            values = _checked(plugin, returned, job)
        provenance = replace(
            _provenance(plugin, settings, inputs),
            **_run_by(job),
            started=started.isoformat(timespec="microseconds"),
            seconds=round(time.perf_counter() - clock, 3),
        )
    outputs = {name: _stamped(value, _name(plugin, name, inputs), inputs, provenance) for name, value in values.items()}
    job.progress(1.0)
    return Result(outputs, provenance, dict(job.stages), time.perf_counter() - clock, peak.bytes)


def find_plugin(plugin_id: str) -> Plugin:
    """The plugin of that id. Raises Refusal where it is not there.

    It is looked for at every run, so that a person who writes a plugin sees each change of his file at the next one.
    """
    found, broken = discover()
    if plugin_id in found:
        return found[plugin_id]
    reason = next((one.reason for one in broken if one.name == plugin_id), "it is not installed (any more).")
    raise Refusal(f"The plugin {plugin_id} cannot run: {reason}")


def _checked(plugin: Plugin, returned: Any, job: Job) -> dict[str, Value]:
    """What a plugin returned of what was asked for, by name, in the program's types.

    Raises TypeError or ValueError: the plugin is wrong.
    """
    values = returned if isinstance(returned, tuple) else (returned,)
    if len(values) != len(plugin.outputs):
        raise TypeError(f"it returned {len(values)} values instead of {len(plugin.outputs)}")
    checked = {}
    for output, value in zip(plugin.outputs, values, strict=True):
        if not job.wants(output.name) or (value is None and output.optional):
            continue
        if not isinstance(value, KINDS[output.type]):
            raise TypeError(f"its result {output.name} is a {type(value).__name__} and no {output.type}")
        checked[output.name] = replace(value, array=_voxels(value.array)) if isinstance(value, Volume) else value
    for value in checked.values():
        if isinstance(value, Findings):
            _check_references(value, checked)
    return checked


def _check_references(found: Findings, values: Mapping[str, Value]) -> None:
    """Raises ValueError where a finding names a region or a heat map that the run does not give."""
    for one in found.findings:
        segments = values.get(one.segment.segmentation) if one.segment else None
        if one.segment and not (isinstance(segments, Segmentation) and segments.segment(one.segment.key)):
            raise ValueError(f"the region of its finding {one.name} is no segment of its results")
        if one.heat_map and not isinstance(values.get(one.heat_map), Volume):
            raise ValueError(f"the heat map of its finding {one.name} is none of its results")


def _voxels(array: NDArray[Any]) -> NDArray[Any]:
    """The array in C order and the machine's byte order; double precision becomes single."""
    kind = array.dtype.str[1:]
    if kind not in (*KEPT, *CONVERTED):
        raise TypeError(f"its result holds {array.dtype} values: convert them to int16, int32 or float32")
    voxels = np.ascontiguousarray(array, CONVERTED.get(kind, kind))
    if voxels.dtype.kind == "f" and not all(
        np.isfinite(voxels[k : k + CHUNK]).all() for k in range(0, len(voxels), CHUNK)
    ):
        raise ValueError("its result holds values that are not numbers")
    return voxels


def _stamped(value: Value, name: str, inputs: Mapping[str, Value], provenance: Provenance) -> Value:
    """The value with name and provenance; on the very grid of an input, and with the source of the image it is of.

    That is the first image given, but where one is moved onto another (the inputs fixed and moving): then it is the
    one that moves.
    """
    if isinstance(value, Landmarks | Prompts):
        return value
    if isinstance(value, Findings):
        return value.made_by(provenance)
    if isinstance(value, Transform | MeasurementTable):
        return replace(value, name=name, provenance=provenance)
    given = {key: one for key, one in inputs.items() if isinstance(one, Volume | Segmentation)}
    grids = [one.grid for one in given.values()]
    if not any(grid is value.grid for grid in grids):  # grids may match and lie in other frames of reference
        value = replace(value, grid=next((grid for grid in grids if grid.matches(value.grid)), value.grid))
    if isinstance(value, Segmentation):
        kept = [one for other in given.values() if isinstance(other, Segmentation) for one in other.segments]
        signed = (one if one in kept else _signed(one, provenance.plugin) for one in value.segments)
        value = replace(value, segments=tuple(signed))
    shown = given.get("moving") or next(iter(given.values()), None)
    source = shown.source if shown is not None and value.source == Source() else value.source
    return replace(value, name=name, provenance=provenance, source=source)


def _signed(segment: Segment, plugin: str) -> Segment:
    """A segment that the plugin made, and not one that it was given, says so and waits for review."""
    algorithm: Algorithm = "AUTOMATIC" if segment.algorithm == "MANUAL" else segment.algorithm
    name = segment.algorithm_name or plugin
    return replace(segment, algorithm=algorithm, algorithm_name=name, review="unreviewed")


def _name(plugin: Plugin, output: str, inputs: Mapping[str, Value]) -> str:
    made = plugin.title if len(plugin.outputs) == 1 else f"{plugin.title}, {title_of(output).lower()}"
    moved = inputs.get("moving") or next(iter(inputs.values()))
    first = getattr(moved, "name", "")
    return f"{first} – {made}" if first else made


def _provenance(plugin: Plugin, settings: Mapping[str, Any], inputs: Mapping[str, Value]) -> Provenance:
    return Provenance(
        plugin=plugin.id,
        plugin_version=plugin.version,
        application_version=application_version(),
        parameters={name: json_value(value) for name, value in settings.items()},
        inputs=tuple(_identity(value) for value in inputs.values()),
        engine=", ".join(f"{name} {version(name)}" for name in plugin.libraries),
        learned=any(
            is_learned(getattr(value, "provenance", None), getattr(value, "badges", ())) for value in inputs.values()
        ),
    )


def _run_by(job: Job) -> dict[str, Any]:
    """What the provenance says of the network; a run that asked for none is as learned as what it was given."""
    if job.used is None:
        return {"device": job.device}
    model, sha256, engine, precision, device = job.used
    return {
        "model": model,
        "model_sha256": sha256,
        "engine": engine,
        "precision": precision,
        "device": device,
        "learned": True,
    }


def _bytes(plugin: Plugin, inputs: Mapping[str, Value]) -> int:
    """Memory that a run takes at least: its inputs once more, to compute on, and its results, of the first one's size.

    Voxels of results: float32 of images, and one byte of label maps.
    """
    given = [value.array for value in inputs.values() if isinstance(value, Volume | Segmentation)]
    made = sum({"volume": 4, "segmentation": 1}.get(output.type, 0) for output in plugin.outputs)
    return sum(array.nbytes for array in given) + made * max((array.size for array in given), default=0)


def _identity(value: Value) -> str:
    """The DICOM series UID; without one, the SHA-256 of the file it came from, or else of its numbers.

    With the placement of a NIfTI file where it is not the sform, which is the rule.
    """
    if isinstance(value, Transform):
        return _digest(value.matrix) if value.displacement is None else _digest(value.matrix, value.displacement)
    if isinstance(value, Landmarks):
        return _digest(value.fixed, value.moving)
    assert not isinstance(value, MeasurementTable | Findings)  # no input is one
    if isinstance(value, Prompts):
        places = [place for prompt in value.prompts for place in prompt.points]
        return _digest(np.array(places, dtype=np.float64))
    if value.source.dicom and value.source.series_uid:
        return value.source.series_uid
    files = [path for path in map(Path, value.source.files) if path.is_file()]
    if len(files) != 1:
        return _digest(value.array)
    return f"sha256:{sha256_of(files[0])}{' by its qform' * (value.source.placement == ('qform',))}"


def _digest(*arrays: NDArray[Any]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    return f"sha256:{digest.hexdigest()}"
