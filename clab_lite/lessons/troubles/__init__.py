"""Lesson 01: how a video dataset lies on disk, what makes its frames hard, and how overlap and speed are measured."""
