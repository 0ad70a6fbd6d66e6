"""One embedding map as a `jupyter-scatter` plot."""

from __future__ import annotations

from typing import Any

import jscatter
import numpy as np
import pandas as pd

from clab_lite.embeddings import EmbeddingTable
from clab_lite.lessons.maps.colours import COLOURINGS, Colouring, colouring
from clab_lite.lessons.maps.drawing import Points, bounded, tracks_of
from clab_lite.show.style import INK, PALE

_HEIGHT = 400


def _frame(table: EmbeddingTable, points: Points) -> pd.DataFrame:
    """What jupyter-scatter is given: coordinates, a column for each colouring, and the path that each row is on."""
    path, place = np.zeros(len(table), np.int64), np.zeros(len(table), np.int64)
    for number, rows in enumerate(tracks_of(table)):
        path[rows], place[rows] = number, np.arange(len(rows))
    columns: dict[str, Any] = {"x": points[:, 0], "y": points[:, 1], "path": path, "place": place}
    for by in COLOURINGS:
        colours = colouring(table, by)
        columns[by] = pd.Categorical(colours.names, categories=list(colours.palette))
    return pd.DataFrame(columns | {"frame": table.table["frame"].astype(str)})


def scatter_of(table: EmbeddingTable, points: Points, colours: Colouring) -> jscatter.Scatter:
    """The plot: coloured by `colours`, tracks as paths, a tooltip, and the mouse draws a lasso."""
    data = _frame(table, bounded(points))
    scatter = jscatter.Scatter(data=data, x="x", y="y", x_scale=(-1.08, 1.08), y_scale=(-1.08, 1.08), height=_HEIGHT)
    scatter.axes(False)
    scatter.background(color="#ffffff")
    scatter.color(by=colours.by, map=colours.palette, selected=INK, hover=INK)
    scatter.opacity(0.85, unselected=0.25, map=[0.85])  # else 1.0 keeps its map by density: its first step is invisible
    scatter.size(6)
    scatter.connect(by="path", order="place", straight=True)
    scatter.connection_color(PALE)
    scatter.connection_opacity(0.6)
    scatter.connection_size(1)
    scatter.mouse("lasso")  # JupyterLab takes a drag with shift, the other way to a lasso, for its cells
    scatter.tooltip(True, properties=[*COLOURINGS, "frame"], histograms=False)
    return scatter
