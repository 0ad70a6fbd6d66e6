"""Every setting of a run, as frozen dataclasses that check their values. One field, one place; units beside each.

The defaults are the official CLAB configuration (arXiv 2508.20551, ResNet-50); `presets.py` has the others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from clab_lite.ranges import checked, require_divisor

Architecture = Literal["resnet18", "resnet50", "resnet101", "resnext101_64x4d"]

_SIDE, _UNIT = (1, 65_536), (0, 1)
_COUNT, _WHOLE = (1, 1_000_000_000), (0, 1_000_000_000)


@dataclass(frozen=True)
@checked(long_side=(16, 65_536), short_side=(16, 65_536))
class FrameConfig:
    """Size of the frames a detector sees. Its anchors are in these pixels, so training and inference share it."""

    long_side: int = 1000
    """Frames are resized, keeping their ratio, to fit long_side x short_side pixels."""
    short_side: int = 600
    """The other side of that limit, in pixels."""


@dataclass(frozen=True)
@checked(width=(4, 4096), frozen_stages=(0, 4))
class BackboneConfig:
    """ResNet with C5 dilated to stride 16."""

    architecture: Architecture = "resnet50"
    """Which ResNet, by its torchvision name."""
    width: int = 64
    """Channels of the stem (64 is the published width)."""
    imagenet_weights: bool = True
    """Whether training starts from torchvision's ImageNet weights (only for width 64)."""
    frozen_stages: int = 1
    """0 trains everything; 1 freezes the stem and layer1 (official)."""
    frozen_norm: bool = True
    """Whether BatchNorm statistics stay fixed (official). False when training from scratch."""


@dataclass(frozen=True)
@checked(scales=(0.01, 1000), ratios=(0.01, 100))
class AnchorConfig:
    """Anchors of the region proposal network, sides in pixels: stride * scale, at each height/width ratio."""

    stride: Literal[16] = 16
    """Pixels of the resized frame per cell of the feature map, as the backbone makes it."""
    scales: tuple[float, ...] = (4.0, 8.0, 16.0, 32.0)
    """Anchor sides in strides: 4 at stride 16 is 64 pixels."""
    ratios: tuple[float, ...] = (0.5, 1.0, 2.0)
    """Height divided by width."""


@dataclass(frozen=True)
@checked(before_nms=_COUNT, after_nms=_COUNT, iou_threshold=_UNIT)
class ProposalConfig:
    """How anchors become proposals."""

    before_nms: int = 6000
    """Best anchors kept per frame before non-maximum suppression."""
    after_nms: int = 600
    """Proposals kept per frame after it."""
    iou_threshold: float = 0.7
    """Of two proposals that overlap more than this (IoU), the better one stays."""


@dataclass(frozen=True)
@checked(count=_COUNT, positive_fraction=_UNIT, positive_iou=_UNIT, negative_iou=_UNIT, min_positive_iou=_UNIT)
class SamplerConfig:
    """IoU matching and random sampling of anchors or RoIs."""

    count: int = 256
    """Sampled per image."""
    positive_fraction: float = 0.5
    """Largest share of positives among the sampled, 0 to 1."""
    positive_iou: float = 0.7
    """IoU with a ground truth from which a candidate is positive."""
    negative_iou: float = 0.3
    """IoU below which it is negative."""
    min_positive_iou: float = 0.3
    """A ground truth claims its best candidates when their IoU reaches this."""


@dataclass(frozen=True)
@checked(channels=_SIDE)
class RPNConfig:
    """Region proposal network."""

    channels: int = 512
    """Channels of the shared 3x3 convolution."""
    anchors: AnchorConfig = AnchorConfig()
    train_proposals: ProposalConfig = ProposalConfig(after_nms=600)
    """For key frames in training."""
    test_proposals: ProposalConfig = ProposalConfig(after_nms=300)
    """Also used for reference frames during training (official)."""
    sampler: SamplerConfig = SamplerConfig()


@dataclass(frozen=True)
@checked(output_size=(1, 64), sampling_ratio=(1, 16), most_similar=_COUNT, attention_blocks=(0, 65_536))
class RoIConfig:
    """RoIAlign, Temporal RoI Align and the sampling of RoIs."""

    output_size: int = 7
    """Cells per side of a pooled region."""
    sampling_ratio: int = 2
    """Samples per side of each cell."""
    temporal: bool = True
    """Whether the key frame's regions go through Temporal RoI Align; False is plain SELSA."""
    most_similar: int = 2
    """Cells of each reference map that a RoI cell gathers."""
    attention_blocks: int = 4
    """Channel groups of the temporal attention, a divisor of `neck_channels`; 0 is the mean over frames."""
    sampler: SamplerConfig = SamplerConfig(
        positive_fraction=0.25, positive_iou=0.5, negative_iou=0.5, min_positive_iou=0.5
    )


@dataclass(frozen=True)
@checked(layers=(1, 64), width=_SIDE, attention_blocks=_SIDE)
class BoxHeadConfig:
    """SELSA box head."""

    layers: int = 3
    """Fully connected layers, each followed by attention over the reference regions."""
    width: int = 1024
    """Outputs of each layer."""
    attention_blocks: int = 16
    """Channel groups of that attention, a divisor of `width`."""
    class_agnostic: bool = False
    """Whether a region has one box instead of one per class."""

    def __post_init__(self) -> None:
        require_divisor(self, "attention_blocks", self.width, "BoxHeadConfig.width")


@dataclass(frozen=True)
@checked(channels=_SIDE, hidden=_SIDE, embedding=_SIDE, temperature=(0.001, 1000))
class ContrastConfig:
    """The auxiliary branch on C4."""

    enabled: bool = True
    """Whether there is a branch; False trains without it."""
    channels: int = 512
    """Channels of its 3x3 convolution."""
    hidden: int = 256
    """Width of the projector's hidden layer."""
    embedding: int = 128
    """Numbers per embedding."""
    temperature: float = 0.1
    """Similarities are divided by this in NT-Xent."""
    level: Literal["frame", "object"] = "frame"
    """frame: pooled frames of a clip are positives (official). object: ground-truth regions of a track are."""


@dataclass(frozen=True)
@checked(score_threshold=_UNIT, iou_threshold=_UNIT, max_detections=_COUNT, references=(1, 10_000))
class DetectionConfig:
    """Test-time post-processing."""

    score_threshold: float = 0.0001
    """Detections below this score are dropped, 0 to 1."""
    iou_threshold: float = 0.5
    """Of two detections of a class that overlap more than this (IoU), the better one stays."""
    max_detections: int = 100
    """Per frame."""
    references: int = 14
    """Reference frames per video."""


@dataclass(frozen=True)
@checked(num_classes=(1, 100_000), neck_channels=_SIDE)
class DetectorConfig:
    """All of the model."""

    num_classes: int = 30
    """Object classes, without background. Training replaces the 30 of ImageNet VID by the dataset's number."""
    frame: FrameConfig = FrameConfig()
    backbone: BackboneConfig = BackboneConfig()
    neck_channels: int = 512
    """Channels of the feature map that RPN and heads read."""
    rpn: RPNConfig = RPNConfig()
    roi: RoIConfig = RoIConfig()
    box_head: BoxHeadConfig = BoxHeadConfig()
    contrast: ContrastConfig = ContrastConfig()
    detection: DetectionConfig = DetectionConfig()
    supervise: Literal["key", "all"] = "key"
    """key: losses on the key frame (official). all: every frame of a clip is a key in turn."""

    def __post_init__(self) -> None:
        if self.roi.temporal and self.roi.attention_blocks:
            require_divisor(self.roi, "attention_blocks", self.neck_channels, "DetectorConfig.neck_channels")


@dataclass(frozen=True)
@checked(references=_COUNT, frame_range=_WHOLE, flip=_UNIT, colour_jitter=_UNIT, scale_jitter=(0, 0.9), workers=_WHOLE)
class DataConfig:
    """Reading and augmenting frames."""

    references: int = 2
    """Reference frames per clip in training (T)."""
    frame_range: int = 9
    """References are drawn within this many frames of the key."""
    flip: float = 0.5
    """Probability of a horizontal flip, shared by the frames of a clip."""
    colour_jitter: float = 0.0
    """Strength of brightness, contrast and saturation changes (0 is off, official)."""
    scale_jitter: float = 0.0
    """Relative change of the resized side, drawn per clip (0 is off, official)."""
    include_det: bool = True
    """Whether still images of ImageNet DET are mixed into training when the dataset has them."""
    mmtracking_key_frames: bool = False
    """Whether the 15-frames list is read as 1-based, as mmtracking does (one frame early)."""
    cache_images: bool = False
    """Whether decoded frames are kept in memory (small datasets)."""
    workers: int = 2
    """DataLoader processes; 0 loads in the training process."""


@dataclass(frozen=True)
@checked(start=(0, 1000), until=(1e-6, 1), until_iteration=_COUNT)
class WeightScheduleConfig:
    """Weight of the contrastive loss over training."""

    shape: Literal["linear", "cosine", "step", "constant"] = "linear"
    """How the weight falls."""
    start: float = 0.005
    """Weight at the first iteration."""
    until: float = 0.5
    """Progress in [0, 1] at which the weight reaches zero."""
    until_iteration: int | None = None
    """The same point in iterations; replaces `until` when given (official: 25000)."""


@dataclass(frozen=True)
@checked(
    clips_per_rank=(1, 65_536), epochs=(1e-6, 1_000_000), iterations=_COUNT, learning_rate=(0, 1000), momentum=_UNIT,
    weight_decay=_UNIT, gradient_clip=(1e-6, 1e12), steps=_UNIT, warmup=_WHOLE,
    warmup_fraction=_UNIT, threads=(1, 1024), seed=(0, 2**63 - 1), log_every=_COUNT, checkpoint_every=_COUNT,
)  # fmt: skip
class TrainConfig:
    """The training loop."""

    clips_per_rank: int = 2
    """Clips per batch on each process (GPU)."""
    epochs: float = 7.0
    """Passes over the key frames; ignored when `iterations` is given."""
    iterations: int | None = None
    """Steps of the optimizer."""
    optimizer: Literal["sgd", "adamw"] = "sgd"
    """sgd (official) or adamw."""
    learning_rate: float = 0.01
    """Peak learning rate, for the whole batch."""
    momentum: float = 0.9
    """Of sgd (adamw keeps its usual betas)."""
    nesterov: bool = False
    """Whether sgd uses Nesterov momentum."""
    weight_decay: float = 0.0001
    """Pull of the weights to zero, per step."""
    gradient_clip: float = 35.0
    """Largest norm of all gradients together."""
    schedule: Literal["step", "cosine", "one_cycle"] = "step"
    """How the learning rate changes over training."""
    steps: tuple[float, ...] = (2 / 7, 5 / 7)
    """Progress at which the rate falls to a tenth (step schedule; official: epochs 2 and 5 of 7; 1 is never)."""
    warmup: int = 500
    """Iterations of linear warm-up from a third of the rate (step, cosine)."""
    warmup_fraction: float = 0.15
    """Share of training that rises (one_cycle)."""
    contrast: WeightScheduleConfig = WeightScheduleConfig()
    precision: Literal["auto", "float32", "bfloat16"] = "float32"
    """auto: bfloat16 autocast where the device computes in it, else float32."""
    threads: int | None = None
    """CPU threads; None times a few steps and keeps the fastest."""
    seed: int = 0
    """Random seed; the same seed gives the same run."""
    deterministic: bool = False
    """Two runs give the same bits: nothing is timed (1 thread and float32 unless set), algorithms are deterministic."""
    log_every: int = 10
    """Iterations between log rows."""
    checkpoint_every: int = 500
    """Iterations between checkpoints."""


@dataclass(frozen=True)
@checked()
class Config:
    """A whole run: model, data, training."""

    name: str = "paper-r50"
    """Name of the configuration, for people."""
    detector: DetectorConfig = field(default_factory=DetectorConfig)
    data: DataConfig = field(default_factory=DataConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
