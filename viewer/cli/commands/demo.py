"""`demo`: the main job on the built-in sample: open, look, run a plugin, inspect, save, measure against the truth."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from viewer.cli.commands.info import patients
from viewer.cli.exit_codes import JobFailed
from viewer.cli.headless_session import WindowStage, find_images, finish
from viewer.compute.images.image_metrics import compare_images
from viewer.io.reader.reader import index_now, load_now
from viewer.io.sample.sample import SamplePaths, make_sample
from viewer.io.sample.truth import measure_retention, truth_of
from viewer.scene.compare.inspection import Inspection
from viewer.settings import NOTICE

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.data.arrays import Json
    from viewer.data.study import Image, Source
    from viewer.data.volume import Volume
    from viewer.scene.layer import VolumeLayer


def demo(window: Callable[[], WindowStage], out: Path) -> Json:
    """Write pictures and results to `out`; the document returned names them, with the figures measured."""
    out.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(out / "denoised", ignore_errors=True)  # of an earlier demo
    sample = make_sample()
    with window() as stage:
        images = find_images(stage, [sample.baseline, sample.follow_up])
        (out / "info.json").write_text(json.dumps({"patients": patients(images)}, indent=1))
        baseline = _pick(images, sample.baseline, "t1")
        _look(stage, images, sample, baseline, out)
        result = _denoise(stage, baseline, out)
        seconds = {task.title: round(task.seconds, 2) for task in stage.session.tasks}
        quality = _measure(stage, sample, baseline, result, out)
    document = {
        "notice": NOTICE,
        "pictures": sorted(path.name for path in out.glob("*.png")),
        "results": ["denoised", "denoised.nii.gz", "info.json", "results.json"],
        "quality": quality,
        "seconds": seconds,
    }
    (out / "results.json").write_text(json.dumps(document, indent=1))
    return document


def _pick(images: list[Image], study: Path, series: str) -> Image:
    """The image whose files lie in a series folder of the sample."""
    for image in images:
        if Path(image.source.files[0]).is_relative_to(study / series):
            return image
    raise JobFailed(f"The sample lacks its {series} series: remove {study.parent} and run the demo again.")


def _look(stage: WindowStage, images: list[Image], sample: SamplePaths, baseline: Image, out: Path) -> None:
    """The baseline, the simulated PET over it, and the follow-up."""
    session = stage.session
    finish(stage, session.studies.load(_pick(images, sample.follow_up, "t1")))
    stage.picture(out / "follow-up.png")
    finish(stage, session.studies.load(baseline))
    stage.picture(out / "baseline.png")
    finish(stage, session.studies.load(_pick(images, sample.baseline, "pet"), overlay=True))
    stage.picture(out / "fusion.png")
    finish(stage, session.studies.load(baseline))


def _denoise(stage: WindowStage, baseline: Image, out: Path) -> VolumeLayer:
    """Run the denoiser on the baseline, show it beside the input and wiped against it, and save it twice."""
    session = stage.session
    layer = next(one for one in session.document.volume_layers if one.image is baseline)
    before = len(session.document)
    finish(stage, session.runs.run_plugin("denoise", {"image": layer.id}, {}))
    result = session.document.volume_layers[before]
    session.state.layout = "compare"
    stage.picture(out / "denoised.png")
    session.state.layout = "2x2"
    session.state.inspection = Inspection(result.id, "wipe", at=session.state.crosshair)
    stage.picture(out / "wipe.png")
    session.state.inspection = None
    finish(stage, session.saving.save(result, out / "denoised", "dicom"))
    finish(stage, session.saving.save(result, out / "denoised.nii.gz", "nifti", overwrite=True))
    return result


def _measure(stage: WindowStage, sample: SamplePaths, baseline: Image, result: VolumeLayer, out: Path) -> Json:
    """How far input and result are from the truth inside the head; whether the saved series is the result."""

    def read(path: Path) -> Volume:
        return load_now(index_now([path], stage.session.reader)[0][0], stage.session.reader)[0]

    truth = read(sample.truth / "baseline_noise_free.nii.gz").values()
    head = read(sample.truth / "baseline_tissues.nii.gz").array > 0
    noisy = load_now(baseline, stage.session.reader)[0]
    errors = {
        name: round(float(np.sqrt(np.mean(np.square(volume.values() - truth)[head]))), 2)
        for name, volume in (("input", noisy), ("result", result.volumes[0]))
    }
    return {
        "root mean square error inside the head": errors,
        "kept of the truth": _retention(noisy, result.volumes[0], baseline.source),
        "saved against result": compare_images(result.volumes[0], read(out / "denoised")),
    }


def _retention(before: Volume, result: Volume, source: Source) -> Json:
    """The parts of the truth's edges and lesion contrasts that input and result keep: 1 is all."""
    truth = truth_of(source)
    if truth is None:
        raise JobFailed("The sample lacks its truth: remove it from the cache and run the demo again.")
    found = measure_retention(before, result, truth)
    names = ("input", "result")
    lesions = [
        {"label": one.label, "diameter_mm": round(one.diameter, 1)}
        | {name: round(part.retention, 3) for name, part in zip(names, (one, other), strict=True)}
        for one, other in found.lesions
    ]
    edges = {name: round(part, 3) for name, part in zip(names, found.edges, strict=True)}
    return {"edges": edges, "lesions": lesions}
