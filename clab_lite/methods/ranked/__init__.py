"""Ranked contrast of object crops: the user says which classes are alike, and how much (RINCE-style)."""
