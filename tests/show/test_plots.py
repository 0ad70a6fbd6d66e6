"""Maps and the AP chart: colours agree between panels, titles follow from the numbers, gaps do not break them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from clab_lite.evaluation_report import EvaluationReport, Scores
from clab_lite.show.findings import finding_trouble, troubles_above_clean
from clab_lite.show.maps import MOST_GROUPS, embedding_map, scores_note
from clab_lite.show.plots import ap_table
from clab_lite.show.style import class_style, to_png


def _scores(ap50: float) -> Scores:
    reason = "there is no ground truth" if math.isnan(ap50) else None
    return Scores.of(ap50, ap50 / 2, videos=1, frames=2, boxes=3, undefined=reason)


REPORT = EvaluationReport(
    _scores(0.5),
    {"dog": _scores(0.4), "car": _scores(0.6)},
    {
        "clean": _scores(0.7),
        "any_trouble": replace(_scores(0.3), clean_ap50=0.7),
        "noise": replace(_scores(0.6), clean_ap50=0.9),
        "motion_blur": replace(_scores(0.5), clean_ap50=0.6),
    },
)


def test_finding_names_the_trouble_with_the_largest_loss_on_its_classes() -> None:
    """Motion blur has the lower AP50, but met harder classes."""
    title = "Noise costs most: AP50 0.60 in 1 video, clean frames of the same videos 0.90"
    assert finding_trouble(REPORT) == title
    for high, told in ((0.89, ""), (0.91, ", but its interval reaches that")):
        noise = replace(REPORT.by_trouble["noise"], ap50_interval=(0.2, high))
        assert finding_trouble(replace(REPORT, by_trouble={**REPORT.by_trouble, "noise": noise})) == title + told
    elsewhere = replace(REPORT, overall=replace(REPORT.overall, ap50_interval=(0.4, 0.6)))
    assert finding_trouble(elsewhere) == title + " (too few videos for an interval)"
    assert finding_trouble(EvaluationReport(_scores(0.5), {}, {})) is None
    nothing = EvaluationReport(_scores(0.5), {}, {"clean": _scores(math.nan), "noise": _scores(0.1)})
    assert finding_trouble(nothing) is None


def test_troubles_above_clean_are_named() -> None:
    assert troubles_above_clean(REPORT) == ""
    better = {"low_light": replace(_scores(0.5), clean_ap50=0.4)}
    text = troubles_above_clean(replace(REPORT, by_trouble={**REPORT.by_trouble, **better}))
    assert text.startswith("This row scores above the clean frames of the same videos: low light. ")
    assert finding_trouble(replace(REPORT, by_trouble=better)) == "No trouble of the frames costs AP50 here"


def test_ap_table_shows_every_number() -> None:
    texts = {text.get_text() for axes in ap_table(REPORT).axes for text in axes.texts}
    assert {"0.40", "0.60", "0.70", "0.50", "3 boxes"} <= texts
    undefined = EvaluationReport(_scores(math.nan), {"dog": _scores(math.nan)}, {})
    assert "undefined" in {text.get_text() for axes in ap_table(undefined).axes for text in axes.texts}


def test_groups_have_one_style_in_all_panels() -> None:
    points = np.zeros((3, 2), np.float32)
    figure = embedding_map([("before", points, ["a", "b", "a"]), ("after", points, ["b", "b", "a"])], legend="class")
    colours = [
        [tuple(drawn.get_facecolor()[0][:3]) for drawn in axes.collections if len(drawn.get_offsets())]
        for axes in figure.axes
    ]
    assert colours[0] == colours[1]
    assert len(set(colours[0])) == 2
    assert len({class_style(i) for i in range(32)}) == 32


def test_a_dollar_in_a_name_is_no_formula() -> None:
    r"""`$\frac$` as a formula does not parse, and drawing would fail."""
    name = r"$\frac$ cat"
    figure = embedding_map([(name, np.zeros((2, 2), np.float32), [name, name])], notes=[name], legend=name)
    assert to_png(figure, dpi=40).startswith(b"\x89PNG")
    report = EvaluationReport(_scores(0.5), {name: _scores(0.4)}, {"clean": _scores(0.7), name: _scores(0.2)})
    assert to_png(ap_table(report), dpi=40).startswith(b"\x89PNG")


def test_many_groups_and_none() -> None:
    names = [f"video {i}" for i in range(MOST_GROUPS + 5)]
    figure = embedding_map([("all", np.zeros((len(names), 2), np.float32), names)])
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert len(labels) == MOST_GROUPS + 1
    assert labels[-1] == "5 more"
    empty = embedding_map([("nothing", np.zeros((0, 2), np.float32), [])])
    assert to_png(empty, dpi=40).startswith(b"\x89PNG")
    assert scores_note(math.nan, 0.5) == "silhouette undefined · kNN purity 0.50"
