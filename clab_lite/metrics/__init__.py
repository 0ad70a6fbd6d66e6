"""Measures: average precision by three protocols, motion IoU, quality of embedding clusters. NumPy only.

One pass over the boxes, however many protocols look at them; here two frames, one object in each, the second missed:

>>> from clab_lite.metrics.arrays import Detections, Frames, GroundTruth
>>> from clab_lite.metrics.average_precision import accumulate_all
>>> from clab_lite.metrics.coco import CocoRules
>>> from clab_lite.metrics.collect import collect
>>> from clab_lite.metrics.voc import FgfaRules, MegaRules, motion_ranges
>>> frames = Frames.of(width=[640, 640], height=[480, 480], video=[0, 0])
>>> truth = GroundTruth.of(image=[0, 1], label=[0, 0], boxes=[[10, 10, 90, 90], [40, 10, 120, 90]], motion=[0.45, 0.45])
>>> found = Detections.of(image=[0], label=[0], boxes=[[12, 10, 90, 90]], score=[0.9])
>>> ranges = motion_ranges(truth, frames)
>>> rules = CocoRules(truth, thresholds=(0.5,)), MegaRules(truth, frames, ranges), FgfaRules(truth, frames, ranges)
>>> for outcomes in collect([found], 1, *rules):
...     print({name: round(scores.mean(), 3) for name, scores in accumulate_all(outcomes).items()})
{'0.50 all': 0.505}
{'all': 0.5, 'slow': nan, 'medium': nan, 'fast': 0.5}
{'all': 0.5, 'slow': nan, 'medium': nan, 'fast': 0.5}
"""
