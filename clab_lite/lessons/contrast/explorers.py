"""The lesson's widgets: each is a drawing function and its controls."""

from __future__ import annotations

import math

from matplotlib.figure import Figure

from clab_lite import lessons
from clab_lite.lessons.contrast.angles import draw_angles
from clab_lite.lessons.contrast.counting_figures import draw_batch, draw_readings
from clab_lite.lessons.contrast.drag import Drag
from clab_lite.lessons.contrast.flow import Flow, move_points, train_branch
from clab_lite.lessons.contrast.flow_figures import draw_flow, draw_flows, draw_story
from clab_lite.lessons.contrast.temperature import draw_temperature
from clab_lite.lessons.explorer import Explorer
from clab_lite.lessons.player import Player
from clab_lite.show.style import NOTEBOOK_DPI, to_png

TEMPERATURES = (0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0)
_HAND = ("a", "a2", "b")


class AngleExplorer(Explorer):
    """Three angles and a temperature; the points can also be dragged on the circle."""

    def __init__(self, temperature: float) -> None:
        controls = {
            "a": lessons.slider("A, degrees", 0, 359, 20, 1),
            "a2": lessons.slider("A′, degrees", 0, 359, 50, 1),
            "b": lessons.slider("B, degrees", 0, 359, 100, 1),
            "temperature": lessons.stops("temperature τ", TEMPERATURES, temperature),
        }
        super().__init__(draw_angles, controls)
        self._hand = _HAND[0]
        self.drag = Drag(self.picture, lambda: self.figure, 0, self.grab, self.move, say=self.tell)

    def grab(self, x: float, y: float) -> None:
        """Take hold of the point whose angle is nearest to that of (x, y)."""
        angle = math.degrees(math.atan2(y, x))
        self._hand = min(_HAND, key=lambda name: abs((self.values[name] - angle + 180) % 360 - 180))

    def move(self, x: float, y: float) -> None:
        """Turn the held point to the direction of (x, y)."""
        self.controls[self._hand].value = round(math.degrees(math.atan2(y, x))) % 360


def angle_explorer(temperature: float = 0.5) -> AngleExplorer:
    """A, A′ and B on a circle: drag them, or move the sliders."""
    return AngleExplorer(temperature)


class FlowPlayer(Player):
    """A descent to play; without a kernel its start, first third and end in one figure, with the curves once."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        super().__init__(flow.steps + 1, lambda step: draw_flow(flow, step), interval_ms=250)

    def strip(self) -> bytes:
        """PNG, the static twin."""
        return to_png(draw_story(self.flow, (0, self.flow.steps // 3, self.flow.steps)), NOTEBOOK_DPI)


def flow_player(clips: int = 4, frames: int = 3, temperature: float = 0.2, steps: int = 80, seed: int = 0) -> Player:
    """Random points that move under NT-Xent: play it."""
    return FlowPlayer(move_points(clips, frames, temperature, steps, seed))


def flow_explorer(steps: int = 80) -> Explorer:
    """The same descent for other temperatures, numbers of clips, starts, and without negatives."""

    def draw(step: int, temperature: float, clips: int, seed: int, negatives: bool) -> tuple[Figure, str]:
        return draw_flow(move_points(clips, 3, temperature, steps, seed, negatives), step)

    return lessons.explore(
        draw,
        step=lessons.slider("step", 0, steps, steps, 1),
        temperature=lessons.stops("temperature τ", TEMPERATURES[2:-1], 0.2),
        clips=lessons.slider("clips", 2, 6, 4, 1),
        seed=lessons.slider("start", 0, 9, 0, 1),
        negatives=lessons.choice("loss", [("NT-Xent", True), ("pull alone, no negatives", False)], False),
    )


def branch_explorer(steps: int = 60) -> Explorer:
    """The auxiliary branch itself, trained with and without negatives from the same start."""

    def draw(step: int, seed: int) -> tuple[Figure, str]:
        flows = {
            "Pull alone": train_branch(steps=steps, seed=seed, negatives=False),
            "NT-Xent": train_branch(steps=steps, seed=seed),
        }
        return draw_flows(flows, step)

    return lessons.explore(
        draw, step=lessons.slider("step", 0, steps, steps, 1), seed=lessons.slider("start", 0, 5, 0, 1)
    )


def temperature_explorer() -> Explorer:
    """One anchor's negatives: who is pushed at which temperature."""
    return lessons.explore(
        draw_temperature,
        temperature=lessons.stops("temperature τ", TEMPERATURES, 0.1),
        positive=lessons.slider("cosine of the positive", -0.4, 1.0, 0.6, 0.05),
        hardest=lessons.slider("cosine of the closest negative", -0.2, 1.0, 0.8, 0.05),
    )


def batch_explorer() -> Explorer:
    """Clips, GPUs and references: who meets whom, and the loss at chance."""
    return lessons.explore(
        draw_batch,
        clips_per_gpu=lessons.slider("clips per GPU", 1, 8, 2, 1),
        gpus=lessons.slider("GPUs", 1, 8, 1, 1),
        references=lessons.slider("reference frames per clip", 0, 4, 2, 1),
        temperature=lessons.stops("temperature τ", TEMPERATURES, 0.1),
    )


def reading_explorer() -> Explorer:
    """One value of the loss against chance for every number of clips."""
    return lessons.explore(draw_readings, loss=lessons.slider("loss", 0.0, 5.0, 1.5, 0.05))
