"""Which numbers get an interval: those that enough sources, not videos, show."""

from __future__ import annotations

import numpy as np
import pytest

from clab_lite.metrics.certainty import Sources
from clab_lite.metrics.outcomes import TRUE, Outcomes
from clab_lite.scoring.measure import Measure

SOURCES = np.array([0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6])
"""Of eleven videos of one frame each: five snippets of the first source, one of each other."""
NAMES = ("common", "snippets", "absent")


def outcomes() -> Outcomes:
    """A common class in every video, and one in the snippets alone; the objects of every second video are found."""
    image = np.concatenate([np.arange(11), np.arange(5)]).astype(np.int32)
    label = np.repeat([0, 1], [11, 5]).astype(np.uint8)
    found = image % 2 == 0
    count = int(found.sum())
    code, weights = np.full((2, count), TRUE, np.uint8), np.array([0.0, 0.0, 1.0])
    score, counted = np.ones(count, np.float32), np.ones((2, len(image)), bool)
    columns = ("loose", "strict")
    return Outcomes(columns, score, label[found], image[found], code, weights, label, image, counted, 3, "all")


@pytest.fixture(scope="module")
def measure() -> Measure:
    return Measure(np.arange(11, dtype=np.int32), SOURCES, resamples=300)


def test_sources_are_counted_and_not_videos(measure: Measure) -> None:
    total, classes = measure.shown_by(outcomes(), "loose")
    assert total == Sources(7, (7, 1))
    assert classes == [Sources(7, (7,)), Sources(1, (1,)), Sources(0, ())]


def test_snippets_of_one_source_have_no_interval(measure: Measure) -> None:
    """Drawn together they never differ: it would be a point, and would look certain."""
    overall, classes = measure.score_classes(outcomes(), "loose", NAMES)
    assert classes["snippets"].videos == 5
    assert classes["snippets"].value == pytest.approx(3 / 5)
    assert classes["snippets"].interval is None
    span = classes["common"].interval
    assert span is not None
    assert span[0] < 6 / 11 < span[1]
    assert overall.value == pytest.approx((3 / 5 + 6 / 11) / 2)
    assert overall.interval is None  # half of it is one source
    assert list(classes) == ["common", "snippets"]


def test_scores_join_both_columns(measure: Measure) -> None:
    common = outcomes().of_classes(np.array([True, False, True]))
    overall, classes = measure.scores(common, NAMES)
    assert overall.ap50_interval == classes["common"].ap50_interval == classes["common"].ap_interval is not None
    assert (overall.ap50, overall.ap) == pytest.approx((6 / 11, 6 / 11))
    assert (overall.videos, overall.frames, overall.boxes) == (11, 11, 11)
    assert measure.score(common, "loose").interval == overall.ap50_interval


def test_without_draws_there_is_no_interval() -> None:
    bare = Measure(np.arange(11, dtype=np.int32), SOURCES, resamples=0)
    _, classes = bare.score_classes(outcomes(), "loose", NAMES)
    assert classes["common"].value == pytest.approx(6 / 11)
    assert classes["common"].interval is None
