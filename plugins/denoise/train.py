"""Train the denoiser: python -m plugins.denoise.train --minutes 100 --out FOLDER [--flat].

TOMOLENS_DATA names the folder of real images and label maps. What the gates are measured on (the T1 brains of OASIS,
the Philips MPRAGE, the whole CT, the PET) is never read here.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from plugins.denoise.network import HaarDenoiser
from plugins.training import clean, loop, noise, real

SEED = 20261122
SIDE, BATCH, POOL, CUBE = 48, 8, 40, 112
REAL = {  # file: (how much smaller at least, at most, magnitude)
    "weights/brainchop-meshnet-tfjs/example_t1_crop.nii.gz": (1.3, 2.0, True),
    "nifti/brain-oasis-c2fvit/ICBM2009asym_T1_template.nii.gz": (1.0, 1.6, True),
    "nifti/spine-t2-pam50/PAM50_small_t2.nii.gz": (1.0, 1.3, True),
    "nifti/spine-t2-pam50/t2.nii.gz": (1.0, 1.0, True),
    "nifti/ct-totalsegmentator/example_ct.nii.gz": (1.0, 1.0, False),
    "nifti/mr-totalsegmentator/example_mr_sm.nii.gz": (1.0, 1.0, True),
}
HELD_OUT = "nifti/brain-ms-p07-mni/FLAIR.nii.gz"  # for validation, with the last label map


class Patches(IterableDataset[tuple[Tensor, Tensor]]):
    """Endless batches: patches of a pool of clean images that is slowly replaced, with noise of every kind."""

    def __init__(self, data: Path, seed: int) -> None:
        self.data, self.seed = data, seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        torch.set_num_threads(1)
        rng = np.random.default_rng(self.seed)
        maps = [real.read(path) for path in sorted(self.data.glob("nifti/brain-labelmaps-synthseg/*.nii.gz"))[:-1]]
        scans = [(real.scaled(real.read(self.data / name)), *how) for name, how in REAL.items()]
        pool = [self._image(maps, scans, n, rng) for n in range(12)]
        for count in range(1 << 30):
            if count % 12 == 0:
                pool = [*pool[-POOL + 1 :], self._image(maps, scans, len(pool) + count // 12, rng)]
            yield self._batch(pool, rng)

    def _image(
        self, maps: list[np.ndarray], scans: list[tuple], turn: int, rng: noise.Random
    ) -> tuple[np.ndarray, bool]:
        kind = turn % 4
        if kind == 0:
            return clean.of_shapes(CUBE, rng), bool(rng.random() < 0.5)
        if kind == 1:
            image, least, most, magnitude = scans[rng.integers(len(scans))]
            return real.varied(clean.oriented(image, rng), rng.uniform(least, most), rng), magnitude
        return np.maximum(clean.from_labels(maps[rng.integers(len(maps))], CUBE, rng), 0), True

    def _batch(self, pool: list[tuple[np.ndarray, bool]], rng: noise.Random) -> tuple[Tensor, Tensor]:
        samples = []
        while len(samples) < BATCH:
            image, magnitude = pool[rng.integers(len(pool))]
            patch = clean.oriented(_filled(clean.cropped(image, SIDE, rng)), rng)
            if np.ptp(patch) < 0.05 and rng.random() < 0.8:
                continue
            sigma = 10 ** rng.uniform(-2.2, -0.75)
            samples.append(noise.noisy(patch, sigma, rng, magnitude=magnitude))
        given = np.stack([np.stack([one.noisy, np.full_like(one.noisy, one.rician)]) for one in samples])
        return torch.from_numpy(given), torch.from_numpy(np.stack([one.clean for one in samples])[:, None])


def _filled(patch: np.ndarray) -> np.ndarray:
    """To full size, where the image is smaller, by reflection."""
    return np.pad(patch, [(0, SIDE - n) for n in patch.shape], mode="symmetric")


def loss(said: Tensor, wanted: Tensor) -> Tensor:
    """The mean of log(error / noise level)², so that every level counts alike; a little is added for empty patches."""
    return torch.log(((said - wanted) ** 2).mean((1, 2, 3, 4)) + 0.003).mean()


class Validation:
    """PSNR of images that are not trained on, at two levels of Rician noise."""

    def __init__(self, data: Path) -> None:
        rng = np.random.default_rng(1)
        labels = real.read(sorted(data.glob("nifti/brain-labelmaps-synthseg/*.nii.gz"))[-1])
        flair = real.scaled(real.read(data / HELD_OUT))
        self.images = [clean.from_labels(labels, 96, rng), flair[48:144, 60:156, 43:139]]

    def __call__(self, net: nn.Module) -> str:
        rng = np.random.default_rng(2)
        figures = []
        for image in self.images:
            peak = float(image.max())
            for level in (0.05, 0.09):
                sigma = np.float32(level * peak)
                seen = np.hypot(image + sigma * noise.white(image.shape, rng), sigma * noise.white(image.shape, rng))
                given = torch.from_numpy(np.stack([seen / sigma, np.ones_like(seen)])[None])
                with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
                    said = net(given.to(memory_format=torch.channels_last_3d)).float()[0, 0].numpy() * sigma
                inside = image > 0.05 * peak
                figures.append(20 * np.log10(peak / np.sqrt(np.mean((said - image)[inside] ** 2))))
        return "PSNR " + " ".join(f"{one:.2f}" for one in figures)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=100)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    data = Path(os.environ["TOMOLENS_DATA"])
    torch.manual_seed(SEED)
    net = HaarDenoiser()
    batches = DataLoader(Patches(data, SEED), batch_size=None, num_workers=1, prefetch_factor=8)
    best = loop.train(net, batches, loss, options.out, minutes=options.minutes, rate=1e-3, validate=Validation(data))
    loop.write_weights(best, options.out / "weights.safetensors")


if __name__ == "__main__":
    main()
