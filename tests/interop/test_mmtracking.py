"""Official names beside ours, written out by hand: a round trip cannot see two names that are exchanged."""

import pytest
import torch
from official_files import official_shapes

from clab_lite.errors import DataError
from clab_lite.interop import from_mmtracking, to_mmtracking

HEAD = "detector.roi_head.bbox_head."
# Attention: fc_embed makes the queries of the key regions, ref_fc_embed the keys and ref_fc the values of the reference
# regions, fc the output.
NAMES = {
    "detector.backbone.conv1.weight": "backbone.conv1.weight",
    "detector.backbone.bn1.bias": "backbone.bn1.bias",
    "detector.backbone.bn1.num_batches_tracked": "backbone.bn1.num_batches_tracked",
    "detector.backbone.layer1.0.downsample.0.weight": "backbone.layer1.0.downsample.0.weight",
    "detector.backbone.layer3.5.bn2.running_mean": "backbone.layer3.5.bn2.running_mean",
    "detector.backbone.layer4.2.bn3.running_var": "backbone.layer4.2.bn3.running_var",
    "detector.neck.convs.0.conv.weight": "neck.conv.weight",
    "detector.neck.convs.0.conv.bias": "neck.conv.bias",
    "detector.rpn_head.rpn_conv.weight": "rpn.conv.weight",
    "detector.rpn_head.rpn_cls.weight": "rpn.objectness.weight",
    "detector.rpn_head.rpn_reg.bias": "rpn.deltas.bias",
    "detector.roi_head.bbox_roi_extractor.embed_network.conv.weight": "temporal.embed.weight",
    "detector.roi_head.bbox_roi_extractor.embed_network.conv.bias": "temporal.embed.bias",
    HEAD + "fc_cls.weight": "box_head.classify.weight",
    HEAD + "fc_reg.bias": "box_head.regress.bias",
    HEAD + "shared_fcs.0.weight": "box_head.layers.0.weight",
    HEAD + "shared_fcs.2.bias": "box_head.layers.2.bias",
    HEAD + "aggregator.0.fc_embed.weight": "box_head.aggregators.0.query.weight",
    HEAD + "aggregator.0.fc_embed.bias": "box_head.aggregators.0.query.bias",
    HEAD + "aggregator.0.ref_fc_embed.weight": "box_head.aggregators.0.key.weight",
    HEAD + "aggregator.1.ref_fc_embed.bias": "box_head.aggregators.1.key.bias",
    HEAD + "aggregator.1.ref_fc.weight": "box_head.aggregators.1.value.weight",
    HEAD + "aggregator.2.ref_fc.bias": "box_head.aggregators.2.value.bias",
    HEAD + "aggregator.2.fc.weight": "box_head.aggregators.2.output.weight",
    HEAD + "aggregator.2.fc.bias": "box_head.aggregators.2.output.bias",
    "auxiliary.channel.0.weight": "auxiliary.conv.weight",
    "auxiliary.channel.0.bias": "auxiliary.conv.bias",
    "auxiliary.proj.0.weight": "auxiliary.projector.0.weight",
    "auxiliary.proj.2.bias": "auxiliary.projector.2.bias",
}


def test_official_names_by_hand() -> None:
    """In both directions; each tensor holds the number of its row."""
    state = {official: torch.tensor(row) for row, official in enumerate(NAMES)}
    ours = from_mmtracking(state)
    assert {name: int(value) for name, value in ours.items()} == {name: row for row, name in enumerate(NAMES.values())}
    back = to_mmtracking(ours)
    assert {name: int(value) for name, value in back.items()} == {name: row for row, name in enumerate(NAMES)}


def test_the_table_shows_every_kind_of_name() -> None:
    """Numbers aside, and weight or bias aside, no layer outside the backbone is left out."""

    def layers(names: list[str]) -> set[str]:
        outside = (name for name in names if ".backbone." not in name)
        return {".".join(p for p in name.split(".")[:-1] if not p.isdigit()) for name in outside}

    assert layers(list(NAMES)) == layers(list(official_shapes("r50")))
    assert set(NAMES) <= set(official_shapes("r50"))


@pytest.mark.parametrize("name", ["box_head.mask.weight", "detector.neck.convs.0.conv.weight"])
def test_a_name_that_is_not_ours_is_refused(name: str) -> None:
    with pytest.raises(DataError, match=f"'{name}' is no parameter of VideoDetector"):
        to_mmtracking({name: torch.zeros(1)})
