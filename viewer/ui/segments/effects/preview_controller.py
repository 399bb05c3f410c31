"""What is shown of an effect before it is done: its range, its mask, or a surface that creeps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QThreadPool, QTimer, Signal

from viewer.compute.progress import Refusal
from viewer.ui.segments.effects.preview_tint import MaskTint, RangeTint
from viewer.ui.widgets.background_call import BackgroundCall, BackgroundSteps

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.data.arrays import Mask
    from viewer.effects.effect import EffectContext, Operation
    from viewer.effects.effect_run import Answer
    from viewer.scene.segmentation_layer import SegmentationLayer
    from viewer.ui.segments.controller import SegmentsController

PAUSE = 250  # ms without a change of settings or strokes until it is computed anew


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
        self._work: BackgroundCall | BackgroundSteps | None = None
        self._kept: dict[str, Any] = {}
        self._layer: SegmentationLayer | None = None
        self._soon = QTimer(self, singleShot=True, interval=PAUSE)
        self._soon.timeout.connect(self._compute)

    @property
    def playing(self) -> bool:
        """Whether a surface creeps now."""
        return isinstance(self._work, BackgroundSteps) and self._work.going.is_set()

    def show_range(self) -> None:
        """The range of values that the effect takes: there is nothing to compute."""
        request = self._request()
        if self.controller.layer is not None:
            self._range.show(float(request.values["lower"]), float(request.values["upper"]))

    def flip(self) -> None:
        """Preview, or no more; play, or pause."""
        if isinstance(self._work, BackgroundSteps):
            (self._work.going.clear if self.playing else self._work.going.set)()
        elif self._request().operation.live == "play":
            self._play()
        elif self.on:
            self.stop()
        else:
            self.on = True
            self._compute()
        self.changed.emit()

    def update(self, *_: object) -> None:
        """Other settings, or other strokes."""
        if isinstance(self._work, BackgroundSteps):
            self.stop()
        elif self.on:
            self.answers = None
            self._soon.start()

    def stop(self) -> None:
        """Show the image as it is."""
        self._end_work()
        self._soon.stop()
        self._range.hide()
        self._mask.hide()
        self._follow(None)
        self.on, self.answers, self._kept = False, None, {}
        self.progressed.emit(1.0)
        self.toggled.emit(False)

    # ---- within
    def _compute(self) -> None:
        request = self._request()
        self._end_work()
        if request.target is None:
            return
        self._follow(request.target.layer)
        target = replace(request.target, kept=self._kept)
        try:
            work = self._work = BackgroundCall(request.operation.call(target, request.values))
        except Refusal as refusal:
            self._refuse(str(refusal))
            return
        work.signals.found.connect(lambda found: self._show(target, found) if self._work is work else None)
        work.signals.failed.connect(lambda text: self._refuse(text) if self._work is work else None)
        work.signals.progress.connect(lambda part: self.progressed.emit(part) if self._work is work else None)
        self.progressed.emit(0.0)
        QThreadPool.globalInstance().start(work)

    def _play(self) -> None:
        from viewer.effects.snake_steps import creeping

        request = self._request()
        target = request.target
        if target is None:
            return
        try:
            box, begin = creeping(target, request.values)
        except Refusal as refusal:
            self._refuse(str(refusal))
            return
        self._follow(target.layer)
        self.on = True
        work = self._work = BackgroundSteps(begin)

        def shown(mask: Mask) -> None:
            if self._work is work:
                self._show(target, [(target.key, mask, box)])

        work.signals.found.connect(shown)
        work.signals.failed.connect(lambda text: self._refuse(text) if self._work is work else None)
        work.signals.ended.connect(lambda: self._rest(work))
        QThreadPool.globalInstance().start(work)

    def _show(self, target: EffectContext, found: list[Answer]) -> None:
        self.answers = found
        self.progressed.emit(1.0)
        for key, mask, box in found:
            if key == target.key:
                self._mask.show(mask, box)
        self.changed.emit()

    def _rest(self, work: BackgroundSteps) -> None:
        """It came to an end by itself; what it found stays to be applied."""
        if self._work is work:
            self._work = None
            self.changed.emit()

    def _refuse(self, text: str) -> None:
        self.stop()
        self.changed.emit()
        self.controller.session.messages.warn(text)

    def _end_work(self) -> None:
        work, self._work = self._work, None
        if isinstance(work, BackgroundSteps):
            work.stop()
        elif work is not None:
            work.stopped = True

    def _follow(self, layer: SegmentationLayer | None) -> None:
        """Strokes in the layer that is previewed change what is seen."""
        if layer is self._layer:
            return
        if self._layer is not None:
            self._layer.touched.disconnect(self.update)
        if layer is not None:
            layer.touched.connect(self.update)
        self._layer = layer
