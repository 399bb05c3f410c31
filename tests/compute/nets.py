"""Networks that the tests run: in numpy, where memory can be capped; and a small one in torch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from viewer.compute.engine.job import Job


class Mean:
    """Two channels: the mean over (2·reach + 1)³ voxels, zeros outside; and the sum of each 2×2×2 block of voxels."""

    engine, precision, device = "numpy", "float32", "cpu"

    def __init__(self, reach: int = 1) -> None:
        self.reach = reach
        self.seen: list[tuple[int, ...]] = []

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        self.seen.append(batch.shape)
        image = batch[0].sum(0)
        k, j, i = image.shape
        blocks = image.reshape(k // 2, 2, j // 2, 2, i // 2, 2).sum((1, 3, 5))
        mean = uniform_filter(image, 2 * self.reach + 1, mode="constant")
        return np.stack([mean, np.kron(blocks, np.ones((2, 2, 2)))])[None].astype(np.float32)


class Capped(Mean):
    """A device whose memory holds `room` voxels of float32; twice as many in bfloat16; the processor holds `spare`."""

    def __init__(self, room: int, spare: int = 10**9, device: str = "cuda:0", precision: str = "float32") -> None:
        super().__init__()
        self.room, self.spare, self.device, self.precision = room, spare, device, precision
        self.next: Capped | None = None

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        held = batch[0, 0].size // (2 if self.precision == "bfloat16" else 1)
        if held > self.room:
            self.seen.append(())
            raise MemoryError("out of memory")
        return super().__call__(batch)

    def lighter(self, job: Job) -> Capped | None:
        if self.device == "cpu":
            return None
        if self.precision == "float32":
            self.next = Capped(self.room, self.spare, precision="bfloat16")
        else:
            self.next = Capped(self.spare, device="cpu")
        return self.next


def small(channels: int = 1, width: int = 8, seed: int = 0) -> Any:
    """A residual U-Net of one level, in evaluation mode."""
    import torch
    from torch import nn

    class Small(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv3d(channels, width, 3, padding=1)
            self.down = nn.Conv3d(width, width, 2, 2)
            self.deep = nn.Conv3d(width, width, 3, padding=1)
            self.up = nn.ConvTranspose3d(width, width, 2, 2)
            self.last = nn.Conv3d(width, 1, 3, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            fine = torch.relu(self.first(x))
            deep = torch.relu(self.deep(self.down(fine)))
            return x[:, :1] - self.last(torch.relu(fine + self.up(deep)))

    torch.manual_seed(seed)
    return Small().eval()
