"""The assessment of a registration, measured in the background: figures, pictures, and the way back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from psygnal import Signal

from viewer.compute.registration.pictures import PlacedImage, Style, pictures, styles
from viewer.compute.registration.quality import InverseConsistency, Quality, measure, measure_inverse_consistency
from viewer.session.runs.placement import transform_between
from viewer.session.runs.result_layers import found_transform
from viewer.ui.widgets.pdf_page import png

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.data.transform import Transform
    from viewer.plugin.execute import Result
    from viewer.scene.layer import VolumeLayer
    from viewer.scene.task import Task
    from viewer.session.background import TaskProgress
    from viewer.ui.register.controller import RegistrationController
    from viewer.ui.register.quality.label_choice import Labels

PLANES = 3
MEASURING = 0.7  # part of the time that the figures take; the pictures take the rest


@dataclass(frozen=True, eq=False)
class Assessment:
    """transform: what it is about. pictures: (style, plane, PNG). inverse_consistency: None until it was asked for."""

    transform: Transform
    quality: Quality
    pictures: tuple[tuple[Style, str, bytes], ...]
    inverse_consistency: InverseConsistency | None = None

    def is_about(self, transform: Transform | None) -> bool:
        """False once the image was moved; what a person says of a transform changes nothing in it."""
        return (
            transform is not None
            and transform.matrix is self.transform.matrix
            and transform.displacement is self.transform.displacement
        )


class Assessor:
    """labels: the label maps to measure with. changed: there is another assessment."""

    changed = Signal()

    def __init__(self, controller: RegistrationController, labels: Callable[[], Labels | None]) -> None:
        self._labels = labels
        self.controller, self.session = controller, controller.session
        self._assessment: Assessment | None = None
        self._running: Task | None = None

    @property
    def assessment(self) -> Assessment | None:
        """Of the present transform; None where nothing was measured since the image was moved."""
        return self._assessment if self._assessment and self._assessment.is_about(self.controller.transform) else None

    def assess(self) -> Task | None:
        """Measure, and take the pictures; the task, or None where there is nothing to measure."""
        fixed, moving, transform = self.controller.fixed, self.controller.moving, self.controller.transform
        if fixed is None or moving is None or transform is None:
            return None
        try:
            labels = self._labels()
        except ValueError as error:
            self.session.messages.warn(str(error))
            labels = None
        if self._running is not None:
            self._running.cancel()
        call = partial(assess, fixed, moving, transform, labels, self.controller.state.crosshair)
        title = f"Measure the registration of {moving.name}"
        self._running = self.session.background.ask(title, call, self._take)
        return self._running

    def can_check_way_back(self) -> bool:
        """Whether the way back can be registered: the transform was made by a plugin that is there."""
        made = self.controller.transform.provenance if self.controller.transform else None
        return self.assessment is not None and made is not None and made.plugin in self.session.plugins

    def check_way_back(self) -> Task | None:
        """Register the other way round, with the same settings, and see how far from home points come back."""
        fixed, moving, transform = self.controller.fixed, self.controller.moving, self.controller.transform
        if fixed is None or moving is None or transform is None or transform.provenance is None:
            return None
        made, at = transform.provenance, self.controller.state.timepoint
        outputs = self.session.plugins[made.plugin].outputs
        output = next(one.name for one in outputs if one.type == "transform")
        task = self.session.tasks.add("measure", f"Check the way back of {moving.name}")
        swapped = {"fixed": moving.volume(at), "moving": fixed.volume(at)}

        def done(result: Result) -> None:
            self.session.background.run(task, self._check, task, fixed, moving, transform, result)

        self.session.runs.compute(task, made.plugin, swapped, made.parameters, [output], done=done)
        return task

    def _check(self, task: Task, fixed: VolumeLayer, moving: VolumeLayer, transform: Transform, result: Result) -> None:
        """In the background: what the way back came to."""
        back = found_transform(result)
        assert back is not None  # as the plugin declares, and the engine has checked
        background = self.session.background
        try:
            found = measure_inverse_consistency(
                transform_between(fixed, moving), back, fixed.volumes[0].grid, moving.volumes[0].grid
            )
        except ValueError as error:
            background.fail(task, str(error))
        else:
            background.post(partial(self._add_inverse_consistency, task, transform, found))

    def _add_inverse_consistency(self, task: Task, transform: Transform, found: InverseConsistency) -> None:
        if self._assessment is None or not self._assessment.is_about(transform):
            self.session.tasks.fail(task, "The image was moved meanwhile: check it again.")
        elif task.running:
            task.end("done")
            self._take(replace(self._assessment, inverse_consistency=found))

    def _take(self, assessment: Assessment) -> None:
        self._assessment = assessment
        self.changed.emit()


def assess(
    fixed: VolumeLayer,
    moving: VolumeLayer,
    transform: Transform,
    labels: Labels | None,
    crosshair: tuple[float, float, float],
    tell: TaskProgress,
) -> Assessment:
    """Measure how well the moving image lies on the fixed one, and take the pictures through the cross-hair (LPS mm).

    Raises ValueError, one sentence, where the two cannot be measured.
    """
    quality = measure(
        fixed.volumes[0],
        moving.volumes[0],
        transform_between(fixed, moving),
        labels,
        lambda part, text: tell(MEASURING * part, text),
    )
    taken: list[tuple[Style, str, bytes]] = []
    shown = PlacedImage(fixed.volumes[0], fixed.window, fixed.transform)
    before = PlacedImage(moving.volumes[0], moving.window)
    after = replace(before, transform=transform)
    count = PLANES * len(styles(transform))
    for style, plane, pixels in pictures(shown, before, after, crosshair):
        taken.append((style, plane, png(pixels)))
        tell(MEASURING + (1 - MEASURING) * len(taken) / count, "pictures")
    return Assessment(transform, quality, tuple(taken))
