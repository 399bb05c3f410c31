"""The sign-off page of a registration, written from what is known of it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from viewer.compute.registration.decomposition import motion
from viewer.compute.registration.pictures import AXES, Style
from viewer.compute.registration.transform_quality import target_errors, within_tg132
from viewer.io.reports.page import Picture
from viewer.io.reports.sign_off_report import Figure, Report, Section, Verdict
from viewer.ui.register.landmarks import allowed
from viewer.ui.register.result import motion_rows
from viewer.ui.widgets import text_format

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from viewer.compute.labels.label_metrics import Agreement
    from viewer.compute.registration.quality import Deformation, InverseConsistency, Quality
    from viewer.data.annotations.landmarks import Landmarks
    from viewer.data.arrays import Floats
    from viewer.data.grid import Grid
    from viewer.data.transform import Transform
    from viewer.scene.layer import VolumeLayer
    from viewer.ui.register.quality.assessment import Assessment

NOTE = (
    "Before and after: green is the fixed image alone, magenta the moving one, grey both. Checkerboard: fixed and "
    "moving take turns. Change of volume: blue halved, orange doubled, red folded."
)
METRICS = {  # what the page says -> the field of Similarity
    "Correlation (NCC)": "ncc",
    "Local correlation (LNCC)": "lncc",
    "Mutual information, nats": "mi",
    "Mean squared difference": "mse",
}
LEAST = 3  # labels that are told one by one
TITLES: dict[Style, str] = {
    "before": "before",
    "after": "after",
    "checkerboard": "checkerboard",
    "volume change": "change of volume",
}


def quality_report(fixed: VolumeLayer, moving: VolumeLayer, assessment: Assessment, landmarks: Landmarks) -> Report:
    """The page that a person signs. landmarks: pairs of the two images; with none they are not on the page."""
    now = moving.transform or assessment.transform
    grid = fixed.volumes[0].grid
    moved = motion(now, grid.centre)
    return Report(
        title="Registration: sign-off",
        created=datetime.now().astimezone().isoformat(timespec="seconds"),
        sign_off=now.sign_off,
        images=(_image("Fixed image", fixed), _image("Moving image", moving)),
        sections=(
            Section("How it was made", tuple(_method(now))),
            Section("Movement", tuple(Figure(name, value) for name, value in motion_rows(moved))),
            *quality_sections(assessment),
            *landmark_sections(target_errors(now, landmarks), grid),
        ),
        pictures=tuple(
            tuple(
                Picture(f"{plane.capitalize()}, {TITLES[style]}", png)
                for style, at, png in assessment.pictures
                if at == plane
            )
            for plane in AXES
        ),
        note=NOTE,
    )


def quality_sections(assessment: Assessment) -> Iterable[Section]:
    """What was measured, a section each."""
    quality = assessment.quality
    yield Section("Similarity, before → after", tuple(_similarity(quality)))
    if quality.deformation:
        yield Section("Deformation", tuple(_bending(quality.deformation)))
    if quality.labels:
        yield Section("Labels, before → after", tuple(_labels(quality.labels)))
    if assessment.inverse_consistency:
        yield Section("There and back (inverse consistency)", tuple(_way_back(assessment.inverse_consistency)))


def landmark_sections(errors: Floats, grid: Grid) -> Iterable[Section]:
    """The target registration error against what is tolerated."""
    if not len(errors):
        return
    limit, within = allowed(grid), within_tg132(errors, grid)
    tolerated = f"{limit:.1f} mm (TG-132)"
    verdicts: list[Verdict] = ["good" if (one <= limit) else "warning" for one in (errors.mean(), errors.max())]
    figures = (
        Figure("TRE, mean", f"{errors.mean():.2f} mm", tolerated, verdicts[0]),
        Figure("TRE, largest", f"{errors.max():.2f} mm", tolerated, verdicts[1]),
        Figure("Pairs within", f"{int(within.sum())} of {len(errors)}"),
    )
    yield Section("Landmarks", figures)


def _image(title: str, layer: VolumeLayer) -> Section:
    source, grid = layer.source.shown, layer.volumes[0].grid
    known = (
        ("Image", layer.name),
        ("Patient", text_format.patient(source)),
        ("Patient ID", source.patient_id),
        ("Study", " ".join((text_format.date(source.study_date), text_format.clock(source.study_time))).strip()),
        ("Modality", source.modality),
        ("Voxels", f"{' × '.join(str(n) for n in grid.shape[::-1])} of {text_format.spacing(grid, 2)}"),
        ("Marks", ", ".join(layer.volumes[0].badges)),
    )
    return Section(title, tuple(Figure(name, value) for name, value in known if value))


def _method(transform: Transform) -> Iterable[Figure]:
    made = transform.provenance
    yield Figure("Transform", transform.name or "by hand")
    if made is None:
        return
    yield Figure("Method", f"{made.plugin} {made.plugin_version}, Tomolens {made.application_version}")
    yield Figure("Settings", ", ".join(f"{name} {value}" for name, value in made.parameters.items()) or "none")
    when, device = text_format.moment(made.started), text_format.device(made.device)
    yield Figure("Computed", f"{when} in {text_format.seconds(made.seconds)}, {device}")
    if made.model:
        yield Figure("Model", f"{made.model}, sha256 {made.model_sha256[:12]}…")


def _similarity(quality: Quality) -> Iterable[Figure]:
    """Each metric before and after; "–" where the images did not overlap."""
    for name, field in METRICS.items():
        before, after = (_likeness(getattr(one, field)) if one else "–" for one in (quality.before, quality.after))
        yield Figure(name, f"{before} → {after}")
    yield Figure("Overlap", f"{quality.after.overlap:.0%} of the fixed image".replace("%", " %"))


def _labels(labels: Mapping[int, tuple[Agreement, Agreement]]) -> Iterable[Figure]:
    """Over all labels, then the labels that agree least."""
    ends = tuple(zip(*labels.values(), strict=True))
    dice = [sum(one.dice for one in end) / len(end) for end in ends]
    yield Figure(f"Dice, mean of {len(labels)}", f"{dice[0]:.3f} → {dice[1]:.3f}")
    far = [[one.hd95 for one in end if one.hd95 is not None] for end in ends]
    means = [sum(end) / len(end) if end else None for end in far]
    yield Figure("HD95, mean", " → ".join("–" if mean is None else f"{mean:.2f} mm" for mean in means))
    for label, (before, after) in sorted(labels.items(), key=lambda one: one[1][1].dice)[:LEAST]:
        yield Figure(f"Label {label}, Dice", f"{before.dice:.3f} → {after.dice:.3f}")


def _likeness(value: float) -> str:
    """Three decimals; squares of image values are large and have none."""
    return f"{value:.3f}".replace("-", "−") if abs(value) < 100 else f"{value:.0f}"


def _bending(bent: Deformation) -> Iterable[Figure]:
    """How far and how smoothly it bends, and whether it folds."""
    smooth = bent.smoothness
    yield Figure("Displacement", f"{bent.mean:.2f} mm on average, at most {bent.largest:.2f} mm")
    yield Figure(
        "Folding",
        f"{smooth.folding:.3f} % ({text_format.count(smooth.folds, 'voxel')})",
        "0 %",
        "warning" if smooth.folds else "good",
    )
    yield Figure("SD of log det J", f"{smooth.sd_log_j:.3f}")
    yield Figure("Change of volume", f"× {smooth.lowest:.2f} to × {smooth.highest:.2f}")


def _way_back(found: InverseConsistency) -> Iterable[Figure]:
    """How far apart the registrations there and back are."""
    yield Figure("Mean", f"{found.mean:.2f} mm")
    yield Figure("95th percentile", f"{found.percentile:.2f} mm")
    yield Figure("Largest", f"{found.largest:.2f} mm")
