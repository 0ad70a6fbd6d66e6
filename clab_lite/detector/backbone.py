"""ResNet with C5 dilated to stride 16, and the neck. Parameter names are torchvision's and the official ones."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import cast

import torch
import torchvision.models as models
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck

from clab_lite.config import BackboneConfig
from clab_lite.detector.frozen_norm import convolve_normalised
from clab_lite.errors import DataError
from clab_lite.tensor_file import load_tensors

logger = logging.getLogger(__name__)


class Basic(BasicBlock):
    """torchvision's block of ResNet-18, its parameters and its function; see `convolve_normalised`."""

    def forward(self, x: Tensor) -> Tensor:
        out = torch.relu(convolve_normalised(x, self.conv1, self.bn1))
        out = convolve_normalised(out, self.conv2, self.bn2)
        return torch.relu(out + _shortcut(self, x))


class Deep(Bottleneck):
    """torchvision's block of the deeper ResNets, its parameters and its function; see `convolve_normalised`."""

    def forward(self, x: Tensor) -> Tensor:
        out = torch.relu(convolve_normalised(x, self.conv1, self.bn1))
        out = torch.relu(convolve_normalised(out, self.conv2, self.bn2))
        out = convolve_normalised(out, self.conv3, self.bn3)
        return torch.relu(out + _shortcut(self, x))


def _shortcut(block: Basic | Deep, x: Tensor) -> Tensor:
    return x if block.downsample is None else convolve_normalised(x, *block.downsample)


# architecture -> (block, blocks per stage, groups, channels per group of the 3x3 convolution)
_LAYOUTS: dict[str, tuple[type[Basic] | type[Deep], tuple[int, int, int, int], int, int]] = {
    "resnet18": (Basic, (2, 2, 2, 2), 1, 64),
    "resnet50": (Deep, (3, 4, 6, 3), 1, 64),
    "resnet101": (Deep, (3, 4, 23, 3), 1, 64),
    "resnext101_64x4d": (Deep, (3, 4, 23, 3), 64, 4),
}


class Backbone(nn.Module):
    """Frames (N, 3, H, W) -> C4 (N, `c4_channels`, H/16, W/16) and C5 (N, `c5_channels`, H/16, W/16).

    Every 3x3 convolution of layer4 has stride 1 and dilation 2, the first block's too (torchvision's own dilation
    option leaves that one at 1, which changes C5 by 10 %). Checked by goldens `c4` and `c5`.
    """

    def __init__(self, config: BackboneConfig) -> None:
        super().__init__()
        self.config = config
        block, depths, groups, group_width = _LAYOUTS[config.architecture]
        self.inplanes = config.width
        self.conv1 = nn.Conv2d(3, config.width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(config.width)
        for stage, depth in enumerate(depths):
            planes = config.width * 2**stage
            layer = self._make_layer(
                block, planes, depth, stride=1 if stage == 0 else 2, groups=groups, group_width=group_width
            )
            setattr(self, f"layer{stage + 1}", layer)
        _dilate(self.get_submodule("layer4"))
        self.c4_channels = config.width * 4 * block.expansion
        self.c5_channels = config.width * 8 * block.expansion
        _initialise(self)
        if config.imagenet_weights:
            load_imagenet_weights(self, config)
        self._freeze()

    def _make_layer(
        self,
        block: type[Basic] | type[Deep],
        planes: int,
        depth: int,
        stride: int,
        groups: int,
        group_width: int,
    ) -> nn.Sequential:
        out_channels = planes * block.expansion
        downsample = None
        if stride != 1 or self.inplanes != out_channels:
            downsample = nn.Sequential(
                nn.Conv2d(self.inplanes, out_channels, 1, stride=stride, bias=False), nn.BatchNorm2d(out_channels)
            )
        blocks = [block(self.inplanes, planes, stride, downsample, groups, group_width)]
        self.inplanes = out_channels
        blocks += [block(out_channels, planes, groups=groups, base_width=group_width) for _ in range(1, depth)]
        return nn.Sequential(*blocks)

    def _freeze(self) -> None:
        if self.config.frozen_stages:
            frozen = [self.conv1, self.bn1] + [
                self.get_submodule(f"layer{i + 1}") for i in range(self.config.frozen_stages)
            ]
            for module in frozen:
                module.requires_grad_(False)

    def train(self, mode: bool = True) -> Backbone:
        """Like `nn.Module.train`, but frozen BatchNorm keeps its statistics (its affine parameters still learn)."""
        super().train(mode)
        if self.config.frozen_norm:
            for module in self.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        x = torch.relu(convolve_normalised(frames, self.conv1, self.bn1))
        x = nn.functional.max_pool2d(x, 3, stride=2, padding=1)
        x = self.get_submodule("layer2")(self.get_submodule("layer1")(x))
        c4 = self.get_submodule("layer3")(x)
        return c4, self.get_submodule("layer4")(c4)


class Neck(nn.Module):
    """3x3 convolution with bias and ReLU: C5 (N, C5, H, W) -> (N, C, H, W). Checked by golden `neck`."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, padding=1)

    def forward(self, c5: Tensor) -> Tensor:
        return torch.relu(self.conv(c5))


def load_imagenet_weights(backbone: Backbone, config: BackboneConfig) -> bool:
    """Load torchvision's ImageNet weights; False, with a clear warning, when they cannot be had (no network).

    Raises:
        DataError: the width is not the published one, or the file in torchvision's cache is damaged or another file.
    """
    if config.width != 64:
        raise DataError(f"ImageNet weights exist for width 64, not {config.width}. Set imagenet_weights to False.")
    # V1, as in the official recipe; torchvision's newer ones come from another training recipe.
    weights = models.get_model_weights(config.architecture)["IMAGENET1K_V1"]
    file = Path(torch.hub.get_dir()) / "checkpoints" / Path(weights.url).name
    try:
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(weights.url, str(file), _hash_prefix(file))
    except RuntimeError as error:  # of torch.hub, which removes what it downloaded
        raise DataError.at(weights.url, "", f"is not the published file ({error})", "Check the network.") from error
    except OSError as error:
        logger.warning(
            "ImageNet weights of %s could not be downloaded from %s (%s). Training starts from random weights; "
            "to use them, download that file on another machine and put it into %s.",
            config.architecture,
            weights.url,
            error,
            file.parent,
        )
        return False
    with file.open("rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
    if not found.startswith(_hash_prefix(file)):
        raise DataError.at(file, "", f"its hash begins with {found[:8]}", "It is damaged or another file: delete it.")
    state = load_tensors(file)
    if not isinstance(state, dict):
        raise DataError.at(file, "", "holds no named tensors", "It is another file: delete it.")
    backbone.load_state_dict({name: value for name, value in state.items() if not name.startswith("fc.")})
    return True


def _hash_prefix(file: Path) -> str:
    """torchvision writes the first 8 digits of the hash into the name: resnet50-0676ba61.pth."""
    return file.stem.rsplit("-", 1)[1]


def _dilate(layer: nn.Module) -> None:
    for module in layer.modules():
        if isinstance(module, nn.Conv2d):
            module.stride = (1, 1)
            if module.kernel_size == (3, 3):
                module.dilation = module.padding = (2, 2)


def _initialise(backbone: nn.Module) -> None:
    for module in backbone.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, BasicBlock | Bottleneck):
            # A residual branch that starts at zero trains more steadily (arXiv 1706.02677 section 5.1).
            last_norm = cast(nn.BatchNorm2d, module.bn2 if isinstance(module, BasicBlock) else module.bn3)
            nn.init.zeros_(last_norm.weight)
