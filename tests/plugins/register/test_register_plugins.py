from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from plugins.register import register_affine, register_deform, register_rigid
from viewer.api import CurvePoint, Grid, Job, Landmarks, Refusal, Segment, Segmentation, Transform, Volume, resample

SHAPE, SPACING = (40, 44, 48), (3.0, 2.5, 2.5)
INPUTS = ("fixed_mask", "moving_mask", "landmarks", "fixed_labels", "moving_labels", "initial")


def body(seed: int = 0, shape: tuple[int, int, int] = SHAPE, spacing: tuple[float, ...] = SPACING) -> Volume:
    """An ellipsoid of many soft parts in air, with a little noise."""
    rng = np.random.default_rng(seed)
    index = np.moveaxis(np.indices(shape), 0, -1) / np.array(shape) - 0.5
    inside = np.linalg.norm(index / [0.42, 0.36, 0.4], axis=-1) < 1
    parts = sum(gaussian_filter(rng.standard_normal(shape), sigma) * sigma**1.5 for sigma in (2, 4))
    values = np.where(inside, 500 + 200 * parts / parts.std(), 0)
    values = gaussian_filter(values, 0.7) + rng.normal(0, 5, shape)
    return Volume(values.astype(np.float32), Grid.of(shape, spacing, (-50, -40, 10)))


def moved(image: Volume, matrix: np.ndarray, seed: int = 1) -> Volume:
    """The image as it is seen where `matrix` takes each place of it to."""
    other = resample(image, image.grid, Transform(np.linalg.inv(matrix)))
    noise = np.random.default_rng(seed).normal(0, 5, image.array.shape).astype(np.float32)
    return replace(other, array=other.array + noise, badges=())


def motion(degrees: tuple[float, float, float], shift: tuple[float, float, float], about: np.ndarray) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
    matrix[:3, 3] = about + shift - matrix[:3, :3] @ about
    return matrix


def run(plugin, fixed: Volume, moving: Volume, job: Job | None = None, **options):
    given = {name: options.pop(name, None) for name in INPUTS}
    return plugin(fixed, moving, **given, job=job or Job(), **options)


def error(transform: Transform, truth, grid: Grid) -> np.ndarray:
    """mm at places in the middle of the grid."""
    index = np.stack(np.meshgrid(*(np.linspace(0.25, 0.75, 5) * n for n in grid.shape), indexing="ij"), -1)
    places = grid.to_world(index.reshape(-1, 3))
    return np.linalg.norm(transform(places) - truth(places), axis=1)


@pytest.mark.parametrize(("degrees", "shift"), [((3, -4, 5), (4, -3, 2)), ((25, 15, -28), (30, -20, 25))])
def test_a_rigid_motion_is_found(degrees: tuple[float, ...], shift: tuple[float, ...]) -> None:
    fixed = body()
    truth = motion(degrees, shift, fixed.grid.centre)
    transform, registered = run(register_rigid, fixed, moved(fixed, truth))
    assert error(transform, Transform(truth), fixed.grid).max() < 0.4
    assert np.allclose(transform.matrix[:3, :3] @ transform.matrix[:3, :3].T, np.eye(3), atol=1e-6)
    assert registered.grid.matches(fixed.grid)


def test_images_of_other_contrast() -> None:
    fixed = body()
    truth = motion((6, -5, 8), (5, 4, -6), fixed.grid.centre)
    moving = moved(fixed, truth)
    other = replace(moving, array=np.where(moving.array > 50, 1200 - moving.array, 0).astype(np.float32))
    transform, _ = run(register_rigid, fixed, other)
    assert error(transform, Transform(truth), fixed.grid).max() < 1.0


def test_scales_and_shears_are_found() -> None:
    fixed = body()
    truth = motion((5, 4, -6), (3, -4, 2), fixed.grid.centre)
    truth[:3, :3] = truth[:3, :3] @ np.array([[1.08, 0.03, 0], [0.03, 0.94, 0], [0, 0, 1.05]])
    truth[:3, 3] = fixed.grid.centre + np.array((3, -4, 2)) - truth[:3, :3] @ fixed.grid.centre
    transform, _ = run(register_affine, fixed, moved(fixed, truth))
    assert error(transform, Transform(truth), fixed.grid).max() < 0.5


def bent(grid: Grid, seed: int = 3, most: float = 6.0, sigma: float = 6.0) -> Transform:
    rng = np.random.default_rng(seed)
    field = np.stack([gaussian_filter(rng.standard_normal(grid.shape), sigma) for _ in range(3)], -1)
    return Transform(np.eye(4), (most * field / np.abs(field).max()).astype(np.float32), grid)


@pytest.mark.parametrize(("metric", "left"), [("automatic", 0.3), ("MIND-SSC", 0.65)])
def test_a_bend_is_found_without_folds(metric: str, left: float) -> None:
    moving = body()
    truth = bent(moving.grid)
    fixed = replace(resample(moving, moving.grid, truth), badges=())
    transform, _ = run(register_deform, fixed, moving, before="nothing", start="as placed", metric=metric)
    gap = error(transform, truth, fixed.grid)
    before = error(Transform(np.eye(4)), truth, fixed.grid)
    assert gap.mean() < left * before.mean()
    slopes = np.stack(np.gradient(transform.displacement, *transform.grid.spacing, axis=(0, 1, 2)), -1)
    frame = transform.grid.axes
    assert (np.linalg.det(np.eye(3) + slopes @ frame.T) > 0).all()


@pytest.mark.parametrize("plugin", [register_rigid, register_affine, register_deform])
def test_identical_images_stay_where_they_are(plugin) -> None:
    image = body()
    transform, registered = run(plugin, image, image)
    assert error(transform, Transform(np.eye(4)), image.grid).max() < 0.01
    assert np.allclose(registered.array, image.array, atol=0.5)


def test_the_same_run_gives_the_same_transform() -> None:
    fixed, moving = body(), moved(body(), motion((4, 3, 2), (3, 2, 1), body().grid.centre))
    first, second = (run(register_deform, fixed, moving)[0] for _ in range(2))
    assert np.array_equal(first.matrix, second.matrix)
    assert np.array_equal(first.displacement, second.displacement)


def test_slices_are_registered_in_their_plane() -> None:
    shape = (1, 90, 100)
    fixed = body(2, (5, 90, 100), (1.0, 1.0, 1.0))
    fixed = Volume(fixed.array[2:3], Grid.of(shape, (1, 1, 1), (0, 0, 0)))
    truth = motion((0, 0, 12), (7, -5, 0), fixed.grid.centre)
    moving = moved(fixed, truth)
    transform, _ = run(register_rigid, fixed, moving)
    assert error(transform, Transform(truth), fixed.grid).max() < 0.6
    assert np.allclose(transform.matrix[2], [0, 0, 1, 0], atol=1e-9)


def test_landmarks_start_and_pull() -> None:
    moving = body()
    truth = bent(moving.grid, most=8.0)
    fixed = replace(resample(moving, moving.grid, truth), badges=())
    places = fixed.grid.to_world(np.array([(15, 20, 20), (25, 20, 30), (20, 28, 24), (22, 16, 22)], dtype=float))
    landmarks = Landmarks(places, truth(places) + np.array((0, 0, 3.0)))  # not where the images say
    free, _ = run(register_deform, fixed, moving, before="nothing", start="as placed")
    held, _ = run(register_deform, fixed, moving, before="nothing", landmarks=landmarks, initial=Transform(np.eye(4)))
    rest = [np.linalg.norm(one(places) - landmarks.moving, axis=1).mean() for one in (free, held)]
    assert rest[1] < 0.5 * rest[0]
    started, _ = run(register_rigid, fixed, moving, landmarks=landmarks)
    assert np.linalg.norm(started(places) - landmarks.moving, axis=1).mean() < 6


def test_labels_are_brought_together() -> None:
    """Where the images show nothing, the labels do."""
    shape = (32, 40, 40)
    rng = np.random.default_rng(0)
    index = np.moveaxis(np.indices(shape), 0, -1).astype(float)

    def ball(centre: tuple[float, ...]) -> np.ndarray:
        return (np.linalg.norm(index - centre, axis=-1) < 8).astype(np.uint8)

    grid = Grid.of(shape, (2, 2, 2))
    images = [Volume(rng.normal(100, 5, shape).astype(np.float32), grid) for _ in range(2)]
    labels = [Segmentation(ball(c), grid, (Segment(1, "ball"),)) for c in ((16, 20, 20), (16, 24, 18))]
    transform, _ = run(
        register_rigid,
        *images,
        fixed_labels=labels[0],
        moving_labels=labels[1],
        start="as placed",
        metric="mean squares",
    )
    assert np.linalg.norm(transform(grid.to_world((16, 20, 20))) - grid.to_world((16, 24, 18))) < 1.0


def test_a_mask_leaves_out_what_misleads() -> None:
    fixed = body()
    truth = motion((4, 0, 0), (5, 0, 0), fixed.grid.centre)
    moving = moved(fixed, truth)
    loud = moving.array.copy()
    loud[:, :, :10] = 3000 * (np.indices(loud[:, :, :10].shape).sum(0) % 7 > 3)
    where = np.ones(SHAPE, np.uint8)
    where[:, :, :12] = 0
    mask = Segmentation(where, fixed.grid, (Segment(1, "here"),))
    transform, _ = run(register_rigid, fixed, replace(moving, array=loud), moving_mask=mask)
    assert error(transform, Transform(truth), fixed.grid).max() < 0.5


def test_voxels_without_a_value_do_not_count() -> None:
    fixed = body()
    truth = motion((4, 3, 0), (5, 0, 2), fixed.grid.centre)
    moving = moved(fixed, truth)
    holes = moving.array.copy()
    holes[:4] = np.nan
    transform, _ = run(register_rigid, fixed, replace(moving, array=holes))
    assert error(transform, Transform(truth), fixed.grid).max() < 0.5


def test_large_motion_is_found() -> None:
    moving = body(4, (48, 48, 48), (3.0, 3.0, 3.0))
    truth = bent(moving.grid, 7, 28.0, 12.0)
    fixed = replace(resample(moving, moving.grid, truth), badges=())
    options = {"before": "nothing", "start": "as placed"}
    near, _ = run(register_deform, fixed, moving, **options)
    far, _ = run(register_deform, fixed, moving, motion="large", **options)
    gaps = [error(one, truth, fixed.grid).mean() for one in (near, far)]
    assert gaps[1] < 0.8 * gaps[0]


def test_progress_curve_and_previews_are_told() -> None:
    shown = []
    run(register_rigid, body(), body(1), Job(show=shown.append), start="centres")
    curves = [one for one in shown if isinstance(one, CurvePoint)]
    assert len({one.curve for one in curves}) > 1
    assert any(isinstance(one, Transform) for one in shown)


def test_only_what_is_wanted_is_resampled() -> None:
    job = Job()
    job.wanted = frozenset({"transform"})
    assert run(register_rigid, body(), body(), job)[1] is None


REFUSED = {
    "one value": lambda a, b: (a, replace(b, array=np.full_like(b.array, 7)), {}),
    "different patients": lambda a, b: (of_patient(a, "1"), of_patient(b, "2"), {}),
    "single slice": lambda a, b: (a, Volume(b.array[:1], Grid.of((1, *SHAPE[1:]), SPACING)), {}),
    "choose automatic": lambda a, b: (of_kind(a, "CT"), of_kind(b, "MR"), {"metric": "mean squares"}),
    "do not overlap": lambda a, b: (a, replace(b, grid=Grid.of(SHAPE, SPACING, (900, 0, 0))), {"start": "as placed"}),
    "another grid": lambda a, b: (
        a,
        b,
        {"fixed_mask": Segmentation(np.ones((4, 4, 4), np.uint8), Grid.of((4, 4, 4)), ())},
    ),
    "voxels wide": lambda a, b: (a, Volume(b.array[:, :2, :3], Grid.of((SHAPE[0], 2, 3), SPACING)), {}),
}


def of_patient(image: Volume, name: str) -> Volume:
    return replace(image, source=replace(image.source, patient_id=name))


def of_kind(image: Volume, modality: str) -> Volume:
    return replace(image, source=replace(image.source, modality=modality))


@pytest.mark.parametrize("said", REFUSED)
def test_what_cannot_be_registered_is_refused_in_a_sentence(said: str) -> None:
    fixed, moving, options = REFUSED[said](body(), body(1))
    with pytest.raises(Refusal, match=said):
        run(register_rigid, fixed, moving, **options)


def test_different_patients_when_it_is_meant() -> None:
    run(register_rigid, of_patient(body(), "1"), of_patient(body(), "2"), different_patients=True, start="as placed")
