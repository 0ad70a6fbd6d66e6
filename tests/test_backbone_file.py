"""A pre-trained backbone as a file: what is refused, and into which detector it goes."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from training_world import micro_config, write_dataset

from clab_lite.backbone_file import (
    FORMAT,
    Fit,
    digest_of,
    fit,
    is_backbone,
    load_backbone,
    read_backbone,
    write_backbone,
)
from clab_lite.config import BackboneConfig
from clab_lite.data import VideoIndex, open_dataset
from clab_lite.detector.backbone import Backbone
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.errors import DataError
from clab_lite.train import train
from clab_lite.trained import load_run
from clab_lite.weights_file import write_weights

_CONFIG = micro_config().detector.backbone


def _state(config: BackboneConfig = _CONFIG, seed: int = 3) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    backbone = Backbone(config)
    for name, value in backbone.state_dict().items():
        if value.is_floating_point():
            value.add_(0.01 * torch.randn_like(value))
        else:
            assert name.endswith("num_batches_tracked")
    return backbone.state_dict()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "backbone.safetensors"
    write_backbone(path, _state(), "codo", _CONFIG, {"method": "codo", "pretrain": {"steps": 7}}, 7)
    return path


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> VideoIndex:
    return open_dataset(write_dataset(tmp_path_factory.mktemp("init") / "dataset"), "train", cache=False)


def test_what_is_written_is_read(file: Path) -> None:
    found = read_backbone(file)
    assert read_backbone(file.parent).digest == found.digest  # the folder of a pre-training will do
    assert (found.method, found.steps) == ("codo", 7)
    assert (found.backbone.architecture, found.backbone.width) == ("resnet18", 8)
    assert found.settings["pretrain"]["steps"] == 7
    state = _state()
    assert found.state.keys() == state.keys()
    assert all(torch.equal(found.state[name], value) for name, value in state.items())
    assert found.about() == {"method": "codo", "steps": 7, "sha256": digest_of(state)}
    assert str(found) == f"codo, 7 steps, resnet18 of width 8 ({file})"
    assert is_backbone(file) and is_backbone(file.parent) and not is_backbone(file.parent / "other")


def test_the_digest_sees_names_types_shapes_and_values() -> None:
    one = {"a": torch.arange(4.0), "b": torch.zeros(2)}
    assert digest_of(one) == digest_of(dict(reversed(one.items())))
    others = [one | {"b": torch.ones(2)}, one | {"b": torch.zeros(1, 2)}, one | {"b": torch.zeros(2).int()}]
    others.append({"a": one["a"], "c": one["b"]})
    assert len({digest_of(state) for state in [one, *others]}) == 5


def test_weights_that_are_not_finite_are_not_written(tmp_path: Path) -> None:
    state = _state() | {"conv1.weight": torch.full((8, 3, 7, 7), float("nan"))}
    with pytest.raises(DataError, match=r"conv1\.weight: holds values that are not finite"):
        write_backbone(tmp_path / "b.safetensors", state, "codo", _CONFIG, {}, 1)
    assert not list(tmp_path.iterdir())


def _rewritten(file: Path, weights: dict[str, Tensor] | None = None, **about: str | None) -> Path:
    with safe_open(file, framework="pt") as opened:
        found = {**(opened.metadata() or {}), **about}
    changed = file.with_name("changed.safetensors")
    save_file(weights or read_backbone(file).state, changed, {k: v for k, v in found.items() if v is not None})
    return changed


def test_no_room_for_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before, found = file.read_bytes(), read_backbone(file)
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(DataError, match=r"could not be written .No space left on device.*--resume"):
        write_backbone(file, found.state, found.method, found.backbone, {}, 1)
    assert file.read_bytes() == before and not list(file.parent.glob(".*.part"))


def test_whoever_may_read_the_folder_may_read_the_backbone(file: Path) -> None:
    plain = file.with_name("plain")
    plain.touch()
    assert file.stat().st_mode == plain.stat().st_mode


@pytest.mark.parametrize(("about", "message"), [
    ({"format": str(FORMAT + 1)}, r"format 2, this clab-lite reads up to 1\. Install a newer"),
    ({"format": "new"}, r"format 'new'"),
    ({"kind": None}, "holds weights that say nothing of a backbone"),
    ({"steps": None}, "description is incomplete or wrong .*steps"),
    ({"config": "{"}, "description is incomplete or wrong"),
    ({"architecture": "resnet19"}, "description is wrong: .*resnet19"),
    ({"sha256": "0" * 16}, "not those that were written"),
])  # fmt: skip
def test_files_that_are_refused(file: Path, about: dict[str, str | None], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_backbone(_rewritten(file, **about))


def test_changed_weights_and_other_kinds_of_files_are_refused(file: Path, tmp_path: Path) -> None:
    state = read_backbone(file).state
    with pytest.raises(DataError, match="damaged or changed"):
        read_backbone(_rewritten(file, state | {"conv1.weight": state["conv1.weight"] + 1}))
    with pytest.raises(DataError, match=r"no such file of a backbone.*clab-lite pretrain"):
        read_backbone(tmp_path / "missing.safetensors")
    (tmp_path / "text.safetensors").write_text("hello")
    with pytest.raises(DataError, match="cannot be read as a backbone"):
        read_backbone(tmp_path / "text.safetensors")
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(DataError, match="cannot be read as a backbone"):
        read_backbone(file)
    config = micro_config()
    whole = tmp_path / "detector.safetensors"
    write_weights(whole, VideoDetector(config.detector), config, ["thing"] * 30, 1)
    with pytest.raises(DataError, match="holds a whole detector"):
        read_backbone(whole)
    assert not is_backbone(whole) and not is_backbone(tmp_path / "text.safetensors")


def test_every_tensor_of_the_backbone_is_loaded_and_nothing_else(file: Path) -> None:
    torch.manual_seed(0)
    detector = VideoDetector(micro_config().detector)
    before = {name: value.clone() for name, value in detector.state_dict().items()}
    found = read_backbone(file)
    result = load_backbone(found, detector.backbone)
    assert (len(result.loaded), result.left, result.unused) == (len(found.state), (), ())
    assert str(result) == (
        "120 loaded (conv1: 1, bn1: 5, layer1: 24, layer2: 30, layer3: 30, layer4: 30), "
        "0 left as initialised, 0 not used"
    )
    for name, value in detector.state_dict().items():
        expected = found.state[name.removeprefix("backbone.")] if name.startswith("backbone.") else before[name]
        assert torch.equal(value, expected), name


def test_counts_name_the_few_and_group_the_many(tmp_path: Path) -> None:
    """What a small stem leaves out, and what a method has besides."""
    state = _state()
    del state["conv1.weight"]
    path = tmp_path / "b.safetensors"
    write_backbone(path, state | {f"fpn.{i}": torch.zeros(1) for i in range(8)}, "ranked", _CONFIG, {}, 1)
    with torch.device("meta"):
        backbone = Backbone(_CONFIG)
    assert str(fit(read_backbone(path), backbone)) == (
        "119 loaded (bn1: 5, layer1: 24, layer2: 30, layer3: 30, layer4: 30), "
        "1 left as initialised (conv1.weight), 8 not used (fpn: 8)"
    )
    assert str(Fit((), (), ())) == "0 loaded, 0 left as initialised, 0 not used"


def test_backbones_that_do_not_fit_are_refused(file: Path, tmp_path: Path) -> None:
    found = read_backbone(file)
    wide = Backbone(replace(_CONFIG, width=16))
    remedy = r"--detector\.backbone\.architecture resnet18 --detector\.backbone\.width 8"
    with pytest.raises(
        DataError, match=rf"is a resnet18 of width 8, the detector's is resnet18 of width 16\. .*{remedy}"
    ):
        load_backbone(found, wide)
    with torch.device("meta"):
        deep = Backbone(BackboneConfig("resnet50", 8, imagenet_weights=False))
    with pytest.raises(DataError, match="the detector's is resnet50 of width 8"):
        fit(found, deep)
    path = tmp_path / "b.safetensors"
    write_backbone(path, _state() | {"conv1.weight": torch.zeros(8, 3, 3, 3)}, "ranked", _CONFIG, {}, 1)
    with pytest.raises(DataError, match=r"conv1\.weight: has shape \(8, 3, 3, 3\), the detector's is \(8, 3, 7, 7\)"):
        load_backbone(read_backbone(path), Backbone(_CONFIG))
    write_backbone(path, {"head.weight": torch.zeros(1)}, "ranked", _CONFIG, {}, 1)
    with pytest.raises(DataError, match="none of its 1 names"):
        load_backbone(read_backbone(path), Backbone(_CONFIG))


def test_training_starts_from_it_and_remembers_it(file: Path, index: VideoIndex, tmp_path: Path) -> None:
    config, found = micro_config(2), read_backbone(file)
    run = tmp_path / "run"
    train(config, index, run, device="cpu", progress=False, init=found, stop_after=1)
    start = load_run(run, file="snapshot_start.pt").detector
    for name, value in start.backbone.state_dict().items():
        assert torch.equal(value, found.state[name]), name
    torch.manual_seed(config.train.seed)
    assert torch.equal(start.neck.conv.weight, VideoDetector(config.detector).neck.conv.weight)
    assert json.loads((run / "config.json").read_text())["init"] == found.about()
    with pytest.raises(DataError, match=r"began otherwise .*init"):
        train(config, index, run, device="cpu", progress=False, resume=True)
    other = replace(found, digest="0" * 16)
    with pytest.raises(DataError, match=rf"init\.sha256: '{found.digest}' -> '0+'"):
        train(config, index, run, device="cpu", progress=False, resume=True, init=other)
    straight = train(config, index, tmp_path / "straight", device="cpu", progress=False, init=found)
    resumed = train(config, index, run, device="cpu", progress=False, init=found, resume=True)
    for name, value in straight.detector.state_dict().items():
        assert torch.equal(resumed.detector.state_dict()[name], value), name


def test_a_run_without_a_checkpoint_still_remembers_how_it_began(file: Path, index: VideoIndex, tmp_path: Path) -> None:
    config, found, run = micro_config(1), read_backbone(file), tmp_path / "run"
    train(config, index, run, device="cpu", progress=False, init=found)
    (run / "checkpoint.pt").unlink()
    with pytest.raises(DataError, match=r"config\.json: is of a run that began otherwise"):
        train(config, index, run, device="cpu", progress=False, resume=True)
    assert train(config, index, run, device="cpu", progress=False, resume=True, init=found).iterations == 1


def test_a_run_without_a_backbone_is_not_continued_with_one(file: Path, index: VideoIndex, tmp_path: Path) -> None:
    train(micro_config(2), index, tmp_path / "run", device="cpu", progress=False, stop_after=1)
    assert "init" not in json.loads((tmp_path / "run" / "config.json").read_text())
    options = {"device": "cpu", "progress": False, "init": read_backbone(file)}
    with pytest.raises(DataError, match="began otherwise"):
        train(micro_config(2), index, tmp_path / "run", resume=True, **options)
    with pytest.raises(DataError, match="exclude each other"):
        train(micro_config(2), index, tmp_path / "x", detector=VideoDetector(micro_config().detector), **options)
    wide = micro_config(2)
    wide = replace(wide, detector=replace(wide.detector, backbone=replace(_CONFIG, width=12)))
    with pytest.raises(DataError, match="the detector's is resnet18 of width 12"):
        train(wide, index, tmp_path / "wide", **options)
    assert not (tmp_path / "wide" / "config.json").exists()
