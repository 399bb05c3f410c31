"""Runs of plugins on the layers of a workspace: what goes to the engine, and the one edit that comes back."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

from viewer.compute.engine import Engine
from viewer.data.preview import Preview
from viewer.data.volume import Volume
from viewer.plugin.plugin import Plugin
from viewer.plugin.results import result_layers
from viewer.plugin.run import Result
from viewer.scene.edits import AddLayer, Together
from viewer.scene.layer import VolumeLayer
from viewer.scene.provisional import Provisional
from viewer.scene.task import Task
from viewer.scene.workspace import Workspace

log = logging.getLogger(__name__)


class Runs:
    """Plugins run in the engine; results wait for review in the workspace."""

    def __init__(self, workspace: Workspace, engine: Engine) -> None:
        self._workspace, self._engine = workspace, engine

    def run(self, plugin: Plugin, inputs: Mapping[str, str], parameters: Mapping[str, Any], device: str) -> Task:
        """Run a plugin on layers (input name -> layer id)."""
        work = self._workspace
        found = {name: work.document.find(layer_id) for name, layer_id in inputs.items()}
        layers = {name: layer for name, layer in found.items() if isinstance(layer, VolumeLayer)}
        values = {name: layer.volume(work.state.timepoint) for name, layer in layers.items()}
        task = work.add_task("run", f"{plugin.title}: {next((layer.name for layer in layers.values()), '')}")
        if not layers or any(layer.loaded < 1 for layer in layers.values()):
            work.fail(task, f"{plugin.title} needs a whole image: wait until it is loaded, then run it again.")
            return task
        first = next(iter(layers.values())), next(iter(values.values()))
        at = work.state.timepoint
        provisional = Provisional(work.document, work.state, first[0], plugin.title)
        task.events.state.connect(lambda: None if task.running else provisional.withdraw())
        task.device = device
        running = self._engine.submit(
            "viewer.plugin.run:execute",
            (plugin.id, values, parameters),
            device=device,
            started=task.begin,
            progress=task.advance,
            preview=lambda value: work.aside(task, self._preview, provisional, value),
            done=lambda result: work.aside(task, self._add_results, task, plugin, *first, at, result),
            failed=partial(work.fail, task),
            cancelled=lambda: task.end("cancelled"),
        )
        task.stop = running.cancel
        return task

    def _preview(self, provisional: Provisional, value: Any) -> None:
        """In the background: finished slices into the views. A run goes on without a preview that cannot be shown."""
        if not isinstance(value, Preview):
            log.warning("a preview is a %s and no Preview: it is not shown", type(value).__name__)
            return
        try:
            box = provisional.put(value)
        except (MemoryError, ValueError) as error:
            log.warning("a preview is not shown: %s", error)
            return
        if box is not None:
            self._workspace.post(partial(provisional.show, box))

    def _add_results(
        self, task: Task, plugin: Plugin, shown: VolumeLayer, given: Volume, at: int, result: Result
    ) -> None:
        """In the background: differences, and the arrays on disk; then the edit, on the main thread."""
        work = self._workspace
        layers = result_layers(result, shown, given)
        for layer in layers:
            layer.made_from, layer.made_at = shown.id, at
        work.keep(layers)

        def add() -> None:
            if not layers:
                work.fail(task, f"{plugin.title} returned no image; only images can be shown so far.")
                return
            work.history.do(Together(plugin.title, tuple(AddLayer(layer) for layer in layers)))
            work.state.active = layers[0].id
            work.state.compared = (shown.id, *(layer.id for layer in layers))
            task.stages, task.peak_memory = result.stages, result.peak_memory
            task.provenance = layers[0].volumes[0].provenance
            task.end("done")

        work.post(add)
