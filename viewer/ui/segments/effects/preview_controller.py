"""What is shown of an effect before it is done: its range, its mask, or a surface that creeps."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from viewer.compute.progress import Refusal
from viewer.ui.segments.effects.preview_tint import MaskTint, RangeTint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from viewer.data.arrays import Mask, ProgressCallback
    from viewer.data.box import Box
    from viewer.effects.effect import EffectContext, Operation
    from viewer.effects.effect_run import Answer
    from viewer.scene.segmentation_layer import SegmentationLayer
    from viewer.session.background import BackgroundCall
    from viewer.ui.segments.controller import SegmentsController

PAUSE = 250  # ms without a change of settings or strokes until it is computed anew
PACE = 0.05  # seconds between two pictures of what creeps
PATIENCE = 400  # steps after which it rests by itself


@dataclass(frozen=True)
class EffectRequest:
    """An effect to be done. target: what it works on; None where nothing can be changed. values: its settings."""

    operation: Operation
    target: EffectContext | None
    values: dict[str, Any]


class EffectPreview(QObject):
    """Of the effect that `request` tells. answers: what was computed, while nothing has changed since.

    changed: it plays or rests, or has other answers. toggled: it is shown, or no more. progressed: 0…1.
    """

    changed = Signal()
    toggled = Signal(bool)
    progressed = Signal(float)

    def __init__(self, controller: SegmentsController, request: Callable[[], EffectRequest], parent: QObject) -> None:
        super().__init__(parent)
        self.controller, self._request = controller, request
        self.answers: list[Answer] | None = None
        self.on = False
        self._range, self._mask = RangeTint(controller), MaskTint(controller)
        self._work: BackgroundCall[Any, Any] | None = None
        self._creeping: tuple[EffectContext, Box, Iterator[Mask]] | None = None  # what plays, or pauses
        self._cache: dict[str, Any] = {}
        self._layer: SegmentationLayer | None = None
        self._soon = QTimer(self, singleShot=True, interval=PAUSE)
        self._soon.timeout.connect(self._compute)

    @property
    def playing(self) -> bool:
        """Whether a surface creeps now."""
        return self._creeping is not None and self._work is not None

    def show_range(self) -> None:
        """The range of values that the effect takes: there is nothing to compute."""
        request = self._request()
        if self.controller.layer is not None:
            self._range.show(float(request.values["lower"]), float(request.values["upper"]))

    def flip(self) -> None:
        """Begin the preview, or end it; of what plays, pause or go on."""
        if self.playing:
            self._end_work()
        elif self._creeping is not None:
            self._creep(*self._creeping)
        elif self._request().operation.live == "play":
            self._play()
        elif self.on:
            self.stop()
        else:
            self.on = True
            self._compute()
        self.changed.emit()

    def update(self, *_: object) -> None:
        """Follow other settings, or other strokes: compute anew after PAUSE; what plays is stopped."""
        if self._creeping is not None:
            self.stop()
        elif self.on:
            self.answers = None
            self._soon.start()

    def stop(self) -> None:
        """End the preview, and show the image as it is."""
        self._end_work()
        self._soon.stop()
        self._range.hide()
        self._mask.hide()
        self._follow(None)
        self.on, self.answers, self._cache, self._creeping = False, None, {}, None
        self.progressed.emit(1.0)
        self.toggled.emit(False)

    # ---- within
    def _compute(self) -> None:
        request = self._request()
        self._end_work()
        if request.target is None:
            return
        self._follow(request.target.layer)
        target = replace(request.target, cache=self._cache)
        try:
            call = request.operation.call(target, request.values)
        except Refusal as refusal:
            self._refuse(str(refusal))
            return

        def work(tell: ProgressCallback) -> list[Answer]:
            return list(call(tell))

        self.progressed.emit(0.0)
        self._work = self.controller.session.background.call(
            "preview", work, partial(self._show, target), progress=self.progressed.emit, failed=self._refuse
        )

    def _play(self) -> None:
        from viewer.effects.snake_steps import snake_masks

        request = self._request()
        target = request.target
        if target is None:
            return
        try:
            box, masks = snake_masks(target, request.values)
        except Refusal as refusal:
            self._refuse(str(refusal))
            return
        self._follow(target.layer)
        self.on = True
        self._creep(target, box, islice(masks, PATIENCE))

    def _creep(self, target: EffectContext, box: Box, masks: Iterator[Mask]) -> None:
        """Until somebody pauses it, or it comes to rest: what it found last stays to be applied."""
        self._creeping = target, box, masks

        def show(mask: Mask) -> None:
            self._show(target, [(target.key, mask, box)])

        def rest(mask: Mask | None) -> None:
            self._work = self._creeping = None
            if mask is not None:
                show(mask)
            self.changed.emit()

        self._work = self.controller.session.background.call(
            "preview", partial(_last, masks), rest, progress=show, failed=self._refuse
        )

    def _show(self, target: EffectContext, found: list[Answer]) -> None:
        self.answers = found
        self.progressed.emit(1.0)
        for key, mask, box in found:
            if key == target.key:
                self._mask.show(mask, box)
        self.changed.emit()

    def _refuse(self, text: str) -> None:
        self.stop()
        self.changed.emit()
        self.controller.session.messages.warn(text)

    def _end_work(self) -> None:
        if self._work is not None:
            self._work.stop()
        self._work = None

    def _follow(self, layer: SegmentationLayer | None) -> None:
        """Strokes in the layer that is previewed change what is seen."""
        if layer is self._layer:
            return
        if self._layer is not None:
            self._layer.touched.disconnect(self.update)
        if layer is not None:
            layer.touched.connect(self.update)
        self._layer = layer


def _last(masks: Iterator[Mask], tell: Callable[[Mask], None]) -> Mask | None:
    """The last of the masks; those on the way are told, a few times a second. A pause leaves the rest in `masks`."""
    told, mask = 0.0, None
    for mask in masks:
        if time.monotonic() - told > PACE:
            told = time.monotonic()
            tell(mask)
    return mask
