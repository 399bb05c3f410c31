"""Models of others as a plugin: labels and images on the input's grid, what was done to it told, one sentence else."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.fixtures.model_files import bright_onnx, bundle, meshnet
from tests.fixtures.phantom import phantom
from viewer.compute.engine.engine import Engine
from viewer.compute.engine.job import Job
from viewer.compute.progress import Refusal
from viewer.data.segmentation import Segmentation
from viewer.data.volume import Volume
from viewer.plugin.execute import execute, submit_plugin


def test_labels_with_names_colours_and_provenance(tmp_path: Path) -> None:
    volume = phantom()
    folder = bright_onnx(tmp_path / "net", labels={"0": "background", "1": "bone"})
    result = execute(Job(), "apply_model", {"image": volume}, {"model": folder})
    found = result.outputs["segmentation"]
    assert isinstance(found, Segmentation)
    assert np.array_equal(found.array, volume.values() > 500)
    assert found.array.dtype == np.uint8
    assert found.grid is volume.grid
    assert [(one.label, one.name) for one in found.segments] == [(1, "bone")]
    provenance = found.provenance
    assert provenance is not None
    assert provenance.learned
    assert provenance.model == "Bright things"
    assert len(provenance.model_sha256) == 64
    assert provenance.engine.startswith("OpenVINO")
    assert {"bringing the labels back"} <= set(result.stages)


def test_what_was_resampled_is_told(tmp_path: Path) -> None:
    prepare = {"spacing": [3, 3, 3], "axes": "LPS"}
    given = {"channels": ["image"], "prepare": prepare}
    volume = phantom()
    found = execute(Job(), "apply_model", {"image": volume}, {"model": bright_onnx(tmp_path / "net", input=given)})
    labels = found.outputs["segmentation"]
    assert isinstance(labels, Segmentation)
    assert labels.badges == ("resampled to 3 × 3 × 3 mm for the model", "axes turned for the model")
    assert labels.array.shape == volume.array.shape


def test_an_image_model(tmp_path: Path) -> None:
    volume = phantom()
    folder = bright_onnx(tmp_path / "net", labels={})
    made = execute(Job(), "apply_image_model", {"image": volume}, {"model": folder}).outputs["image"]
    assert isinstance(made, Volume)
    assert made.array.dtype == np.float32
    assert "values of the model's own scale" in made.badges
    assert made.unit == ""
    with pytest.raises(Refusal, match="use “Apply an image model”"):
        execute(Job(), "apply_model", {"image": volume}, {"model": folder})
    with pytest.raises(Refusal, match="use “Apply a segmentation model”"):
        execute(Job(), "apply_image_model", {"image": volume}, {"model": bright_onnx(tmp_path / "labels")})


def test_channels_in_their_order(tmp_path: Path) -> None:
    """The others are brought to the first one's grid; none may be left out between two."""
    volume, other = phantom(), phantom((24, 30, 30), spacing=(1.2, 1.3, 1.3), seed=3)
    folder = bright_onnx(tmp_path / "net", 2)
    found = execute(Job(), "apply_model", {"image": volume, "second": other}, {"model": folder}).outputs["segmentation"]
    assert isinstance(found, Segmentation)
    assert found.badges == ("resampled to the first image's grid",)
    assert found.array.any()
    with pytest.raises(Refusal, match="missing between two others"):
        execute(Job(), "apply_model", {"image": volume, "third": other}, {"model": folder})
    with pytest.raises(Refusal, match="takes 2 images"):
        execute(Job(), "apply_model", {"image": volume}, {"model": folder})


def test_the_engine_is_ready_for_the_next_job_after_bad_models(tmp_path: Path) -> None:
    """In the engine's own process; every sentence is for a user."""
    (tmp_path / "notes.txt").write_text("hello")
    broken = meshnet(tmp_path / "mesh")
    (broken / "model.bin").write_bytes(b"")
    code = bundle(tmp_path / "code", config={"network_def": "$__import__('os').abort()"})
    engine = Engine()
    try:
        for path in (tmp_path / "notes.txt", broken, code, tmp_path / "gone", bright_onnx(tmp_path / "good")):
            over = threading.Event()
            ends: list[Any] = []

            def end(*what: Any, over: threading.Event = over, ends: list[Any] = ends) -> None:
                ends.append(what)
                over.set()

            args = ("apply_model", {"image": phantom()}, {"model": path})
            submit_plugin(engine, *args, done=end, failed=end, cancelled=end)
            assert over.wait(120)
            if path.name == "good":
                assert isinstance(ends[0][0].outputs["segmentation"], Segmentation)
            else:
                sentence = ends[0][0]
                assert sentence.startswith("Apply a segmentation model: ")
                assert sentence.endswith(".")
                assert "see the log" not in sentence
    finally:
        engine.close()
