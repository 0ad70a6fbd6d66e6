"""Measures: COCO average precision, motion IoU, quality of embedding clusters. NumPy only."""
