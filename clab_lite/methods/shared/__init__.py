"""What the related methods have in common: each piece exists once."""

from clab_lite.methods.shared.info_nce import batch_info_nce, info_nce, info_nce_logits, top1
from clab_lite.methods.shared.method import Method, Source
from clab_lite.methods.shared.momentum import MomentumEncoder
from clab_lite.methods.shared.part import WHOLE, Part
from clab_lite.methods.shared.projector import projector
from clab_lite.methods.shared.pyramid import Pyramid
from clab_lite.methods.shared.queue import LabelledBank, RingQueue
from clab_lite.methods.shared.recipe import PretrainConfig, learning_rate
from clab_lite.methods.shared.stages import Stages, read_stages

__all__ = [
    "WHOLE",
    "LabelledBank",
    "Method",
    "MomentumEncoder",
    "Part",
    "PretrainConfig",
    "Pyramid",
    "RingQueue",
    "Source",
    "Stages",
    "batch_info_nce",
    "info_nce",
    "info_nce_logits",
    "learning_rate",
    "projector",
    "read_stages",
    "top1",
]
