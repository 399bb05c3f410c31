"""Segmentation by prompts: each prompt given or deleted is one step of the history, its mask with it.

The mask is found by the plugin segment_prompt in the engine, which gets the part of the image around the prompts.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from viewer.data.annotations.prompts import Prompt, Prompts
from viewer.data.box import Box, label_box, mask_box, shift_box
from viewer.data.grid import Grid
from viewer.data.volume import Volume
from viewer.effects.prompted_edit import PromptRequest
from viewer.files.memory_limit import release_freed_memory
from viewer.plugin.execute import Result, submit_plugin
from viewer.scene.edits import AddLayer, CompositeEdit
from viewer.scene.segmentation.masking import Masking
from viewer.session.runs.nninteractive import METHOD as NNINTERACTIVE
from viewer.session.runs.nninteractive import NnInteractive

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from viewer.compute.engine.engine import Engine
    from viewer.data.annotations.mask_doubt import MaskDoubt
    from viewer.data.arrays import Mask
    from viewer.data.provenance import Provenance
    from viewer.data.segmentation import Key, Segmentation
    from viewer.scene.document import Document
    from viewer.scene.edits import Edit
    from viewer.scene.history import History
    from viewer.scene.layer import VolumeLayer
    from viewer.scene.segmentation.edits import EditLabels
    from viewer.scene.segmentation_layer import SegmentationLayer
    from viewer.scene.task import State, Task
    from viewer.session.background import Background
    from viewer.session.segments import Segments
    from viewer.session.tasks import Tasks

log = logging.getLogger(__name__)

PLUGIN = "segment_prompt"
MODEL = "segment-prompt"  # the one that it asks for by default
NETWORK = "network"  # the method that asks it
LEARNED = (NETWORK, NNINTERACTIVE)  # methods that can use a graphics card
PROTECTED = Masking(overlap="keep others")  # other segments keep their voxels unless somebody says otherwise
LITTLE = 0.3  # Dice with the mask before: a positive prompt that leaves less may be a mistake
ATTEMPTS = 2  # an engine that died begins anew


@dataclass(frozen=True, eq=False)
class _Wanted:
    """What somebody asked for, of the prompts that the segment has when its turn comes."""

    task: Task
    label: str
    layer: SegmentationLayer
    key: Key
    image: Volume
    masking: Masking
    added: Prompt | None = None
    removed: frozenset[str] = frozenset()
    first: bool = False  # of a segmentation that comes into the document with it
    attempt: int = 1

    def request(self, box: Box | None) -> PromptRequest:
        """Raises ValueError, one sentence, where the segment is gone."""
        segment = self.layer.segmentation.segment(self.key)
        if segment is None:
            raise ValueError(f"{self.layer.name} does not have this segment any more: choose one.")
        kept = tuple(one for one in segment.prompts if one.id not in self.removed)
        prompts = kept if self.added is None else (*kept, self.added)
        answered = len(segment.prompts) if self.added is not None else 0
        return PromptRequest(self.layer, self.key, self.image, prompts, answered, self.masking, self.label, box)


@dataclass(eq=False)
class SegmentPrompts:
    """method: how masks are found, a value of the plugin's parameter of that name; model: of the method network.

    nninteractive: where the weights of the method of that name are. device: what methods that are networks compute on.
    Prompts wait for each other.
    """

    document: Document
    history: History
    engine: Engine
    background: Background
    tasks: Tasks
    segments: Segments
    method: str = "watershed"
    model: str = MODEL
    nninteractive: NnInteractive = field(default_factory=NnInteractive)
    device: str = "cpu"
    # the prompts after which little was left of the mask before them, and its Dice with that
    jump: tuple[tuple[Prompt, ...], float] = field(default=((), 1.0), init=False)
    _waiting: deque[_Wanted] = field(default_factory=deque, init=False)
    _working: _Wanted | None = field(default=None, init=False)
    # layer, segment -> where it is, and at which generation of the layer that was known
    _boxes: dict[tuple[str, Key], tuple[int, Box | None]] = field(default_factory=dict, init=False)

    def first_layer(self, image: VolumeLayer) -> SegmentationLayer:
        """A segmentation of an image without one, for `add`: it comes into the document with its first mask.

        The same one while a prompt of it is waited for.
        """
        made = self.segments.first_layer(image)
        waiting = (*self._waiting, *([self._working] if self._working else ()))
        pending = (one.layer for one in waiting if one.first and not one.layer.generation)
        return next((one for one in pending if (one.made_from, one.drawn_at) == (image.id, made.drawn_at)), made)

    def add(
        self, layer: SegmentationLayer, key: Key, prompt: Prompt, image: Volume, masking: Masking = PROTECTED
    ) -> Task:
        """Give a segment one more. image: what the layer labels, on its grid; masking: which voxels may change."""
        return self._ask(layer, key, image, masking, _title(prompt), added=prompt)

    def remove(
        self, layer: SegmentationLayer, key: Key, prompt_id: str, image: Volume, masking: Masking = PROTECTED
    ) -> Task:
        """Delete a prompt: the mask is found anew from the others; without any the segment is what it was before."""
        return self._ask(layer, key, image, masking, "Delete prompt", removed=frozenset({prompt_id}))

    def clear(self, layer: SegmentationLayer, key: Key, image: Volume, masking: Masking = PROTECTED) -> Task:
        """Delete all prompts of a segment, which is what it was before the first of them."""
        segment = layer.segmentation.segment(key)
        gone = frozenset(one.id for one in segment.prompts) if segment else frozenset()
        return self._ask(layer, key, image, masking, "Delete prompts", removed=gone)

    def warm_up(self) -> None:
        """Have the engine load what the first prompt needs, before somebody waits for it."""
        grid = Grid.of((16, 16, 16))
        ramp = np.arange(16**3, dtype=np.int16).reshape(grid.shape)
        point = Prompts((Prompt("point", (tuple(grid.centre.tolist()),)),))
        values: dict[str, Any] = {"image": Volume(ramp, grid), "prompts": point}
        failed = partial(log.warning, "prompts could not be warmed up: %s (%s)")
        submit_plugin(self.engine, PLUGIN, values, self._settings(), device=self._device, failed=failed)

    @property
    def _device(self) -> str:
        return self.device if self.method in LEARNED else "cpu"

    def _settings(self) -> dict[str, Any]:
        """What the plugin is told of how to find masks."""
        more = self.nninteractive.settings() if self.method == NNINTERACTIVE else {}
        return {"method": self.method, "model": self.model, **more}

    def _ask(
        self,
        layer: SegmentationLayer,
        key: Key,
        image: Volume,
        masking: Masking,
        title: str,
        added: Prompt | None = None,
        removed: frozenset[str] = frozenset(),
    ) -> Task:
        segment = layer.segmentation.segment(key)
        task = self.tasks.add("run", f"{title}: {segment.name if segment else layer.name}")
        first = layer not in tuple(self.document)
        wanted = _Wanted(task, title, layer, key, image, masking, added, removed, first)
        task.stop = partial(self._withdraw, wanted)
        self._waiting.append(wanted)
        self._next()
        return task

    def _withdraw(self, wanted: _Wanted) -> None:
        """Nothing comes of it: one that waits is not begun, and the mask of one that is being looked for is dropped."""
        if wanted in self._waiting:
            self._waiting.remove(wanted)
        wanted.task.end("cancelled")

    # ---- one after the other
    def _next(self) -> None:
        """Take up the next one: each is asked of the prompts and the mask that the one before it left."""
        if self._working or not self._waiting:
            return
        wanted = self._working = self._waiting.popleft()
        wanted.task.begin()
        self._run(wanted, self._find_part, wanted)

    def _end(self, wanted: _Wanted, state: State, reason: str = "") -> None:
        """On the main thread."""
        if state == "failed":
            self.tasks.fail(wanted.task, reason)
        else:
            wanted.task.end(state)
        self._working = None
        self._next()

    def _run(self, wanted: _Wanted, work: Callable[..., None], *arguments: Any) -> None:
        """In the background; what goes wrong there ends the task."""

        def ended(future: Future[None]) -> None:
            error = future.exception()
            if error is not None and not isinstance(error, ValueError):
                log.error("a prompt failed", exc_info=error)
            if error is not None:
                known = isinstance(error, ValueError)
                reason = str(error) if known else f"{wanted.task.title} failed ({type(error).__name__}); see the log."
                self.background.post(partial(self._end, wanted, "failed", reason))

        self.background.submit("prompts", work, *arguments).add_done_callback(ended)

    def _again(self, wanted: _Wanted, reason: str) -> None:
        """Try once more from what is there by now; the second time it ends."""
        if wanted.attempt < ATTEMPTS:
            self._waiting.appendleft(replace(wanted, attempt=wanted.attempt + 1))
            self._working = None
            self._next()
        else:
            self._end(wanted, "failed", reason)

    # ---- in the background
    def _find_part(self, wanted: _Wanted) -> None:
        """What is looked at first. Raises ValueError, one sentence, where nothing can be."""
        layer, key, generation = wanted.layer, wanted.key, wanted.layer.generation
        if not wanted.image.grid.matches(layer.grid) or wanted.image.color:
            raise ValueError(f"{layer.name} has no grey image on its grid: there are no values to work with.")
        known, box = self._boxes.get((layer.id, key), (-1, None))
        if known != generation and key[0] < len(layer.segmentation.maps):
            box = label_box(layer.segmentation.maps[key[0]], key[1])
        request = wanted.request(box)
        if request.prompts:
            self._ask_engine(wanted, request, request.first_box(), generation)
        else:
            whole = request.first_box()
            self._make_edit(wanted, request, whole, generation, request.base_in(whole))

    def _ask_engine(self, wanted: _Wanted, request: PromptRequest, box: Box, generation: int) -> None:
        """For the mask in a part of the image."""

        def failed(sentence: str, detail: str) -> None:
            if running.refused:
                self._end(wanted, "failed", sentence)
            else:
                log.warning("a prompt was not answered: %s", detail)
                self._again(wanted, sentence)

        running = submit_plugin(
            self.engine,
            PLUGIN,
            request.inputs(box),
            {**self._settings(), "answered": request.answered},
            device=self._device,
            done=lambda result: self._run(wanted, self._take_mask, wanted, request, box, generation, result),
            failed=failed,
            cancelled=partial(self._end, wanted, "cancelled"),
        )
        self.background.post(partial(setattr, wanted.task, "stop", running.cancel))

    def _take_mask(self, wanted: _Wanted, request: PromptRequest, box: Box, generation: int, result: Result) -> None:
        """The answer; where it reaches the end of the part, a wider one is looked at."""
        found = cast("Segmentation", result.outputs["mask"])
        mask = request.mask(found, box)
        wider = request.wider_box(box, mask)
        if wider is not None:
            self._ask_engine(wanted, request, wider, generation)
        else:
            self._make_edit(wanted, request, box, generation, mask, found.segments[0].mask_doubt, result.provenance)

    def _make_edit(
        self,
        wanted: _Wanted,
        request: PromptRequest,
        box: Box,
        generation: int,
        mask: Mask,
        doubt: MaskDoubt | None = None,
        made: Provenance | None = None,
    ) -> None:
        edit, around = request.edit(box, mask, doubt, self.method, made), mask_box(mask)
        found = None if around is None else shift_box(around, box)
        if (kept := request.kept(box, mask)) < LITTLE:
            self.jump = request.prompts, kept
        self.background.post(partial(self._finish, wanted, generation, edit, found))

    # ---- on the main thread
    def _finish(self, wanted: _Wanted, generation: int, edit: EditLabels, around: Box | None) -> None:
        """What was edited meanwhile is not written over."""
        layer = wanted.layer
        new = wanted.first and not layer.generation and layer not in tuple(self.document)
        if not wanted.task.running:
            self._end(wanted, "cancelled")
        elif new and self.document.find(layer.made_from) is not None:
            self._do(wanted, CompositeEdit(edit.label, (AddLayer(layer), edit)), around)
        elif layer not in tuple(self.document):
            self._end(wanted, "failed", f"{layer.name} was closed while a mask was found for it.")
        elif generation != layer.generation:
            self._again(wanted, f"{layer.name} was changed while a mask was found for it: give the prompt again.")
        else:
            self._do(wanted, edit, around)

    def _do(self, wanted: _Wanted, edit: Edit, around: Box | None) -> None:
        self.history.do(edit)
        self._boxes[wanted.layer.id, wanted.key] = wanted.layer.generation, around
        self.background.submit("prompts", release_freed_memory)  # crops of the image: several MB a prompt would stay
        self._end(wanted, "done")


def _title(prompt: Prompt) -> str:
    return f"{'Positive' if prompt.positive else 'Negative'} {prompt.kind}"
