"""What the released code really trains: its positives, and the positives that it does not learn from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure

from clab_lite.data.voc import VOC_CLASSES
from clab_lite.methods.ranked.loss import Ranks, ranked_loss
from clab_lite.methods.ranked.ranking import Ranking
from clab_lite.methods.ranked.ranking_file import read_ranking
from clab_lite.methods.ranked.released import LEAST_PROBABILITY, released_loss
from clab_lite.show.style import BLUE, GREY, VERMILLION, heading, new_figure, quiet

TEMPERATURE = 0.1
"""Of the own class in the report."""


def released_pulls(names: Sequence[str], selected: int = 3) -> pd.DataFrame:
    """For some classes of VOC: what the user ranks, and what the second term of the released loss pulls.

    names: the classes. selected: the released option n_sim_classes.
    """
    ranking = read_ranking("voc", VOC_CLASSES)
    order = ranking.order()
    columns = min(selected, 1 + max(len(listed) for listed in ranking.similar.values()))
    rows = []
    for name in names:
        listed = ranking.similar[name]
        pulled = [VOC_CLASSES[label] for label in order[VOC_CLASSES.index(name), :columns]] if listed else []
        added = [word for word in pulled if word != name and word not in listed]
        rows.append(
            {
                "class": name,
                "the user's list": ", ".join(listed) or "(empty)",
                "pulled by the second term": ", ".join(pulled) or "(left out)",
                "nobody asked for": ", ".join(added) or "-",
            }
        )
    return pd.DataFrame(rows)


def draw_hard_positive() -> tuple[Figure, str]:
    """The loss of one positive whose angle to the anchor grows, while a stranger lies on the anchor: ours, released."""
    degrees = np.arange(0, 181, 1.0)
    ours, released = np.array([_losses(angle) for angle in degrees]).T
    figure, (axes,) = new_figure(8.2, 3.6)
    lost = degrees[(released == 0) & (ours > 1)]
    heading(axes, f"Released: beyond {lost.min():.0f}° the positive is not learned from at all")
    axes.plot(degrees, ours, color=BLUE, linewidth=2.2)
    axes.plot(degrees, released, color=VERMILLION, linewidth=2.2, linestyle=(0, (4, 2)))
    axes.text(152, ours[150] - 2.2, "clean", color=BLUE, fontsize=10, ha="left")
    axes.text(lost.min() + 3, 1.0, "released: 0, and no gradient", color=VERMILLION, fontsize=10)
    axes.set_xlabel(
        "degrees between the anchor and its positive (a stranger lies on the anchor)", color=GREY, fontsize=9
    )
    axes.set_ylabel("loss", color=GREY, fontsize=9)
    axes.set_xlim(0, 180)
    quiet(axes)
    limit = f"{LEAST_PROBABILITY:.0e}".replace("e-07", "·10⁻⁷")
    last = ours[int(lost.min()) - 1]
    return figure, f"At {lost.min():.0f}° the share falls below {limit}: the loss jumps from {last:.1f} to 0."


def _losses(angle: float) -> tuple[float, float]:
    """Clean and released loss of one positive at an angle, one stranger on the anchor."""
    turn = np.radians(angle)
    anchor = stranger = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    positive = torch.tensor([[np.cos(turn), np.sin(turn)]], dtype=torch.float64)
    batch = (anchor, positive, stranger, torch.tensor([0]), torch.tensor([1]))
    ours = ranked_loss(*batch, Ranks.of_similarity(torch.eye(2), 1, TEMPERATURE, TEMPERATURE))
    released = released_loss(*batch, Ranking(("own", "stranger")), selected=1, lowest=TEMPERATURE)
    return float(ours.total), float(released.total)
