"""What is shown of an effect before it is done: its range, its mask, or a surface that creeps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QThreadPool, QTimer

from viewer.compute.progress import Refusal
from viewer.data.arrays import Mask
from viewer.effects.effect import Given
from viewer.effects.effect_run import Answer
from viewer.scene.segmentation_layer import SegmentationLayer
from viewer.ui.segments.controller import SegmentsEditing
from viewer.ui.segments.effects.preview_tint import MaskTint, RangeTint
from viewer.ui.widgets.background_call import Look, Steps

if TYPE_CHECKING:
    from viewer.ui.segments.effects.section import EffectsSection

PAUSE = 250  # ms without a change of settings or strokes until it is computed anew


class Looking(QObject):
    """Of the effect that the section shows. answers: what was computed, while nothing has changed since."""

    def __init__(self, do: SegmentsEditing, section: EffectsSection) -> None:
        super().__init__(section)
        self.do, self.section = do, section
        self.answers: list[Answer] | None = None
        self.on = False
        self._range, self._mask = RangeTint(do), MaskTint(do)
        self._work: Look | Steps | None = None
        self._kept: dict[str, Any] = {}
        self._layer: SegmentationLayer | None = None
        self._soon = QTimer(self, singleShot=True, interval=PAUSE)
        self._soon.timeout.connect(self._compute)

    @property
    def playing(self) -> bool:
        """Whether a surface creeps now."""
        return isinstance(self._work, Steps) and self._work.going.is_set()

    def begin(self) -> None:
        """A range is shown from the start."""
        if self.section.chosen.live == "range" and self.section.isVisible():
            self._show_range()

    def flip(self) -> None:
        """Preview, or no more; play, or pause."""
        if isinstance(self._work, Steps):
            (self._work.going.clear if self.playing else self._work.going.set)()
        elif self.section.chosen.live == "play":
            self._play()
        elif self.on:
            self.stop()
        else:
            self.on = True
            self._compute()
        self.section.refresh()

    def changed(self, *_: object) -> None:
        """Other settings, or other strokes."""
        if self.section.chosen.live == "range":
            self._show_range()
        elif isinstance(self._work, Steps):
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
        self.section.bar.hide()
        self.section.look.setChecked(False)

    # ---- within
    def _show_range(self) -> None:
        values = self.section.form.values if self.section.form else {}
        if values and self.do.layer is not None and self.section.isVisible():
            self._range.show(float(values["lower"]), float(values["upper"]))

    def _compute(self) -> None:
        given, form = self.section.given, self.section.form
        self._end_work()
        if given is None or form is None:
            return
        self._follow(given.layer)
        given = replace(given, kept=self._kept)
        try:
            work = self._work = Look(self.section.chosen.call(given, form.values))
        except Refusal as refusal:
            self._say(str(refusal))
            return
        work.answers.found.connect(lambda found: self._show(given, found) if self._work is work else None)
        work.answers.failed.connect(lambda text: self._say(text) if self._work is work else None)
        work.answers.progress.connect(lambda part: self._advance(part) if self._work is work else None)
        self._advance(0.0)
        QThreadPool.globalInstance().start(work)

    def _play(self) -> None:
        from viewer.effects.snake_steps import creeping

        given, form = self.section.given, self.section.form
        if given is None or form is None:
            return
        try:
            box, begin = creeping(given, form.values)
        except Refusal as refusal:
            self._say(str(refusal))
            return
        self._follow(given.layer)
        self.on = True
        work = self._work = Steps(begin)

        def shown(mask: Mask) -> None:
            if self._work is work:
                self._show(given, [(given.key, mask, box)])

        work.answers.found.connect(shown)
        work.answers.failed.connect(lambda text: self._say(text) if self._work is work else None)
        work.answers.ended.connect(lambda: self._rest(work))
        QThreadPool.globalInstance().start(work)

    def _show(self, given: Given, found: list[Answer]) -> None:
        self.answers = found
        self.section.bar.hide()
        for key, mask, box in found:
            if key == given.key:
                self._mask.show(mask, box)
        self.section.refresh()

    def _rest(self, work: Steps) -> None:
        """It came to an end by itself; what it found stays to be applied."""
        if self._work is work:
            self._work = None
            self.section.refresh()

    def _say(self, text: str) -> None:
        self.stop()
        self.section.refresh()
        self.do.session.warn(text)

    def _advance(self, fraction: float) -> None:
        self.section.bar.setVisible(fraction < 1)
        self.section.bar.advance(fraction)

    def _end_work(self) -> None:
        work, self._work = self._work, None
        if isinstance(work, Steps):
            work.stop()
        elif work is not None:
            work.stopped = True

    def _follow(self, layer: SegmentationLayer | None) -> None:
        """Strokes in the layer that is looked at change what is seen."""
        if layer is self._layer:
            return
        if self._layer is not None:
            self._layer.touched.disconnect(self.changed)
        if layer is not None:
            layer.touched.connect(self.changed)
        self._layer = layer
