"""Deterministic weights for the golden files (numpy only).

``make_weight(name, shape, seed)`` returns the float32 array of one entry of the
official state_dict.  Entries called ``*.num_batches_tracked`` are skipped.
See weights_recipe.md for the rules in words.
"""

import zlib

import numpy as np

# (substring of the official key, factor applied to the He-normal std)
SCALES = (
    ("rpn_head.rpn_cls.weight", 0.25),
    ("rpn_head.rpn_reg.weight", 0.06),
    ("bbox_head.fc_cls.weight", 0.03),
    ("bbox_head.fc_reg.weight", 0.15),
    (".fc_embed.weight", 0.25),
    (".ref_fc_embed.weight", 0.25),
    (".ref_fc.weight", 0.50),
    (".aggregator.", 0.50),  # what is left of the aggregator: .fc.weight
    ("bbox_roi_extractor.embed_network.", 0.30),
)


def weight_scale(name):
    for key, factor in SCALES:
        if key in name:
            return factor
    return 1.0


def make_weight(name, shape, seed=0):
    rng = np.random.RandomState((zlib.crc32(name.encode("utf-8")) + seed) & 0xFFFFFFFF)
    shape = tuple(int(s) for s in shape)
    if len(shape) >= 2:  # conv / linear weight
        fan_in = int(np.prod(shape[1:]))
        w = rng.standard_normal(shape) * (weight_scale(name) * np.sqrt(2.0 / fan_in))
    elif name.endswith("running_mean"):
        w = 0.01 * rng.standard_normal(shape)
    elif name.endswith("running_var"):
        w = 1.0 + 0.1 * rng.random_sample(shape)
    elif name.endswith(".weight"):  # BN weight (1-d)
        w = 1.0 + 0.1 * rng.random_sample(shape)
        if name.endswith("bn3.weight"):
            w = 0.2 * w
    else:  # every bias
        w = 0.01 * rng.standard_normal(shape)
    return w.astype(np.float32)


def make_state_dict(shapes, seed=0):
    """shapes: {official key: shape} -> {official key: float32 array}."""
    return {k: make_weight(k, s, seed) for k, s in shapes.items() if not k.endswith("num_batches_tracked")}
