"""The user's ranking: what is shipped, what a file may say, and what each mistake is answered with."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest
import torch
from method_goldens import cases

from clab_lite.data.classes import VID_CLASSES
from clab_lite.data.voc import VOC_CLASSES
from clab_lite.data.world.config import WORLD_CLASSES
from clab_lite.errors import DataError, Notice
from clab_lite.methods.ranked.ranking import Ranking
from clab_lite.methods.ranked.ranking_file import SHIPPED, read_ranking

ZOO = ("ant", "bee", "cat", "dog")


def write(folder: Path, content: object, name: str = "ranking.json") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.parametrize("case", cases("ranked.table"), ids=lambda case: case["name"])
def test_golden_voc(case: dict) -> None:
    names, expected = tuple(case["inputs"]["classes"]), case["expected"]
    ranking = read_ranking("voc", names)
    assert {name: list(listed) for name, listed in ranking.similar.items()} == expected["ranking"]
    assert names == VOC_CLASSES
    released = Ranking(names, ranking.similar, released_scores=True).similarity(3)
    order = [[names[i] for i in row[:3]] for row in ranking.order().tolist()]
    assert order == expected["order_first_3"]
    score = expected["score"]
    assert set(released.flatten().tolist()) == set(score.values()) and released[0, 0] == score["self"]


def test_what_is_shipped_fits_its_dataset() -> None:
    datasets = {"imagenet_vid": VID_CLASSES, "sample_world": VID_CLASSES, "voc": VOC_CLASSES, "voc_groups": VOC_CLASSES}
    assert tuple(sorted(datasets)) == SHIPPED
    for name, classes in datasets.items():
        ranking = read_ranking(name, classes)
        assert set(ranking.similar) == (set(WORLD_CLASSES) if name == "sample_world" else set(classes))
    groups = read_ranking("voc_groups", VOC_CLASSES).similarity(5)
    assert torch.equal(groups, groups.T) and groups.sum(dim=1).tolist()[:2] == [1.0, 1 + 5 * 0.75]


def test_scores_from_positions() -> None:
    ranking = Ranking(ZOO, {"ant": ["bee", "cat", "dog"], "cat": ["dog"]})
    torch.testing.assert_close(ranking.similarity(3)[0], torch.tensor([1, 2 / 3, 1 / 3, 0], dtype=torch.float64))
    torch.testing.assert_close(ranking.similarity(5)[0], torch.tensor([1, 0.8, 0.6, 0.4], dtype=torch.float64))
    assert torch.equal(ranking.similarity(1), torch.eye(4, dtype=torch.float64))
    assert ranking.similarity(5)[2].tolist() == [0, 0, 1, 0.8]  # a short list is not filled up


def test_given_scores_are_kept(tmp_path: Path) -> None:
    path = write(tmp_path, {"ranking": {"cat": ["dog", "bee"], "dog": ["cat"], "bee": ["cat"]},
                            "scores": {"cat": {"dog": 0.9, "bee": 0.1}}})  # fmt: skip
    ranking = read_ranking(path, ZOO)
    torch.testing.assert_close(ranking.similarity(3)[2], torch.tensor([0, 0.1, 1, 0.9], dtype=torch.float64))
    assert ranking.similarity(2)[2, 1] == 0  # with two ranks, only the first similar class has one
    torch.testing.assert_close(ranking.similarity(3)[3, 2], torch.tensor(2 / 3, dtype=torch.float64))


def test_fewer_classes() -> None:
    ranking = Ranking(ZOO, {"ant": ["bee", "cat"], "cat": ["dog", "ant"]}, {"ant": {"bee": 0.5, "cat": 0.2}})
    fewer = ranking.among(("cat", "ant"))
    assert fewer.class_names == ("cat", "ant")
    assert fewer.similar == {"cat": ("ant",), "ant": ("cat",)} and fewer.scores == {"ant": {"cat": 0.2}}


def test_yaml_says_the_same_as_json(tmp_path: Path) -> None:
    text = "ranking:\n  cat: [dog]\n  dog: [cat, ant]\n  ant: [dog]\nscores:\n  dog: {cat: 0.7, ant: 0.2}\n"
    content = {"ranking": {"cat": ["dog"], "dog": ["cat", "ant"], "ant": ["dog"]},
               "scores": {"dog": {"cat": 0.7, "ant": 0.2}}}  # fmt: skip
    tables = [
        read_ranking(write(tmp_path, given, name), ZOO).similarity(3)
        for given, name in ((text, "a.yaml"), (text, "b.yml"), (content, "c.json"))
    ]
    assert torch.equal(tables[0], tables[1]) and torch.equal(tables[0], tables[2])


def test_one_way_similarity_is_a_warning(tmp_path: Path) -> None:
    path = write(tmp_path, {"ranking": {"cat": ["dog", "ant", "bee"], "dog": ["ant"]}})
    with pytest.warns(Notice, match=r"one way only: cat lists dog; cat lists ant; cat lists bee and 1 more"):
        read_ranking(path, ZOO)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_ranking(write(tmp_path, {"ranking": {"cat": ["dog"], "dog": ["cat"]}}), ZOO)
        read_ranking("voc", VOC_CLASSES)  # a published fact: nothing to mend


def test_no_ranking_and_no_classes_given(tmp_path: Path) -> None:
    assert torch.equal(read_ranking("none", ZOO).similarity(3), torch.eye(4, dtype=torch.float64))
    assert read_ranking(write(tmp_path, {"ranking": {"x": [], "y": []}})).class_names == ("x", "y")
    assert read_ranking(write(tmp_path, {"ranking": {}}), ZOO).similarity(2).sum() == 4


MISTAKES: list[tuple[object, str]] = [
    ({"ranking": {"cow": ["cat"]}}, r"class 'cow': 'cow' is no class here. Use one of: ant, bee"),
    ({"ranking": {"cat": ["dog", "cow"]}}, r"list of 'cat', position 2: 'cow' is no class here"),
    ({"ranking": {"cat": ["cat"]}}, r"'cat', position 1: the class is in its own list"),
    ({"ranking": {"cat": ["dog", "ant", "dog"]}}, r"position 3: 'dog' is listed a second time"),
    ({"ranking": {"cat": ["dog"]}, "scores": {"cat": {"dog": 1.0}}}, r"scores of 'cat': 'dog' has 1.0. Use numbers"),
    ({"ranking": {"cat": ["dog"]}, "scores": {"cat": {"dog": float("nan")}}}, r"'dog' has nan. Use numbers"),
    ({"ranking": {"cat": ["dog"]}, "scores": {"cat": {"dog": "much"}}}, r"'dog' has 'much', no number"),
    ({"ranking": {"cat": ["dog"]}, "scores": {"cat": {"dog": True}}}, r"'dog' has True, no number"),
    ({"ranking": {"cat": ["dog", "ant"]}, "scores": {"cat": {"dog": 0.4, "ant": 0.4}}}, r"0.4 after 0.4.*falling"),
    ({"ranking": {"cat": ["dog", "ant"]}, "scores": {"cat": {"dog": 0.4, "ant": 0.6}}}, r"0.6 after 0.4"),
    ({"ranking": {"cat": ["dog", "ant"]}, "scores": {"cat": {"dog": 0.4}}}, r"'ant' has no score"),
    ({"ranking": {"cat": ["dog"]}, "scores": {"ant": {"dog": 0.4}}}, r"scores of 'ant': 'dog' has a score but is not"),
    ({"ranking": {"cat": ["dog"]}, "scores": {"cat": {"dog": 0.4}}, "released_scores": True}, r"scores and released"),
    ({"ranking": {"cat": ["dog"]}, "released_scores": 1}, r"released_scores: is 1. Write true or false"),
    ({"ranking": {"cat": "dog"}}, r"class 'cat': 'dog' is no list of names"),
    ({"ranking": {"cat": [["dog"]]}}, r"is no list of names"),
    ({"ranking": ["cat"]}, r"ranking: is list"),
    ({"ranking": {"cat": ["dog"]}, "scores": ["cat"]}, r"scores: is list"),
    ({"ranking": {"cat": ["dog"]}, "scores": {"cat": 0.5}}, r"scores of 'cat': 0.5 is no table"),
    ({"ranks": {}}, r"it has no 'ranking'. Write it as"),
    ({"ranking": {}, "similar": 1}, r"key 'similar': it means nothing here"),
    ("[1, 2]", r"it has no 'ranking'"),
    ("{", r"it cannot be read"),
    ('{"ranking": {"cat": ["dog"], "cat": ["ant"]}}', r"'cat' is there twice"),
    ("[" * 100_000, r"it cannot be read"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "message"), MISTAKES, ids=[message[:30] for _, message in MISTAKES])
def test_mistakes(content: object, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read_ranking(write(tmp_path, content), ZOO)
    assert "ranking.json" in str(caught.value)


@pytest.mark.parametrize(("text", "message"), [
    ("ranking:\n  cat: [dog]\n  cat: [ant]\n", r"'cat' is there twice"),
    ("ranking: {cat: [no]}", r"\[False\] is no list of names.*quotes"),
    ("ranking: {cat: [dog", r"it cannot be read"),
    ("ranking: !!python/object/apply:os.getcwd []", r"it cannot be read"),
    ("? [a, b]\n: c\n", r"it cannot be read|it has no 'ranking'"),
])  # fmt: skip
def test_mistakes_in_yaml(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read_ranking(write(tmp_path, text, "ranking.yaml"), ZOO)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_ranking(tmp_path / "missing.json", ZOO)
    with pytest.raises(DataError, match=r"it is no ranking file. Name a .json or .yaml file, or one of: none, im"):
        read_ranking("imagenet", ZOO)
    (tmp_path / "latin.json").write_bytes(b'{"ranking": {"caf\xe9": []}}')
    with pytest.raises(DataError, match="it cannot be read"):
        read_ranking(tmp_path / "latin.json", ZOO)
