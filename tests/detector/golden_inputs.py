"""Deterministic inputs of the golden files (numpy only)."""

import numpy as np


def make_image(seed, h, w, valid_h=None, valid_w=None):
    """A normalised float32 image [3, h, w]: blocks + stripes + noise.
    Rows >= valid_h and columns >= valid_w are zero (that is what padding looks like)."""
    rng = np.random.RandomState(seed)
    nh, nw = (h + 15) // 16 + 1, (w + 15) // 16 + 1
    coarse = rng.standard_normal((3, nh, nw))
    img = np.repeat(np.repeat(coarse, 16, axis=1), 16, axis=2)[:, :h, :w]
    mid = rng.standard_normal((3, (h + 3) // 4, (w + 3) // 4))
    img = img + 0.5 * np.repeat(np.repeat(mid, 4, axis=1), 4, axis=2)[:, :h, :w]
    img = img + 0.1 * rng.standard_normal((3, h, w))
    img = img.astype(np.float32)
    if valid_h is not None:
        img[:, valid_h:, :] = 0
    if valid_w is not None:
        img[:, :, valid_w:] = 0
    return img


def make_ref(key, seed, dy, dx, valid_h=None, valid_w=None):
    """A 'neighbouring frame' of ``key``: rolled by (dy, dx) plus noise."""
    rng = np.random.RandomState(seed)
    img = np.roll(key, (dy, dx), axis=(1, 2))
    img = (img + 0.2 * rng.standard_normal(key.shape)).astype(np.float32)
    if valid_h is not None:
        img[:, valid_h:, :] = 0
    if valid_w is not None:
        img[:, :, valid_w:] = 0
    return img


def make_feature(seed, shape, relu=True):
    """A feature map / feature matrix; relu=True clips negatives to 0."""
    x = np.random.RandomState(seed).standard_normal(shape).astype(np.float32)
    return np.maximum(x, 0) if relu else x


def make_rois(seed, n_per_img, num_imgs, h, w):
    """[num_imgs * n_per_img, 5] rois (batch index, x1, y1, x2, y2), grouped by image."""
    rng = np.random.RandomState(seed)
    out = []
    for b in range(num_imgs):
        x = np.sort(rng.random_sample((n_per_img, 2)) * w, axis=1)
        y = np.sort(rng.random_sample((n_per_img, 2)) * h, axis=1)
        out.append(np.stack([np.full(n_per_img, b), x[:, 0], y[:, 0], x[:, 1], y[:, 1]], axis=1))
    return np.concatenate(out).astype(np.float32)


def make_aux_feature(seed, n, c, h, w):
    """Input of the stand-alone auxiliary head: relu noise times a per-(image, channel) gain."""
    base = make_feature(seed, (n, c, h, w))
    gain = 2 * np.random.RandomState(seed + 1).random_sample((n, c, 1, 1))
    return (base * gain).astype(np.float32)


def make_two_rank_feature(rank, n=6, c=64, h=10, w=15):
    """Input of the two-process run of the auxiliary head (aux_two_ranks.npz)."""
    gain = (2 * np.random.RandomState(81 + rank).random_sample((n, c, 1, 1))).astype(np.float32)
    return make_feature(80 + 10 * rank, (n, c, h, w)) * gain


def make_uint8_image(seed, h, w):
    """BGR uint8 image [h, w, 3] of the image-pipeline golden."""
    rng = np.random.RandomState(seed)
    c = rng.randint(0, 256, (h // 20 + 2, w // 20 + 2, 3)).astype(np.float64)
    c = np.repeat(np.repeat(c, 20, 0), 20, 1)[:h, :w]
    c = 0.7 * c + 0.3 * np.arange(w)[None, :, None] % 256
    return c.astype(np.uint8)
