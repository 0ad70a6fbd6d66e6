"""Read a ranking of classes from a JSON or YAML file, or one of the rankings that come with the package.

{"ranking": {"cat": ["dog", "sheep"], "dog": ["cat"]},
 "scores": null,                                          or {"cat": {"dog": 0.8, "sheep": 0.3}}
 "released_scores": false}                                may be left out, like the scores
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from clab_lite.data.source_file import read_source
from clab_lite.errors import DataError, Notice
from clab_lite.methods.ranked.ranking import Ranking
from clab_lite.ranges import shown

SHIPPED = ("imagenet_vid", "sample_world", "voc", "voc_groups")
"""voc is the published list, voc_groups the report's super-groups; the other two are ours."""

MAX_BYTES = 1_000_000
_SHOWN = 3
_REMEDY = 'Write it as {"ranking": {"cat": ["dog", "sheep"], ...}}.'


def read_ranking(source: str | Path, class_names: Sequence[str] | None = None) -> Ranking:
    """The ranking of a file, checked against the classes of a dataset.

    Classes that one list names and that does not name them back are allowed, with a warning that shows some.

    Args:
        source: a file (.json, .yaml, .yml), one of `SHIPPED`, or "none": no class is like another.
        class_names: of the dataset, in label order; None takes the classes that the file ranks.

    Raises:
        DataError: no such file, not of this form, or a mistake in the lists or scores: see `Ranking`.
    """
    if str(source) == "none":
        return Ranking(tuple(class_names or ()), place="ranking 'none'")
    content, place = _content(source)
    lists, scores = _lists(content, place), _scores(content, place)
    released = content.get("released_scores", False)
    if not isinstance(released, bool):
        raise DataError.at(place, "released_scores", f"is {shown(released)}", "Write true or false.")
    names = tuple(lists) if class_names is None else tuple(class_names)
    ranking = Ranking(names, lists, scores, released, place)
    if str(source) not in SHIPPED and (pairs := ranking.asymmetric_pairs()):
        some = "; ".join(f"{first} lists {second}" for first, second in pairs[:_SHOWN])
        more = f" and {len(pairs) - _SHOWN} more" if len(pairs) > _SHOWN else ""
        warnings.warn(f"{place}: similar one way only: {some}{more}", Notice, stacklevel=2)
    return ranking


def _content(source: str | Path) -> tuple[dict[str, Any], str]:
    """The object in the file and the file's name for messages."""
    if str(source) in SHIPPED:
        text = (resources.files("clab_lite.methods.ranked") / "rankings" / f"{source}.json").read_text("utf-8")
        return json.loads(text), f"ranking {str(source)!r}"
    path = Path(source)
    if path.suffix not in (".json", ".yaml", ".yml"):
        remedy = f"Name a .json or .yaml file, or one of: none, {', '.join(SHIPPED)}."
        raise DataError.at(path, "", "it is no ranking file", remedy)
    try:
        text = read_source(path, "the ranking", MAX_BYTES, _REMEDY).decode("utf-8-sig")
        content = _parse_json(text) if path.suffix == ".json" else yaml.load(text, Loader=_UniqueKeys)
    except DataError:
        raise
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError.at(path, "", f"it cannot be read: {reason}", _REMEDY) from error
    if not isinstance(content, dict) or "ranking" not in content:
        raise DataError.at(path, "", "it has no 'ranking'", _REMEDY)
    unknown = [key for key in content if key not in ("ranking", "scores", "released_scores")]
    if unknown:
        remedy = "Keys are ranking, scores, released_scores."
        raise DataError.at(path, f"key {unknown[0]!r}", "it means nothing here", remedy)
    return content, str(path)


def _parse_json(text: str) -> Any:
    """Like `json.loads`, but a class that is ranked twice is an error (Python's reader keeps the last silently)."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        _require_unique(names)
        return dict(pairs)

    return json.loads(text, object_pairs_hook=unique)


class _UniqueKeys(yaml.SafeLoader):
    """Plain data only; a key that is there twice is an error, as in `_parse_json`."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        _require_unique([str(key.value) for key, _ in node.value])
        return super().construct_mapping(node, deep)

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Without aliases: a few lines of them stand for lists of any length."""
        if self.check_event(yaml.events.AliasEvent):
            raise ValueError(f"line {self.peek_event().start_mark.line + 1}: '*' stands for another part of the file")
        return super().compose_node(parent, index)


def _require_unique(names: Sequence[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{shown(name)} is there twice")
        seen.add(name)


def _lists(content: dict[str, Any], place: str) -> dict[str, tuple[str, ...]]:
    ranking = content["ranking"]
    if not isinstance(ranking, dict):
        raise DataError.at(place, "ranking", f"is {type(ranking).__name__}", _REMEDY)
    for name, listed in ranking.items():
        if not isinstance(listed, list) or not all(isinstance(word, str) for word in (name, *listed)):
            problem = f"{shown(listed)} is no list of names"
            remedy = 'Write ["dog", "sheep"], or [] for no similar class. In YAML, put names like no and yes in quotes.'
            raise DataError.at(place, f"class {name!r}", problem, remedy)
    return {name: tuple(listed) for name, listed in ranking.items()}


def _scores(content: dict[str, Any], place: str) -> dict[str, dict[str, float]]:
    scores = content.get("scores") or {}
    remedy = 'Write {"cat": {"dog": 0.8}}, or null.'
    if not isinstance(scores, dict):
        raise DataError.at(place, "scores", f"is {type(scores).__name__}", remedy)
    for name, given in scores.items():
        if not isinstance(given, dict):
            problem = f"{shown(given)} is no table of names and numbers"
            raise DataError.at(place, f"scores of {name!r}", problem, remedy)
        for word, score in given.items():
            if not isinstance(score, int | float) or isinstance(score, bool):
                raise DataError.at(place, f"scores of {name!r}", f"{word!r} has {shown(score)}, no number", remedy)
    return scores
