"""Whole checkpoint files: read, written, refused."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from official_files import EMBED, detections, narrow_config, narrow_detector, official_content

from clab_lite import presets
from clab_lite.config import BoxHeadConfig, ContrastConfig, DetectorConfig
from clab_lite.detector import VideoDetector
from clab_lite.errors import DataError
from clab_lite.interop import load_detector, read_official, save_mmtracking, to_mmtracking

NAMES = ("car", "dog", "fox", "whale")


def assert_same_tensors(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    """Names in the same order, the same kinds of number, every bit."""
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert found[name].dtype == value.dtype and torch.equal(found[name], value), name


@pytest.mark.parametrize("old_format", [False, True])
def test_a_checkpoint_of_the_official_training_is_read(tmp_path: Path, old_format: bool) -> None:
    """Published files are in PyTorch's old format (mmtracking's release script); the optimizer is ignored."""
    detector, path = narrow_detector(), tmp_path / "clab.pth"
    content = official_content(detector, CLASSES=NAMES, iter=173_000, epoch=7, env_info="linux", hook_msgs={})
    content["state_dict"] = {f"module.{name}": value for name, value in content["state_dict"].items()}
    torch.save(content, path, _use_new_zipfile_serialization=not old_format)
    found = read_official(path)
    assert found.class_names == NAMES and found.iteration == 173_000
    assert not found.detector.training and found.detector.config == detector.config
    assert_same_tensors(found.detector.state_dict(), detector.state_dict())
    expected = detections(detector)
    assert len(expected["boxes"]) > 0
    for name, value in detections(load_detector(path)).items():
        assert torch.equal(value, expected[name])


@pytest.mark.parametrize("config", [
    narrow_config(),
    narrow_config(roi=replace(narrow_config().roi, temporal=False), contrast=ContrastConfig(enabled=False)),
    narrow_config(box_head=BoxHeadConfig(layers=2, width=32, attention_blocks=2, class_agnostic=True)),
    presets.tiny().detector,
], ids=["clab", "selsa", "agnostic", "tiny"])  # fmt: skip
def test_the_round_trip_is_exact(tmp_path: Path, config: DetectorConfig) -> None:
    """detector -> file -> detector -> file: the same settings, tensors, counts, kinds and order each time."""
    detector = narrow_detector(config)
    first = save_mmtracking(tmp_path / "new" / "first.pth", detector, [f"c{k}" for k in range(config.num_classes)], 12)
    back = read_official(first)
    assert back.detector.config == config and back.iteration == 12 and back.class_names[1] == "c1"
    assert_same_tensors(back.detector.state_dict(), detector.state_dict())
    second = save_mmtracking(tmp_path / "second.pth", back.detector, back.class_names, back.iteration)
    contents = [torch.load(path, weights_only=True) for path in (first, second)]
    assert contents[0].keys() == {"meta", "state_dict"} and contents[0]["meta"] == contents[1]["meta"]
    assert contents[0]["meta"]["CLASSES"] == back.class_names and contents[0]["meta"]["iter"] == 12
    assert_same_tensors(contents[1]["state_dict"], contents[0]["state_dict"])
    assert_same_tensors(contents[0]["state_dict"], to_mmtracking(detector.state_dict()))


def test_names_and_steps_may_be_absent(tmp_path: Path) -> None:
    detector = narrow_detector()
    path = save_mmtracking(tmp_path / "plain.pth", detector)
    assert "CLASSES" not in torch.load(path, weights_only=True)["meta"]
    plain = read_official(to_mmtracking(detector.state_dict()))
    assert plain.class_names == () and plain.iteration == 0
    newer = read_official(official_content(detector, dataset_meta={"classes": list(NAMES)}))
    assert newer.class_names == NAMES
    with pytest.raises(DataError, match="3 class names for 4 classes"):
        save_mmtracking(path, detector, NAMES[:3])
    with pytest.raises(DataError, match="meta, CLASSES: 3 names for 4 classes"):
        read_official(official_content(detector, CLASSES=NAMES[:3]))
    with pytest.raises(DataError, match="7 are no names"):
        read_official(official_content(detector, CLASSES=7))
    for damaged in (torch.zeros(0), torch.zeros(2)):
        with pytest.raises(DataError, match=r"meta, CLASSES: tensor.*are no names"):
            read_official(official_content(detector, CLASSES=damaged))


def test_files_from_before_batches_were_counted(tmp_path: Path) -> None:
    content = official_content(narrow_detector())
    state = {name: value for name, value in content["state_dict"].items() if not name.endswith("_tracked")}
    assert 0 < len(state) < len(content["state_dict"])
    assert_same_tensors(
        {n: v for n, v in to_mmtracking(read_official(state).detector.state_dict()).items() if n in state}, state
    )


def test_weights_that_do_not_fit_are_named() -> None:
    state = official_content(narrow_detector())["state_dict"]
    bias = "detector.roi_head.bbox_head.aggregator.1.ref_fc.bias"
    with pytest.raises(DataError, match=rf"lacks keys of such a detector \(1, the first is '{bias}'\)"):
        read_official({name: value for name, value in state.items() if name != bias})
    mask = "detector.roi_head.bbox_head.fc_cls.mask"
    with pytest.raises(DataError, match=rf"\(1, the first is '{mask}'\) and lacks .* \(1, the first is '{bias}'\)"):
        read_official({mask if name == bias else name: value for name, value in state.items()})
    with pytest.raises(DataError, match=rf"{bias}: has shape \(47,\), the other weights ask for \(48,\)"):
        read_official({**state, bias: torch.zeros(47)})
    with pytest.raises(DataError, match=rf"{bias}: holds values that are not finite"):
        read_official({**state, bias: torch.full((48,), torch.nan)})
    head = EMBED + "conv.bias"
    with pytest.raises(DataError, match=rf"the first is '{head.replace('bias', 'weight')}'"):
        read_official({name: value for name, value in state.items() if name != head.replace("bias", "weight")})


@pytest.mark.parametrize("old_format", [False, True])
def test_code_in_a_checkpoint_is_not_run(tmp_path: Path, old_format: bool) -> None:
    ran = tmp_path / "ran"

    class Payload:
        def __reduce__(self) -> tuple:
            return os.system, (f"touch {ran}",)

    content = official_content(narrow_detector(), hook_msgs=Payload())
    torch.save(content, tmp_path / "bad.pth", _use_new_zipfile_serialization=not old_format)
    with pytest.raises(
        DataError, match=r"bad\.pth: holds code, not only weights \(\w+\.system\), and was not loaded\."
    ):
        load_detector(tmp_path / "bad.pth")
    assert not ran.exists()
    torch.load(tmp_path / "bad.pth", weights_only=False)
    assert ran.exists(), "the payload is a real one"


@pytest.mark.parametrize("old_format", [False, True])
def test_a_file_cut_short_is_refused(tmp_path: Path, old_format: bool) -> None:
    path = tmp_path / "cut.pth"
    torch.save(official_content(narrow_detector()), path, _use_new_zipfile_serialization=not old_format)
    whole = path.read_bytes()
    for size in (0, 10, 5_000, len(whole) // 2, len(whole) - 5):
        path.write_bytes(whole[:size])
        with pytest.raises(DataError, match=r"cut\.pth: (not a readable checkpoint|is empty)"):
            load_detector(path)


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(content: object, file: object) -> None:
        raise OSError(28, "No space left on device")

    path = save_mmtracking(tmp_path / "kept.pth", narrow_detector())
    before = path.read_bytes()
    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(DataError, match=r"kept\.pth: could not be written \(No space left on device\)"):
        save_mmtracking(path, VideoDetector(narrow_config()))
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
