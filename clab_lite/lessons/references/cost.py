"""What references cost: comparisons that follow from the configuration, and milliseconds measured here."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from torch import nn

from clab_lite.config import DetectorConfig
from clab_lite.data.references import adaptive_references
from clab_lite.detector.memory import FrameMemory
from clab_lite.lessons.references.pictures import SMALL, fixed_figure, place
from clab_lite.lessons.references.scene import Scene
from clab_lite.show.style import BLUE, GREEN, GREY, INK, ORANGE, quiet

_PARTS = {"own": "its own maps and proposals", "temporal": "Temporal RoI Align", "head": "SELSA head"}


def comparisons(config: DetectorConfig, references: int | None = None) -> dict[str, int]:
    """How often one key frame of full size is compared with its references, itself among them.

    Returns:
        proposals (of all references), selsa (region-proposal pairs over all layers and blocks), temporal (RoI
        cell-map cell pairs).
    """
    frames = (config.detection.references if references is None else references) + 1
    regions = config.rpn.test_proposals.after_nms
    stride = config.rpn.anchors.stride
    cells = -(-config.frame.long_side // stride) * -(-config.frame.short_side // stride)
    head = config.box_head
    return {
        "proposals": frames * regions,
        "selsa": regions * frames * regions * head.layers * head.attention_blocks,
        "temporal": regions * config.roi.output_size**2 * frames * cells if config.roi.temporal else 0,
    }


def comparison_table(configs: dict[str, DetectorConfig]) -> pd.DataFrame:
    """`comparisons` of several detectors, a row each; numbers as text, their thousands apart."""
    rows = {name: {"references": c.detection.references, **comparisons(c)} for name, c in configs.items()}
    table = pd.DataFrame(rows).T.rename(columns={"selsa": "SELSA comparisons", "temporal": "cell comparisons"})
    return table.map("{:,.0f}".format)


def measure(scene: Scene, counts: Sequence[int] = (0, 1, 2, 4, 8, 14), repeats: int = 3) -> pd.DataFrame:
    """Milliseconds of one key frame by part and number of references; the least of `repeats` runs.

    Columns: references, own, temporal, head. What the references themselves cost was paid when they were remembered.
    """
    rows = []
    frame = scene.prepared[0]
    for count in counts:
        chosen = adaptive_references(len(scene), count) if count else []
        memory = FrameMemory.join([scene.remembered[number] for number in [*chosen, 0]])
        times = []
        for _ in range(repeats):
            parts: dict[str, float] = {"temporal": 0.0, "head": 0.0}
            with ExitStack() as stack:
                if scene.detector.temporal is not None:
                    stack.enter_context(_timed(scene.detector.temporal, parts, "temporal"))
                stack.enter_context(_timed(scene.detector.box_head, parts, "head"))
                start = time.perf_counter()
                own = scene.detector.remember(frame.pixels[None], [frame.image_size])
                middle = time.perf_counter()
                scene.detector.score_regions(own.features, own.proposals[0], memory)
            times.append((1e3 * (middle - start), 1e3 * parts["temporal"], 1e3 * parts["head"]))
        rows.append((count, *np.min(times, axis=0)))
    return pd.DataFrame(rows, columns=["references", "own", "temporal", "head"])


def draw_cost(times: pd.DataFrame) -> Figure:
    """Stacked bars: milliseconds of a key frame against the number of references."""
    total = times[list(_PARTS)].sum(axis=1)
    last = times.iloc[-1]
    share = float(last["temporal"] / total.iloc[-1])
    text = f"{int(last.references)} references: {total.iloc[-1] / total.iloc[0]:.1f} times the time of none; "
    figure, height = fixed_figure(3.5, text + f"Temporal RoI Align takes {share:.0%} of it")
    axes = place(figure, height, 0.7, 0.75, 8.5, 2.2)
    at, bottom = np.arange(len(times)), np.zeros(len(times))
    for part, colour in zip(_PARTS, (ORANGE, BLUE, GREEN), strict=True):
        axes.bar(at, times[part], 0.6, bottom=bottom, color=colour, label=_PARTS[part])
        bottom = bottom + times[part].to_numpy()
    for x, value in zip(at, total, strict=True):
        axes.text(float(x), value, f"{value:.0f}", ha="center", va="bottom", fontsize=10, color=INK)
    axes.set_xticks(at, [str(count) for count in times.references])
    axes.set_xlabel("references beside the key frame itself", fontsize=SMALL, color=GREY)
    axes.set_title(
        "milliseconds per key frame, measured on this machine", loc="left", fontsize=SMALL, color=GREY, pad=4
    )
    axes.set_ylim(0, 1.12 * float(total.max()))
    axes.legend(fontsize=SMALL, frameon=False, loc="upper left")
    quiet(axes)
    return figure


class _timed(AbstractContextManager[None]):
    """Adds the seconds that a module spends in its forward pass to `parts[name]`."""

    def __init__(self, module: nn.Module, parts: dict[str, float], name: str) -> None:
        self._start = 0.0

        def before(_module: nn.Module, _inputs: Any) -> None:
            self._start = time.perf_counter()

        def after(_module: nn.Module, _inputs: Any, _output: Any) -> None:
            parts[name] += time.perf_counter() - self._start

        self._remove: list[Callable[[], None]] = [
            module.register_forward_pre_hook(before).remove,
            module.register_forward_hook(after).remove,
        ]

    def __exit__(self, *_: object) -> None:
        for remove in self._remove:
            remove()
