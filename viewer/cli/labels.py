"""Runs of plugins that make label maps: they go from the engine to disk, past the document, which shows images only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from viewer.cli.failure import BadInput, Failure, JobFailed
from viewer.cli.stage import HeadlessStage
from viewer.data.segmentation import Segmentation
from viewer.io.save import Format, save_segmentation
from viewer.io.stored import SaveError
from viewer.plugin.plugin import Plugin
from viewer.plugin.run import Result
from viewer.scene.layer import MARKS, VolumeLayer

Json = dict[str, Any]

ENDINGS: dict[Format, str] = {"nifti": ".nii.gz", "nrrd": ".nrrd", "mha": ".mha"}


def run_labels(
    stage: HeadlessStage,
    plugin: Plugin,
    layers: Mapping[str, VolumeLayer],
    parameters: Mapping[str, Any],
    out: Path,
    format: Format,
    device: str,
) -> Json:
    """The document that `run --json` prints. DICOM stands for NIfTI here. Raises JobFailed, BadInput."""
    if any(layer.loaded < 1 for layer in layers.values()):
        raise BadInput("An image is not whole.")
    result = _run(stage, plugin, layers, parameters, device)
    kind: Format = "nifti" if format == "dicom" else format
    written = []
    for name, value in result.outputs.items():
        assert isinstance(value, Segmentation)  # as the plugin declares, and the engine has checked
        target = out / f"{name}{ENDINGS[kind]}"
        out.mkdir(parents=True, exist_ok=True)
        learned = value.provenance is not None and value.provenance.learned
        try:
            save_segmentation(value, target, kind, MARKS["unreviewed", learned])
        except SaveError as error:
            raise JobFailed(str(error)) from error
        written.append({"name": name, "type": "segmentation", "path": str(target)})
    return {
        "plugin": plugin.id,
        "outputs": written,
        "device": result.provenance.device,
        "precision": result.provenance.precision,
        "seconds": round(result.seconds, 3),
        "stages": {name: round(seconds, 3) for name, seconds in result.stages.items()},
        "peak_memory_bytes": result.peak_memory,
        "provenance": result.provenance.to_json(),
    }


def _run(
    stage: HeadlessStage,
    plugin: Plugin,
    layers: Mapping[str, VolumeLayer],
    parameters: Mapping[str, Any],
    device: str,
) -> Result:
    ends: list[Result | Failure] = []
    stage.session.engine.submit(
        "viewer.plugin.run:execute",
        (plugin.id, {name: layer.volume() for name, layer in layers.items()}, dict(parameters)),
        device=device,
        done=ends.append,
        failed=lambda sentence, _: ends.append(JobFailed(sentence)),
        cancelled=lambda: ends.append(JobFailed(f"{plugin.title} was cancelled.")),
    )
    stage.until(lambda: bool(ends))
    if isinstance(ends[0], Failure):
        raise ends[0]
    return ends[0]
