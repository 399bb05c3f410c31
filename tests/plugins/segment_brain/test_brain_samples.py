"""Heads to train on, made of a small label map."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from plugins.segment_brain.labels import class_table, side_table
from plugins.segment_brain.samples import head_samples
from plugins.segment_brain.samples.contrast import paint, slice_profile
from plugins.segment_brain.samples.head_maps import SIDE, Head, HeadMap, draw_head, read_head_map, smooth_field

SKULL, SKIN, FLUID = 515, 507, 24


@pytest.fixture(scope="module")
def head_map() -> HeadMap:
    """Balls in each other, 120 mm wide: skin, skull, fluid, cortex, white matter with a ventricle, left and right."""
    k, j, i = np.ogrid[-60:60, -60:60, -60:60]
    radius, left = np.sqrt(k**2 + j**2 + i**2), np.broadcast_to(i >= 0, (120,) * 3)
    labels = np.zeros((120,) * 3, np.uint16)
    for reach, on_left, on_right in (
        (58, SKIN, SKIN),
        (52, SKULL, SKULL),
        (46, FLUID, FLUID),
        (42, 3, 42),
        (34, 2, 41),
        (10, 4, 43),
    ):
        ball = radius < reach
        labels[ball] = np.where(left, on_left, on_right)[ball]
    return HeadMap(labels, np.full(3, 59.5, np.float32))


@pytest.fixture(scope="module")
def head(head_map: HeadMap) -> Head:
    return draw_head(head_map, 2, np.random.default_rng(0))


def test_a_label_map_is_read_alike_in_every_orientation(head_map: HeadMap, tmp_path: Path) -> None:
    image = sitk.GetImageFromArray(head_map.array[:70, :80, :])
    read = []
    for letters in ("LPS", "RAI", "PIR"):
        sitk.WriteImage(sitk.DICOMOrient(image, letters), tmp_path / f"{letters}.nii.gz")
        read.append(read_head_map(tmp_path / f"{letters}.nii.gz"))
    for one in read:
        assert np.array_equal(one.array[1:-1, 1:-1, 1:-1], head_map.array[:70, :80])
        assert one.centre == pytest.approx(read[0].centre)


def test_a_smooth_field_goes_through_a_ramp() -> None:
    ramp = np.broadcast_to(np.linspace(0, 1, 6, dtype=np.float32)[:, None, None], (6, 6, 6))
    field = smooth_field(np.ascontiguousarray(ramp), (60, 40, 20))
    assert field.shape == (60, 40, 20)
    assert np.ptp(field, axis=(1, 2)).max() < 1e-5
    assert (np.diff(field[:, 0, 0]) > 0).all()
    assert smooth_field(np.ones((4, 4, 4), np.float32), (9, 9, 9)) == pytest.approx(1, abs=1e-5)


def test_a_head_has_its_labels_where_its_fine_ones_are(head: Head) -> None:
    assert head.labels.shape == (SIDE,) * 3
    assert head.fine.shape == (2 * SIDE,) * 3
    corners = np.stack([head.fine[k::2, j::2, i::2] for k in (0, 1) for j in (0, 1) for i in (0, 1)])
    assert (corners == head.labels).any(0).mean() > 0.99


def test_left_stays_to_the_left(head: Head) -> None:
    sides = side_table()[head.labels]
    places = np.arange(SIDE)
    left, right = ((sides == side).sum((0, 1)) @ places / (sides == side).sum() for side in (1, 2))
    assert left > right


def test_images_are_painted_by_label(head: Head) -> None:
    kept, contrasts = [], []
    for seed in range(12):
        image, labels = paint(head, 2, np.random.default_rng(seed))
        assert image.dtype == np.float32
        assert image.shape == labels.shape
        assert np.isfinite(image).all()
        assert image.min() >= 0
        assert image.max() <= 2
        assert set(np.unique(labels)) <= {0, *np.unique(head.labels)}
        contrasts.append(abs(image[labels == 2].mean() - image[labels == 0].mean()))
        kept.append(SKULL in labels)
    assert np.median(contrasts) > 0.05  # now and then two tissues are alike by chance
    assert 3 < sum(kept) < 12  # about a third of them are stripped


def test_slices_keep_what_is_constant_and_blur_what_is_thin() -> None:
    profile = slice_profile(48, 3.0, 1.2)
    assert profile.sum(1) == pytest.approx(1)
    line = np.eye(48, dtype=np.float32)[24]
    assert (profile @ line).max() < 0.5
    assert (slice_profile(48, 1.0, 0.0) @ line).argmax() == 24


def test_a_mirror_image_changes_sides(head: Head) -> None:
    seen = [head_samples.draw_sample(head, 2, np.random.default_rng(seed)) for seed in range(8)]
    places = torch.arange(SIDE)
    for one in seen:
        assert one.image.shape == (1, 1, SIDE, SIDE, SIDE)
        left, right = (((one.sides == side).sum((0, 1)) * places).sum() / (one.sides == side).sum() for side in (1, 2))
        assert left > right
        paired = class_table()[[2, 3, 4]]
        assert np.array_equal(one.sides > 0, np.isin(one.classes, paired))
    assert len({float(((one.sides == 1).sum((0, 1)) * places).sum()) for one in seen}) > 1


def test_the_stream_is_seeded(head_map: HeadMap, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head_samples, "read_head_map", lambda _: head_map)
    first, again, other = (list(islice(head_samples.Samples(Path(), 2, seed), 3)) for seed in (1, 1, 2))
    assert all(torch.equal(a.image, b.image) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0].image, other[0].image)
    assert not torch.equal(first[0].image, first[1].image)
