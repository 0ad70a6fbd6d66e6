"""Real payloads in every kind of file: none runs, none fills the memory, and each is called what it is."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hostile_pickles import object_arrays, with_code, without_end
from small_dataset import open_small_dataset

from clab_lite.backbone_file import is_backbone, read_backbone
from clab_lite.data import cache
from clab_lite.detection_store import DetectionStore, Manifest
from clab_lite.errors import DataError
from clab_lite.interop import read_official, read_style
from clab_lite.methods.ranked.ranking_file import read_ranking
from clab_lite.study import open_study
from clab_lite.study.store import CLOUDS
from clab_lite.tensor_file import load_tensors
from clab_lite.trained import load_run
from clab_lite.training.checkpoint import read_checkpoint, read_pretraining

READERS: tuple[tuple[str, Callable[[Path], object]], ...] = (
    ("checkpoint.pt", lambda path: load_run(path.parent)),
    ("one.pt", load_run),
    ("one.pt", read_checkpoint),
    ("one.pt", lambda path: read_checkpoint(path, to_continue=True)),
    ("one.pt", read_pretraining),
    ("official.pth", load_run),
    ("official.pth", read_official),
    ("resnet.pth", lambda path: read_style(path, "torchvision")),
    ("renamed.safetensors", load_run),
    ("backbone.safetensors", read_backbone),
    ("backbone.safetensors", lambda path: read_backbone(path.parent)),
)


@pytest.mark.filterwarnings("ignore")
def test_the_payloads_work(tmp_path: Path) -> None:
    """Loaded carelessly, they create the canary: the tests below can fail."""
    for name, content in with_code(tmp_path / "canary").items():
        if name.startswith("pickle of"):
            pickle.loads(content)
        elif name in ("newer format", "older format", "nested call", "system", "eval"):
            (tmp_path / "file").write_bytes(content)
            torch.load(tmp_path / "file", weights_only=False)
        else:
            continue
        assert (tmp_path / "canary").exists(), name
        (tmp_path / "canary").unlink()


@pytest.mark.parametrize("way", with_code(Path("canary")))
def test_code_never_runs_and_is_named(way: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    content = with_code(canary)[way]
    for name, read in READERS:
        (tmp_path / name).write_bytes(content)
        says = "cannot be read" if name.endswith("safetensors") else "holds code, not only weights"
        with pytest.raises(DataError, match=rf"{name}: {says}"):
            read(tmp_path / name)
        assert not canary.exists(), name
    assert not is_backbone(tmp_path / "backbone.safetensors")


@pytest.mark.parametrize("way", without_end())
def test_what_has_no_end_is_refused(way: str, tmp_path: Path) -> None:
    path = tmp_path / "bomb.pt"
    path.write_bytes(without_end()[way])
    with pytest.raises(DataError, match=r"bomb\.pt.*Use another copy|holds code, not only"):
        load_tensors(path)


def test_arrays_of_objects_are_not_loaded(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    index = open_small_dataset(tmp_path / "data")
    store = DetectionStore(tmp_path / "store", Manifest("w", "s", 90, 66, 14, "float32", ("car",)), index)
    store.path(0).parent.mkdir(parents=True)
    store.path(0).write_bytes(object_arrays(canary))
    assert store.read(0) is None
    place = cache.places(tmp_path, "index.npz")[0]
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(object_arrays(canary))
    assert cache.load(tmp_path, "index", "") is None
    (tmp_path / "records.json").write_text('{"records": []}')
    (tmp_path / CLOUDS).write_bytes(object_arrays(canary))
    with pytest.raises(DataError, match=r"clouds\.npz: cannot be read as maps"):
        open_study(tmp_path)
    assert not canary.exists()


@pytest.mark.parametrize("tag", ["object/apply:os.system", "object/new:os.system", "name:os.system", "module:os"])
def test_yaml_makes_no_objects(tag: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    (tmp_path / "r.yaml").write_text(f'ranking: !!python/{tag} ["touch {canary}"]\n')
    with pytest.raises(DataError, match=r"r\.yaml: it cannot be read: could not determine a constructor"):
        read_ranking(tmp_path / "r.yaml")
    assert not canary.exists()
