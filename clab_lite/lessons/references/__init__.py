"""Lesson 03: what a key frame takes from other frames.

observe.py reads the attention off the real modules; scene.py holds a video ready; survey.py asks where references help;
selsa_view.py, temporal_view.py, trouble_lab.py, timeline.py and cost.py draw; by_hand.py is attention on three vectors.
"""
