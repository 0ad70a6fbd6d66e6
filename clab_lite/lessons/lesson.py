"""`start`: the first call of every lesson."""

from __future__ import annotations

import random
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from clab_lite.errors import DataError, Notice
from clab_lite.files import try_folder
from clab_lite.lessons.card import Card
from clab_lite.lessons.places import fast
from clab_lite.lessons.predict import Prediction
from clab_lite.lessons.quiz import Quiz
from clab_lite.lessons.series import entry

_T = TypeVar("_T")


class Lesson:
    """One lesson at work."""

    def __init__(self, name: str) -> None:
        self.name = entry(name).name
        self.fast = fast()
        """Whether this run is a short one, for tests (CLAB_LITE_FAST=1)."""
        self.predictions: list[Prediction] = []
        """All that were asked for, in their order."""

    def choose(self, normal: _T, fast: _T) -> _T:
        """`fast` in the short version of the lesson, else `normal`."""
        return fast if self.fast else normal

    @property
    def folder(self) -> Path:
        """Where the lesson writes: runs/lessons/NAME under the current folder; made when it is asked for.

        Raises:
            DataError: nothing can be written there.
        """
        folder = Path("runs", "lessons", self.name)
        try:
            try_folder(folder)
        except OSError as error:
            remedy = "Start Jupyter in a folder of your own, with data_samples and notebooks copied to it."
            raise DataError.at(folder.absolute(), "", f"cannot be written to ({error})", remedy) from error
        return folder

    def predict(self, question: str, choices: Sequence[str]) -> Prediction:
        """Ask before a surprise. The value of a cell's last line; `.choice` is what the reader chose, or None."""
        prediction = Prediction(question, choices)
        self.predictions.append(prediction)
        return prediction

    def quiz(self) -> Quiz:
        """The questions of the lesson, to answer at its end. The value of a cell's last line."""
        return Quiz.of(self.name)


def start(name: str, seed: int = 0) -> Lesson:
    """Begin a lesson: show its card, set the seeds, silence warnings of libraries.

    Args:
        name: of the notebook, without ".ipynb".
        seed: of Python's, NumPy's and PyTorch's generators.

    Raises:
        DataError: there is no such lesson.
    """
    lesson = Lesson(name)
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - libraries still read the global generator
    torch.manual_seed(seed)
    _silence_libraries()
    if "IPython" in sys.modules:
        from IPython import get_ipython
        from IPython.display import display

        if get_ipython() is not None:  # type: ignore[no-untyped-call]
            display(Card(name))  # type: ignore[no-untyped-call]
    return lesson


def _silence_libraries() -> None:
    """No warnings of other libraries: those of clab_lite itself are meant for the reader."""
    warnings.filterwarnings("ignore")
    warnings.filterwarnings("default", category=Notice)
