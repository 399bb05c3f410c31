"""The two networks: one finds tumours in a slice, the other reads the type in a small view of what was found."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .backbone import CHANNELS, Backbone

TYPES = ("glioma", "meningioma", "pituitary")  # the outputs of TypeReader; a fourth one is "no tumour here"
NONE = len(TYPES)
HEAD_SIZE, CROP_SIZE = 192, 128  # pixels a side of what the networks look at
STRIDE = 8  # of the heat map
REACH = 16.0  # pixels: a box side this far from a cell is the number 0 for the network
WIDTH = 64


class TumourFinder(nn.Module):
    """How likely the middle of a tumour is at every cell of a slice, and how far the sides of its box are from there.

    Method: heat map and distances to the sides without anchors (CenterNet, Zhou et al. 2019; FCOS, Tian et al., ICCV
    2019) on a two-level feature pyramid at stride 8. It does not know types: what a plane or a level of the slice says
    about the type cannot be learnt from it.
    """

    FROZEN = 8  # blocks: what they know of edges and textures is not trained any further

    def __init__(self) -> None:
        super().__init__()
        self.backbone = Backbone(blocks=11)
        self.fine, self.coarse = nn.Conv2d(CHANNELS[0], WIDTH, 1), nn.Conv2d(CHANNELS[1], WIDTH, 1)
        self.mix = nn.ModuleList(
            nn.Sequential(nn.Conv2d(WIDTH, WIDTH, 5, padding=2, groups=WIDTH), nn.Conv2d(WIDTH, WIDTH, 1), nn.ReLU6())
            for _ in range(2)
        )
        self.out = nn.Conv2d(WIDTH, 5, 1)
        nn.init.constant_(self.out.bias[:1], -4.0)  # type: ignore[index]

    def frozen(self, views: Tensor) -> list[Tensor]:
        """Views [n, 1, 192, 192] of 0..1 -> features [n, 40, 24, 24] and [n, 80, 12, 12] that training leaves alone."""
        return self.backbone.first(views, self.FROZEN)

    def answer(self, early: Tensor, middle: Tensor) -> tuple[Tensor, Tensor]:
        """From those: logits [n, 24, 24], and pixels to the left, top, right, bottom side [n, 4, 24, 24]."""
        coarse = self.coarse(self.backbone.next(middle, self.FROZEN)[-1])
        x = self.fine(early) + functional.interpolate(coarse, scale_factor=2.0, mode="bilinear")
        for layer in self.mix:
            x = x + layer(x)
        out = self.out(x)
        scale = out[:, 1:]
        # a plain clamp has no gradient outside: a training that steps there once would never come back
        scale = scale + (scale.clamp(-3, 3) - scale).detach()
        return out[:, 0], REACH * torch.exp(scale)

    def forward(self, views: Tensor) -> tuple[Tensor, Tensor]:
        """Both, one after the other."""
        return self.answer(*self.frozen(views))


class TypeReader(nn.Module):
    """The type of the tumour that a small view shows, or that it shows none.

    The view ends shortly beyond the box and may be turned at will: plane, level and the head's outline are not in it.
    """

    FROZEN = 11

    def __init__(self) -> None:
        super().__init__()
        self.backbone = Backbone()
        features = 2 * (CHANNELS[1] + CHANNELS[2])
        self.norm = nn.LayerNorm(features)
        self.out = nn.Linear(features, NONE + 1)

    def frozen(self, views: Tensor) -> list[Tensor]:
        """Views [n, 1, 128, 128] of 0..1 -> features [n, 112, 8, 8] that training leaves alone."""
        return self.backbone.first(views, self.FROZEN)[-1:]

    def answer(self, middle: Tensor) -> Tensor:
        """From those: logits [n, 4] of glioma, meningioma, pituitary, none."""
        levels = middle, self.backbone.next(middle, self.FROZEN)[-1]
        pooled = torch.cat([part for level in levels for part in (level.mean((2, 3)), level.std((2, 3)))], 1)
        x: Tensor = self.norm(pooled)
        return self.out(functional.dropout(x, 0.3, self.training))  # type: ignore[no-any-return]

    def forward(self, views: Tensor) -> Tensor:
        """Both, one after the other."""
        return self.answer(*self.frozen(views))
