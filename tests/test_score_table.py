"""The table that `evaluate` prints: what is missing is left out or explained."""

from __future__ import annotations

from dataclasses import replace

from made_reports import made_report, undefined_scores

from clab_lite.cli.score_table import score_table
from clab_lite.evaluation_report import EvaluationReport, Score
from clab_lite.evaluation_words import ERROR_WORDS, FEW_SOURCES, NO_INTERVAL

REPORT = made_report(("dog", "car"))


def starting(lines: list[str], name: str) -> str:
    (line,) = [line for line in lines if line.startswith(name)]
    return line


def test_a_part_of_one_speed_has_one_column() -> None:
    protocols = {key: replace(p, scores={"all": p.scores["all"]}) for key, p in REPORT.protocols.items()}
    lines = score_table(replace(REPORT, protocols=protocols, subset="motion=fast classes=dog"))
    assert starting(lines, "AP50 by protocol").split() == ["AP50", "by", "protocol", "fast"]
    assert len(starting(lines, "VOC, MEGA").split()) == 2 + 3
    assert not [line for line in lines if line.startswith("-:")]
    lines = score_table(REPORT)
    assert starting(lines, "AP50 by protocol").split()[3:] == ["all", "slow", "medium", "fast"]
    assert starting(lines, "-: ").endswith("COCO does not tell speeds apart")


def test_counts_agree() -> None:
    coco = REPORT.protocols["coco"]
    coco = replace(coco, scores={"all": replace(coco.scores["all"], videos=7, frames=68, boxes=78)})
    overall = replace(REPORT.overall, videos=64, frames=640, boxes=78)
    lines = score_table(replace(REPORT, overall=overall, protocols={"coco": coco}))
    assert lines[0] == "78 true boxes of 2 classes, on 68 of 640 frames and in 7 of 64 videos."
    assert starting(lines, "all frames").split()[-3:] == ["7", "68", "78"]


def test_rows_without_ground_truth_are_left_out_and_dashes_explained() -> None:
    nothing = undefined_scores("there is no large object")
    fast = Score(None, None, 0, 0, 0, "there is no fast object")
    protocols = {key: replace(p, scores={**p.scores, "fast": fast}) for key, p in REPORT.protocols.items()}
    noise = replace(REPORT.by_trouble["noise"], clean_ap50=None)
    by_trouble = {**REPORT.by_trouble, "noise": noise, "low_light": undefined_scores()}
    sizes = {**REPORT.by_size, "large": nothing}
    lines = score_table(replace(REPORT, protocols=protocols, by_trouble=by_trouble, by_size=sizes))
    assert not [line for line in lines if line.startswith(("low light", "large"))]
    assert starting(lines, "-: ") == (
        "-: there is no fast object; no clean frame of the same videos shows its classes"
        "; COCO does not tell speeds apart"
    )
    assert " - " in starting(lines, "noise")
    assert " - " not in starting(lines, "dog") + starting(lines, "clean ") + starting(lines, "all frames")


def test_missing_intervals_are_explained() -> None:
    few = f"without brackets: {FEW_SOURCES}"
    car = replace(REPORT.per_class["car"], ap50_interval=None)
    whole = EvaluationReport(REPORT.overall, {"dog": REPORT.overall}, {})
    assert few not in score_table(whole)
    assert few in score_table(replace(whole, per_class={"car": car}))
    lines = score_table(EvaluationReport(replace(REPORT.overall, ap50_interval=None), {"car": car}, {}))
    assert NO_INTERVAL in lines
    assert few not in lines
    assert NO_INTERVAL not in score_table(EvaluationReport(undefined_scores(), {}, {}))


def test_errors_have_the_names_of_the_page() -> None:
    line = starting(score_table(REPORT), "AP50 to gain")
    assert all(f" {name} " in line for name, _ in ERROR_WORDS.values())
