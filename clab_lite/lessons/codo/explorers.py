"""The lesson's widgets: each is a drawing function and its controls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn.functional import normalize

from clab_lite import lessons
from clab_lite.lessons.codo.desk import KINDS, Desk
from clab_lite.lessons.codo.grids import draw_batch, draw_grids
from clab_lite.lessons.codo.live import LiveRun, Reader
from clab_lite.lessons.codo.measured import MeasuredRun
from clab_lite.lessons.codo.measured_figures import NAMES, draw_measured
from clab_lite.lessons.codo.views import draw_steps, draw_strip
from clab_lite.lessons.explorer import Explorer
from clab_lite.methods.codo.measure import ProbeSet, compare


def steps_explorer(desk: Desk) -> Explorer:
    """One view on its way from the frame to the boxes."""
    return lessons.explore(
        lambda thing, number: draw_steps(desk, thing, number),
        thing=lessons.choice("object", list(desk.things), _first(desk)),
        number=lessons.slider("draw", 0, 19, 0, 1),
    )


def strip_explorer(desk: Desk) -> Explorer:
    """Six composites of an object: slide the box jitter, change what lies behind."""
    return lessons.explore(
        lambda thing, background, jitter, number, colours: draw_strip(desk, thing, background, jitter, number, colours),
        thing=lessons.choice("object", list(desk.things), _first(desk)),
        background=lessons.choice("background", list(KINDS), "downstream"),
        jitter=lessons.slider("box jitter", 0.0, 0.5, 0.2, 0.05),
        number=lessons.slider("draw", 0, 19, 0, 1),
        colours=lessons.choice("colours", [("as they are", False), ("changed, as in training", True)], False),
    )


def batch_explorer(run: LiveRun) -> Explorer:
    """What the loss compares, on each level, before and after the training."""

    @cache
    def answers(network: str, step: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        method = run.network(network)
        batch = run.source.batch(run.config.pretrain.steps + 10 + step)
        with torch.no_grad():
            queries, keys = method.embed(batch)
        return batch.images, batch.boxes, normalize(queries, dim=-1), normalize(keys, dim=-1)

    def draw(network: str, level: str, step: int) -> tuple[Figure, str]:
        images, boxes, queries, keys = answers(network, step)
        place = run.config.trunk.levels.index(int(level[1:]))
        scores = (queries[0, :, place] @ keys[1, :, place].T).double().numpy()
        return draw_batch(images, boxes, scores, f"{level}, {network}", run.config.temperature)

    return lessons.explore(
        draw,
        network=lessons.choice("network", ["untrained", "trained"], "trained"),
        level=lessons.choice("level", [f"P{level}" for level in run.config.trunk.levels]),
        step=lessons.slider("batch", 0, 9, 0, 1),
    )


def probe_explorer(run: LiveRun) -> Explorer:
    """The probe, computed anew: other boxes, other backgrounds."""
    on_noise = replace(run.probe, pixels=_on_noise(run.probe, torch.Generator().manual_seed(0)))
    probes = {"frames": run.probe, "noise": on_noise}
    readers = {
        (name, kind): Reader(run.network(name), probe)
        for name in ("untrained", "trained")
        for kind, probe in probes.items()
    }

    def draw(background: str, jitter: float) -> tuple[Figure, str]:
        found = {name: readers[name, background].rows(jitter) for name in ("untrained", "trained")}
        figure, told = draw_grids(found, run.probe.names)
        again = " → ".join(f"{compare(one).retrieval:.0%}" for one in found.values())
        return figure, f"{told} Found again among {len(run.probe.names)}: {again}."

    return lessons.explore(
        draw,
        background=lessons.choice("background of the probe", [("frames", "frames"), ("noise", "noise")], "frames"),
        jitter=lessons.slider("box jitter of the probe", 0.0, 0.4, 0.0, 0.05),
    )


def measured_explorer(runs: Sequence[MeasuredRun]) -> Explorer:
    """The shipped runs: background, box jitter in training, box jitter of the probe."""
    kinds = [kind for kind in NAMES if any(run.background == kind for run in runs)]
    jitters = sorted({run.jitter for run in runs})

    def draw(background: str, jitter: float, probe_jitter: float) -> tuple[Figure, str]:
        there = {run.jitter for run in runs if run.background == background}
        nearest = min(there, key=lambda one: abs(one - jitter))
        figure, told = draw_measured(runs, background, nearest, probe_jitter)
        return figure, told if nearest == jitter else f"Jitter {jitter:g} was not measured here. {told}"

    return lessons.explore(
        draw,
        background=lessons.choice("background", [(NAMES[kind], kind) for kind in kinds]),
        jitter=lessons.stops("box jitter in training", jitters, 0.2),
        probe_jitter=lessons.stops("box jitter of the probe", runs[0].amplitudes, 0.0),
    )


def _on_noise(probe: ProbeSet, generator: torch.Generator) -> Tensor:
    """The same instances at the same places, with one picture of noise for each background."""
    instances, backgrounds = probe.pixels.shape[:2]
    noise = torch.randint(0, 256, (backgrounds, *probe.pixels.shape[2:]), generator=generator, dtype=torch.uint8)
    pixels = noise.expand(instances, -1, -1, -1, -1).clone()
    for i in range(instances):
        for m in range(backgrounds):
            x1, y1, x2, y2 = (int(side) for side in probe.boxes[i, m])
            pixels[i, m, :, y1:y2, x1:x2] = probe.pixels[i, m, :, y1:y2, x1:x2]
    return pixels


def _first(desk: Desk) -> str:
    """A dog where there is one: it has a clear outline."""
    return "dog" if "dog" in desk.things else next(iter(desk.things))
