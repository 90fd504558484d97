"""2.5D views of a candidate (Roth et al. 2014, doi:10.1007/978-3-319-10404-1_65), OSLN's comparison in Table 2.

A view is three orthogonal planes through the candidate, turned, moved and scaled at random, as the channels of a
small 2D network; a candidate's answer is the mean over its views.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from LNStationLib.networks.output import NodeOutput

_MOST_MOVED = 0.1
"""Of the patch's half size: a tenth is about 3 mm, as far as Roth et al. move."""
_SCALES = (0.6, 1.0)
"""Of the patch: the smallest and the largest view."""


class RandomViews(nn.Module):
    """Orthogonal planes under random rotations through a small convolutional network.

    Args:
        in_channels: Channels of the patch; the last one, the box, is not looked at.
        n_views: Views of a candidate that are averaged when it is judged; in training one is drawn anew.
        size: Pixels of a plane's edge.
        filters: Channels of the convolutions.
    """

    def __init__(
        self, in_channels: int = 2, n_views: int = 16, size: int = 32, filters: Sequence[int] = (32, 64, 128)
    ) -> None:
        super().__init__()
        if in_channels < 2 or n_views < 1:
            raise ValueError("needs a channel beside that of the box, and a view")
        self.n_views, self.size = n_views, size
        layers: list[nn.Module] = []
        before = 3 * (in_channels - 1)
        for width in filters:
            layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
            before = width
        self.features = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.5))
        self.head = nn.Linear(before, 1)

    def forward(self, x: Tensor, tags: Tensor | None = None) -> NodeOutput:
        """Logits of ``[B, channel, z, y, x]``; tags are not looked at."""
        n = 1 if self.training else self.n_views
        images = x[:, :-1].repeat_interleave(n, 0)
        logits = self.head(self.features(self._planes(images, self._turns(len(images), x))))[:, 0]
        probability = torch.sigmoid(logits).view(len(x), n).mean(1).clamp(1e-6, 1 - 1e-6)
        return NodeOutput(torch.logit(probability))

    def _turns(self, n: int, x: Tensor) -> Tensor:
        """Affine maps ``[n, 3, 4]``; the same for every candidate where it is judged."""
        generator = None if self.training else torch.Generator().manual_seed(0)
        per = n if self.training else self.n_views
        drawn = torch.rand(per, 7, generator=generator).to(x)
        maps = torch.stack([_map(row) for row in drawn])
        return maps if self.training else maps.repeat(n // per, 1, 1)

    def _planes(self, images: Tensor, maps: Tensor) -> Tensor:
        """Three planes of every image as channels: ``[n, 3 * C, size, size]``."""
        ticks = torch.linspace(-1, 1, self.size, device=images.device)
        a, b = torch.meshgrid(ticks, ticks, indexing="ij")
        zero = torch.zeros_like(a)
        planes = torch.stack([torch.stack(axes, -1) for axes in ((b, a, zero), (b, zero, a), (zero, b, a))])
        points = planes.flatten(0, 2) @ maps[:, :, :3].transpose(1, 2) + maps[:, None, :, 3]
        grid = points.view(len(images), 3, self.size, self.size, 3)
        found = functional.grid_sample(images, grid, "bilinear", "border", align_corners=False)
        return found.flatten(1, 2)


def _map(drawn: Tensor) -> Tensor:
    """Rotation about a random axis, a scale and a shift, ``[3, 4]``, from seven draws in [0, 1]."""
    axis = functional.normalize(drawn[:3] - 0.5, dim=0)
    angle = drawn[3] * 2 * math.pi
    zero = torch.zeros_like(angle)
    cross = torch.stack([zero, -axis[2], axis[1], axis[2], zero, -axis[0], -axis[1], axis[0], zero]).view(3, 3)
    eye = torch.eye(3, device=drawn.device, dtype=drawn.dtype)
    turned = eye + torch.sin(angle) * cross + (1 - torch.cos(angle)) * cross @ cross
    scale = _SCALES[0] + (_SCALES[1] - _SCALES[0]) * drawn[4]
    shift = (torch.stack([drawn[5], drawn[6], drawn[3]]) * 2 - 1) * _MOST_MOVED
    return torch.cat([turned * scale, shift[:, None]], 1)
