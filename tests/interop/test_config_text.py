"""Settings from the text of an mmcv configuration."""

from dataclasses import replace

import pytest

from clab_lite.config import AnchorConfig, DetectorConfig, FrameConfig, ProposalConfig
from clab_lite.interop.config_text import read_config_text, with_official_settings

TEXT = """
img_norm_cfg = dict(mean=[123.675, 116.28, 103.53], to_rgb=True)
model = dict(
    type='SELSA',
    pretrains=None,
    detector=dict(
        rpn_head=dict(anchor_generator=dict(scales=[4, 8, 16], ratios=[0.5, 1.0], strides=[16])),
        roi_head=dict(
            bbox_roi_extractor=dict(
                type='TemporalRoIAlign',
                num_most_similar_points=4,
                num_temporal_attention_blocks=0,
                roi_layer=dict(type='RoIAlign', output_size=7, sampling_ratio=1)),
            bbox_head=dict(aggregator=dict(num_attention_blocks=8))),
        train_cfg=dict(rpn_proposal=dict(nms_pre=5000, max_num=500, nms_thr=0.6)),
        test_cfg=dict(
            rpn=dict(nms_pre=4000, max_per_img=200, nms=dict(type='nms', iou_threshold=0.65)),
            rcnn=dict(score_thr=0.001, nms=dict(type='nms', iou_threshold=0.4), max_per_img=50))))
data = dict(
    test=dict(
        pipeline=[dict(type='Load'), dict(type='Aug', transforms=[dict(type='SeqResize', img_scale=(800, 480))])],
        ref_img_sampler=dict(num_ref_imgs=10, method='test_with_adaptive_stride')))
step = -1
names = {'a': 1}
gpus = range(0, 8)
"""


def test_values_are_read_and_nothing_is_run() -> None:
    found = read_config_text(TEXT)
    assert found["img_norm_cfg"] == {"mean": [123.675, 116.28, 103.53], "to_rgb": True}
    assert found["step"] == -1 and found["names"] == {"a": 1}
    assert found["gpus"] is None
    assert found["model"]["detector"]["test_cfg"]["rcnn"]["max_per_img"] == 50


def test_what_weights_do_not_show_comes_from_the_text() -> None:
    start = replace(DetectorConfig(), roi=replace(DetectorConfig().roi, temporal=False))
    found = with_official_settings(start, read_config_text(TEXT))
    assert found.roi == replace(start.roi, temporal=True, most_similar=4, attention_blocks=0, sampling_ratio=1)
    assert found.box_head == replace(start.box_head, attention_blocks=8)
    assert found.rpn == replace(
        start.rpn,
        anchors=AnchorConfig(scales=(4.0, 8.0, 16.0), ratios=(0.5, 1.0)),
        train_proposals=ProposalConfig(5000, 500, 0.6),
        test_proposals=ProposalConfig(4000, 200, 0.65),
    )
    assert found.detection == replace(
        start.detection, score_threshold=0.001, iou_threshold=0.4, max_detections=50, references=10
    )
    assert found.frame == FrameConfig(800, 480)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "model = dict(",
        "model = 3",
        "model = dict(detector=[1])",
        "model = dict(detector=dict(test_cfg=dict(rcnn=dict(score_thr='low', max_per_img=2.5))))",
        "model = dict(detector=dict(rpn_head=dict(anchor_generator=dict(scales=['a'], ratios=1))))",
        "data = dict(test=[dict(img_scale=(5,))])",
        "\0",
        "x = " + "(" * 5000,
    ],
)
def test_odd_text_changes_nothing(text: str) -> None:
    assert with_official_settings(DetectorConfig(), read_config_text(text)) == DetectorConfig()
