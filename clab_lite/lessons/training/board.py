"""The live board of a training: one picture, drawn anew at each row of the log."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets
from matplotlib.figure import Figure

from clab_lite.config import Config
from clab_lite.data.subset import Subset
from clab_lite.data.vid import VideoIndex
from clab_lite.evaluate import evaluate
from clab_lite.lessons.explorer import Explorer
from clab_lite.lessons.training.band import Band
from clab_lite.lessons.training.figures import draw_board
from clab_lite.lessons.twin import as_png, bundle
from clab_lite.train import Step

EVERY, REFERENCES = 4, 4
"""For the AP on the way: every fourth frame, four reference frames. The full evaluation takes every frame and 14."""


class Board:
    """Watches `train(..., on_step=board)`: collects rows, measures AP at some steps, draws.

    As a context it shows itself in the notebook before the first step, and leaves its last picture behind as the
    static twin:

        with board:
            train(config, videos, folder, on_step=board)

    A training that is resumed goes on with the same board.
    """

    def __init__(
        self,
        title: str,
        config: Config,
        held_out: VideoIndex,
        *,
        ap_at: Sequence[int] = (),
        band: Band | None = None,
    ) -> None:
        """
        Args:
            title: names the run.
            config: of the run.
            held_out: videos to measure AP on.
            ap_at: steps after which it is measured.
            band: behind the curves.
        """
        self.title, self.config, self.held_out, self.ap_at = title, config, held_out, frozenset(ap_at)
        self.band = Band.none("none was asked for") if band is None else band
        self.rows: list[dict[str, Any]] = []
        """Of the log, so far."""
        self.ap: list[tuple[int, float]] = []
        """(step, AP50)"""
        self.at = 0
        """Steps done."""
        self.sittings: list[int] = []
        """Steps at which a sitting began: 0, and where the run was resumed."""
        self.picture = widgets.Image(format="png", layout=widgets.Layout(max_width="100%", object_fit="contain"))
        self._line = widgets.HTML()
        self.widget = widgets.VBox([self.picture, self._line], layout=widgets.Layout(max_width="100%"))
        self._handle: Any = None
        self._began: tuple[float, int] | None = None
        self.line = "waiting for the first step"
        """What stands under the picture."""

    def __call__(self, step: Step) -> None:
        """After each step of the training. The weights, and all that follows from them, stay as they are."""
        if self._began is None:
            self._began = (time.monotonic(), step.iteration)
            self.sittings.append(step.iteration - 1)
        self.at = step.iteration
        if step.row is not None:
            self.rows.append(step.row)
        if step.iteration in self.ap_at:
            self._measure(step)
        self._say(step)
        if step.row is not None or step.iteration in self.ap_at:
            self.picture.value = as_png(self.figure())

    def figure(self) -> Figure:
        """The board as it stands."""
        return draw_board(self.title, self.config, self.rows, self.ap, self.band, self.sittings, len(self.held_out))

    def _measure(self, step: Step) -> None:
        report = evaluate(
            step.detector, self.held_out, subset=Subset(every=EVERY), resamples=0, references=REFERENCES, progress=False
        )
        self.ap.append((step.iteration, float("nan") if report.ap50 is None else report.ap50))

    def _say(self, step: Step) -> None:
        seconds, first = time.monotonic() - self._began[0], self._began[1]  # type: ignore[index]
        speed = f", {(step.iteration - first) / seconds:.1f} steps a second" if step.iteration > first else ""
        self.line = f"{self.title}: step {step.iteration} of {step.total}{speed}"
        Explorer.say(self._line, self.line)

    def __enter__(self) -> Board:
        self._began = None
        if "IPython" in sys.modules:
            from IPython import get_ipython
            from IPython.display import display

            if get_ipython() is not None:  # type: ignore[no-untyped-call]
                self.picture.value = as_png(self.figure())
                self._handle = display(self, display_id=True)  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *_: object) -> None:
        self.picture.value = as_png(self.figure())
        if self._handle is not None:
            self._handle.update(self)  # the output keeps the last picture, not the first
            self._handle = None

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:  # noqa: ARG002 - IPython's
        return bundle(self.widget, f"{self.title}: {self.at} steps done", png=as_png(self.figure()))
