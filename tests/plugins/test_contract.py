"""What every plugin is held to, whoever wrote it."""

from __future__ import annotations

import ast
import pickle
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from tests.fixtures import brain_phantom, lesion_phantom
from tests.fixtures.model_files import bright_onnx
from tests.fixtures.phantom import phantom
from viewer.compute.engine.engine import Engine
from viewer.compute.engine.job import Job
from viewer.compute.engine.thread_queue import Runner
from viewer.compute.progress import Cancelled
from viewer.data.annotations.finding import Findings
from viewer.data.annotations.landmarks import Landmarks
from viewer.data.annotations.measurement_table import MeasurementTable
from viewer.data.annotations.prompts import Prompt, Prompts
from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.data.transform import Transform
from viewer.data.volume import Volume
from viewer.plugin.discovery import discover
from viewer.plugin.execute import Result, execute, submit_plugin
from viewer.plugin.plugin import Plugin, Value

Settings = dict[str, dict[str, Any]]
PLUGINS, BROKEN = discover(Path(__file__).parent / "no folder of the user")
OBLIQUE_HEAD = Rotation.from_euler("xyz", (6, -4, 5), degrees=True).as_matrix()
FOLDER = Path(__file__).parents[2] / "plugins"
every = pytest.mark.parametrize("plugin", PLUGINS.values(), ids=list(PLUGINS))


def image_of(plugin: Plugin, shape: tuple[int, int, int] = (20, 36, 40)) -> Volume:
    """What a plugin works on, of that shape, where it does not ask for the whole head of a person."""
    if plugin.id not in ("segment_brain", "diagnose_ms_lesions"):
        return phantom(shape)
    grid = Grid.of((48, 80, 66), (4.0, 2.6, 2.8), (-82, -106, -91), OBLIQUE_HEAD, "1.2.3.4")
    image = lesion_phantom.flair(grid) if plugin.id == "diagnose_ms_lesions" else brain_phantom.head(grid)
    return replace(image, source=phantom().source)


def inputs_of(plugin: Plugin, volume: Volume) -> dict[str, Value]:
    """A value for every input, on the volume's grid."""
    head = (Segment(1, "head"),)
    labels = Segmentation((volume.array > 200).astype(np.uint8), volume.grid, head, source=volume.source)
    k, j, i = np.array(volume.grid.shape) - 1
    places = volume.grid.to_world([(0, 0, 0), (k, 0, 0), (0, j, 0), (0, 0, i), (k, j, i)])
    made: dict[str, Value] = {
        "volume": volume,
        "segmentation": labels,
        "transform": Transform(np.eye(4)),
        "landmarks": Landmarks(places, places),
        "prompts": Prompts(tuple(Prompt("point", (tuple(place.tolist()),)) for place in places[:2])),
    }
    source = replace(volume.source, series_uid=f"{volume.source.series_uid}.1")  # the same study twice is refused
    earlier = replace(volume, array=volume.array + 1, source=source)
    return {one.name: earlier if one.name == "prior" else made[one.type] for one in plugin.inputs}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Values for the parameters that have none by themselves."""
    folder = tmp_path_factory.mktemp("models")
    files = {"apply_model": bright_onnx(folder / "labels", 4, output={"patch": [48, 48, 48]})}
    files["apply_image_model"] = bright_onnx(folder / "image", 4, output={"patch": [48, 48, 48]}, labels={})
    made: Settings = {plugin: {"model": file} for plugin, file in files.items()}
    made["segment_organs"] = {"model": bright_onnx(folder / "organs", output={"patch": [48, 48, 48]})}
    made["register_network"] = {"weights": drawn_weights(folder), "before": "nothing", "side": 70}
    made["diagnose_ms_lesions"] = {"weights": lesion_phantom.threshold_weights(folder / "lesions.safetensors")}
    return {plugin: made.get(plugin, {}) for plugin in PLUGINS}


def drawn_weights(folder: Path) -> Path:
    """Of the network that registers, by chance."""
    import torch

    from plugins.register.learned.unigradicon import network

    torch.manual_seed(0)
    path = folder / "Step_2_final.trch"
    torch.save(network().state_dict(), path)
    return path


@pytest.fixture(scope="module")
def results(settings: Settings) -> dict[str, tuple[Result, list[float]]]:
    """Each plugin's result on a small phantom, and the progress it told."""
    found = {}
    for plugin in PLUGINS.values():
        told: list[float] = []
        job = Watched(told)
        found[plugin.id] = (execute(job, plugin.id, inputs_of(plugin, image_of(plugin)), settings[plugin.id]), told)
    return found


class Watched(Job):
    """A job that keeps every fraction it was told, before anything is evened out."""

    def __init__(self, told: list[float], cancelled: Callable[[], bool] = lambda: False) -> None:
        super().__init__(cancelled=cancelled)
        self._every = told

    def progress(self, fraction: float, text: str = "") -> None:
        self._every.append(fraction)
        super().progress(fraction, text)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = Engine()
    yield engine
    engine.close()


def test_all_are_well() -> None:
    assert BROKEN == ()
    assert {"denoise", "correct_bias"} <= set(PLUGINS)


@every
def test_it_is_described(plugin: Plugin) -> None:
    assert plugin.summary.endswith(".")
    assert plugin.version
    for one in (*plugin.inputs, *plugin.parameters):
        assert one.description, f"{plugin.id}: the docstring says nothing of {one.name}"


@every
def test_it_returns_what_it_declares_on_the_grid_it_got(plugin: Plugin, results: dict[str, Any]) -> None:
    result = results[plugin.id][0]
    volume = image_of(plugin)
    assert list(result.outputs) == [output.name for output in plugin.outputs]
    for value in result.outputs.values():
        assert value.provenance.plugin == plugin.id
        if not isinstance(value, Transform | MeasurementTable | Findings):
            assert value.grid.matches(volume.grid, tolerance=0)
            assert value.grid.frame_of_reference == volume.grid.frame_of_reference
            assert value.source == volume.source


@every
def test_progress_never_falls(plugin: Plugin, results: dict[str, Any]) -> None:
    told = results[plugin.id][1]
    assert told[-1] == 1.0
    assert len(set(told)) >= 2
    own = [fraction for place, fraction in enumerate(told) if place == 0 or fraction != told[place - 1]]
    assert own == sorted(own)


@every
def test_it_runs_in_the_engine_and_its_result_travels(
    plugin: Plugin, engine: Engine, results: dict[str, Any], settings: Settings
) -> None:
    over, ends = threading.Event(), []

    def end(*what: Any) -> None:
        ends.append(what)
        over.set()

    args = (plugin.id, inputs_of(plugin, image_of(plugin, (24, 64, 64))), settings[plugin.id])
    submit_plugin(engine, *args, done=end, failed=end, cancelled=end)
    assert over.wait(60)
    assert isinstance(ends[0][0], Result), ends
    assert pickle.loads(pickle.dumps(results[plugin.id][0])).stages


@every
def test_the_same_input_gives_the_same_result_and_is_left_alone(
    plugin: Plugin, results: dict[str, Any], settings: Settings
) -> None:
    volume = image_of(plugin)
    before = volume.array.copy()
    again = execute(Job(), plugin.id, inputs_of(plugin, volume), settings[plugin.id])
    for name, value in again.outputs.items():
        first = results[plugin.id][0].outputs[name]
        assert np.array_equal(getattr(value, "array", 0), getattr(first, "array", 0))
    assert np.array_equal(volume.array, before)


@every
def test_a_cancel_takes_effect(plugin: Plugin, settings: Settings) -> None:
    """It asks in the midst of its work, not at the ends alone."""
    values = inputs_of(plugin, image_of(plugin, (40, 200, 200)))
    told: list[float] = []
    job = Watched(told, lambda: told[-1] > 0.4)
    with pytest.raises(Cancelled):
        execute(job, plugin.id, values, settings[plugin.id])
    assert any(0 < fraction < 1 for fraction in told)


@every
@pytest.mark.parametrize("case", ["one slice", "constant", "float", "bytes", "tiny", "colour", "not a number", "thick"])
def test_odd_images_work_or_are_refused(plugin: Plugin, case: str, settings: Settings) -> None:
    volume = phantom((8, 20, 24))
    odd = {
        "one slice": lambda: phantom((1, 32, 40)),
        "constant": lambda: replace(volume, array=np.full_like(volume.array, 7)),
        "float": lambda: phantom((8, 20, 24), dtype=np.float32),
        "bytes": lambda: replace(volume, array=(volume.array // 8).clip(0, 255).astype(np.uint8)),
        "tiny": lambda: phantom((2, 3, 2)),
        "colour": lambda: replace(volume, array=np.zeros((*volume.array.shape, 3), np.uint8)),
        "not a number": lambda: replace(volume, array=np.where(volume.array > 500, np.nan, volume.array)),
        "thick": lambda: phantom((6, 30, 32), spacing=(6.0, 1.0, 1.0)),
    }[case]()
    heard = threading.Event()
    ends: list[Any] = []
    runner = Runner(lambda call: (call(), heard.set() if ends else None))
    args = (plugin.id, inputs_of(plugin, volume) | {plugin.inputs[0].name: odd}, settings[plugin.id])
    submit_plugin(runner, *args, done=ends.append, failed=lambda *what: ends.append(what))
    assert heard.wait(60)
    runner.close()
    if isinstance(ends[0], Result):
        values = [
            value
            for value in ends[0].outputs.values()
            if not isinstance(value, Transform | Findings | MeasurementTable)
        ]
        given = args[1]
        shape = given.get("onto", given.get("fixed", odd)).array.shape[:3]  # what an image is brought onto
        assert all(value.array.shape[:3] == shape for value in values)
    else:
        sentence, _ = ends[0]
        assert sentence.startswith(f"{plugin.title}: ")
        assert sentence.endswith(".")
        assert "see the log" not in sentence


@pytest.mark.parametrize("file", sorted(FOLDER.rglob("*.py")), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_it_sees_the_viewer_through_its_api_only(file: Path) -> None:
    """No Qt and no VTK either; and a declaration imports nothing that is slow to import."""
    tree = ast.parse(file.read_text())
    names = [one.module or "" for one in ast.walk(tree) if isinstance(one, ast.ImportFrom) and not one.level]
    names += [alias.name for one in ast.walk(tree) if isinstance(one, ast.Import) for alias in one.names]
    tops = {name.partition(".")[0] for name in names}
    assert not tops & {"PySide6", "qtpy", "vtk", "vtkmodules", "magicgui"}
    assert {name for name in names if name.startswith("viewer")} <= {"viewer.api"}
