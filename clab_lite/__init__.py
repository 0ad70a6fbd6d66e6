"""Video object detection with a contrastive auxiliary branch, small enough to read.

The public names are these; each is imported when it is first used, so that `import clab_lite` costs milliseconds:

    presets, config, schedule          settings and the weight of the contrastive loss
    VideoDetector                      the model
    data, interop                      datasets; checkpoints of the official code
    evaluate, compare, embed           a detector over a dataset: its AP, its difference from another, its embeddings
    DataError                          what every bad input raises
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clab_lite import config, data, detector, interop, presets, schedule
    from clab_lite.compare import compare
    from clab_lite.detector.video_detector import VideoDetector
    from clab_lite.embeddings import embed
    from clab_lite.errors import DataError
    from clab_lite.evaluate import evaluate

__version__ = "0.1.0"

__all__ = [
    "DataError",
    "VideoDetector",
    "compare",
    "config",
    "data",
    "detector",
    "embed",
    "evaluate",
    "interop",
    "presets",
    "schedule",
]

_HOME = {
    "DataError": "clab_lite.errors",
    "VideoDetector": "clab_lite.detector.video_detector",
    "compare": "clab_lite.compare",
    "embed": "clab_lite.embeddings",
    "evaluate": "clab_lite.evaluate",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = importlib.import_module(_HOME.get(name, f"{__name__}.{name}"))
    value = getattr(home, name) if name in _HOME else home
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


class _Package(ModuleType):
    """Keeps `clab_lite.evaluate` and `clab_lite.compare` the functions.

    Python binds a submodule to its package when it is first imported, wherever that happens; for `evaluate.py` that
    would hide the function of the same name.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("evaluate", "compare") and isinstance(value, ModuleType):
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
