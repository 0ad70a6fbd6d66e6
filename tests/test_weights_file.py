"""Small files of weights: rounded, everything inside, faults named."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from training_world import micro_config

from clab_lite.cli import main
from clab_lite.config import Config
from clab_lite.detector import VideoDetector
from clab_lite.errors import DataError
from clab_lite.trained import load_run
from clab_lite.training.checkpoint import CHECKPOINT, write_checkpoint
from clab_lite.training.saved_config import config_to_dict
from clab_lite.weights_file import read_weights, write_weights

NAMES = ("dog", "car", "bird")


@pytest.fixture
def config() -> Config:
    config = micro_config()
    return replace(config, detector=replace(config.detector, num_classes=3))


@pytest.fixture
def detector(config: Config) -> VideoDetector:
    return VideoDetector(config.detector).eval()


@pytest.fixture
def file(tmp_path: Path, config: Config, detector: VideoDetector) -> Path:
    path = tmp_path / "clab.safetensors"
    write_weights(path, detector, config, NAMES, 40)
    return path


def test_round_trip(file: Path, config: Config, detector: VideoDetector) -> None:
    """Small tensors lose what half precision loses; large ones at most half a step of their output's scale."""
    found, own, names, iteration = read_weights(file)
    assert (own, names, iteration) == (config, NAMES, 40)
    large = 0
    for name, value in detector.state_dict().items():
        back = found.state_dict()[name]
        assert back.dtype == value.dtype
        if value.ndim >= 2 and value.numel() >= 16_384:
            large += 1
            step = value.flatten(1).abs().amax(dim=1) / 127
            assert ((back - value).flatten(1).abs() <= 0.5001 * step[:, None]).all(), name
            assert len(back.unique()) > 100, name
        else:
            assert torch.equal(back, value.half().float() if value.is_floating_point() else value), name
    assert large >= 3


def test_second_writing_changes_nothing(file: Path, config: Config, tmp_path: Path) -> None:
    """What was read can be written and read again without a further loss."""
    first, *_ = read_weights(file)
    write_weights(tmp_path / "again.safetensors", first, config, NAMES, 40)
    second, *_ = read_weights(tmp_path / "again.safetensors")
    for name, value in first.state_dict().items():
        torch.testing.assert_close(second.state_dict()[name], value, rtol=1e-6, atol=1e-9)


def test_size_is_about_a_byte_a_number(file: Path, detector: VideoDetector) -> None:
    numbers = sum(value.numel() for value in detector.state_dict().values())
    assert numbers < file.stat().st_size < 1.7 * numbers + 40_000


def test_export_writes_one_and_load_run_reads_it(
    tmp_path: Path, config: Config, detector: VideoDetector, capsys: pytest.CaptureFixture[str]
) -> None:
    run, path = tmp_path / "run", tmp_path / "out.safetensors"
    run.mkdir()
    content = {"model": detector.state_dict(), "iteration": 7, "config": config_to_dict(config)}
    write_checkpoint(run / CHECKPOINT, {**content, "class_names": list(NAMES)})
    assert main(["export", str(run), str(path)]) == 0
    assert "out.safetensors" in capsys.readouterr().out
    trained = load_run(path)
    assert (trained.class_names, trained.iteration, trained.detector.training) == (NAMES, 7, False)
    assert trained.config.train == config.train
    assert main(["export", str(run), str(path)]) == 2  # it is there already


def test_faults_are_named(file: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_weights(tmp_path / "missing.safetensors")
    (tmp_path / "cut.safetensors").write_bytes(file.read_bytes()[:2000])
    with pytest.raises(DataError, match=r"cut\.safetensors: cannot be read"):
        read_weights(tmp_path / "cut.safetensors")
    weights = load_file(file)
    save_file(weights, tmp_path / "bare.safetensors")
    with pytest.raises(DataError, match=r"without description .*config"):
        load_run(tmp_path / "bare.safetensors")


@pytest.mark.parametrize("large", [True, False])
def test_weights_that_are_no_numbers_are_refused(
    tmp_path: Path, config: Config, detector: VideoDetector, large: bool
) -> None:
    """When they are written: a good file that is there stays."""
    (tmp_path / "nan.safetensors").write_bytes(b"good")
    with torch.no_grad():
        next(p for p in detector.parameters() if (p.numel() >= 16_384) == large)[0].fill_(float("nan"))
    with pytest.raises(DataError, match="not finite"):
        write_weights(tmp_path / "nan.safetensors", detector, config, NAMES, 1)
    assert (tmp_path / "nan.safetensors").read_bytes() == b"good"


def test_values_too_large_for_half_precision_stay(tmp_path: Path, config: Config, detector: VideoDetector) -> None:
    name, small = next((n, p) for n, p in detector.named_parameters() if p.numel() < 16_384)
    with torch.no_grad():
        small[(0,) * small.ndim] = 70_000.0
    write_weights(tmp_path / "large.safetensors", detector, config, NAMES, 1)
    found, *_ = read_weights(tmp_path / "large.safetensors")
    assert torch.equal(found.state_dict()[name], small)


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        ("missing", "whole numbers without"),
        ("one", "no scale of"),
        ("negative", "no scale of"),
        ("half", "no scale of"),
        ("orphan", "is a scale without its weight"),
        ("of a float", "is kept without one"),
    ],
)
def test_wrong_scales_are_refused(file: Path, tmp_path: Path, damage: str, named: str) -> None:
    """Whole numbers would be weights of -127 to 127; a scale of another shape would fit by broadcasting."""
    with safe_open(file, framework="pt") as opened:
        about = opened.metadata()
    weights = load_file(file)
    name = next(name for name in weights if name.endswith(".scale"))
    if damage == "missing":
        del weights[name]
    elif damage == "one":
        weights[name] = weights[name][:1].clone()
    elif damage == "negative":
        weights[name][0] = -1.0
    elif damage == "half":
        weights[name] = weights[name].half()
    elif damage == "orphan":
        weights["nobody.scale"] = weights[name].clone()
    else:
        weights[name.removesuffix(".scale")] = weights[name.removesuffix(".scale")].half()
    save_file(weights, tmp_path / "wrong.safetensors", metadata=about)
    with pytest.raises(DataError, match=named):
        read_weights(tmp_path / "wrong.safetensors")


def test_one_name_for_each_class(file: Path, tmp_path: Path, config: Config, detector: VideoDetector) -> None:
    with pytest.raises(DataError, match="1 class names for 3 classes"):
        write_weights(tmp_path / "one.safetensors", detector, config, NAMES[:1], 1)
    with safe_open(file, framework="pt") as opened:
        about = opened.metadata()
    for names, named in (('["dog"]', "are 1 for 3 classes"), ("7", "no list of names")):
        save_file(load_file(file), tmp_path / "one.safetensors", metadata={**about, "class_names": names})
        with pytest.raises(DataError, match=named):
            read_weights(tmp_path / "one.safetensors")


def test_weights_of_another_architecture_are_refused(tmp_path: Path, config: Config, detector: VideoDetector) -> None:
    other = replace(config, detector=replace(config.detector, neck_channels=32))
    write_weights(tmp_path / "other.safetensors", detector, other, NAMES, 1)
    with pytest.raises(DataError, match="do not fit the description"):
        read_weights(tmp_path / "other.safetensors")
