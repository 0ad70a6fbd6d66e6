"""The live board: choose a weight and a temperature, press Train, watch the points move, play it again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ipywidgets as widgets
from matplotlib.figure import Figure

from clab_lite import lessons
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.lessons.later import DRAWING
from clab_lite.lessons.twin import as_png, bundle
from clab_lite.lessons.weights.cached import Cached
from clab_lite.lessons.weights.live import LiveSetting, train_live
from clab_lite.lessons.weights.live_run import LiveRun
from clab_lite.lessons.weights.live_view import snapshot_figure
from clab_lite.lessons.weights.shares import number

_WEIGHTS = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
_TEMPERATURES = (0.03, 0.05, 0.1, 0.2, 0.5, 1.0)


class LiveBoard:
    """Controls, the Train button, one player over the last run, and a list of what was trained so far."""

    def __init__(self, detector: VideoDetector, learn: Cached, held_out: Cached, setting: LiveSetting) -> None:
        """Trains once with `setting`, so that there is something to see."""
        self._parts = (detector, learn, held_out)
        self._setting = setting
        self.controls: dict[str, widgets.Widget] = _controls(setting)
        """weight, temperature, shape, level, points."""
        self.button = widgets.Button(description="Train", button_style="primary", icon="play")
        self.button.on_click(lambda _: self.train())
        self.controls["points"].observe(lambda _: self._show(), names="value")
        self._training = threading.Lock()
        self._status, self._history = widgets.HTML(), widgets.HTML()
        self._picture = widgets.Image(format="png", layout=widgets.Layout(max_width="100%", object_fit="contain"))
        self._picture.layout.display = "none"  # but in its place: what is closed with the board is what is in it
        self._stage = widgets.VBox([])
        row = widgets.Box(
            [*self.controls.values(), self.button], layout=widgets.Layout(flex_flow="row wrap", grid_gap="4px 24px")
        )
        self.widget = widgets.VBox([row, self._status, self._picture, self._stage, self._history])
        self.runs: list[LiveRun] = []
        """All that were trained here."""
        self.player: Any = None
        """A `lessons.Player` over the snapshots of the last run."""
        self._run(setting, None)
        with DRAWING:
            self.twin = as_png(snapshot_figure(self.runs[-1], len(self.runs[-1].snapshots) - 1)[0])
        """PNG of the first run's last snapshot."""

    def train(self) -> LiveRun:
        """Train with what the controls say, show each snapshot as it comes; while another one trains: the last run."""
        if not self._training.acquire(blocking=False):  # a disabled button is a request to the browser, no more
            return self.runs[-1]
        chosen = {name: control.value for name, control in self.controls.items() if name != "points"}
        self.button.disabled = True
        self._picture.layout.display, self._stage.layout.display = "", "none"
        try:
            return self._run(replace(self._setting, **chosen), self._live)
        except Exception as error:
            self._status.value = f"The training stopped: {type(error).__name__}: {error}"
            raise
        finally:
            self.button.disabled = False
            self._training.release()

    def _run(self, setting: LiveSetting, on_snapshot: Callable[[LiveRun], None] | None) -> LiveRun:
        run = train_live(*self._parts, setting, on_snapshot)
        self.runs.append(run)
        self._status.value = (
            f"Trained {setting.steps} steps. Play them, or move the snapshot slider with the arrow keys."
        )
        self._history.value = self._table()
        self._show(at_end=True)
        return run

    def _live(self, run: LiveRun) -> None:
        """While it trains: the newest snapshot. Its map has the axes of the snapshots so far."""
        self._status.value = f"Training: step {run.snapshots[-1].measured.step} of {run.setting.steps} ..."
        if len(run.snapshots) % 2 == 1:
            with DRAWING:
                figure, _ = snapshot_figure(run, len(run.snapshots) - 1, self._learned)
                self._picture.value = as_png(figure)

    def _show(self, at_end: bool = False) -> None:
        """The last run in the player: all runs of a board have as many snapshots, so one player serves them all."""
        with DRAWING:
            if self.player is None:
                self.player = lessons.Player(len(self.runs[-1].snapshots), self._snapshot, interval_ms=300)
                self.player.slider.description = "snapshot"
            if at_end:
                self.player.slider.value = len(self.runs[-1].snapshots) - 1
            self.player.redraw()
        self._stage.children = (self.player.widget,)
        self._picture.layout.display, self._stage.layout.display = "none", ""

    def _snapshot(self, position: int) -> tuple[Figure, str]:
        return snapshot_figure(self.runs[-1], position, self._learned)

    @property
    def _learned(self) -> bool:
        return self.controls["points"].value == "learn"

    def _table(self) -> str:
        head = ("weight", "τ", "shape", "contrast of", "class accuracy", "objects kNN", "branch kNN", "uniformity")
        rows = []
        for run in self.runs:
            s, last = run.setting, run.snapshots[-1].scores
            numbers = (last.accuracy, last.object_knn, last.own_knn, last.uniformity)
            cells = (number(s.weight), number(s.temperature), s.shape, f"{s.level}s", *(f"{n:.2f}" for n in numbers))
            rows.append("".join(f"<td>{cell}</td>" for cell in cells))
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        return (
            "<b>Trained so far</b> (held-out videos, last step)<table style='border-spacing:14px 2px'><tr>"
            + "".join(f"<th>{name}</th>" for name in head)
            + f"</tr>{body}</table>"
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:  # noqa: ARG002 - IPython's
        return bundle(self.widget, "a live training; its last snapshot stands here without a kernel", png=self.twin)


def _controls(setting: LiveSetting) -> dict[str, widgets.Widget]:
    weights = sorted({*_WEIGHTS, setting.weight})
    temperatures = sorted({*_TEMPERATURES, setting.temperature})
    return {
        "weight": lessons.stops("weight", [(number(w), w) for w in weights], setting.weight),
        "temperature": lessons.stops("temperature τ", [(number(t), t) for t in temperatures], setting.temperature),
        "shape": lessons.choice(
            "weight is", [("constant", "constant"), ("zero from half on", "linear")], setting.shape
        ),
        "level": lessons.choice("contrast between", [("frames", "frame"), ("objects", "object")], setting.level),
        "points": lessons.choice("show", [("held-out videos", "held"), ("videos trained on", "learn")], "held"),
    }
