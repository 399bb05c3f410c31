"""The atlas is fitted to painted heads: larger, smaller, shifted, bent, with the skull and without."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from plugins.segment_brain.atlas.adaptation import AdaptedAtlas, adapt
from plugins.segment_brain.atlas.placement import places
from plugins.segment_brain.atlas.tissues import LAYOUT, OUTSIDE, class_shares
from plugins.segment_brain.head_image import normalize
from plugins.segment_brain.labels import CLASSES, OUTPUTS
from tests.fixtures import brain_phantom
from viewer.api import Cancelled, Job, Refusal

SIDE, STEP = 96, 2.0


def head(scale: float, bend: float, *, stripped: bool) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """An image [SIDE, SIDE, SIDE] of voxels of STEP mm, and the atlas's channels in it."""
    at = (np.arange(SIDE) - SIDE / 2 + 0.5) * STEP
    z, y, x = np.meshgrid(at, at, at, indexing="ij")
    x = x + bend * np.sin(y / 25)
    y = y + bend * np.sin(z / 30)
    found = brain_phantom.channels(np.stack([x, y, z]) / scale)
    values = brain_phantom.paint(found, np.random.default_rng(0))
    values = np.where(found < OUTSIDE, 0, values) if stripped else values
    return normalize(values.astype(np.float32)), found


def answer(found: NDArray[np.int64], doubt: float) -> NDArray[np.float32]:
    """What a first look says that is right but not sure, and knows the structures without their deep parts."""
    shares = np.zeros((OUTPUTS, *found.shape), np.float32)
    layout = np.array(LAYOUT)[found]
    np.put_along_axis(shares, layout[None, ..., 0], 1, 0)
    shares[:CLASSES] = (1 - doubt) * shares[:CLASSES] + doubt / CLASSES
    shares[CLASSES] = np.where(layout[..., 1] == 1, 0.9, np.where(layout[..., 1] == 2, 0.1, 0.5))
    return shares


def right(adapted: AdaptedAtlas, image: NDArray[np.float32], found: NDArray[np.int64]) -> float:
    """Share of the brain's voxels that have their channel."""
    where = places(image.shape, STEP)[found >= OUTSIDE]
    values = torch.from_numpy(image)[found >= OUTSIDE]
    posterior = adapted.posterior(adapted.shares(where), values, where)
    assert torch.allclose(posterior.sum(0), torch.ones(len(where)), atol=1e-4)
    leaders = adapted.leaders(adapted.shares(where), where)
    best = posterior.argmax(0)
    assert float((adapted.winners(leaders, values) == best).float().mean()) > 0.999
    return float((best.numpy() == found[found >= OUTSIDE]).mean())


SHOWN = np.ones((SIDE,) * 3, bool)


@pytest.mark.parametrize(("scale", "bend", "stripped"), [(1.0, 0.0, False), (0.93, 4.0, False), (1.06, 4.0, True)])
def test_structures_are_found_where_they_are(scale: float, bend: float, stripped: bool) -> None:
    image, found = head(scale, bend, stripped=stripped)
    adapted = adapt(image, answer(found, 0.5), SHOWN, STEP, Job(), (0, 1))
    assert right(adapted, image, found) > 0.9


def test_a_first_look_that_takes_the_skull_for_brain_is_put_right() -> None:
    image, found = head(0.92, 0.0, stripped=False)
    _, larger = head(1.05, 0.0, stripped=False)
    adapted = adapt(image, answer(larger, 0.5), SHOWN, STEP, Job(), (0, 1))
    assert right(adapted, image, found) > 0.85


def test_what_the_image_does_not_hold_is_not_looked_at() -> None:
    image, found = head(1.0, 0.0, stripped=False)
    shown = SHOWN.copy()
    shown[: SIDE // 3] = False
    image[: SIDE // 3] = 0
    adapted = adapt(image, answer(found, 0.5), shown, STEP, Job(), (0, 1))
    kept = np.where(shown, found, 0)
    assert right(adapted, image, kept) > 0.9


def test_it_is_the_same_each_time_and_its_classes_add_up() -> None:
    image, found = head(1.0, 2.0, stripped=True)
    one, other = (adapt(image, answer(found, 0.5), SHOWN, STEP, Job(), (0, 1)) for _ in range(2))
    assert torch.equal(one.bend.knots, other.bend.knots)
    near = one.near(image.shape, STEP)
    where = places(image.shape, STEP)[near]
    classes = class_shares(one.posterior(one.shares(where), torch.from_numpy(image)[near], where).numpy())
    assert classes[:CLASSES].sum(0) == pytest.approx(1, abs=1e-4)


def test_a_cancel_is_heard() -> None:
    image, found = head(1.0, 0.0, stripped=True)
    with pytest.raises(Cancelled):
        adapt(image, answer(found, 0.5), SHOWN, STEP, Job(cancelled=lambda: True), (0, 1))


@pytest.mark.parametrize("shown", [SHOWN, ~SHOWN])
def test_an_image_that_shows_nothing_where_the_brain_should_be_is_refused(shown: NDArray[np.bool_]) -> None:
    image, found = head(1.0, 0.0, stripped=True)
    with pytest.raises(Refusal, match="shows nothing"):
        adapt(np.zeros_like(image), answer(found, 0.5), shown, STEP, Job(), (0, 1))
