"""What the notebooks call: the header card, explorers with a static twin, quizzes, exercises, shipped weights.

    lesson = lessons.start("04_contrast")       the header card; lesson.fast, lesson.choose, lesson.folder
    lesson.predict(...), lesson.quiz()          a question before a surprise; five questions at the end
    lessons.explore(draw, **controls)           sliders beside a figure, and its static twin
    lessons.slider, log_slider, stops, choice   the controls
    lessons.pointer, lessons.Player             the mouse on a figure; frames to play and to scrub
    lessons.twinned(widget, figure)             any other widget with a static twin
    lessons.samples, trained, study             what is shipped: videos, weights, measured runs

Every widget is shown through `twin.bundle`, which has those of a cell's earlier run closed (`shown`): a kernel that
lives all day does not fill up. Each lesson has a folder of its own beside these files. Names are imported when they are
first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clab_lite.lessons.controls import choice, log_slider, slider, stops
    from clab_lite.lessons.explorer import Explorer, explore
    from clab_lite.lessons.lesson import Lesson, start
    from clab_lite.lessons.mouse import pointer
    from clab_lite.lessons.player import Player
    from clab_lite.lessons.shipped import samples, study, trained
    from clab_lite.lessons.twin import Twinned, twinned

_HOME = {
    "Explorer": "explorer",
    "Lesson": "lesson",
    "Player": "player",
    "Twinned": "twin",
    "choice": "controls",
    "explore": "explorer",
    "log_slider": "controls",
    "pointer": "mouse",
    "samples": "shipped",
    "slider": "controls",
    "start": "lesson",
    "stops": "controls",
    "study": "shipped",
    "trained": "shipped",
    "twinned": "twin",
}

__all__ = [
    "Explorer",
    "Lesson",
    "Player",
    "Twinned",
    "choice",
    "explore",
    "log_slider",
    "pointer",
    "samples",
    "slider",
    "start",
    "stops",
    "study",
    "trained",
    "twinned",
]


def __getattr__(name: str) -> Any:
    """Import a name on first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = importlib.import_module(f"{__name__}.{_HOME[name]}")
    globals()[name] = value = getattr(home, name)
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
