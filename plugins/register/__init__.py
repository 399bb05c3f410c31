"""Registration: the map between the spaces of two images, rigid, affine or deformable, in LPS millimetres."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from viewer.api import Annotated, Job, Landmarks, Range, Refusal, Segmentation, Transform, Volume, plugin, resample

from .external_engines import INSTALLED
from .inputs import Given, MetricName, Start

if TYPE_CHECKING:
    from .image_pair import Pair

GROUP, VERSION = "Registration", "1.0"
OUTPUTS = ("transform", "registered")
LIBRARIES = ("torch", "SimpleITK")
LARGE = 40.0  # mm that large motion is looked for
TOLD = """
    fixed
        The image that stays where it is.
    moving
        The image that is brought onto it.
    fixed_mask
        Where the fixed image counts.
    moving_mask
        Where the moving image counts.
    landmarks
        Pairs of the same places in both images: they are the start, and are drawn together.
    fixed_labels
        Labelled parts of the fixed image, brought onto those of the same label.
    moving_labels
        Labelled parts of the moving image.
    initial
        The transform to begin with, an alignment by hand for instance; of a deformation its linear part.
    metric
        What is made alike. Automatic: local correlation for images of one contrast; for others mutual information, or
        self-similarity (MIND-SSC) where it bends.
    start
        Search tries many rotations; centres lays the middle of one image on that of the other; as placed trusts the
        files.
    different_patients
        Go on although the files name different patients.
"""


def _told(function: Callable[..., Any]) -> Callable[..., Any]:
    """With what all three methods take described, too."""
    own = function.__doc__ or ""
    head = "" if "Parameters" in own else "\n    Parameters\n    ----------"
    function.__doc__ = own.rstrip() + head + TOLD
    return function


@plugin("Register, rigid", group=GROUP, version=VERSION, outputs=OUTPUTS, libraries=LIBRARIES, gpu=True)
@_told
def register_rigid(
    fixed: Volume,
    moving: Volume,
    fixed_mask: Segmentation | None,
    moving_mask: Segmentation | None,
    landmarks: Landmarks | None,
    fixed_labels: Segmentation | None,
    moving_labels: Segmentation | None,
    initial: Transform | None,
    job: Job,
    *,
    metric: MetricName = "automatic",
    start: Start = "search",
    different_patients: bool = False,
) -> tuple[Transform, Volume]:
    """Turn and shift one image onto another.

    For two images of one person whose shape has not changed: a head, a bone. The result is a transform that takes
    places of the fixed image to places of the moving one; the moving image itself stays as it is.
    """
    given = Given(fixed, moving, fixed_mask, moving_mask, landmarks, fixed_labels, moving_labels, initial)
    return _linear("rigid", given, metric, start, different_patients, job)


@plugin("Register, affine", group=GROUP, version=VERSION, outputs=OUTPUTS, libraries=LIBRARIES, gpu=True)
@_told
def register_affine(
    fixed: Volume,
    moving: Volume,
    fixed_mask: Segmentation | None,
    moving_mask: Segmentation | None,
    landmarks: Landmarks | None,
    fixed_labels: Segmentation | None,
    moving_labels: Segmentation | None,
    initial: Transform | None,
    job: Job,
    *,
    freedom: Literal["affine", "similarity"] = "affine",
    metric: MetricName = "automatic",
    start: Start = "search",
    different_patients: bool = False,
) -> tuple[Transform, Volume]:
    """Turn, shift and scale one image onto another.

    For different persons, a person and an atlas, or scanners whose millimetres differ. Begins with a rigid
    registration.

    Parameters
    ----------
    freedom
        Affine scales and shears each direction by itself; similarity scales all alike.
    """
    given = Given(fixed, moving, fixed_mask, moving_mask, landmarks, fixed_labels, moving_labels, initial)
    return _linear(freedom, given, metric, start, different_patients, job)


@plugin("Register, deformable", group=GROUP, version=VERSION, outputs=OUTPUTS, libraries=LIBRARIES, gpu=True)
@_told
def register_deform(
    fixed: Volume,
    moving: Volume,
    fixed_mask: Segmentation | None,
    moving_mask: Segmentation | None,
    landmarks: Landmarks | None,
    fixed_labels: Segmentation | None,
    moving_labels: Segmentation | None,
    initial: Transform | None,
    job: Job,
    *,
    quality: Literal["fast", "best"] = "fast",
    before: Literal["rigid", "affine", "nothing"] = "affine",
    motion: Literal["small", "large"] = "small",
    metric: MetricName = "automatic",
    start: Start = "search",
    different_patients: bool = False,
) -> tuple[Transform, Volume]:
    """Bend one image onto another, without folds.

    The map is smooth and can be undone (diffeomorphic). Look at its grid and at how it swells and shrinks before you
    trust it: what is in one image only, a tumour for instance, has no true counterpart.

    Parameters
    ----------
    quality
        Best compares smaller voxels: finer, and about four times as slow.
    before
        What is done before it bends: for one person rigid, for different ones affine.
    motion
        Large looks as far as 40 mm for each part first: for the lungs and the abdomen.
    """
    from . import pipeline

    given = Given(fixed, moving, fixed_mask, moving_mask, landmarks, fixed_labels, moving_labels, initial)
    pair = _pair(given, metric, different_patients, job)
    matrix = pipeline.begun(pair, start, initial, job)
    if before != "nothing":
        linear = pipeline.chosen_metric(pair, metric, matrix, deformable=False)
        far = start != "search"
        matrix = pipeline.aligned(pair, "rigid", linear, matrix, job, pipeline.Route(job, 0.3, 0.4), far=far)
        if before == "affine":
            matrix = pipeline.aligned(pair, "affine", linear, matrix, job, pipeline.Route(job, 0.4, 0.5))
    chosen = pipeline.chosen_metric(pair, metric, matrix, deformable=True)
    reach = LARGE if motion == "large" else 0.0
    route = pipeline.Route(job, 0.5, 0.95)
    transform = pipeline.deformed(pair, chosen, matrix, quality, job, route, fixed.grid, reach=reach)
    return transform, _registered(given, transform, job)


@plugin("Register, network from a file", group=GROUP, version=VERSION, outputs=OUTPUTS, libraries=("torch",), gpu=True)
def register_network(
    fixed: Volume,
    moving: Volume,
    job: Job,
    *,
    weights: Path,
    before: Literal["nothing", "rigid", "affine"] = "affine",
    side: Annotated[int, Range(70, 300, 5)] = 175,
    different_patients: bool = False,
) -> tuple[Transform, Volume]:
    """Bend one image onto another by uniGradICON, multiGradICON or SynthMorph, whose weights you have.

    One pass through a network that its makers trained on many parts of the body (Tian et al., MICCAI 2024) or on
    made-up contrasts (Hoffmann et al., IEEE TMI 2022); it may fold. Tomolens neither brings nor fetches weights; their
    licence is their makers'.

    Parameters
    ----------
    fixed
        The image that stays where it is.
    moving
        The image that is brought onto it.
    weights
        Step_2_final.trch as uniGradICON's makers publish it, or the same as safetensors; of SynthMorph the Keras file.
    before
        What is done before it bends: for one person rigid, for different ones affine; nothing lays the images' boxes on
        each other, as uniGradICON's makers do.
    side
        Voxels of the cube that uniGradICON sees, each way; its weights were trained for 175, and fewer are faster.
    different_patients
        Go on although the files name different patients.
    """
    from . import pipeline, run_synthmorph, run_unigradicon
    from .learned import keras_weights

    given = Given(fixed, moving)
    pair, matrix = _pair(given, "automatic", different_patients, job), None
    if pair.flat:
        raise Refusal("the network bends volumes, and these are single slices: choose another method.")
    if before != "nothing":
        matrix = pipeline.begun(pair, "search", None, job)
        metric = pipeline.chosen_metric(pair, "automatic", matrix, deformable=False)
        matrix = pipeline.aligned(pair, "rigid", metric, matrix, job, pipeline.Route(job, 0.3, 0.4))
        if before == "affine":
            matrix = pipeline.aligned(pair, "affine", metric, matrix, job, pipeline.Route(job, 0.4, 0.5))
    if keras_weights.is_keras(weights):
        transform = run_synthmorph.registered(fixed, moving, matrix, weights, job)
    else:
        transform = run_unigradicon.registered(fixed, moving, matrix, weights, side, job)
    return transform, _registered(given, transform, job)


if INSTALLED:  # none of them comes with Tomolens

    @plugin("Register, other engine", group=GROUP, version=VERSION, outputs=OUTPUTS, libraries=("SimpleITK",))
    def register_with(
        fixed: Volume,
        moving: Volume,
        fixed_mask: Segmentation | None,
        job: Job,
        *,
        engine: Literal[INSTALLED] = INSTALLED[0],
        different_patients: bool = False,
    ) -> tuple[Transform, Volume]:
        """Bend one image onto another by another program that is installed: greedy, elastix or ANTs.

        Affine first, then deformable, by that program's usual settings for images of one
        contrast (elastix: mutual information); it may fold.

        Parameters
        ----------
        fixed
            The image that stays where it is.
        moving
            The image that is brought onto it.
        fixed_mask
            Where the fixed image counts.
        engine
            greedy (pip install picsl-greedy), elastix (itk-elastix) or ANTs (antspyx).
        different_patients
            Go on although the files name different patients.
        """
        from .external_engines import registered_by

        given = Given(fixed, moving, fixed_mask)
        given.check("automatic", different_patients=different_patients)
        transform = registered_by(engine, fixed, moving, fixed_mask, job)
        return transform, _registered(given, transform, job)


def _linear(
    kind: Literal["rigid", "similarity", "affine"],
    given: Given,
    metric: MetricName,
    start: Start,
    different_patients: bool,
    job: Job,
) -> tuple[Transform, Volume | None]:
    from . import pipeline

    pair = _pair(given, metric, different_patients, job)
    matrix = pipeline.begun(pair, start, given.initial, job)
    chosen = pipeline.chosen_metric(pair, metric, matrix, deformable=False)
    matrix = pipeline.aligned(pair, "rigid", chosen, matrix, job, pipeline.Route(job, 0.3, 0.6), far=start != "search")
    if kind != "rigid":
        matrix = pipeline.aligned(pair, kind, chosen, matrix, job, pipeline.Route(job, 0.6, 0.9))
    transform = Transform(matrix)
    return transform, _registered(given, transform, job)


def _pair(given: Given, metric: MetricName, different_patients: bool, job: Job) -> Pair:
    from .image_pair import prepared

    given.check(metric, different_patients=different_patients)
    with job.stage("preparing the images"):
        return prepared(given, job.device)


def _registered(given: Given, transform: Transform, job: Job) -> Volume | None:
    """The moving image on the fixed grid, where it is asked for."""
    if not job.wants("registered"):
        return None
    with job.stage("resampling"):
        return resample(given.moving, given.fixed.grid, transform)
