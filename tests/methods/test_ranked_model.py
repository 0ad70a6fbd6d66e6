"""The models: order of a step, gradients, baseline, released form; building them for a dataset."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from small_dataset import KnowingDetector, open_small_dataset
from voc_folder import CAT, write_voc

from clab_lite.config import BackboneConfig
from clab_lite.data.vid import open_dataset
from clab_lite.data.video_index import VideoIndex
from clab_lite.detector.backbone import Backbone
from clab_lite.errors import DataError
from clab_lite.methods.ranked import RankedConfig, build, known_classes, lite, ranking_of, report
from clab_lite.methods.ranked.loss import ranked_loss
from clab_lite.methods.ranked.model import RankedModel, SoftmaxModel
from clab_lite.methods.ranked.ranking import Ranking
from clab_lite.methods.ranked.source import RankedBatch
from clab_lite.methods.shared.recipe import PretrainConfig, learning_rate
from clab_lite.pretraining.detected import boxes_for, detected_boxes

NAMES = ("ant", "bee", "cat")
RANKING = Ranking(NAMES, {"ant": ["bee"], "bee": ["ant"]})
SMALL = BackboneConfig("resnet18", 4, imagenet_weights=False, frozen_stages=0, frozen_norm=False)


def config(**changes: object) -> RankedConfig:
    base = RankedConfig(crop=16, backbone=SMALL, dim=8, bank=12, ema=0.9, ranks=2, pretrain=PretrainConfig(4, 4))
    return replace(base, **changes)  # type: ignore[arg-type]


def batch(count: int = 4) -> RankedBatch:
    labels = torch.arange(count) % 3
    return RankedBatch(torch.randn(count, 3, 16, 16), torch.randn(count, 3, 16, 16), labels)


@pytest.fixture
def index(tmp_path: Path) -> VideoIndex:
    return open_small_dataset(tmp_path)


def test_a_step_in_its_published_order() -> None:
    """Loss against the old bank; then the key network moves, with the old query network; then the bank."""
    model, given = RankedModel(config(), RANKING), batch()
    with torch.no_grad():
        for parameter in model.query.parameters():
            parameter.add_(0.01 * torch.randn_like(parameter))  # at the start the two networks are equal
    old_bank, old_key = model.bank.vectors.clone(), [p.clone() for p in model.key.parameters()]
    query = [p.clone() for p in model.query.parameters()]
    twin_keys = model.key(given.key)
    terms = model(given)
    expected = ranked_loss(
        model.query(given.query), twin_keys, old_bank, given.labels, torch.full((12,), -1), model.ranks
    )
    torch.testing.assert_close(terms["total"], expected.total)
    assert torch.equal(model.bank.vectors, old_bank)
    terms["total"].backward()
    model.update()
    for key, before, source in zip(model.key.parameters(), old_key, query, strict=True):
        torch.testing.assert_close(key, 0.9 * before + 0.1 * source)
    assert model.bank.labels.tolist() == [0, 1, 2, 0] + [-1] * 8
    torch.testing.assert_close(model.bank.vectors[:4], F.normalize(twin_keys, dim=1))
    assert torch.equal(model.bank.vectors[4:], old_bank[:8])


def test_terms_have_names_and_only_the_query_network_learns() -> None:
    model = RankedModel(config(ranks=3), RANKING)
    terms = model(batch())
    assert set(terms) == {"rank_1", "rank_2", "rank_3", "total"}
    terms["total"].backward()
    assert all(p.grad is not None for p in model.trainable())
    assert all(p.grad is None and not p.requires_grad for p in model.key.parameters())
    assert {id(p) for p in model.trainable()} == {id(p) for p in model.query.parameters()}


def test_the_key_network_is_a_copy_and_no_alias() -> None:
    model = RankedModel(config(), RANKING)
    for query, key in zip(model.query.parameters(), model.key.module.parameters(), strict=True):
        assert torch.equal(query, key) and query.data_ptr() != key.data_ptr()


def test_an_update_without_a_batch_keeps_the_bank() -> None:
    model = RankedModel(config(), RANKING)
    before = model.bank.vectors
    model.update()
    assert torch.equal(model.bank.vectors, before)
    model(batch())
    model.update()
    model.update()  # the same keys are not put in twice
    assert (model.bank.labels >= 0).sum() == 4


def test_released_semantics_are_the_released_loss() -> None:
    torch.manual_seed(1)
    released = RankedModel(config(semantics="released", ranks=3), RANKING)
    given = batch()
    released.bank.push(torch.randn(12, 8), torch.arange(12) % 3)
    assert set(released(given)) == {"rank_1", "rank_2", "total"}  # two terms at most, quirk 2
    strangers = RankedBatch(given.query[:1], given.key[:1], torch.tensor([2]))
    released.eval()
    with pytest.raises(DataError, match="index error"):
        released(strangers)


def test_the_sum_is_the_sum() -> None:
    torch.manual_seed(0)
    model, given = RankedModel(config(rank_reduction="sum"), RANKING), batch()
    model.bank.push(torch.randn(12, 8), torch.arange(12) % 3)
    terms = model(given)
    torch.testing.assert_close(terms["total"], terms["rank_1"] + terms["rank_2"])


def test_softmax_baseline() -> None:
    model, given = SoftmaxModel(config(), 3), batch()
    terms = model(given)
    torch.testing.assert_close(terms["total"], F.cross_entropy(model.logits(given.query), given.labels))
    model.update()
    terms["total"].backward()
    assert all(p.grad is not None for p in model.trainable())
    torch.testing.assert_close(model.embed(given.query).norm(dim=1), torch.ones(4))


@pytest.mark.parametrize("kind", [RankedModel, SoftmaxModel])
def test_the_backbone_fits_the_detector(kind: type) -> None:
    model = kind(config(), RANKING if kind is RankedModel else 3)
    state = model.backbone_state()
    missing, unexpected = Backbone(SMALL).load_state_dict(state, strict=False)
    assert missing == ["conv1.weight"] and not unexpected  # the small stem's convolution has another shape


def test_a_model_learns_to_tell_two_colours(index: VideoIndex) -> None:
    torch.manual_seed(0)
    model, source = build(config(ranking="none", bank=32, ema=0.5), index)
    optimizer = torch.optim.AdamW(model.trainable(), 3e-3)
    totals = []
    for step in range(25):
        terms = model(source.batch(step))
        optimizer.zero_grad()
        terms["total"].backward()
        model.update()
        optimizer.step()
        totals.append(float(terms["total"].detach()))
    assert np.mean(totals[-3:]) < 0.5 * max(totals)


def test_building_for_a_dataset(index: VideoIndex, tmp_path: Path) -> None:
    assert known_classes(config(), index) == ("car", "dog")
    with pytest.raises(
        DataError, match=r"withheld names 'kar', which is no class of the dataset. Use some of: car, dog"
    ):
        known_classes(config(withheld=("kar",)), index)
    with pytest.raises(DataError, match=r"only \['dog'\] are left: ranked contrast needs two or more"):
        build(config(withheld=("car",)), index)
    path = tmp_path / "mine.yaml"
    path.write_text("ranking: {car: [dog, zebra], dog: [car], zebra: [car]}")
    ranking = ranking_of(config(ranking=str(path)), index)
    assert ranking.class_names == ("car", "dog") and ranking.similar["car"] == ("dog",)  # zebras do not occur
    path.write_text(json.dumps({"ranking": {"unicorn": []}}))
    with pytest.raises(DataError, match="'unicorn' is no class here"):
        ranking_of(config(ranking=str(path)), index)


def test_voc_2007_by_the_report_s_settings(tmp_path: Path) -> None:
    names = ("chair", "sofa", "motorbike", "bicycle", "diningtable", "car")
    objects = [CAT.replace("cat", name) for name in names]
    images = {f"{number:06d}": objects[number] + objects[(number + 1) % 6] for number in range(6)}
    index = open_dataset(write_voc(tmp_path, images), "train")
    settings = replace(
        report(), crop=16, backbone=SMALL, dim=8, bank=16, ranks=3, withheld=("chair", "motorbike"),
        pretrain=replace(report().pretrain, batch=2),
    )  # fmt: skip
    model, source = build(settings, index)
    assert isinstance(model, RankedModel)
    assert model.ranking.class_names == ("bicycle", "car", "diningtable", "sofa")
    assert dict(model.ranking.similar) == {"bicycle": (), "car": (), "diningtable": ("sofa",), "sofa": ("diningtable",)}
    given = source.batch(0)  # all known crops of two images
    assert 2 <= len(given.labels) <= 4
    model(given)["total"].backward()
    model.update()


def test_crops_of_a_detector(index: VideoIndex) -> None:
    detector = KnowingDetector(index, shift=2.0)
    found = detected_boxes(detector, index.select([0]), 0.5)
    boxes = found(0, 1)
    np.testing.assert_allclose(boxes, index.annotation(0, 1).boxes + np.float32([2, 0, 2, 0]), atol=1e-3)
    assert len(detected_boxes(KnowingDetector(index), index.select([0]), 0.95)(0, 0)) == 0
    with pytest.raises(DataError, match=r"crop_source is 'gt', and a detector was given"):
        build(config(), index, found)
    with pytest.raises(DataError, match=r"crop_source is 'detector', and no detector was given"):
        build(config(crop_source="detector"), index)
    with pytest.raises(DataError, match=r"detector is None. Name the run folder"):
        boxes_for(config(crop_source="detector"), index)
    assert boxes_for(config(), index) is None


def test_presets() -> None:
    assert lite().withheld == ("dog", "watercraft") and lite().ranks == 3 and lite().pretrain.steps >= 400
    published = report()
    assert (published.crop, published.dim, published.bank, published.ema) == (64, 128, 2048, 0.99)
    recipe = published.pretrain
    assert learning_rate(recipe, recipe.steps - 1) == pytest.approx(0.5 * 0.1**3)
    assert recipe.steps == 500 * -(-5011 // 32)


@pytest.mark.parametrize(("changes", "message"), [
    ({"lowest_temperature": 0.7}, r"highest_temperature is 0.6. Choose a value from lowest_temperature, which is 0.7"),
    ({"crop_area": (1.0, 0.5)}, r"crop_area is \(1.0, 0.5\). Give two shares"),
    ({"crop_area": (0.5,)}, r"Give two shares"),
    ({"ranks": 0}, r"ranks is 0"),
    ({"variant": "inside"}, r"variant is 'inside'"),
    ({"withheld": ()}, r"withheld is \(\)"),
])  # fmt: skip
def test_settings_that_cannot_be(changes: dict, message: str) -> None:
    with pytest.raises(DataError, match=message):
        replace(lite(), **changes)
