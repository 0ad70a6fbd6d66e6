"""Tables, curves, pairs of pictures and titles of an evaluation: what is drawn stands where the numbers say."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from made_reports import made_report
from PIL import Image

from clab_lite.evaluation_report import Curve, ErrorCost, EvaluationReport, Scores
from clab_lite.evaluation_words import ERROR_WORDS
from clab_lite.show import findings
from clab_lite.show.error_table import error_table
from clab_lite.show.frame_pair import frame_pair
from clab_lite.show.precision_recall import ALL, curve_grid, recall_end
from clab_lite.show.score_table import Group, Row, score_table

REPORT = made_report(("dog", "car", "red_panda"))
STEP = Curve((1.0,) * 51 + (0.5,) * 30 + (0.0,) * 20)


def test_marks_stand_at_their_values() -> None:
    row = Row("dog", 0.25, (0.125, 0.5), (1, 22, 3333), other=0.85)
    text = score_table([Group("", [row])], line=0.375)
    assert '<i class="mark" style="left:25.00%">' in text
    assert '<i class="span" style="left:12.50%;width:37.50%">' in text
    assert '<i class="other" style="left:85.00%">' in text
    assert '<i class="line" style="left:37.50%">' in text
    assert ">0.125\N{EN DASH}0.500<" in text
    assert ">3,333<" in text


@pytest.mark.parametrize(("value", "interval", "line", "end"), [
    (0.01, (0.0, 0.04), None, "0.05"),
    (0.01, (0.0, 0.04), 0.06, "0.1"),
    (0.01, (0.0, 0.21), None, "0.4"),
    (0.01, None, None, "0.05"),
    (0.2, (0.1, 0.2), None, "0.2"),
    (0.9, (0.7, 1.0), None, "1"),
])  # fmt: skip
def test_axis_ends_above_all_that_is_drawn(
    value: float, interval: tuple[float, float] | None, line: float | None, end: str
) -> None:
    rows = [Row("dog", value, interval, (1, 1, 1)), Row("car", None, None, (0, 0, 0), "no car")]
    text = score_table([Group("", rows)], line=line)
    assert text.count(f'data-end="{end}"') == 1
    assert f'<i class="mark" style="left:{100 * value / float(end):.2f}%">' in text
    assert f'<span style="left:100%">{end}</span>' in text
    assert (f"AP50, 0 to {end} (not 1)" in text) is (end != "1")


def test_rows_have_as_many_cells_as_the_head() -> None:
    known = Row("dog", 0.5, (0.4, 0.6), (1, 2, 3), extra=("x",))
    undefined = Row("car", None, None, (0, 0, 0), "there is no ground truth", extra=("",))
    for rows in ([known, undefined], [replace(known, interval=None), undefined]):
        lines = score_table([Group("a group", rows, "a note"), Group("empty", [])], extra=["AP"]).split("<tr")
        widths = [
            sum(int(re.search(r'colspan="(\d+)"', cell)[1]) if "colspan" in cell else 1  # type: ignore[index]
                for cell in re.findall(r"<t[dh][ >][^>]*>?", line))
            for line in lines[1:]
        ]  # fmt: skip
        assert len(widths) == 4
        assert len(set(widths)) == 1
    assert "empty" not in "".join(lines)


def test_a_curve_goes_through_its_corners_and_ends_where_recall_ends() -> None:
    assert recall_end(STEP) == 0.8
    assert recall_end(Curve((0.0,) * 101)) == 0.0
    assert recall_end(Curve((1.0,) * 101)) == 1.0
    text = curve_grid({ALL: STEP, "dog": STEP, "car": Curve((1.0,) * 101)}, {"dog": "0.658"})
    # 120 x 84 units: (0, 1), (0.5, 1), (0.51, 0.5), (0.8, 0.5), (0.81, 0)
    assert 'class="own" d="M0,0L60,0L61.2,42L96,42L97.2,84"' in text
    assert 'class="own" d="M0,0L120,0"' in text
    assert text.count("<figure") == 3
    assert text.index("all classes") < text.index(">dog ")


@pytest.mark.parametrize(("count", "columns"), [(2, 4), (5, 5), (6, 6), (7, 4), (8, 4), (9, 5), (12, 6), (30, 6)])
def test_small_curves_stand_in_even_rows(count: int, columns: int) -> None:
    curves = {ALL: STEP, **{f"class {i}": STEP for i in range(count)}}
    text = curve_grid(curves, {}, "how to read")
    large, small = text.split('<div class="each-class"')
    assert f"--columns:{columns}" in small
    assert small.count("<figure") == small.count(">0</text>") == count
    assert small.count(">1</text>") == 2 * count
    assert "how to read" in large


def test_one_class_is_drawn_once_and_none_not_at_all() -> None:
    text = curve_grid({ALL: STEP, "dog": STEP}, {})
    assert text.count("<figure") == 1
    assert "dog" in text
    assert ALL not in text
    assert curve_grid({}, {}) == ""


def test_longest_bar_is_the_dearest_error() -> None:
    errors = {"missed": ErrorCost(3, 0.1), "duplicate": ErrorCost(4, 0.2), "both": ErrorCost(0, 0.0)}
    text = error_table(errors)
    assert re.findall(r"width:([\d.]+)%", text) == ["72.0", "36.0", "0.0"]
    assert text.index("Duplicate") < text.index("Missed") < text.index("Wrong class and poor box")
    assert "width:0.0%" in error_table({"missed": ErrorCost(0, 0.0)})


def test_pair_draws_boxes_in_pixels_of_the_frame() -> None:
    image = np.zeros((3, 500, 1000), np.uint8)
    found = {
        "boxes": np.array([[10, 20, 110, 220], [900, 400, 999, 499], [0, 0, 9, 9]], np.float32),
        "scores": np.array([0.9, 0.5, 0.1], np.float32),
        "labels": np.array([0, 1, 1]),
    }
    truth = (np.array([[10, 20, 110, 220], [500, 100, 600, 200]], np.float32), np.array([0, 1]))
    text = frame_pair("f", image, found, truth, ["dog", "<car>"], "a < b")
    assert text.count('<rect class="box" x="10.0" y="20.0" width="100.0" height="200.0"') == 2  # truth, and found
    assert text.count('<rect class="box dashed"') == 2  # one missed, one wrong; 0.1 is not shown
    assert ">&lt;car&gt; (missed)<" in text
    assert "a &lt; b" in text
    tags = re.findall(r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)" fill', text)
    assert len(tags) == 4
    for x, y, width, height in (map(float, tag) for tag in tags):
        assert 0 <= x <= x + width <= 1000.1
        assert 0 <= y <= y + height <= 500
    content = base64.b64decode(re.search(r"base64,([^\"]+)", text)[1])  # type: ignore[index]
    assert Image.open(io.BytesIO(content)).size == (820, 410)


def test_weak_detections_are_shown_where_there_are_no_others() -> None:
    image, truth = np.zeros((3, 50, 100), np.uint8), (np.array([[10, 20, 40, 45]], np.float32), np.array([0]))
    found = {
        "boxes": np.array([[10, 20, 40, 45], [60, 5, 90, 40], [0, 0, 9, 9], [5, 5, 20, 20]], np.float32),
        "scores": np.array([0.2996, 0.2, 0.1, 0.05], np.float32),
        "labels": np.array([0, 1, 1, 1]),
    }
    text = frame_pair("f", image, found, truth, ["dog", "car"], "")
    assert "no detection reaches 0.3; the best has 0.2996<" in text
    assert text.count("weak") == 3
    assert text.count('class="box weak"') == 1
    assert "dog (missed)" in text  # right, but too weak to count as found
    assert "car 0.05" not in text
    nothing = {key: value[:0] for key, value in found.items()}
    assert ">no detections<" in frame_pair("f", image, nothing, truth, ["dog", "car"], "")
    strong = frame_pair("f", image, {**found, "scores": found["scores"] + 0.1}, truth, ["dog", "car"], "")
    assert ">detections, score 0.3 or more<" in strong
    assert "weak" not in strong


def test_titles_follow_from_the_numbers() -> None:
    assert findings.headline(REPORT, "world, val") == f"AP50 {REPORT.ap50:.3f} on world, val"
    assert findings.headline(replace(REPORT, subset="size=small"), "x").endswith("on a part of x")
    assert "moves AP50 by 0.005" in findings.finding_protocols(REPORT.protocols)
    coco = {"coco": REPORT.protocols["coco"]}
    assert findings.finding_protocols({**coco, "mega": REPORT.protocols["coco"]}).startswith("All protocols agree")
    assert findings.finding_protocols(coco) == findings.finding_protocols({}) == "AP50 by protocol"
    assert findings.finding_motion(REPORT.protocols).startswith("Fast objects score lowest")
    assert findings.finding_motion(coco) == "By motion"
    assert findings.finding_class({"dog": REPORT.overall, "red_panda": _scores(0.001)}).startswith(
        "Classes reach from red panda (AP50 0.00)"
    )
    near = {"dog": _scores(0.665), "car": _scores(0.668)}
    assert findings.finding_class(near) == "All 2 classes score alike: AP50 0.67"


def _scores(ap50: float, low: float = 0.0, high: float = 1.0) -> Scores:
    return Scores(ap50, ap50, 1, 1, 1, None, (low, high))


def test_overlapping_intervals_are_said() -> None:
    apart = {"small": _scores(0.2, 0.1, 0.3), "large": _scores(0.8, 0.7, 0.9)}
    assert findings.finding_size(apart) == "Small objects score lowest: AP50 0.20, large ones 0.80"
    near = {"small": _scores(0.2, 0.1, 0.75), "large": _scores(0.8, 0.7, 0.9)}
    assert findings.finding_size(near).endswith("but the intervals overlap")
    same = {"small": _scores(0.5), "large": _scores(0.5)}
    assert findings.finding_size(same) == "Small and large objects score alike: AP50 0.50"
    assert findings.finding_size({"small": _scores(0.5)}) == "By size of the object"


@pytest.mark.parametrize(("curve", "title"), [
    (STEP, "Precision is 1.00 at a recall of 0.50; recall ends at 0.80"),
    (Curve((1.0,) * 91 + (0.5,) * 10), "Precision is 1.00 at a recall of 0.50, 1.00 at 0.90"),
    (Curve((1.0,) * 20 + (0.0,) * 81), "Recall ends at 0.19: the other objects are not found, at any score"),
    (Curve((0.0,) * 101), "No object is found, at any score"),
])  # fmt: skip
def test_title_of_the_curves(curve: Curve, title: str) -> None:
    assert findings.finding_curves({ALL: curve}) == title


def test_title_of_the_errors() -> None:
    for kind in ERROR_WORDS:
        errors = dict.fromkeys(ERROR_WORDS, ErrorCost(1, 0.01)) | {kind: ErrorCost(1, 0.25)}
        assert findings.finding_errors(errors).endswith("most: 0.250 AP50 to gain")
    assert len({findings.finding_errors({kind: ErrorCost(1, 0.2)}) for kind in ERROR_WORDS}) == len(ERROR_WORDS)
    assert findings.finding_errors({"missed": ErrorCost(0, 0.0)}) == "No errors"
    assert findings.finding_errors({"missed": ErrorCost(2, 0.0)}).startswith("No kind")
    assert findings.finding_errors(EvaluationReport(REPORT.overall, {}, {}).errors) == "No errors"
