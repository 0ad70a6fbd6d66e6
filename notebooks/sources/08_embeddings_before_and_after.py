# %% [markdown]
# # 08 Embeddings before and after
#
# A detector turns every frame into features. Are frames of one video, or objects of one class, closer together in these
# features after training than before? Two maps side by side seem to answer at a glance. This lesson shows how to look
# at such maps, which numbers belong beside them, and how easily both deceive.

# %%
from clab_lite import lessons
from clab_lite.lessons import maps

lesson = lessons.start("08_embeddings_before_and_after")

# %% [markdown]
# At the end you can say which questions a pair of maps answers, which it does not, and which score answers those.
#
# ## 1 What is on the map
#
# An *embedding* is a list of numbers that stands for a picture. Ours are the features that the detector's backbone
# computes (its stage C4). We take them at two *levels*:
#
# * **frame**: C4 averaged over the whole frame. The contrastive branch of the paper works at this level;
# * **object**: C4 averaged inside one object's box. This is what the detector tells classes apart by.
#
# We embed validation videos, which no training has seen.

# %%
index = lessons.samples("val").select(range(lesson.choose(32, 8)))
print(f"{len(index)} videos, {index.frame_count} frames")

# %% [markdown]
# Three detectors embed the same frames. *Before training* has the random weights that the training run started from.
# *Baseline* was trained for detection alone. *CLAB* was trained with the contrastive branch beside it (lesson 05).

# %%
baseline, clab = lessons.trained("baseline"), lessons.trained("clab")
untrained = maps.fresh(clab.config)
detectors = {"before training": untrained, "baseline": baseline.detector, "CLAB": clab.detector}
moments = maps.embed_moments(index, detectors)

shapes = {level: table.matrix.shape for level, table in moments["CLAB"].items()}
print(f"(rows, numbers in each): {shapes}")
weight = clab.config.train.contrast
print(f"CLAB: {clab.iteration} steps, contrast between {clab.config.detector.contrast.level}s,")
print(f"start weight {weight.start:g}, {weight.shape} to 0 at {weight.until:.0%}")

# %% [markdown]
# Every row of these tables is one object (or frame), and row *i* is the same one in all three. So a point can be found
# again on another detector's map.
#
# A list of numbers that long cannot be drawn. A *map* squeezes it into two coordinates. We start with **PCA**
# (principal component analysis): it looks at the cloud of points from the side on which it is widest. Nothing is
# invented, much is left out. The axes of a map have no units, and two maps have different axes.
#
# ## 2 Frames: who lies beside whom
#
# The contrast pulls frames of one video together. So we colour the frames by video and compare before with after.

# %%
lesson.predict(
    "Before training the weights are random. How will the frames of one video lie on the map?",
    ["all over the map: random weights see nothing", "already together", "all videos on one spot"],
)

# %% [markdown]
# **How to use the maps.** Point at a dot: its frame appears below. Drag around some dots: this *lasso* selects them in
# *both* maps and shows their pictures. The wheel zooms; the first button of a map changes from lasso to moving the map.
# By keyboard: choose a `video` from the list, or move the slider `point`. Lines join the frames of a video in their
# order. The pictures of the selected dots have a bar in the colour of their group.

# %%
frames = maps.link(index, moments, "before training", "CLAB", level="frame", example=3)
frames

# %% [markdown]
# **Read it.** Frames of a video lie together *without any training*: neighbouring frames show nearly the same pixels,
# and even random filters answer alike to alike pixels. A picture of the right map alone would look like a success.
#
# The picture that stands here without a kernel shows some of the videos in colour. With a kernel, colour by *trouble*:
# what do the points far from their video have in common? Point at some of them. The next cell counts.

# %%
print(maps.straggler_words(moments["before training"]["frame"]))

# %% [markdown]
# The scores say it without a map. They are computed from all numbers of the embedding, not from the two coordinates:
#
# * **silhouette** (−1 to 1): how much nearer a row is to its own group than to the next group;
# * **kNN purity** (0 to 1): the share of the 5 nearest rows that have the same label. kNN means *k nearest
#   neighbours*. Frames next to each other in time are left out; section 4 shows why, and what the second such column is
#   for;
# * **alignment** and **uniformity**: section 5.

# %%
frame_scores = maps.scores(moments, "frame")
maps.readable(frame_scores)

# %%
print(maps.beside_guessing(moments, "frame"))

# %% [markdown]
# By video the scores may not agree on who is best. That is usual, and it is one run each: section 5 says why alignment
# alone misleads, section 7 asks over seeds.
#
# A frame counts as the class of its largest object. A number near guessing, or even below it, says that the neighbours
# from other videos are chosen by something else: the background, which tells nothing about class.

# %% [markdown]
# ## 3 Objects: who lies beside whom
#
# Now one point is one object in one frame, and the colour is its class. A line joins an object's positions in time, its
# *track*.

# %%
objects = maps.link(index, moments, "before training", "CLAB", level="object", example=3)
objects

# %% [markdown]
# **Try it.** Draw a lasso around a tight group on the left map. Do its points stay together on the right? Choose colour
# *trouble* and look for a group on the left that is no class at all.

# %%
object_scores = maps.scores(moments, "object")
maps.readable(object_scores)

# %% [markdown]
# ## 4 Neighbours in time answer too easily
#
# Ask each object for its nearest neighbours and count how many share its *class*. That sounds like a test of classes.

# %%
lesson.predict(
    "We deal the class names out anew: every track gets the name of some other track. "
    "Which purity will these names reach?",
    ["that of guessing: they mean nothing", "a little more", "nearly that of the true names"],
)

# %% [markdown]
# `gap` says how many frames before and after a row may not answer. At 0 only the same frame is left out; at 1 the
# adjacent frames too, as all scores above do; at the right end the whole own video. The grey band is the *control*: the
# same embeddings with names dealt out anew.

# %%
repeats = lesson.choose(10, 2)
curves = {level: maps.purity_curves(moments, level, repeats) for level in ("object", "frame")}
lessons.explore(
    lambda level, gap: maps.draw_purity(curves[level], gap),
    level=lessons.choice("level", ["object", "frame"], "object"),
    gap=lessons.slider("gap", 0, int(curves["object"].gaps[-1]), 1, 1),
)

# %% [markdown]
# **Read it.** The control is made of the CLAB embeddings: compare it with that curve. With a small gap, names that mean
# nothing score far above guessing: the neighbours are the *same object* a few frames away, and it has the same name
# whatever the name is. The part of the number that the control reaches as well measures tracks. Only without the own
# video does it measure classes, and there the control falls to guessing.
#
# Compare the levels. What is left for *frames* above the control, without their own video? A frame shows mostly
# background, and all videos share the same pool of backgrounds.
#
# ## 5 Alignment and uniformity
#
# Wang and Isola (2020, arXiv 2005.10242) describe what a contrastive loss wants by two numbers. All vectors $u$ are
# divided by their length first.
#
# $$\text{alignment} = \text{mean of } \lVert u_i - u_j \rVert^2 \text{ over pairs of one group} \qquad
#   \text{uniformity} = \log \text{ mean of } e^{-2 \lVert u_i - u_j \rVert^2} \text{ over all pairs}$$
#
# Small alignment: rows of a group lie close together. Small uniformity: all rows are spread out. A good embedding wants
# both small.

# %%
lesson.predict(
    "Which detector has the smallest alignment by track: objects of one track closest together?",
    ["before training", "baseline", "CLAB"],
)

# %%
tables = {"object": object_scores, "frame": frame_scores}
lessons.explore(
    lambda level, by: maps.draw_plane(tables[level], by),
    level=lessons.choice("level", ["object", "frame"], "object"),
    by=lessons.choice("by", ["track", "class", "video"], "track"),
)

# %% [markdown]
# **Read it.** C4 comes out of a ReLU, so no number is negative: all vectors point into the same corner of the space,
# and before training into nearly the same direction. Then everything is close to everything, rows of a track as well.
# An alignment means nothing without the uniformity beside it. The line under the figure divides alignment by the mean
# squared distance of *any* two rows: that quotient is the fairer comparison.
#
# ## 6 What UMAP may tell, and what not
#
# **UMAP** (McInnes et al. 2018, arXiv 1802.03426) makes prettier maps. It keeps each row's nearest neighbours near and
# gives up the rest. It starts from random numbers (`seed`) and has settings: `n_neighbors`, how many neighbours it
# cares for, and `min_dist`, how tightly it may pack them.

# %%
lesson.predict(
    "The same table, mapped by UMAP with several seeds and settings. What will differ most?",
    ["hardly anything", "which rows are neighbours", "where groups lie, how far apart"],
)

# %%
after = moments["CLAB"]["object"]
colours = maps.colouring(after, "class")
settings = [{"seed": 0}, {"seed": 1}, {"seed": 2}, {"neighbours": 5}, {"neighbours": 50}]
settings += [{"min_distance": 0.0}, {"min_distance": 0.5}, {"neighbours": 5, "min_distance": 0.5}]
method = lesson.choose("umap", "pca")  # UMAP compiles itself first: the short version does without
projections = [maps.project(after, colours.names, "pca")]
projections += [maps.project(after, colours.names, method, **one) for one in settings]
maps.draw_projections(projections, colours)

# %% [markdown]
# **Read it.** All pictures show the same rows of the same table, and the scores of section 3 are the same for all.
# Under each map stands what it keeps: *neighbours kept*, the share of a row's 10 nearest in the space that are among
# its 10 nearest on the map; and *far distances*, how well the order of distances between class centres survives (1: the
# order is the same, 0: nothing of it is left). The first picture is PCA, as in sections 2, 3 and 7: look what *those*
# maps kept of the neighbours and of the far distances, and which of the two UMAP keeps better.
#
# What you may read from a UMAP map: who is near whom. What you may not: how far apart two groups are, how tight or how
# large a group is, that one map has "better" clusters than another. For these, use the scores.
#
# ## 7 With the branch and without
#
# Before against after shows all that training did. What did the *branch* do? For that, both maps must be after
# training.

# %%
branch = maps.link(index, moments, "baseline", "CLAB", level="object")
branch

# %% [markdown]
# One pair of runs can differ by luck: another seed gives other weights. The shipped study trained several seeds with
# and without the branch, and took the scores twice: at the end, and earlier, when the contrast had faded to zero
# (*contrast off*) or, where its weight is kept, *half way* (`clab-lite study` makes it again). Below: the differences
# with the branch minus without, seed by seed (small dots), their mean, and its 95 % interval.

# %%
differences = maps.measured()
published = "w = 0.005 linear"
arms = sorted({found.arm for found in differences}, key=lambda arm: (published not in arm, arm))
print(f"{len(differences)} differences in {len(arms)} settings with at least three paired seeds")
lessons.explore(
    lambda setting: maps.draw_differences(differences, setting),
    setting=lessons.choice("setting", arms or ["nothing measured"]),
)

# %% [markdown]
# **Read it.** An interval that holds zero does not say that the branch does nothing; it says that these runs cannot
# tell. One interval in twenty leaves zero out by luck alone: count how many are drawn above. A single one is a hint,
# not a finding. Several are not several hints: frames and objects, half way and the end come from the same runs and
# hang together. And look at the side: an interval without zero can also be a loss. Lesson 09 pays for the looks.
#
# Lower alignment, lower uniformity, higher purity and silhouette are what the branch is meant to bring.
#
# Whether detections get better is another question. Lesson 09 asks it.
#
# ## 8 Exercises
#
# **Exercise 1.** Write the neighbour purity yourself. You get the cosine of every row with every row (`similarity`, N ×
# N), and label, video and frame of each row. Leave out rows of the same video at most 1 frame away (the row itself is
# one of them), take the `k` most similar of the others, and return the mean share of equal labels.

# %% tags=["exercise"]
import numpy as np


def my_purity(similarity, labels, video, frame, k):
    return None


# %%
maps.check.purity(my_purity)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# import numpy as np
#
#
# def my_purity(similarity, labels, video, frame, k):
#     shares = []
#     for i in range(len(labels)):
#         near_in_time = (video == video[i]) & (np.abs(frame - frame[i]) <= 1)
#         cosines = np.where(near_in_time, -np.inf, similarity[i])
#         nearest = np.argsort(-cosines)[:k]
#         shares.append((labels[nearest] == labels[i]).mean())
#     return float(np.mean(shares))
# ```
#
# </details>

# %% [markdown]
# **Exercise 2.** Write alignment: divide each row of `matrix` by its length, then return the mean squared distance over
# all pairs of two rows with the same label.

# %% tags=["exercise"]
def my_alignment(matrix, labels):
    return None


# %%
maps.check.aligned(my_alignment)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_alignment(matrix, labels):
#     unit = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
#     squared = []
#     for i in range(len(unit)):
#         for j in range(i):
#             if labels[i] == labels[j]:
#                 squared.append(((unit[i] - unit[j]) ** 2).sum())
#     return float(np.mean(squared))
# ```
#
# </details>

# %% [markdown]
# **Exercise 3.** Here are two UMAP maps, before and after training. Which *one* of the sentences below do they allow?

# %%
for letter, sentence in maps.check.STATEMENTS.items():
    print(f"{letter}  {sentence}")
before = moments["before training"]["object"]
left = maps.project(before, colours.names, method)
right = projections[1]
panels = [maps.MapPanel("before training", left.points), maps.MapPanel("CLAB", right.points)]
maps.draw_maps(panels, after, colours, tracks=False, finding="Objects by class, UMAP")

# %% tags=["exercise"]
my_answer = None  # "a", "b", "c" or "d"

# %%
maps.check.statement(my_answer, after, right.points)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# my_answer = "d"
# ```
#
# </details>

# %% [markdown]
# ## 9 Check yourself

# %%
lesson.quiz()

# %% [markdown]
# **Where to go next.** Lesson 09 measures what counts in the end: detections, on easy and hard frames, with intervals.
