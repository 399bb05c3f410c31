"""Train the denoiser: python -m plugins.denoise.train --minutes 100 --out FOLDER [--flat].

The shipped networks went on from there with --start WEIGHTS --rate 3e-4, as their cards say.

TOMOLENS_DATA names the folder of real images and label maps. What the gates are measured on (the T1 brains of OASIS,
the Philips MPRAGE, the whole CT, the PET) is never read here.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from plugins.training import loop, noise, phantoms, real_images

from . import haar_transform
from .network import HaarDenoiser

SEED = 20261122
SOLID, FLAT = (48, 48, 48), (8, 96, 96)  # voxels of a patch
BATCH, POOL, CUBE = 8, 40, 112
LESIONS = 0.35  # of the patches get some, of 2 to 10 times the noise
EVERY = 8  # batches between two new images
REAL = {  # file: (how much smaller at least, at most, magnitude, how often)
    "weights/brainchop-meshnet-tfjs/example_t1_crop.nii.gz": (0.9, 1.8, True, 0.36),
    "nifti/brain-oasis-c2fvit/ICBM2009asym_T1_template.nii.gz": (0.8, 1.6, True, 0.05),
    "nifti/spine-t2-pam50/PAM50_small_t2.nii.gz": (0.8, 1.3, True, 0.05),
    "nifti/spine-t2-pam50/t2.nii.gz": (0.75, 1.0, True, 0.03),
    "nifti/ct-totalsegmentator/example_ct.nii.gz": (0.6, 1.0, False, 0.18),
    "nifti/mr-totalsegmentator/example_mr_sm.nii.gz": (0.7, 1.0, True, 0.06),
    "nifti/brain-ms-p07-mni/FLAIR.nii.gz": (0.9, 1.6, True, 0.17),
    "nifti/brain-ms-longitudinal-p01/study1_T1W.nii.gz": (1.0, 1.6, True, 0.1),
}
PICTURES = "labelled/brain-tumour-cheng/*/*.jpg"  # single slices, for the network of thick ones
KEPT_BACK = 60  # of the pictures, the last ones (of other patients): for validation
Image = tuple[noise.Floats, bool]  # values, and whether it may be a magnitude image


class Patches(IterableDataset[tuple[Tensor, Tensor]]):
    """Endless batches: patches of a pool of clean images that is slowly replaced, with noise of every kind."""

    def __init__(self, data: Path, seed: int, flat: bool = False) -> None:
        self.data, self.seed, self.flat = data, seed, flat
        self.shape = FLAT if flat else SOLID

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        torch.set_num_threads(1)
        rng = np.random.default_rng(self.seed)
        self.maps = [
            real_images.read(path) for path in sorted(self.data.glob("nifti/brain-labelmaps-synthseg/*.nii.gz"))[:-1]
        ]
        self.scans = [real_images.normalize(real_images.read_isotropic(self.data / name)) for name in REAL]
        self.pictures = sorted(self.data.glob(PICTURES))
        make = self._slices if self.flat else self._volume
        pool = [make(n, rng) for n in range(12)]
        for count in range(1 << 30):
            if count % EVERY == 0:
                pool = [*pool[-POOL + 1 :], make(count // EVERY, rng)]
            yield self._batch(pool, rng)

    def _volume(self, turn: int, rng: noise.Random) -> Image:
        """Shapes, label maps and real images take turns."""
        kind = turn % 6
        if kind == 0:
            return self._shapes(rng)
        if kind % 2:
            which = rng.choice(len(REAL), p=[often for *_, often in REAL.values()])
            least, most, magnitude, _ = list(REAL.values())[which]
            part = phantoms.crop(self.scans[which], (int(CUBE * most),) * 3, rng)
            return phantoms.soften(real_images.augment(part, rng.uniform(least, most), rng), rng), magnitude
        image = phantoms.from_labels(self.maps[rng.integers(len(self.maps))], CUBE, rng)
        return phantoms.soften(np.maximum(image, 0), rng), True

    def _shapes(self, rng: noise.Random) -> Image:
        return phantoms.soften(phantoms.from_shapes(CUBE, rng), rng), bool(rng.random() < 0.5)

    def _slices(self, turn: int, rng: noise.Random) -> Image:
        """A picture, or a volume in thick slices: every other one of shapes, for what is seen in a single slice."""
        if turn % 4 == 0:
            return real_images.read_picture(self.pictures[rng.integers(len(self.pictures) - KEPT_BACK)]), True
        image, magnitude = self._shapes(rng) if turn % 2 else self._volume(turn // 4, rng)
        return phantoms.thick_slices(phantoms.reorient(image, rng), int(rng.integers(2, 7))), magnitude

    def _batch(self, pool: list[Image], rng: noise.Random) -> tuple[Tensor, Tensor]:
        samples: list[noise.Sample] = []
        while len(samples) < BATCH:
            image, magnitude = pool[rng.integers(len(pool))]
            patch = phantoms.reorient(phantoms.crop(image, self.shape, rng), rng, flat=self.flat)
            if np.ptp(patch) < 0.05 and rng.random() < 0.8:
                continue
            sigma = 10 ** rng.uniform(-2.2, -0.75)
            if rng.random() < LESIONS:
                patch = phantoms.add_lesions(patch, sigma * rng.uniform(2, 10), rng, flat=self.flat)
                patch = np.maximum(patch, 0) if magnitude else patch
            samples.append(self._filled(noise.add_noise(patch, sigma, rng, magnitude=magnitude, flat=self.flat)))
        strides = haar_transform.FLAT if self.flat else haar_transform.SOLID
        inputs = np.stack([haar_transform.channels(one.noisy, one.rician, strides) for one in samples])
        targets = np.stack([haar_transform.forward(one.noisy - one.clean, strides) for one in samples])
        return torch.from_numpy(inputs), torch.from_numpy(targets)

    def _filled(self, sample: noise.Sample) -> noise.Sample:
        """To full size, where the image is smaller, by reflection: noise and all, as at the border of any image."""
        missing = [(0, side - n) for side, n in zip(self.shape, sample.clean.shape, strict=True)]
        noisy, clean = (np.pad(one, missing, mode="symmetric") for one in (sample.noisy, sample.clean))
        return replace(sample, noisy=noisy, clean=clean)


def loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """The mean of log(error / noise level)², so that every level counts alike; a little is added for empty patches."""
    return torch.log(((outputs - targets) ** 2).mean((1, 2, 3, 4)) + 0.003).mean()


class Validation:
    """PSNR of the last label map (and a picture), which are not trained on, at two levels of Rician noise."""

    def __init__(self, data: Path, flat: bool = False) -> None:
        labels = real_images.read(sorted(data.glob("nifti/brain-labelmaps-synthseg/*.nii.gz"))[-1])
        self.images = [phantoms.from_labels(labels, 96, np.random.default_rng(seed)) for seed in (1, 3)]
        self.strides = haar_transform.FLAT if flat else haar_transform.SOLID
        if flat:
            self.images = [phantoms.thick_slices(image, 4) for image in self.images]
            self.images.append(real_images.read_picture(sorted(data.glob(PICTURES))[-1]))

    def __call__(self, net: nn.Module) -> str:
        """The PSNR of each image and level in dB, in words for the log."""
        rng = np.random.default_rng(2)
        figures = []
        for image in self.images:
            peak = float(image.max())
            for level in (0.05, 0.09):
                sigma = np.float32(level * peak)
                real, imaginary = (sigma * noise.white_noise(image.shape, rng) for _ in range(2))
                seen = np.hypot(image + real, imaginary)
                error = (seen - sigma * self._noise(net, seen / sigma) - image)[image > 0.05 * peak]
                figures.append(20 * np.log10(peak / np.sqrt(np.mean(error**2))))
        return "PSNR " + " ".join(f"{one:.2f}" for one in figures)

    def _noise(self, net: nn.Module, image: noise.Floats) -> noise.Floats:
        inputs = torch.from_numpy(haar_transform.channels(image, True, self.strides)[None])
        with torch.no_grad(), loop.autocast("cpu"):
            outputs = net(inputs.to(memory_format=torch.channels_last_3d))
        return haar_transform.inverse(outputs.float()[0].numpy(), self.strides)


def main() -> None:
    """Train as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=100)
    parser.add_argument("--rate", type=float, default=1e-3, help="of learning, at its highest")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--flat", action="store_true", help="the network of thick slices")
    parser.add_argument(
        "--hidden", type=json.loads, help="widths inside the blocks, as plugins.denoise.prune tells them"
    )
    parser.add_argument(
        "--start", type=Path, help="weights to begin with, of this network or the other: what fits is taken"
    )
    options = parser.parse_args()
    data = Path(os.environ["TOMOLENS_DATA"])
    torch.manual_seed(SEED)
    net = HaarDenoiser(options.flat, hidden=options.hidden)
    if options.start:
        loop.load_matching_weights(net, options.start)
    batches = DataLoader(Patches(data, SEED, options.flat), batch_size=None, num_workers=1, prefetch_factor=8)
    check = Validation(data, options.flat)
    best = loop.train(net, batches, loss, options.out, minutes=options.minutes, rate=options.rate, validate=check)
    loop.write_weights(best, options.out / "weights.safetensors")


if __name__ == "__main__":
    main()
