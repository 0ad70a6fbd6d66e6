"""RoIAlign forward and backward, operator against matrix product, at the sizes of a tiny training step.

usage: python tests/benchmarks/bench_roi_align.py     prints CPU milliseconds and their ratio, paired in one run
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
import torchvision.ops

from clab_lite.detector.roi_align import roi_align_matmul

FRAMES, CHANNELS, HEIGHT, WIDTH, OUTPUT, STRIDE, RATIO = 12, 128, 8, 12, 5, 16, 2
REPEATS = 30


def cpu_seconds(align: Callable[[torch.Tensor], torch.Tensor], features: torch.Tensor) -> float:
    """CPU time of one forward and backward pass."""
    features.grad = None
    start = time.process_time()
    align(features).sum().backward()
    return time.process_time() - start


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    features = torch.randn(FRAMES, CHANNELS, HEIGHT, WIDTH, requires_grad=True)
    print("regions  operator ms  product ms  ratio (median of pairs, 10 % to 90 %)")
    for regions in (192, 600):
        corner = torch.rand(regions, 2) * torch.tensor([150.0, 90])
        image = torch.randint(FRAMES, (regions, 1)).float()
        rois = torch.cat([image, corner, corner + 20 + 40 * torch.rand(regions, 2)], dim=1)

        def operator(x: torch.Tensor, rois: torch.Tensor = rois) -> torch.Tensor:
            return torchvision.ops.roi_align(x, rois, OUTPUT, 1 / STRIDE, RATIO, aligned=True)

        def product(x: torch.Tensor, rois: torch.Tensor = rois) -> torch.Tensor:
            return roi_align_matmul(x, rois, OUTPUT, STRIDE, RATIO)

        pairs = [(cpu_seconds(operator, features), cpu_seconds(product, features)) for _ in range(REPEATS)][3:]
        one, other = (statistics.median(p[i] for p in pairs) * 1e3 for i in (0, 1))
        ratios = sorted(a / b for a, b in pairs)
        low, high = ratios[len(ratios) // 10], ratios[-len(ratios) // 10]
        print(f"{regions:7d} {one:12.2f} {other:11.2f}  {statistics.median(ratios):.1f} ({low:.1f} to {high:.1f})")


if __name__ == "__main__":
    main()
