"""What the kernel of a notebook holds: counted inside it."""

from __future__ import annotations

import gc
import os

from ipywidgets.widgets import widget as registry
from matplotlib import pyplot
from matplotlib.figure import Figure

from clab_lite.lessons.explorer import Explorer


def counts() -> dict[str, int]:
    """Live widgets, their comms and observers, explorers, figures (and those that pyplot keeps), the process."""
    gc.collect()
    kinds = [type(one) for one in gc.get_objects()]
    alive = list(registry._instances.values())
    return {
        "process": os.getpid(),
        "widgets": len(alive),
        "comms": len(get_comms()),
        "observers": sum(len(found) for one in alive for by_kind in one._trait_notifiers.values()
                         for found in by_kind.values()),
        "explorers": sum(issubclass(kind, Explorer) for kind in kinds),
        "figures": sum(issubclass(kind, Figure) for kind in kinds),
        "pyplot": len(pyplot.get_fignums()),
    }  # fmt: skip


def get_comms() -> dict[str, object]:
    """The open connections between widgets and pages."""
    import comm

    return comm.get_comm_manager().comms
