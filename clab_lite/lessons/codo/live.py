"""A short training in the notebook, and the probe of its network at any time."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import normalize

from clab_lite.data.transforms import normalise
from clab_lite.data.vid import VideoIndex
from clab_lite.methods.codo import CoDo, CoDoConfig, CompositeSource, build, lite
from clab_lite.methods.codo.measure import Probe, ProbeSet, compare, make_probe, probe_embeddings
from clab_lite.methods.codo.trial import fit, settle_norm


@dataclass
class LiveRun:
    """One training: the network before it and after it (both in eval mode), and what was measured on the way."""

    config: CoDoConfig
    source: CompositeSource
    untrained: CoDo
    trained: CoDo
    probe: ProbeSet
    losses: list[float]
    moments: dict[int, Probe]
    """Steps done -> the probe."""

    def network(self, name: str) -> CoDo:
        """ "untrained" or "trained"."""
        return self.untrained if name == "untrained" else self.trained


def train_live(
    learn: VideoIndex, held_out: VideoIndex, steps: int, *, instances: int = 16, backgrounds: int = 6, looks: int = 5,
    config: CoDoConfig | None = None,
) -> LiveRun:  # fmt: skip
    """Train a lite network for a few steps, with its own short schedule, on one thread.

    Args:
        learn: videos to train on.
        held_out: videos of the probe.
        steps: of the optimizer.
        instances, backgrounds: of the probe.
        looks: how often the probe is taken after the start, evenly spread; the last time at the end.
        config: settings; None is lite.
    """
    base = lite() if config is None else config
    config = replace(base, pretrain=replace(base.pretrain, steps=steps))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.pretrain.seed)
            method, source = build(config, learn)
        settle_norm(method, source)
        probe = make_probe(held_out, instances, backgrounds, config.composite)
        run = LiveRun(config, source, copy.deepcopy(method), method, probe, [], {})
        run.moments[0] = look(method, probe)
        due = {max(1, steps * number // looks) for number in range(1, looks + 1)}

        def on_step(done: int, loss: float) -> None:
            run.losses.append(loss)
            if done in due:
                settle_norm(method, source)
                run.moments[done] = look(method, probe)

        fit(config, method, source, on_step)
    finally:
        torch.set_num_threads(threads)
    run.untrained.eval()
    run.trained.eval()
    return run


def look(method: CoDo, probe: ProbeSet) -> Probe:
    """The probe of a network now."""
    return compare(probe_embeddings(method.trunk, probe))


@torch.no_grad()
def searches(run: LiveRun, batches: int = 10) -> dict[str, dict[str, float]]:
    """Network -> level -> queries of a batch that find their own instance, mean over batches that nobody trained on."""
    found: dict[str, dict[str, float]] = {}
    for number in range(batches):
        batch = run.source.batch(run.config.pretrain.steps + 10 + number)
        for name in ("untrained", "trained"):
            queries, keys = (normalize(rows, dim=-1) for rows in run.network(name).embed(batch))
            for place, level in enumerate(run.config.trunk.levels):
                scores = queries[0, :, place] @ keys[1, :, place].T
                hits = int((scores.argmax(dim=1) == torch.arange(len(scores))).sum())
                levels = found.setdefault(name, {})
                levels[f"P{level}"] = levels.get(f"P{level}", 0.0) + hits / batches
    return found


class Reader:
    """A network that has seen a probe and reads it again through other boxes, at once: the maps are kept."""

    @torch.no_grad()
    def __init__(self, method: CoDo, probe: ProbeSet) -> None:
        """method: in eval mode."""
        self._trunk, self._probe = method.trunk, probe
        self._stages = self._trunk.stages(torch.stack([normalise(image) for image in probe.pixels.flatten(0, 1)]))

    @torch.no_grad()
    def rows(self, jitter: float) -> Tensor:
        """Embeddings (I, M, L, D) through boxes jittered by that amplitude."""
        boxes = self._probe.jittered(jitter).flatten(0, 1)
        levels = len(self._trunk.reader.config.levels)
        read = self._trunk.reader(self._stages, boxes.expand(1, levels, -1, -1))[0]
        return read.unflatten(0, self._probe.pixels.shape[:2])
