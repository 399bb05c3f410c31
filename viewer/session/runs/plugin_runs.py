"""Runs of plugins on the layers of a session: what goes to the engine, and the one edit that comes back."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from viewer.data.preview import CurvePoint, Preview
from viewer.data.transform import Transform
from viewer.plugin.execute import Result, submit_plugin
from viewer.scene.edits import AddLayer, AlignLayer, CompositeEdit, Edit
from viewer.scene.findings.edits import add_findings
from viewer.scene.layer import VolumeLayer
from viewer.scene.preview.result_preview import ResultPreview
from viewer.scene.preview.transform_preview import TransformPreview
from viewer.session.runs.placement import initial_transform, transform_between, world_transform
from viewer.session.runs.result_layers import RunImages, finding_entries, found_transform, label_layers, result_layers

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from viewer.compute.engine.engine import Engine
    from viewer.plugin.plugin import Plugin, Value
    from viewer.scene.document import Document
    from viewer.scene.findings.finding_list import ReadingOrder
    from viewer.scene.history import History
    from viewer.scene.segmentation_layer import SegmentationLayer
    from viewer.scene.task import Task
    from viewer.scene.view_state import ViewState
    from viewer.session.background import Background
    from viewer.session.journal import SessionJournal
    from viewer.session.tasks import Tasks

log = logging.getLogger(__name__)

MINDFUL = ("moving", "onto")  # plugins with such an input know that images may have been moved in the world


@dataclass(frozen=True, eq=False)
class Run:
    """One run while it lasts. at: the time point it works on. A registration has a moving image and its placing."""

    plugin: Plugin
    task: Task
    images: RunImages
    at: int
    slices: ResultPreview
    moving: VolumeLayer | None
    fixed: VolumeLayer | None
    placing: TransformPreview | None

    def withdraw(self) -> None:
        """Take what it has shown so far out of the views."""
        self.slices.withdraw()
        if self.placing is not None:
            self.placing.withdraw()


@dataclass(eq=False)
class PluginRuns:
    """Plugins run in the engine; results wait for review, each as one edit.

    device: what runs that can use a graphics card go to. reading: whether findings are seen at once, or after the
    reader's own look: it is kept with each of them.
    """

    plugins: Mapping[str, Plugin]
    engine: Engine
    document: Document
    state: ViewState
    history: History
    journal: SessionJournal
    background: Background
    tasks: Tasks
    device: str = "cpu"
    reading: ReadingOrder = "at once"

    def run_plugin(
        self, plugin_id: str, inputs: Mapping[str, str | Value], parameters: Mapping[str, Any], device: str = ""
    ) -> Task:
        """Run a plugin on layers (input name -> layer id) and on values that are no layers (landmarks, transforms).

        device: by default the one of all runs where the plugin can use it, else the processor.
        Of a registration, the transform is asked for alone: the input "moving" is then shown through it. It starts
        where that image stands now, unless another "initial" is given.
        """
        plugin, at = self.plugins[plugin_id], self.state.timepoint
        found = {name: self.document.find(one) for name, one in inputs.items() if isinstance(one, str)}
        layers = {name: layer for name, layer in found.items() if isinstance(layer, VolumeLayer)}
        given = {name: (layer, layer.volume(at)) for name, layer in layers.items()}
        moving, fixed = layers.get("moving"), layers.get("fixed")
        shown = moving or next(iter(layers.values()), None)
        task = self.tasks.add("run", f"{plugin.title}: {shown.name if shown else ''}")
        refused = _refusal(plugin, layers)
        if refused or shown is None:
            self.tasks.fail(task, refused)
            return task
        values: dict[str, Value] = {name: volume for name, (_, volume) in given.items()}
        values |= {name: one for name, one in inputs.items() if not isinstance(one, str)}
        start = initial_transform(moving, fixed) if moving and _takes(plugin, "initial") else None
        if start is not None:
            values.setdefault("initial", start)
        slices = ResultPreview(self.document, self.state, next(iter(layers.values())), plugin.title)
        run = Run(plugin, task, given, at, slices, moving, fixed, TransformPreview(moving) if moving else None)
        self._submit(run, values, parameters, device or (self.device if plugin.gpu else "cpu"))
        return task

    def resample(self, layer: VolumeLayer, onto: VolumeLayer, interpolation: str = "linear") -> Task:
        """A new image: the layer, as it stands in the world, on the grid of another one. It waits for review.

        interpolation: "nearest", "linear" or "bspline".
        """
        if onto.transform is not None and onto.transform.displacement is not None:
            task = self.tasks.add("run", f"Resample: {layer.name}")
            self.tasks.fail(
                task, f"{onto.name} was bent itself: resample onto an image that was moved as a whole or not at all."
            )
            return task
        transform = transform_between(onto, layer)
        inputs: dict[str, str | Value] = {"image": layer.id, "onto": onto.id, "transform": transform}
        return self.run_plugin("resample_image", inputs, {"interpolation": interpolation})

    def compute(
        self,
        task: Task,
        plugin_id: str,
        inputs: Mapping[str, Value],
        parameters: Mapping[str, Any],
        wanted: Collection[str] | None = None,
        *,
        done: Callable[[Result], object],
        preview: Callable[[Any], object] = lambda value: None,
        device: str = "",
    ) -> None:
        """Run a plugin on values as the work of a task: `done` gets its outputs, on the main thread; no layer is made.

        wanted: the outputs that are asked for; None for all. device: by default the one of all runs.
        """
        running = submit_plugin(
            self.engine,
            plugin_id,
            inputs,
            parameters,
            wanted,
            device=device or self.device,
            started=task.begin,
            progress=task.advance,
            preview=preview,
            done=done,
            failed=partial(self.tasks.fail, task),
            cancelled=lambda: task.end("cancelled"),
        )
        task.stop = running.cancel

    def _submit(self, run: Run, values: dict[str, Value], parameters: Mapping[str, Any], device: str) -> None:
        task = run.task
        transforms = [output.name for output in run.plugin.outputs if output.type == "transform"]
        wanted = transforms if run.moving and transforms else None
        task.events.state.connect(lambda: None if task.running else run.withdraw())
        task.device = device
        self.compute(
            task,
            run.plugin.id,
            values,
            parameters,
            wanted,
            device=device,
            preview=partial(self._preview, run),
            done=lambda result: self._aside(run, self._add_results, run, result),
        )

    def _preview(self, run: Run, value: Any) -> None:
        """What there is so far. A run goes on without a preview that cannot be shown."""
        if isinstance(value, CurvePoint):
            run.task.add_curve_value(value.curve, value.value)
        elif isinstance(value, Transform) and run.placing is not None:
            self._aside(run, self._preview_place, run.placing, run.fixed, value)
        elif isinstance(value, Preview):
            self._aside(run, self._preview_slices, run.slices, value)
        else:
            log.warning("a preview is a %s: it is not shown", type(value).__name__)

    def _aside(self, run: Run, work: Callable[..., None], *arguments: Any) -> None:
        self.background.run(run.task, work, *arguments, queue="results")

    def _preview_place(self, placing: TransformPreview, fixed: VolumeLayer | None, found: Transform) -> None:
        """In the background: where the moving image stands by now."""
        self.background.post(partial(placing.show, world_transform(found, fixed)))

    def _preview_slices(self, result_preview: ResultPreview, value: Preview) -> None:
        """In the background: finished slices into the views."""
        try:
            box = result_preview.write(value)
        except (MemoryError, ValueError) as error:
            log.warning("a preview is not shown: %s", error)
            return
        if box is not None:
            self.background.post(partial(result_preview.show, box))

    def _add_results(self, run: Run, result: Result) -> None:
        """In the background: differences, and the arrays on disk; then the edit, on the main thread."""
        layers = result_layers(result, run.images)
        shown = next(iter(run.images.values()))[0]
        for layer in layers:
            layer.made_from, layer.made_at = shown.id, run.at
        found = found_transform(result)
        placed = world_transform(found, run.fixed) if found and run.moving else None
        labels = label_layers(result, run.images)
        self.journal.store([*layers, *labels], [placed])
        self.background.post(partial(self._finish, run, result, layers, labels, placed))

    def _finish(
        self,
        run: Run,
        result: Result,
        layers: list[VolumeLayer],
        labels: list[SegmentationLayer],
        placed: Transform | None,
    ) -> None:
        task = run.task
        run.withdraw()
        given = next(iter(run.images.values()))[0]
        for layer in (*layers, *labels):  # another image may be looked at by now, of somebody else
            layer.visible = layer.visible and given.visible
        edits: list[Edit] = [AddLayer(layer) for layer in (*layers, *labels)]
        if placed is not None and run.moving in tuple(self.document):
            edits.append(AlignLayer(run.moving, run.moving.transform, placed))
        entries = finding_entries(result, given, (*layers, *labels), run.plugin.title, self.reading)
        edits += [add_findings(self.document, "Add findings", entries)] if entries else []
        if not edits:
            self.tasks.fail(task, _nothing(run.plugin))
            return
        if entries and self.reading == "after own look":
            self.state.show_ai = False
        self.history.do(CompositeEdit(run.plugin.title, tuple(edits)))
        images = [layer for layer in layers if not (layer.is_doubt or layer.is_heat_map)]
        if images and given.visible:
            self.state.active = images[0].id
            self.state.compared = (given.id, *(layer.id for layer in images))
        elif labels and given.visible:
            self.state.active = labels[0].id
        task.stages, task.peak_memory, task.provenance = result.stages, result.peak_memory, result.provenance
        task.end("done")


def _refusal(plugin: Plugin, layers: Mapping[str, VolumeLayer]) -> str:
    """Why it cannot run on these layers, in one sentence; "" where it can."""
    if not layers or any(layer.loaded < 1 for layer in layers.values()):
        return f"{plugin.title} needs a whole image: wait until it is loaded, then run it again."
    places = {id(layer.transform) for layer in layers.values()}
    if len(places) > 1 and not any(_takes(plugin, name) for name in MINDFUL):
        return f"{plugin.title} works on images of one place, and one was moved: resample it onto the other first."
    return ""


def _nothing(plugin: Plugin) -> str:
    """Why there is nothing to show, in one sentence."""
    if any(one.type == "findings" for one in plugin.outputs):
        return f"{plugin.title} found nothing: there is no finding to review."
    return f"{plugin.title} returned nothing to show; its images may have been closed meanwhile."


def _takes(plugin: Plugin, name: str) -> bool:
    return any(one.name == name for one in plugin.inputs)
