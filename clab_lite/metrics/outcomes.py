"""What became of every detection: the one form that all protocols, curves, errors and intervals read.

Matching (coco.py, voc.py) writes it, once per protocol. What follows needs no boxes any more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

DROPPED, TRUE, FALSE = 0, 1, 2
"""Codes of `Outcomes.code`: not counted, right, wrong. Larger codes are wrong with a weight below 1."""

Points = Literal["101", "all"]
"""Where the precision envelope is read: at 101 recalls (COCO), or at every change of recall (VOC 2010 and later)."""


@dataclass(frozen=True)
class Outcomes:
    """N detections and G ground truths under K columns: one column is one IoU threshold in one range.

    Rows stand in the order that breaks ties: of equal scores, the earlier row ranks first.
    """

    columns: tuple[str, ...]
    """Names of the K columns."""
    score: NDArray[np.floating]
    """(N,) as the detector gave it: float32 stays float32."""
    label: NDArray[np.integer]
    """(N,) 0 ... num_classes-1; uint8 where that fits."""
    image: NDArray[np.int32]
    """(N,) frame of each detection, a row of the frame table."""
    code: NDArray[np.unsignedinteger]
    """(K, N) DROPPED, TRUE, FALSE, or a larger position in `weights`; uint8 up to 256 weights. In memory the columns
    of a detection lie side by side: choose rows first, then compute."""
    weights: NDArray[np.float64]
    """(W,) how much a detection of each code adds to the false positives; 0, 0, 1 come first."""
    truth_label: NDArray[np.integer]
    """(G,)."""
    truth_image: NDArray[np.int32]
    """(G,)."""
    counted: NDArray[np.bool_]
    """(K, G) ground truths that count as to be found."""
    num_classes: int
    points: Points

    def __len__(self) -> int:
        return len(self.score)

    def column(self, name: str) -> int:
        """Position of a column."""
        return self.columns.index(name)

    def of_classes(self, labels: NDArray[np.bool_]) -> Outcomes:
        """Only the detections and ground truths of the classes for which `labels` (num_classes,) is True.

        They were matched and judged beside all others: AP of a class does not depend on which others are left.
        """
        return self if labels.all() else self._rows(labels[self.label], labels[self.truth_label])

    def of_images(self, images: NDArray[np.bool_]) -> Outcomes:
        """Only the frames for which `images` (frames,) is True. A frame's outcomes do not depend on other frames."""
        return self._rows(images[self.image], images[self.truth_image])

    def _rows(self, found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> Outcomes:
        """The chosen detections (N,) and ground truths (G,)."""
        return replace(
            self,
            score=self.score[found],
            label=self.label[found],
            image=self.image[found],
            code=self.code.T[found].T,
            truth_label=self.truth_label[truth],
            truth_image=self.truth_image[truth],
            counted=self.counted[:, truth],
        )
