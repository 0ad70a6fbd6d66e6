"""Embeddings of a small dataset whose features are plain colours, and their maps."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from small_dataset import CAR, DOG, FlatDetector, open_small_dataset

from clab_lite.config import FrameConfig
from clab_lite.data.transforms import normalise
from clab_lite.data.vid import VideoIndex
from clab_lite.embeddings import EmbeddingTable, embed, embed_levels
from clab_lite.errors import DataError


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> VideoIndex:
    return open_small_dataset(tmp_path_factory.mktemp("small"))


def _embedding(matrix: np.ndarray, classes: list[str], video: list[int], frame: list[int]) -> EmbeddingTable:
    table = pd.DataFrame({"video": video, "frame": frame, "track": 0, "class_name": classes})
    return EmbeddingTable(table, matrix.astype(np.float32), "object")


def test_object_rows(index: VideoIndex) -> None:
    detector = FlatDetector().train()
    table = embed(detector, index, progress=False)
    assert detector.training
    assert table.matrix.shape == (11, 3)
    assert table.matrix.dtype == np.float32
    assert table.table["label"].tolist() == [CAR] * 4 + [DOG, CAR] * 3 + [DOG]
    assert table.table["video"].tolist() == [0] * 4 + [1] * 6 + [2]
    assert table.table["track"].tolist() == [0] * 4 + [0, 1] * 3 + [0]
    assert table.table["troubles"].tolist()[:4] == ["", "motion_blur", "motion_blur, noise", ""]
    # Objects are red cars and blue dogs: the class can be told by which channel is larger.
    red, blue = table.matrix[:, 0], table.matrix[:, 2]
    assert ((red > blue) == (table.table["label"] == CAR)).all()
    assert table.scores("class_name").silhouette > 0.3


def test_frame_rows_and_padding(index: VideoIndex) -> None:
    """A frame feature is the mean over the picture, not over the zeros beside it."""
    tables = embed_levels(FlatDetector(), index, ("frame", "projector"), transform=FrameConfig(64, 44), progress=False)
    frame = tables["frame"]
    assert frame.matrix.shape == (9, 3)
    assert frame.table["label"].tolist()[-2:] == [DOG, -1]  # the last frame shows nothing
    assert frame.table["class_name"].tolist()[-1] == ""
    assert (frame.table["track"] == -1).all()
    empty = normalise(index.load_image(2, 1))  # 60 x 44 pixels: no resize, 3 x 4 cells of 16 pixels
    padded = torch.nn.functional.pad(empty, (0, 4, 0, 4))
    np.testing.assert_allclose(frame.matrix[-1], padded.mean(dim=(1, 2)).numpy(), rtol=1e-4)
    assert tables["projector"].matrix.shape == (9, 6)


def test_padding_cells_are_left_out(index: VideoIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "clab_lite.detector.video.pad_to_multiple", lambda x: torch.nn.functional.pad(x, (0, 36, 0, 20))
    )
    wide = embed(FlatDetector(), index, "frame", transform=FrameConfig(60, 44), progress=False).matrix
    monkeypatch.undo()
    tight = embed(FlatDetector(), index, "frame", transform=FrameConfig(60, 44), progress=False).matrix
    np.testing.assert_allclose(wide, tight, rtol=1e-5)


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_batch_size_and_step_change_nothing(index: VideoIndex, batch: int) -> None:
    whole = embed(FlatDetector(), index, progress=False)
    part = embed(FlatDetector(), index, frame_step=2, batch=batch, progress=False)
    keep = whole.table["frame"] % 2 == 0
    pd.testing.assert_frame_equal(part.table, whole.table[keep].reset_index(drop=True))
    np.testing.assert_allclose(part.matrix, whole.matrix[keep.to_numpy()], rtol=1e-5)


def test_projector_needs_a_branch(index: VideoIndex) -> None:
    with pytest.raises(DataError, match="needs the auxiliary branch"):
        embed(FlatDetector(auxiliary=False), index, "projector", progress=False)
    assert len(embed(FlatDetector(auxiliary=False), index.select([]), progress=False)) == 0


def test_scores_leave_adjacent_frames_out() -> None:
    matrix = np.array([[1, 0], [1, 0.02], [1, 0.05], [1, 0.07]])
    table = _embedding(matrix, ["a", "a", "b", "b"], [0, 0, 1, 1], [0, 1, 0, 1])
    assert table.scores("class_name", neighbours=1).knn_purity == 0.0
    assert table.scores("video", neighbours=1).knn_purity == 0.0
    assert table.scores("track").silhouette > 0
    assert table.scores("class_name", neighbours=1, gap=-1).knn_purity == 1.0
    assert table.scores("class_name").alignment < table.scores("video").alignment + 1e-9
    assert table.scores("class_name").uniformity == table.scores("track").uniformity < 0


def test_groups() -> None:
    table = _embedding(np.eye(3), ["a", "a", "b"], [0, 1, 1], [0, 0, 0])
    assert table.groups("class_name").tolist() == ["a", "a", "b"]
    assert table.groups("video").tolist() == ["0", "1", "1"]
    assert table.groups("track").tolist() == ["0/0", "1/0", "1/0"]
    with pytest.raises(DataError, match="Choose one of class_name, video, track"):
        table.groups("colour")  # type: ignore[arg-type]


def test_pca_by_hand() -> None:
    """Directions on a circle around (1, 0): the first coordinate is the angle's sine, the second its cosine."""
    angles = np.deg2rad([-20, -10, 0, 10, 25])
    matrix = np.stack([np.cos(angles), np.sin(angles)], axis=1) * [[1], [2], [3], [4], [5]]
    flat = _embedding(matrix, ["a"] * 5, [0] * 5, list(range(5))).map()
    assert flat.shape == (5, 2)
    unit = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    distances = np.linalg.norm(unit[:, None] - unit[None], axis=2)
    np.testing.assert_allclose(np.linalg.norm(flat[:, None] - flat[None], axis=2), distances, atol=1e-6)
    assert flat[4, 0] > flat[0, 0]
    assert np.var(flat[:, 0]) > np.var(flat[:, 1])


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_maps_of_few_rows(rows: int) -> None:
    table = _embedding(np.eye(2)[:rows].reshape(rows, 2), ["a"] * rows, [0] * rows, list(range(rows)))
    assert table.map().shape == (rows, 2)
    with pytest.warns(UserWarning, match="too few"):
        assert table.map("umap").shape == (rows, 2)
    with pytest.raises(DataError, match="'tsne' is unknown"):
        table.map("tsne")  # type: ignore[arg-type]


def test_without_umap_the_map_is_pca(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)
    table = _embedding(np.random.default_rng(0).normal(size=(8, 3)), ["a"] * 8, [0] * 8, list(range(8)))
    with pytest.warns(UserWarning, match="not installed"):
        np.testing.assert_array_equal(table.map("umap"), table.map("pca"))


@pytest.mark.slow
def test_umap_is_repeatable() -> None:
    pytest.importorskip("umap")
    table = _embedding(np.random.default_rng(0).normal(size=(30, 4)), ["a"] * 30, [0] * 30, list(range(30)))
    first = table.map("umap", seed=3)
    assert first.shape == (30, 2)
    np.testing.assert_array_equal(first, table.map("umap", seed=3))
