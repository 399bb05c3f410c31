"""The case of the built-in sample: a brain with lesions, and the same brain months later, all of it known.

The baseline lies as the template does. The follow-up is the same head moved by a rigid transform and gently warped,
scanned with more noise and another receive field; some lesions have grown and some are new.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from viewer.compute.registration.control_grid import control_grid
from viewer.compute.synthesis import phantoms
from viewer.data.grid import Grid
from viewer.data.transform import Transform

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.data.arrays import Floats

SEED = 20090
WHITE = 896.0  # value of white matter in the clean T1 image
NOISE = {"baseline": 13.0, "follow_up": 38.0, "flair": 14.0}  # sigma of the complex noise
FIELD = {"baseline": 0.10, "follow_up": 0.15}  # receive field: 1 ± this
ANGLES, SHIFT = (6.0, -4.0, 8.0), (4.0, -7.0, 9.0)  # degrees about x, y, z; mm
DARKER = np.float32(0.38)  # by how much a lesion lowers the T1 value
WARP, SMOOTHNESS = 4.0, 12.0  # mm
SAGITTAL = np.array([[0.0, 0.0, -1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])  # columns along i, j, k
TISSUES = {1: "cerebrospinal fluid", 2: "grey matter", 3: "white matter"}
# Radius in mm at baseline (0: not there yet) and at follow-up, largest first, for which there is least room.
GROWTH = (
    (3.2, 5.4),
    (0.0, 4.4),
    (2.5, 3.9),
    (3.6, 3.6),
    (0.0, 3.2),
    (3.0, 3.0),
    (1.8, 2.8),
    (2.5, 2.5),
    (0.0, 2.4),
    (2.1, 2.1),
    (1.7, 1.7),
    (0.0, 1.7),
)
APART = 15.0  # mm between lesion centres
FDG = {"grey": 24000.0, "white": 7000.0, "fluid": 900.0}  # Bq/ml


@dataclass(frozen=True)
class Lesion:
    """A lesion. label: its value in the label maps. Centres: LPS mm. Radii: mm, 0 where it is not there."""

    label: int
    kind: Literal["stable", "grown", "new"]
    baseline_center: tuple[float, float, float]
    follow_up_center: tuple[float, float, float]
    baseline_radius: float
    follow_up_radius: float


@dataclass(frozen=True, eq=False)
class Exam:
    """One T1 image: clean, as received (with the coil's shading), and scanned, with its truth, all [k, j, i]."""

    grid: Grid
    clean: NDArray[np.float32]
    received: NDArray[np.float32]
    scanned: NDArray[np.int16]
    lesions: NDArray[np.uint8]
    tissues: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Case:
    """The whole case. transform: baseline points to follow-up points. flair and pet lie in the baseline's frame."""

    baseline: Exam
    follow_up: Exam
    transform: Transform
    lesions: tuple[Lesion, ...]
    flair: NDArray[np.int16]
    flair_grid: Grid
    pet: NDArray[np.float32]
    pet_grid: Grid

    @property
    def displacement(self) -> tuple[NDArray[np.float32], Grid]:
        """The warp [k, j, i, 3], mm, and its grid."""
        assert self.transform.displacement is not None
        assert self.transform.grid is not None
        return self.transform.displacement, self.transform.grid


@dataclass(frozen=True, eq=False)
class Head:
    """The template on its grid: T1 values, 1.0 in white matter, and tissue fractions, 0…1."""

    grid: Grid
    t1: NDArray[np.float32]
    grey: NDArray[np.float32]
    white: NDArray[np.float32]

    @property
    def fluid(self) -> NDArray[np.float32]:
        """The fraction of cerebrospinal fluid [k, j, i], 0…1: what is neither grey nor white matter in the head."""
        return np.asarray(np.clip((self.t1 > 0) - self.grey - self.white, 0, 1), dtype=np.float32)


def make_case(head: Head) -> Case:
    """Everything from the template: the same head always gives the same case."""
    rng = np.random.default_rng(SEED)
    head = _softened(head)
    transform = _movement(head.grid, rng)
    centres = _places(head, rng)
    seeds = rng.integers(0, 2**31, len(GROWTH))
    before, labels_before = _opacity(head.grid, centres, [a for a, _ in GROWTH], seeds)
    after, labels_after = _opacity(head.grid, centres, [b for _, b in GROWTH], seeds)
    tissues = _tissues(head)
    baseline = _exam("baseline", head.grid, head.t1 * (1 - DARKER * before), labels_before, tissues, rng)
    onto = _sagittal_grid(transform(head.grid.centre[None])[0])
    points = phantoms.source_points(onto, transform)
    values = phantoms.warped(head.t1 * (1 - DARKER * after), head.grid, points, order=3)
    labels, moved = (
        phantoms.warped(part, head.grid, points, order=0).astype(np.uint8) for part in (labels_after, tissues)
    )
    follow_up = _exam("follow_up", onto, np.maximum(values, 0), labels, moved, rng)
    flair, flair_grid = _flair(head, before, rng)
    pet, pet_grid = _pet(head, before, rng)
    lesions = _table(centres, transform(centres))
    return Case(baseline, follow_up, transform, lesions, flair, flair_grid, pet, pet_grid)


def _softened(head: Head) -> Head:
    """The brain's cut edge as a scanner would see it, and the stem fading out towards the edge of the coil."""
    inside = ndimage.gaussian_filter((head.t1 > 0).astype(np.float32), 0.8)
    rim = np.clip(2 * inside - 0.6, 0, 1) * (head.t1 > 0)
    fade = np.clip((np.arange(head.grid.shape[0]) - 1) / 10, 0, 1)
    coil = (np.sin(fade * np.pi / 2) ** 2).astype(np.float32)[:, None, None]
    soft = ndimage.gaussian_filter(head.t1 * rim, 0.35) * coil
    return Head(head.grid, soft * (soft > 1e-3), head.grey * coil, head.white * coil)


def _movement(grid: Grid, rng: np.random.Generator) -> Transform:
    control = control_grid(grid, 4.0, 28.0)
    turn = Rotation.from_euler("xyz", ANGLES, degrees=True).as_matrix()
    matrix = np.eye(4)
    matrix[:3, :3] = turn
    matrix[:3, 3] = grid.centre - turn @ grid.centre + SHIFT
    return Transform(matrix, phantoms.diffeomorphism(control, WARP, SMOOTHNESS, rng), control, "baseline to follow-up")


def _sagittal_grid(centre: Floats) -> Grid:
    shape = (168, 192, 208)
    origin = centre - SAGITTAL @ ((np.array(shape[::-1]) - 1) / 2)
    return Grid.of(shape, (1, 1, 1), np.round(origin), SAGITTAL)


def _places(head: Head, rng: np.random.Generator) -> Floats:
    """Centres (n, 3) in mm, in cerebral white matter with room around, rather near the ventricles."""
    half = (slice(None, None, 2),) * 3  # every second voxel is close enough, and eight times faster
    white, brain, fluid = head.white[half] > 0.9, head.t1[half] > 0, head.fluid[half] > 0.7
    room, depth = (ndimage.distance_transform_edt(part, sampling=2 * head.grid.spacing) for part in (white, brain))
    away = ndimage.distance_transform_edt(~((depth > 22) & fluid), sampling=2 * head.grid.spacing)
    index = np.argwhere(white)
    world = head.grid.to_world(2 * index)
    room, away = room[tuple(index.T)], away[tuple(index.T)]
    free = world[:, 2] > 2
    found: list[Floats] = []
    for radii in GROWTH:
        fits = free & (room > 0.8 * max(radii)) & (away > 0.9 * max(radii) + 1)
        weight = fits * np.exp(-away / 8)
        found.append(world[rng.choice(len(world), p=weight / weight.sum())])
        free &= np.linalg.norm(world - found[-1], axis=1) > APART
    return np.array(found)


def _opacity(
    grid: Grid, centres: Floats, radii: list[float], seeds: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Lesion opacity 0…1 and labels [k, j, i]; the same seed gives a lesion the same shape at every size."""
    opacity, labels = np.zeros(grid.shape, np.float32), np.zeros(grid.shape, np.uint8)
    for label, (centre, radius, seed) in enumerate(zip(centres, radii, seeds, strict=True), start=1):
        if radius:
            box, alpha = phantoms.lesion(grid, centre, radius, np.random.default_rng(seed))
            opacity[box] = np.maximum(opacity[box], alpha)
            labels[box][alpha > 0.5] = label
    return opacity, labels


def _tissues(head: Head) -> NDArray[np.uint8]:
    """The most likely of TISSUES in each voxel; 0 outside the brain."""
    likely = np.where(head.grey > head.white, np.uint8(2), np.uint8(3))
    likely[head.fluid > np.maximum(head.grey, head.white)] = 1
    likely[head.t1 <= 0.02] = 0
    return likely


def _exam(
    name: str,
    grid: Grid,
    values: NDArray[Any],
    lesions: NDArray[np.uint8],
    tissues: NDArray[np.uint8],
    rng: np.random.Generator,
) -> Exam:
    clean = (values * WHITE).astype(np.float32)
    received = clean * phantoms.receive_field(grid, FIELD[name], rng)
    scanned = np.rint(phantoms.rician(received, NOISE[name], rng)).astype(np.int16)
    return Exam(grid, clean, received, scanned, lesions, tissues)


def _flair(head: Head, lesions: NDArray[np.float32], rng: np.random.Generator) -> tuple[NDArray[np.int16], Grid]:
    """Fluid dark, grey brighter than white, lesions brightest: slices of 3 mm."""
    shade = 420 * head.grey + 310 * head.white + 45 * head.fluid
    shade = shade * np.clip(head.t1 / 0.25, 0, 1)
    shade = shade + lesions * (640 - shade)
    count = head.grid.shape[0] // 3
    thick = shade[: 3 * count].reshape(count, 3, *shade.shape[1:]).mean(axis=1)
    first = head.grid.to_world((1, 0, 0))
    grid = Grid.of(thick.shape, (3, 1, 1), first, head.grid.direction, head.grid.frame_of_reference)
    return np.rint(phantoms.rician(thick, NOISE["flair"], rng)).astype(np.int16), grid


def _pet(head: Head, lesions: NDArray[np.float32], rng: np.random.Generator) -> tuple[NDArray[np.float32], Grid]:
    """FDG uptake in Bq/ml as a scanner with 6 mm resolution sees it, on voxels of 4 mm."""
    uptake = FDG["grey"] * head.grey + FDG["white"] * head.white + FDG["fluid"] * head.fluid
    blurred = ndimage.gaussian_filter(uptake * (1 - 0.3 * lesions), 6 / 2.355)
    grid = control_grid(head.grid, 4.0, 24.0)
    index = np.moveaxis(np.indices(grid.shape), 0, -1)
    at = np.moveaxis(head.grid.to_index(grid.to_world(index)), -1, 0)
    clean = ndimage.map_coordinates(blurred, at, order=1, mode="constant")
    noise = phantoms.smooth_noise(grid.shape, 0.7, rng) * np.sqrt(clean * FDG["grey"] + 200.0**2) * 0.05
    return np.maximum(clean + noise, 0).astype(np.float32), grid


def _table(before: Floats, after: Floats) -> tuple[Lesion, ...]:
    rows = []
    for label, ((old, new), b, a) in enumerate(zip(GROWTH, before, after, strict=True), start=1):
        kind: Literal["stable", "grown", "new"] = "new" if not old else "grown" if new > old else "stable"
        rows.append(Lesion(label, kind, _three(b), _three(a), old, new))
    return tuple(rows)


def _three(point: Floats) -> tuple[float, float, float]:
    x, y, z = (round(float(mm), 3) for mm in point)
    return x, y, z
