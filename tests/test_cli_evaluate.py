"""The commands `evaluate` and `compare`: where they write, what they refuse, what they print."""

from __future__ import annotations

from pathlib import Path

import pytest

from clab_lite.cli import main
from clab_lite.cli.evaluate import Evaluate, places
from clab_lite.cli.parsing import parse
from clab_lite.cli.score_table import score_table
from clab_lite.data.subset import Subset
from clab_lite.evaluation_report import EvaluationReport, ProtocolScores, Score, Scores


def test_only_full_validation_numbers_stand_in_the_run_folder(tmp_path: Path) -> None:
    run, checkpoint = tmp_path / "run", tmp_path / "selsa.pth"
    run.mkdir()
    checkpoint.touch()
    home = Path("runs/evaluation/selsa")
    expected = {
        (): (run / "detections", run),
        ("--split", "train"): (run / "detections", run / "evaluation/train-all"),
        ("--subset", "motion=fast"): (run / "detections", run / "evaluation/val-motion=fast"),
        ("--subset", "every=2", "--out", "here"): (run / "detections", Path("here")),
    }
    for words, answer in expected.items():
        options = parse(["evaluate", str(run), "data", *words])
        assert isinstance(options, Evaluate)
        assert places(options, Subset.parse(options.subset)) == answer
    for words, answer in (
        ((), (home / "detections", home)),
        (("--out", "here"), (Path("here/detections"), Path("here"))),
    ):
        options = parse(["evaluate", str(checkpoint), "data", *words])
        assert isinstance(options, Evaluate)
        assert places(options, Subset.parse(options.subset)) == answer


def test_subsets_add_up_and_mistakes_are_told_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    options = parse(["evaluate", "run", "data", "--subset", "motion=fast", "--subset", "classes=dog,car"])
    assert isinstance(options, Evaluate)
    assert options.subset == ("motion=fast", "classes=dog,car")
    for command in (["evaluate", "run"], ["compare", "run", "other"]):
        assert main([*command, "data", "--subset", "moton=fast"]) == 2
        assert "Did you mean 'motion'" in capsys.readouterr().err
        assert main([*command, "data", "--resamples", "-1"]) == 2
        assert "--resamples -1 is negative" in capsys.readouterr().err


def test_the_table_shows_intervals_and_what_is_undefined() -> None:
    score, nothing = Score(0.5, (0.25, 0.75), 3, 4, 5), Score(None, None, 0, 0, 0, "there is no fast object")
    overall = Scores(0.5, 0.2, 3, 4, 5, None, (0.25, 0.75), (0.1, 0.3))
    protocols = {"mega": ProtocolScores("VOC, MEGA", "", "", {"all": score, "slow": score, "fast": nothing}, {})}
    lines = score_table(EvaluationReport(overall, {"dog": overall}, {}, protocols=protocols))
    row = next(line for line in lines if line.startswith("VOC, MEGA"))
    assert row.split() == ["VOC,", "MEGA", *["0.500", "[0.250,", "0.750]"] * 2, "-"]
    row = next(line for line in lines if line.startswith("all frames"))
    assert row.split() == ["all", "frames", "0.500", "[0.250,", "0.750]", "0.200", "[0.100,", "0.300]", "3", "4", "5"]
    assert any(line.startswith("dog ") for line in lines)
