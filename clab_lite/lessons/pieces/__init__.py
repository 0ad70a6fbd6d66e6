"""Lesson 02: one frame on its way through the detector, with a picture and a shape at every step."""
