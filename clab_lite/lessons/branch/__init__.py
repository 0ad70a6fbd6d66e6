"""Lesson 05: the auxiliary branch under the microscope, and the proof that inference does not know it."""

from clab_lite.lessons.branch import checks as check
from clab_lite.lessons.branch.batch import Batch, count_false_negatives, first_with_shared_class, real_batch
from clab_lite.lessons.branch.figures import before_after, still_bars, way
from clab_lite.lessons.branch.ledger import Ledger
from clab_lite.lessons.branch.levels import levels
from clab_lite.lessons.branch.microscope import cell_at, microscope, temperature_view, view
from clab_lite.lessons.branch.path import Path, follow, follow_objects
from clab_lite.lessons.branch.proof import InferenceProof, inference_proof
from clab_lite.lessons.branch.steps import Forces, Steps, fewer_clips, forces, learn

__all__ = [
    "Batch",
    "Forces",
    "InferenceProof",
    "Ledger",
    "Path",
    "Steps",
    "before_after",
    "cell_at",
    "check",
    "count_false_negatives",
    "fewer_clips",
    "first_with_shared_class",
    "follow",
    "follow_objects",
    "forces",
    "inference_proof",
    "learn",
    "levels",
    "microscope",
    "real_batch",
    "still_bars",
    "temperature_view",
    "view",
    "way",
]
