"""Pictures of the branch: the way of a batch with shapes on the arrows, and what learning and stills do to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from clab_lite.lessons.branch.batch import Batch
from clab_lite.lessons.branch.levels import draw_matrix, run_lengths
from clab_lite.lessons.branch.path import Path
from clab_lite.lessons.branch.steps import Forces, Steps
from clab_lite.show.style import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    PALE,
    VERMILLION,
    heading,
    new_figure,
    quiet,
    spread,
)


def way(batch: Batch, path: Path, row: int = 0) -> tuple[Figure, str]:
    """One frame on its way through the branch, part by part, with the shape of the whole batch under each part."""
    figure, axes = new_figure(9.5, 2.9, 1, 6, width_ratios=[1.5, 1.5, 1.5, 0.5, 0.5, 1.4])
    figure.set_layout_engine("constrained", wspace=0.12)
    frame, c4, conv, pooled, embedding, matrix = axes
    frame.imshow(batch.picture(row))
    c4.imshow(path.c4[row].mean(dim=0).numpy(), cmap="viridis")
    conv.imshow(path.convolved[row].mean(dim=0).numpy(), cmap="viridis")
    pooled.imshow(path.pooled[row][:, None].numpy(), cmap="viridis", aspect="auto")
    embedding.imshow(path.embeddings[row][:, None].numpy(), cmap="viridis", aspect="auto")
    length = batch.clips.shape[1]
    draw_matrix(matrix, path.similarity.numpy(), [length] * len(batch.targets))
    matrix.axhspan(row - 0.5, row + 0.5, fill=False, edgecolor=ORANGE, linewidth=2)
    tensors = [path.frames, path.c4, path.convolved, path.pooled, path.embeddings, path.similarity]
    titles = [f"frame {batch.names[row]}", "C4", "conv + ReLU", "pooled", "projected", "similarity"]
    for panel, title, tensor in zip(axes, titles, tensors, strict=True):
        panel.set_xticks([])
        panel.set_yticks([])
        panel.set_title(title, fontsize=9, color=INK, pad=6)
        panel.set_xlabel("×".join(map(str, tensor.shape)), fontsize=9, color=BLUE)
        panel.spines[:].set_color(PALE)
    for panel in axes[:-1]:
        arrow = panel.annotate("➜", (1, 0.5), xytext=(5, 0), xycoords="axes fraction", textcoords="offset points",
                               fontsize=13, color=GREY, va="center", annotation_clip=False)  # fmt: skip
        arrow.set_in_layout(False)
    shown = f"{len(batch.targets)} clips of {length} frames"
    figure.suptitle(
        f"{shown}: {len(batch)} points, each with {path.embeddings.shape[1]} numbers; their NT-Xent is "
        f"{float(path.loss):.2f}",
        x=0.01, ha="left", fontsize=11, color=INK, fontweight="bold",
    )  # fmt: skip
    own = path.similarity[row][batch.labels == batch.labels[row]]
    others = path.similarity[row][batch.labels != batch.labels[row]]
    between = f"; with the other clips {float(others.mean()):.3f}" if len(others) else ""
    return figure, f"{batch.names[row]}: mean cosine with its own clip {float(own.mean()):.3f}{between}"


def before_after(runs: Mapping[str, Steps], names: Sequence[str]) -> Callable[..., tuple[Figure, str]]:
    """A drawing function of (learned_from, step): the matrix before and after so many steps, and the two losses.

    runs: by what was learned from. names: of the rows.
    """
    lengths = {name: run_lengths(steps.labels.numpy()) for name, steps in runs.items()}

    def draw(learned_from: str = next(iter(runs)), step: int = 0) -> tuple[Figure, str]:
        steps = runs[learned_from]
        figure, axes = new_figure(9.5, 4.0, 1, 3, width_ratios=[1, 1, 1.25])
        start, now = steps.ledger(0), steps.ledger(step)
        for panel, ledger, title in zip(axes, (start, now), ("Before", f"After {step} steps"), strict=False):
            draw_matrix(panel, ledger.similarity, lengths[learned_from])
            panel.set_xticks(range(len(names)), names, fontsize=8, color=GREY)
            panel.set_yticks(range(len(names)), names, fontsize=8, color=GREY)
            panel.tick_params(length=0)
            heading(panel, f"{title}: loss {ledger.loss:.2f}")
        _curves(axes[2], steps, step, now.chance, [run for name, run in runs.items() if name != learned_from])
        figure.suptitle(_answer(runs, step), x=0.01, ha="left", fontsize=11, color=INK, fontweight="bold")
        heading(axes[2], _course(steps, step))
        inside, outside = now.similarity[now.positive].mean(), now.similarity[now.negative].mean()
        others = steps.other_losses[step]
        return figure, (
            f"step {step}: mean cosine of positives {inside:+.2f}, of negatives {outside:+.2f}; loss of this batch "
            f"{steps.losses[step]:.2f}, mean of {len(others)} others {steps.other_means[step]:.2f} "
            f"({min(others):.2f} to {max(others):.2f}), chance {now.chance:.2f}"
        )

    return draw


def _answer(runs: Mapping[str, Steps], step: int) -> str:
    """Where the other batches stand in each run: the question that the lesson asks."""
    means = ", ".join(f"{run.other_means[step]:.2f} ({name})" for name, run in runs.items())
    return f"Other batches after {step} steps: {means}"


def _curves(axes: Axes, steps: Steps, step: int, chance: float, rivals: Sequence[Steps]) -> None:
    """Both losses over the steps, bright until `step`; dotted, the other batches in the other runs."""
    for rival in rivals:
        axes.plot(rival.other_means, color=BLUE, linewidth=1.4, linestyle=(0, (1, 1.5)))
    axes.axhline(chance, color=INK, linewidth=1, linestyle=(0, (5, 3)))
    ends = [(chance, "chance", INK)]
    for values, colour, text in (
        (steps.losses, VERMILLION, "this batch"),
        (steps.other_means, BLUE, "other batches"),
    ):
        axes.plot(values, color=colour, linewidth=1.0, alpha=0.3)
        axes.plot(values[: step + 1], color=colour, linewidth=2.0)
        axes.plot([step], [values[step]], "o", color=colour, markersize=5)
        ends.append((values[-1], text, colour))
    low, high = [min(values) for values in steps.other_losses], [max(values) for values in steps.other_losses]
    axes.fill_between(range(len(low)), low, high, color=BLUE, alpha=0.12, linewidth=0)
    rest = [value for rival in rivals for value in rival.other_means]
    top = max(*steps.losses, *high, *rest, chance) * 1.12
    axes.set_ylim(0, top)
    for (_, text, colour), y in zip(ends, spread([end[0] for end in ends], 0.075 * top), strict=True):
        axes.annotate(text, (len(steps.losses) - 1, y), xytext=(6, 0), textcoords="offset points", va="center",
                      fontsize=9, color=colour, annotation_clip=False)  # fmt: skip
    quiet(axes)
    axes.set_xlabel("gradient step", fontsize=9, color=GREY)


def _course(steps: Steps, step: int) -> str:
    if step == 0:
        return "Nothing learned yet"
    left = [values[step] / max(values[0], 1e-9) for values in (steps.losses, steps.other_means)]
    if min(left) > 0.9:
        return "Nothing gained yet"
    if left[0] < 0.5 * left[1]:
        return "Learned by heart: others gain less" if steps.by_heart else "This batch gained most"
    return "This batch and others gained alike" if left[1] < 2 * left[0] else "Others gained more"


def still_bars(found: Sequence[Forces]) -> Figure:
    """Per clip: how far its positives are from cosine 1, its share of the loss, and the pull on its embeddings."""
    figure, axes = new_figure(9.5, 3.3, 1, 3)
    names = [f"{one.name}\n{one.kind}" for one in found]
    colours = [ORANGE if one.kind == "still" else BLUE for one in found]
    stills = [one for one in found if one.kind == "still"]
    pulls = max((one.pull for one in stills), default=0.0)
    share = sum(one.share for one in stills)
    columns = [
        ([max(1 - one.cosine, 0) for one in found], "1 − cosine of the positives", _small),
        ([one.share for one in found], f"Stills pay {share:.1%} of the loss", "{:.1%}".format),
        ([one.pull for one in found], f"Pull on stills: {_small(pulls)}" if stills else "Pull", _small),
    ]
    units = ("0: nothing is left to pull", "share of the loss", "length of the pull's gradient")
    axes[1].yaxis.set_major_formatter("{x:.0%}")
    for panel, (values, title, said), unit in zip(axes, columns, units, strict=True):
        panel.bar(range(len(values)), values, color=colours, width=0.62)
        for x, value in enumerate(values):
            panel.text(x, max(value, 0), said(value), ha="center", va="bottom", fontsize=9, color=INK)
        panel.set_xticks(range(len(values)), names)
        panel.set_ylim(0, max(max(values) * 1.15, 1e-6))
        panel.set_ylabel(unit, fontsize=9, color=GREY)
        quiet(panel, grid=False)
        heading(panel, title)
    return figure


def _small(value: float) -> str:
    """Two digits that count; 0 for what is only rounding."""
    return f"{value:.2g}" if value >= 1e-6 else "0"
