"""The 30 classes of ImageNet VID: names, WordNet ids, and the label of each.

One order for everybody (dataset specification, section 4): alphabetical by name. The label of a class is its
position, 0..29; mmtracking's json files write the same order as 1..30.
"""

from __future__ import annotations

_CLASSES: tuple[tuple[str, str], ...] = (
    ("airplane", "n02691156"),
    ("antelope", "n02419796"),
    ("bear", "n02131653"),
    ("bicycle", "n02834778"),
    ("bird", "n01503061"),
    ("bus", "n02924116"),
    ("car", "n02958343"),
    ("cattle", "n02402425"),
    ("dog", "n02084071"),
    ("domestic_cat", "n02121808"),
    ("elephant", "n02503517"),
    ("fox", "n02118333"),
    ("giant_panda", "n02510455"),
    ("hamster", "n02342885"),
    ("horse", "n02374451"),
    ("lion", "n02129165"),
    ("lizard", "n01674464"),
    ("monkey", "n02484322"),
    ("motorcycle", "n03790512"),
    ("rabbit", "n02324045"),
    ("red_panda", "n02509815"),
    ("sheep", "n02411705"),
    ("snake", "n01726692"),
    ("squirrel", "n02355227"),
    ("tiger", "n02129604"),
    ("train", "n04468005"),
    ("turtle", "n01662784"),
    ("watercraft", "n04530566"),
    ("whale", "n02062744"),
    ("zebra", "n02391049"),
)

VID_CLASSES: tuple[str, ...] = tuple(name for name, _ in _CLASSES)
"""Names in label order."""

VID_WNIDS: tuple[str, ...] = tuple(wnid for _, wnid in _CLASSES)
"""WordNet ids in label order, as the XML files write them."""

WNID_TO_LABEL: dict[str, int] = {wnid: label for label, wnid in enumerate(VID_WNIDS)}
"""WordNet id to label 0..29."""

NAME_TO_LABEL: dict[str, int] = {name: label for label, name in enumerate(VID_CLASSES)}
"""Name to label 0..29."""

TROUBLES: tuple[str, ...] = (
    "motion_blur",
    "occlusion",
    "defocus",
    "low_light",
    "noise",
    "deformation",
    "truncation",
)
"""What can make a frame hard; the words a `troubles.json` side file may use."""
