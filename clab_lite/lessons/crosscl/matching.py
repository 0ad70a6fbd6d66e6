"""Point at a window of one view: which window does the network think it is in the other view, on the other stage?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from torch import Tensor

from clab_lite import lessons
from clab_lite.lessons.crosscl.live import Live
from clab_lite.lessons.crosscl.pictures import as_picture, outline, show_view, thin_windows, window_at
from clab_lite.lessons.explorer import Explorer
from clab_lite.methods.crosscl import CrossCL
from clab_lite.methods.crosscl.measure import level_maps, similarity_map, window_vectors
from clab_lite.methods.crosscl.windows import map_windows
from clab_lite.show.style import BLUE, GREEN, GREY, INK, VERMILLION, new_figure

HEAT = LinearSegmentedColormap.from_list("cosine", [(0, VERMILLION), (0.5, "#f7f7f7"), (1, BLUE)])
"""-1 vermillion, 0 white, 1 blue: told apart by colour-blind readers."""
LEVELS = (3, 4)


class Matcher:
    """The windows of both views of every pair, on every level, as a network sees them."""

    def __init__(self, live: Live, name: str) -> None:
        method: CrossCL = live.network(name)
        pairs, self.windows = live.pairs, method.contrast.windows
        self.boxes, self.valid = map_windows(self.windows, pairs.query_crops, pairs.key_crops, method.config.image_size)
        """Of the key views: (N, A, 4) and (N, A)."""
        self.query = window_vectors(level_maps(method, pairs.query), self.windows)
        self.key_maps = level_maps(method, pairs.key)
        self.key = window_vectors(self.key_maps, self.boxes)

    def find(self, pair: int, window: int, query_level: int, key_level: int) -> tuple[int, int, int]:
        """(pair, window) of the most similar valid window of all key views, and the rank of the true one, from 1.

        The rank is 0 when the window lies outside its key view: then no answer is right.
        """
        cosines = self.key[key_level] @ self.query[query_level][pair, window]  # (N, A)
        cosines = cosines.masked_fill(~self.valid, -2)
        best = int(cosines.argmax())
        rank = int((cosines >= cosines[pair, window]).sum()) if self.valid[pair, window] else 0
        return best // cosines.shape[1], best % cosines.shape[1], rank

    def found(self, query_level: int, key_level: int) -> float:
        """Share of valid windows that are found in their own key view, among all windows of all key views."""
        places = self.valid.nonzero().tolist()
        hits = [self.find(pair, window, query_level, key_level)[:2] == (pair, window) for pair, window in places]
        return sum(hits) / max(len(hits), 1)

    def heat(self, pair: int, window: int, query_level: int, key_level: int) -> Tensor:
        """Cosine of a query window with every position of its key view: (H, W)."""
        return similarity_map(self.query[query_level][pair, window], self.key_maps[key_level][pair])


def draw_match(
    live: Live, matcher: Matcher, name: str, pair: int, window: int, query_level: int, key_level: int
) -> tuple[Figure, str]:
    """The query view, the key view with the true match and the answer, and the heat map on the key level."""
    at, answer, rank = matcher.find(pair, window, query_level, key_level)
    right = (at, answer) == (pair, window)
    figure, axes = new_figure(9.5, 3.9, 1, 3)
    show_view(axes[0], as_picture(live.pairs.query[pair]), f"query view, P{query_level}: point at a window")
    thin_windows(axes[0], matcher.windows)
    outline(axes[0], matcher.windows[window].tolist(), BLUE)
    show_view(axes[1], as_picture(live.pairs.key[at]), _where(at == pair, key_level))
    if at == pair:
        thin_windows(axes[1], matcher.boxes[pair][matcher.valid[pair]])
        if matcher.valid[pair, window] and not right:
            outline(axes[1], matcher.boxes[pair, window].tolist(), BLUE, dashed=True)
    outline(axes[1], matcher.boxes[at, answer].tolist(), GREEN if right else VERMILLION)
    heat = matcher.heat(pair, window, query_level, key_level)
    side = live.pairs.key.shape[-1]
    image = axes[2].imshow(heat.numpy(), cmap=HEAT, vmin=-1, vmax=1, extent=(0, side, side, 0), interpolation="nearest")
    axes[2].set_title(f"cosine with every cell of P{key_level}", loc="left", fontsize=10, color=INK)
    axes[2].set_xticks([])
    axes[2].set_yticks([])
    if matcher.valid[pair, window]:
        outline(axes[2], matcher.boxes[pair, window].tolist(), INK, width=1.5, dashed=True)
    bar = figure.colorbar(image, ax=axes[2], shrink=0.75, ticks=[-1, 0, 1])
    bar.ax.tick_params(labelsize=8, colors=GREY)
    bar.outline.set_visible(False)  # type: ignore[operator]
    figure.suptitle(_verdict(name, rank, right), x=0.01, ha="left", fontsize=11, color=INK, fontweight="bold")
    share, count = matcher.found(query_level, key_level), int(matcher.valid.sum())
    return figure, (
        f"{name}: {share:.0%} of all {count} windows are found from P{query_level} on P{key_level} of the other view"
    )


def _where(own: bool, level: int) -> str:
    return f"its answer, P{level} of the other view" if own else f"its answer: another frame's view, P{level}"


def _verdict(name: str, rank: int, right: bool) -> str:
    who = f"The {name} network" if name == "untrained" else f"The network {name}"
    if right:
        return f"{who} finds the window in the other view"
    return f"{who} is wrong: the window's own place comes at rank {rank}" if rank else "This window has no match there"


class MatchExplorer(Explorer):
    """Point at a window of the query view, or move the sliders."""

    def __init__(self, live: Live, name: str, start: tuple[int, int]) -> None:
        matchers = cache(lambda chosen: Matcher(live, chosen))

        def draw(network: str, pair: int, window: int, query: int, key: int) -> tuple[Figure, str]:
            return draw_match(live, matchers(network), network, pair, window, query, key)

        windows = live.untrained.contrast.windows
        levels: Sequence[tuple[str, int]] = [(f"P{level}", level) for level in LEVELS]
        super().__init__(
            draw,
            {
                "network": lessons.choice("network", [*live.runs, "untrained"], name),
                "query": lessons.choice("from", levels, 3),
                "key": lessons.choice("to", levels, 4),
                "pair": lessons.slider("frame", 0, len(live.pairs.query) - 1, start[0], 1),
                "window": lessons.slider("window", 0, len(windows) - 1, start[1], 1),
            },
        )
        self.windows = windows
        self.pointer = lessons.pointer(self.picture, lambda: self.figure, self.point_at, moves=True, say=self.tell)

    def point_at(self, axes: int, x: float, y: float) -> None:
        """As the mouse at (x, y) of the axes of that number: 0 is the query view."""
        found = window_at(self.windows, x, y) if axes == 0 else None
        if found is not None:
            self.controls["window"].value = found


def match_explorer(live: Live) -> MatchExplorer:
    """Hover a window and see its match in the other view and stage; starts at one that the trained network finds."""
    name = next(iter(live.runs))
    matcher = Matcher(live, name)
    good = [
        (pair, window)
        for pair, window in matcher.valid.nonzero().tolist()
        if matcher.find(pair, window, 3, 4)[:2] == (pair, window)
    ]
    start = max(good, key=lambda place: _contrast(live, matcher, *place), default=(0, 4))
    return MatchExplorer(live, name, start)


def _contrast(live: Live, matcher: Matcher, pair: int, window: int) -> float:
    """Standard deviation of the pixels of a query window: how much there is to see."""
    x0, y0, x1, y1 = (int(value) for value in matcher.windows[window])
    return float(live.pairs.query[pair, :, y0:y1, x0:x1].std())
