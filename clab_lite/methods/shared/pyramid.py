"""A feature pyramid neck (arXiv 1612.03144), with the options of the related methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn
from torch.nn.functional import interpolate


class Pyramid(nn.Module):
    """Stage features -> pyramid levels of `dim` channels, each as fine as its stage.

    A 1x1 convolution on every stage, added from the deepest down with nearest upsampling, and a 3x3 convolution on the
    levels that are asked for only. Weights start uniform (Kaiming with a = 1), biases at zero, as in the official
    CrossCL. Equals torchvision's FeaturePyramidNetwork where all levels are asked for (tested).

    Args:
        channels: stage number (2 to 5) -> its channels, for every stage that takes part.
        dim: channels of every level.
        outputs: the levels to return; all stages when None.
        norm: BatchNorm after every convolution, which then has no bias.
    """

    def __init__(
        self, channels: Mapping[int, int], dim: int, outputs: Sequence[int] | None = None, norm: bool = False
    ) -> None:
        super().__init__()
        self.outputs = tuple(sorted(channels if outputs is None else outputs))
        self.lateral = nn.ModuleDict({str(i): _convolution(channels[i], dim, 1, norm) for i in sorted(channels)})
        self.output = nn.ModuleDict({str(level): _convolution(dim, dim, 3, norm) for level in self.outputs})

    def forward(self, stages: Mapping[int, Tensor]) -> dict[int, Tensor]:
        """Stage number -> (N, C, H, W) becomes level -> (N, dim, H, W)."""
        levels: dict[int, Tensor] = {}
        above: Tensor | None = None
        for name in reversed(list(self.lateral)):
            here = self.lateral[name](stages[int(name)])
            if above is not None:
                here = here + interpolate(above, size=here.shape[-2:], mode="nearest")
            above = here
            if name in self.output:
                levels[int(name)] = self.output[name](here)
        return {level: levels[level] for level in self.outputs}


def _convolution(inputs: int, outputs: int, kernel: int, norm: bool) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=not norm)
    nn.init.kaiming_uniform_(conv.weight, a=1)
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs)) if norm else nn.Sequential(conv)
