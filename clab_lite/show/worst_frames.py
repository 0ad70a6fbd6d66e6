"""The worst frames of an evaluation as pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from clab_lite.data.subset import Subset
from clab_lite.data.vid import VideoIndex
from clab_lite.evaluation_report import FOUND_FROM, EvaluationReport, WorstFrame
from clab_lite.evaluation_words import WORST
from clab_lite.show import html
from clab_lite.show.basis import amount
from clab_lite.show.frame_pair import frame_pair

Found = Mapping[str, Any]
"""Detections of one frame: {"boxes" (D, 4), "scores" (D,), "labels" (D,)}, best first, pixels of the stored frame."""


def worst_frames(
    report: EvaluationReport, index: VideoIndex, found: Callable[[str, int], Found], class_names: Sequence[str]
) -> str:
    """The section, or "" without such frames. Arguments as in `clab_lite.evaluation_page.write_evaluation_page`.

    Classes that the report's subset leaves out are not drawn; objects that it ignores are.
    """
    if not report.worst:
        return ""
    positions = {video.name: position for position, video in enumerate(index.videos)}
    wanted = Subset.parse(report.subset).classes
    labels = [label for label, name in enumerate(class_names) if not wanted or name in wanted]
    pairs = [
        _pair(f"frame-{i}", worst, index, positions[worst.video], found(worst.video, worst.frame), labels, class_names)
        for i, worst in enumerate(report.worst)
    ]
    text = (
        f"{WORST} Ground truth is green, dashed where it is missed: no right detection has a score from"
        f" {FOUND_FROM:g}. Detections with such a score are solid and blue where right, dashed and orange where wrong."
        " Where no detection has it, the best three are drawn with thin lines."
    )
    missed = sum(worst.missed for worst in report.worst)
    title = "The worst frame misses" if len(pairs) == 1 else f"The {len(pairs)} worst frames miss"
    title += f" {missed} {'object' if missed == 1 else 'objects'}"
    return html.section(title, html.paragraph(text, "note"), *pairs, name="worst-frames")


def _pair(
    name: str,
    worst: WorstFrame,
    index: VideoIndex,
    video: int,
    found: Found,
    labels: Sequence[int],
    class_names: Sequence[str],
) -> str:
    image, truth = index.load_image(video, worst.frame).numpy(), index.annotation(video, worst.frame)
    own, kept = np.isin(truth.labels, labels), np.isin(np.asarray(found["labels"]), labels)
    shown = {key: np.asarray(found[key])[kept] for key in ("boxes", "scores", "labels")}
    troubles = ", ".join(index.troubles(video, worst.frame)).replace("_", " ")
    caption = f"{worst.video}, frame {worst.frame}{f' ({troubles})' if troubles else ''}: "
    caption += f"{worst.missed} of {amount(int(own.sum()), 'object')} missed"
    caption += f", wrong detections score {worst.wrong:.2f} together."
    pair = (truth.boxes[own], truth.labels[own])
    return frame_pair(name, image, shown, pair, class_names, caption, least_score=FOUND_FROM)
