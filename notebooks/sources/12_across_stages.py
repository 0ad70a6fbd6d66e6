# %% [markdown]
# # 12 Across stages
#
# A detector reads a picture at several *stages* of its network: fine maps for small objects, coarse maps for large ones.
# The same object should look alike on all of them. This lesson is about a way to teach that without a single label:
# **CrossCL**, cross-stage regional contrast (the public code of Yan et al., ICME 2023). It cuts a picture into windows
# and asks: is this window of a coarse map the same place as that window of a fine map?

# %%
from clab_lite import lessons
from clab_lite.lessons import crosscl

lesson = lessons.start("12_across_stages")

# %% [markdown]
# **At the end you can say:** what is positive and what is negative in this loss, why its value never comes near 0, and
# what the cross-stage terms add that the other terms do not.
#
# You need lesson 04 (a contrastive loss) and lesson 02 (stages C2 to C5 of a backbone).
#
# ## 1 One place, two stages
#
# A *pyramid* is a small network behind the backbone. It turns stages C3, C4 and C5 into maps with the same number of
# channels: **P3** with a cell for every 8 × 8 pixels, **P4** with one for every 16 × 16. Nothing but training makes the
# two agree.
#
# We cut a view of 96 × 96 pixels into 9 *windows*. A window has one vector on P3 and one on P4: the mean of the map
# inside it. Now the test of this lesson: take the P3 vector of a window, and look for the most similar P4 vector, among
# all windows of 12 frames. Is it the window itself?

# %%
learn, held_out = lessons.samples("train"), lessons.samples("val")
print(f"{len(learn)} videos to learn from, {len(held_out)} other videos to test on")

# %%
lesson.predict(
    "Random weights. Of 108 windows, how many P3 vectors find their own P4 vector?",
    ["about one, as by guessing", "about a third: both stages see the same pixels", "nearly all"],
)

# %% [markdown]
# Section 5 answers. First: where do positives come from when nobody has labelled anything?
#
# ## 2 A window in two views
#
# Take two random crops of one frame, the *query* view and the *key* view. A window of the query view shows some piece of
# the frame, and we know which: we cut the crops ourselves. So we know where the same piece lies in the key view. That
# pair of windows is a **positive pair**.
#
# Point at a window of the query view, or move the slider. A window that is not whole in the key view has no match.

# %%
pairs = crosscl.pair_explorer(held_out)
pairs

# %% [markdown]
# **The arithmetic.** Let a crop begin at $l$ and be $w$ pixels wide, and let each view be scaled to $S$ pixels. A place
# $x$ in the query view is the place $l_q + x\,w_q / S$ of the frame, and the place
#
# $$x' = \left(l_q + x\,\frac{w_q}{S} - l_k\right) \frac{S}{w_k}$$
#
# of the key view. The same for $y$. A mirrored frame needs no extra rule: the frame is mirrored *before* both crops.
#
# Move the slider "smallest crop". Small crops make harder pairs, but fewer windows lie in both views:

# %%
for area, share in crosscl.valid_shares(held_out).items():
    print(f"crops of at least {area:.0%} of the frame: {share:.0%} of the windows lie in both views")

# %% [markdown]
# (At 90 % no crop of the allowed shapes fits into our wide frames. Both views are then the same middle crop: every
# window has a match, and it is the same pixels. That would teach little.)
#
# ## 3 The mean of a window
#
# A window's edges rarely lie on the edges of cells. So what is "the mean of the map inside it"? Imagine the map as a
# surface: its value at each cell, straight lines between. The mean of that surface has a closed form. (The authors use a
# compiled kernel, precise RoI pooling; for one output cell two small weight vectors do the same.) Take a row of three
# cells with values 1, 2, 4, and the window from the first cell to the last:

# %%
row = (1.0, 2.0, 4.0)
by_hand = (0.5 * 1 + 1 * 2 + 0.5 * 4) / 2
print(f"by hand {by_hand}, by the library {crosscl.exact_mean(row, 0, 2)}")

# %% [markdown]
# `roi_align` of torchvision, which detectors use, takes *samples* of that surface. Move the window: when do samples give
# the exact mean?

# %%
crosscl.pooling_explorer()

# %% [markdown]
# * Edges on whole cells: no difference. The query windows are such windows.
# * Elsewhere the samples miss a little. Windows of the key view lie anywhere.
# * `aligned=True`, right for a detector's boxes, means another surface, shifted by half a cell. Here it would be a mistake.
#
# ## 4 Five losses
#
# Every loss has the same form, InfoNCE: minus the logarithm of the positive's share among the positive and the negatives
# (lesson 04), with temperature 0.2. They differ in who looks for whom:
#
# | term | looks | among |
# |---|---|---|
# | **global** | the whole query view, for the whole key view | other frames, kept in a queue |
# | **P3 to P3** | a window on P3, for its match on P3 | all 3 × 3 squares of the P3 maps of the batch |
# | **P4 to P4** | a window on P4, for its match on P4 | all squares of the P4 maps |
# | **P3 to P4** | a window on P3, for its match on **P4** | all squares of the P4 maps |
# | **P4 to P3** | a window on P4, for its match on **P3** | all squares of the P3 maps |
#
# A *square* is the mean over 3 × 3 cells. The last two terms are new in CrossCL. The keys come from a slow copy of the
# network, the *key network*: before each step it moves a hundredth of the way towards the network that learns. Only the
# query side gets gradient.

# %%
lesson.predict(
    "Look at 'among'. With a perfect network, the loss P4 to P4 would be...",
    ["0: every window finds its match", "well above 0, whatever the network does", "below 0"],
)

# %% [markdown]
# *All* squares of the batch are negatives: those of the key view too, and among them the square at the very place of the
# positive. A perfect network says of both "this is it". We can compute what is left. Here two frames, each of one colour,
# and a network that tells them apart perfectly:

# %%
import torch

from clab_lite.methods.crosscl import lite
from clab_lite.methods.crosscl.loss import region_terms

maps = torch.zeros(2, 4, 6, 6)  # 2 frames, 4 channels, 6 x 6 cells of P4
maps[0, 0], maps[1, 1] = 1, 1  # frame 0 points along channel 0, frame 1 along channel 1
window = torch.tensor([[0.0, 0, 48, 48]])
valid = torch.ones(2, 1, dtype=torch.bool)
for exclude in (False, True):
    config = lite(stages=(4,), exclude_same_image=exclude)
    found = region_terms({4: maps}, {4: maps}, window, window.expand(2, 1, 4), valid, config)
    text = "negatives from other frames only" if exclude else "all squares, as published"
    print(f"{text}: {found.losses['p4']:.3f}")

# %% [markdown]
# So do not wait for a small loss. The library offers both (`exclude_same_image`); section 7 compares them.
#
# Two more differences make the values of the terms incomparable: P3 has more squares than P4, so more negatives; and a
# batch with few valid windows is another question than one with many. If *no* window is valid, there is no mean. The
# published code gives NaN there; ours gives 0.
#
# ## 5 Train it
#
# Two trainings from the same random weights on the same batches. In one all five terms count. In the other the cross
# terms are only *watched*: their weight is 0.

# %%
lesson.predict(
    "Without the cross terms, P3 and P4 still learn from the same windows. "
    "After training, P3's windows find themselves on P4...",
    ["nearly always", "about every other time", "hardly ever"],
)

# %%
live = crosscl.train_live(learn, held_out, steps=lesson.choose(120, 4))

# %%
crosscl.draw_losses(live)

# %% [markdown]
# **Read it.** The global term *rises* at first: the queue starts with random vectors, which are easy to tell from a
# picture, and fills with real pictures. Terms that look on P3 are higher than those that look on P4: more negatives. In the
# training without cross terms these two stay where they were: nothing pulls the two stages together.

# %%
crosscl.draw_similarity(live)

# %% [markdown]
# **Read it.** With the cross terms, a window looks alike on both stages, and other windows do not. Without them each
# stage learns *its own* language for the same windows. Each works within its stage (section 6 lets you see that); nobody
# has told them to be the same. The dotted line is guessing: one in 108.
#
# ## 6 Point at a window
#
# Now across both: another view *and* another stage. Point at a window on the left. In the middle is the network's answer,
# the most similar window of all key views: green when it is right, red when it is not (then the true place is dashed in
# blue). On the right: the cosine of the window with *every cell* of the other stage.

# %%
match = crosscl.match_explorer(live)
match

# %% [markdown]
# Try this:
#
# 1. Choose "without", then "untrained". What happens to the heat map?
# 2. Choose "without" again, and from P4 to P4. Is it lost there, too?
# 3. Choose "with cross terms", and point at a window of plain sky or ground. Where is the heat map blue?
#
# <details><summary>Answers</summary>
#
# 1. It loses the place: cosines of different stages say nothing. Untrained, it is one colour almost everywhere.
# 2. No: within a stage that network has learned its windows. The line under the figure gives the share for all windows.
# 3. Over all of the sky or ground. A window without content looks like its neighbours; most errors are such windows.
#
# </details>
#
# ## 7 Several seeds
#
# One training is an anecdote. The runs below were made by one command, longer than the live ones. The column *seeds* says
# how many there are of each setting.

# %%
lesson.predict(
    "One setting trains on two frames instead of two crops. Compared with crops, it finds windows...",
    [
        "better in the same view and in another view",
        "worse in the same view, better in another view",
        "no worse in the same view, worse in another view",
    ],
)

# %%
runs = crosscl.measured_runs()
print(f"made by: {crosscl.COMMAND} FOLDER; {sum(run.seconds for run in runs) / 60:.0f} minutes in all")
crosscl.summary(runs)

# %% [markdown]
# The table says how many windows are found at the end: the mean over seeds, and half of its 95 % interval. A setting with
# one seed has no interval: it hints, no more. "P3 to P4" is the test of section 1; the last column of shares asks across
# views as well, as section 6 does. The two columns of cosines are of that first test.

# %%
lessons.explore(
    lambda question: crosscl.draw_measured(runs, question),
    question=lessons.choice(
        "windows found",
        [("P3 to P4", "p3_to_p4"), ("P4 to P3", "p4_to_p3"), ("in the other view", "other_view")],
    ),
)

# %% [markdown]
# **Read it.** Four changes of the same recipe:
#
# * **without cross terms**: the control. Whatever the other settings reach above it, the cross terms brought.
# * **negatives from other images only**: then nothing pushes apart the windows of *one* frame directly. Compare with the
#   first line: hardly a difference. Other frames have skies and grounds of their own, and to be told from those, a window
#   must show what it is.
# * **two frames instead of two crops**: the views are whole frames of one video, two frames apart, and windows map to
#   themselves. Every window is valid, and little moves, so the pairs are many and easy. Now choose "in the other view":
#   these networks have never seen a window at another size or place, and crops have to teach that.
# * **trained with SGD**: the published optimiser, for as many steps, comes less far. We train with AdamW.
#
# This is what the *features* learned. Whether a detector gets better from it is another question: the comparison of
# [lesson 14](14_choosing_a_contrast.ipynb) asks it.
#
# ## 8 Exercises
#
# ### Exercise 1: the match of a window
#
# Boxes are `(x0, y0, x1, y1)`; `window` is in the query view, the crops are in the frame, and both views have `size`
# pixels a side. Return the four numbers of the window in the key view, or `"none"` if it is not whole in there: it must
# begin at 0 or later and end *before* `size`.

# %% tags=["exercise"]
def my_map_window(window, query_crop, key_crop, size):
    """Four tuples and a number. Return four numbers, or "none"."""
    return None  # your answer here


# %%
crosscl.checks.mapping(my_map_window)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_map_window(window, query_crop, key_crop, size):
#     box = []
#     for i, value in enumerate(window):
#         low, high = query_crop[i % 2], query_crop[i % 2 + 2]
#         place = low + value * (high - low) / size  # in the frame
#         low, high = key_crop[i % 2], key_crop[i % 2 + 2]
#         box.append((place - low) * size / (high - low))
#     whole = min(box[:2]) >= 0 and max(box[2:]) < size
#     return tuple(box) if whole else "none"
# ```
#
# </details>
#
# ### Exercise 2: a cross term
#
# Write P4 to P3. All vectors have length 1: `z4` and `z3` (W × D) are the windows on P4 of the query view and on P3 of
# the key view, row by row the same window; `negatives` (K × D) are squares of P3. `valid` (W) says which windows have a
# match. Return the mean over these, and 0 when there is none.

# %% tags=["exercise"]
def my_cross_term(z4, z3, negatives, valid, temperature):
    """Tensors, and a number. Return one number."""
    return None  # your answer here


# %%
crosscl.checks.cross_term(my_cross_term)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_cross_term(z4, z3, negatives, valid, temperature):
#     if not valid.any():
#         return 0.0
#     positive = torch.exp((z4 * z3).sum(dim=1) / temperature)
#     others = torch.exp(z4 @ negatives.T / temperature).sum(dim=1)
#     losses = -torch.log(positive / (positive + others))
#     return losses[valid].mean()
# ```
#
# </details>
#
# ### Exercise 3: count the negatives
#
# A batch holds `batch` views of `size` × `size` pixels. Level 3 has a cell for every 8 pixels, level 4 for every 16:
# `2 ** level`. The negatives are all squares of `square` × `square` cells, one beginning at every cell where it still
# fits. How many negatives has a window?

# %% tags=["exercise"]
def my_negatives(batch, size, level, square):
    """Four whole numbers. Return one."""
    return None  # your answer here


# %%
crosscl.checks.negatives(my_negatives)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_negatives(batch, size, level, square):
#     places = size // 2**level - square + 1
#     return batch * places**2
# ```
#
# </details>
#
# ## 9 Self-test

# %%
lesson.quiz()

# %% [markdown]
# **In one sentence:** CrossCL makes windows of a picture find themselves in another view *and* on another stage; only its
# cross terms teach the stages a common language.
#
# **Where to go next:** [13 Any background](13_any_background.ipynb) makes positives in another way: the same object pasted
# on two backgrounds. The code that you have met: `clab_lite/methods/crosscl/` (`windows.py`, `region_mean.py`, `loss.py`,
# `model.py`). Beside a detector in training it is `CrossStageDetector` in `auxiliary.py`; before one,
# `clab-lite pretrain crosscl`.
