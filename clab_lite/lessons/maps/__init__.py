"""Lesson 08: embeddings before and after training as maps, their scores, and what neither may be asked."""

from clab_lite.lessons.maps import checks as check
from clab_lite.lessons.maps.colours import Colouring, colouring
from clab_lite.lessons.maps.drawing import MapPanel, draw_maps
from clab_lite.lessons.maps.linked import LinkedMaps
from clab_lite.lessons.maps.neighbours import PurityCurves, draw_purity, purity_curves
from clab_lite.lessons.maps.pairing import link
from clab_lite.lessons.maps.projections import Projection, draw_projections, project
from clab_lite.lessons.maps.seeds import Difference, draw_differences, measured
from clab_lite.lessons.maps.spread import draw_plane
from clab_lite.lessons.maps.stragglers import far_from_video, straggler_words
from clab_lite.lessons.maps.tables import Moments, beside_guessing, embed_moments, fresh, readable, scores, shuffled

__all__ = [
    "Colouring",
    "Difference",
    "LinkedMaps",
    "MapPanel",
    "Moments",
    "Projection",
    "PurityCurves",
    "beside_guessing",
    "check",
    "colouring",
    "draw_differences",
    "draw_maps",
    "draw_plane",
    "draw_projections",
    "draw_purity",
    "embed_moments",
    "far_from_video",
    "fresh",
    "link",
    "measured",
    "project",
    "purity_curves",
    "readable",
    "scores",
    "shuffled",
    "straggler_words",
]
