"""The detector's backbone read out after every stage, as pyramids need it.

The detector dilates layer4 and keeps stride 16. Here layer4 is strided again (C5 at stride 32); its parameters have the
same names and shapes, so what is learned goes into the detector as it is.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock

from clab_lite.config import BackboneConfig
from clab_lite.detector.backbone import Backbone

Stem = Literal["detector", "small"]


def read_stages(backbone: Backbone, frames: Tensor, *, pool: bool = True) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Frames (N, 3, H, W) -> C2, C3, C4, C5 of a backbone: strides 4, 8, 16 and layer4's own (the detector's: 16).

    Works on the detector's backbone as it is; `pool=False` leaves out the stem's max-pooling.
    """
    x = torch.relu(backbone.bn1(backbone.conv1(frames)))
    if pool:
        x = nn.functional.max_pool2d(x, 3, stride=2, padding=1)
    c2 = backbone.get_submodule("layer1")(x)
    c3 = backbone.get_submodule("layer2")(c2)
    c4 = backbone.get_submodule("layer3")(c3)
    return c2, c3, c4, backbone.get_submodule("layer4")(c4)


class Stages(nn.Module):
    """Frames (N, 3, H, W) -> C2, C3, C4, C5 at strides 4, 8, 16, 32, of `channels` channels.

    Args:
        config: as for the detector's backbone.
        stem: "detector", or "small" for crops of 32 to 64 pixels: a 3x3 convolution of stride 1 and no pooling, so
            that the strides are 1, 2, 4, 8 (ranked_crops specification, section 2).
    """

    def __init__(self, config: BackboneConfig, stem: Stem = "detector") -> None:
        super().__init__()
        self.stem = stem
        self.backbone = Backbone(config)
        _stride_again(self.backbone.get_submodule("layer4"))
        if stem == "small":
            conv = nn.Conv2d(3, config.width, 3, padding=1, bias=False)
            nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
            self.backbone.conv1 = conv.requires_grad_(config.frozen_stages == 0)
        deepest = self.backbone.c5_channels
        self.channels = (deepest // 8, deepest // 4, deepest // 2, deepest)

    @property
    def strides(self) -> tuple[int, int, int, int]:
        """Input pixels per cell of C2, C3, C4, C5."""
        return (4, 8, 16, 32) if self.stem == "detector" else (1, 2, 4, 8)

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return read_stages(self.backbone, frames, pool=self.stem == "detector")

    def detector_state(self) -> dict[str, Tensor]:
        """The weights under the names of `VideoDetector.backbone`, without a small stem's convolution (another shape).

        BatchNorm statistics of layer4 were taken without dilation: a detector that freezes them should first run
        some frames in training mode.
        """
        state = self.backbone.state_dict()
        if self.stem == "small":
            del state["conv1.weight"]
        return state


def _stride_again(layer: nn.Module) -> None:
    """Undo the detector's dilation of layer4: torchvision's ordinary stride of 2 in its first block."""
    for module in layer.modules():
        if isinstance(module, nn.Conv2d) and module.kernel_size == (3, 3):
            module.dilation = module.padding = (1, 1)
    first = layer.get_submodule("0")
    # torchvision (and the official codes) stride the first convolution of a basic block, the 3x3 of a bottleneck.
    first.get_submodule("conv1" if isinstance(first, BasicBlock) else "conv2").stride = (2, 2)  # type: ignore[assignment]
    first.get_submodule("downsample.0").stride = (2, 2)  # type: ignore[assignment]
