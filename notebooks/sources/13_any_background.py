# %% [markdown]
# # 13 Any background
#
# A dog is a dog on grass, on snow and on a sofa. A network that learns from pictures of dogs on grass may learn the
# grass. CoDo (arXiv 2205.04617) trains against that: it cuts an object out, pastes it on *other* backgrounds, and asks the
# network to recognise it there. The backgrounds come from the data that the detector will work on.
#
# CoDo's code was never released; its summary names the ideas, not the numbers. What it leaves open is filled here from
# two open relatives, InsLoc and SoCo, or by us. So this is *CoDo-style*, and section 8 says which choice is whose.

# %%
from clab_lite import lessons
from clab_lite.lessons import codo

lesson = lessons.start("13_any_background")
learn, held_out = lessons.samples("train"), lessons.samples("val")

# %% [markdown]
# At the end you can make such pictures yourself, measure whether a network looks at an object or at what lies behind it,
# and say why one popular number for that can deceive.
#
# ## 1 One object, many backgrounds
#
# We call a cut-out object an *instance*, and the picture that it is pasted on, with it, a *composite*. This is one on
# its way. The random *window* (dashed) may leave out a part of the object or show a little around it. Size and place are
# random; colours are changed *after* pasting, so that no colour seam gives the instance away.

# %%
desk = codo.desk(learn)
steps = codo.steps_explorer(desk)
steps

# %% [markdown]
# The last picture has two boxes. Blue is where the instance is. Orange, dashed, is a **jittered** box: moved and
# stretched a little at random. Why train with wrong boxes? A detector never gets right ones: its proposals are off by
# some pixels, and show some background beside the object.

# %%
lesson.predict(
    "Each side moves by up to a fifth of the box. How much of a jittered box is background, on average?",
    ["about 3 %", "15 to 20 %", "about half"],
)

# %% [markdown]
# Six composites of one object. Slide **box jitter** and watch the orange boxes; change the **background**:
#
# * *training frames*: frames of other videos (CoDo's idea), never of the instance's own;
# * *one frame for all*: the same background in every view;
# * *noise*: random pixels.

# %%
strip = codo.strip_explorer(desk)
strip

# %%
amplitudes = [0.0, 0.1, 0.2, 0.3, 0.4]
for amplitude, share in zip(amplitudes, codo.jitter_curve(amplitudes)):
    print(f"box jitter {amplitude:.1f}: {share:.0%} of the box is background")

# %% [markdown]
# It stops growing: a box whose overlap (IoU) with the exact one is below 0.5 is drawn again, and after ten tries the
# exact box is taken.
#
# ## 2 The loss: find yourself again
#
# Every instance of a batch gets two composites, its *views*. One view asks (the **query**, read through its jittered
# box), the other answers (the **key**, read through its exact box). The query should be most alike to the key of its own
# instance. The other instances of the batch are the negatives: InfoNCE, as in lesson 04.
#
# What is compared comes out of the detector's own parts: backbone → feature pyramid → RoIAlign with the box → region
# head → 64 numbers. The pyramid has several *levels*: P3 is fine (a cell is 8 pixels), P4 coarse (16 pixels). Each level
# has its own loss.
#
# We now train such a network for a short while.

# %%
run = codo.train_live(learn, held_out, steps=lesson.choose(120, 4), looks=lesson.choose(6, 2))
settings = run.config
print(f"{len(run.losses)} steps, {settings.pretrain.batch} instances each", end=" ")
print(f"on {settings.composite.image_size} × {settings.composite.image_size} pixels")

# %% [markdown]
# Rows: queries. Columns: keys. Only the pixels inside the exact boxes are drawn; the network sees the whole composite. The
# diagonal is an instance with itself; green where it is the best of its row. Compare *untrained* with *trained*, and the
# two levels. With changed colours, crops and sizes this is a hard search, and our training was short.

# %%
batch = codo.batch_explorer(run)
batch

# %% [markdown]
# One batch is luck. Over several, how many of the 16 queries find their own instance? (A guess finds 1.)

# %%
for network, levels in codo.searches(run, batches=lesson.choose(10, 2)).items():
    print(f"{network:10s}", ", ".join(f"{level}: {hits:.1f}" for level, hits in levels.items()))

# %% [markdown]
# This is one pair of views. With three views there are six ordered pairs, and the loss is the mean over them.
#
# ## 3 The probe: object or background?
#
# A low loss does not yet say *why* two composites look alike to the network. So we ask it about objects and backgrounds
# that it has never seen, in all combinations:

# %%
codo.draw_probe(run.probe, rows=lesson.choose(4, 2))

# %% [markdown]
# Between two composites we take the cosine of their embeddings. There are three kinds of pairs:
#
# * **same object**, other background;
# * **same background**, other object;
# * **neither**.
#
# Two numbers come of it. The **gap** is *same object* minus *same background*: above 0, the object counts more. The
# **share of the background** is what a shared background adds, divided by what a shared object adds:
#
# $$\text{share} = \frac{\text{same background} - \text{neither}}{\text{same object} - \text{neither}}$$

# %%
lesson.predict(
    "The untrained network, random weights: which pair is more alike to it?",
    ["same object, other background", "same background, other object", "both alike: it knows nothing"],
)

# %%
last = max(run.moments)
codo.draw_bars({"untrained": run.moments[0], "trained": run.moments[last]}, 1 / len(run.probe.names))

# %% [markdown]
# Even random weights tell objects a little: what is inside the box dominates what RoIAlign reads. But a shared background
# adds a good part of what a shared object adds. After training it should add much less.
#
# On the right, a search: here is an object on one background; which of the composites *on another background* shows it?
# The second bar is harder: the rivals are other objects *on the very same background*. The dotted line is a guess.

# %%
codo.draw_training(run)

# %% [markdown]
# The same as squares: every composite against every other, object by object. A bright **block** on the diagonal: an
# object is alike on all backgrounds. Bright **stripes** beside the diagonal, at a regular distance: backgrounds are alike,
# whatever stands on them. Change the boxes and the backgrounds: everything is computed anew.

# %%
probe = codo.probe_explorer(run)
probe

# %% [markdown]
# On noise the untrained network is lost: noise excites random filters more than any object does. The trained network has
# never seen noise either. How well does it do there?
#
# ## 4 What if the background gives the answer away?
#
# Now paste *both* views of an instance on the *same* frame. Query and key then share two things: the object and what lies
# behind it.

# %%
lesson.predict(
    "Trained with one background for both views: what is the share of the background afterwards?",
    ["almost nothing, as above", "about that of the untrained network", "more than 100 %"],
)

# %% [markdown]
# The trainings below take a minute or two each, so they were run beforehand, most of them with several seeds: a dot for
# each. (The command that makes them again is in section 7.) Open dots: before training; filled: after.

# %%
runs = codo.measured_runs()
codo.draw_sources(runs, jitter=0.2)

# %% [markdown]
# Dashed: a gap of 0.2, the mark that we had set as the goal. By the **gap** alone every background passes. The **share**
# tells them apart:
#
# * *One frame for all views*: the network learned objects *and* backgrounds. All its embeddings spread out, and so the
#   gap grew, while the background counts about as much as before.
# * *Training frames* and *noise*: the share falls. It falls further with frames: who has only seen noise has never had
#   to ignore a tree or another object.
#
# The third panel is the hard search: the same object elsewhere, or another object on the very same background?
#
# Move the settings. *Box jitter in training* is what the network was trained with; *of the probe* is how wrong the boxes
# are when it is asked.

# %%
measured = codo.measured_explorer(runs)
measured

# %% [markdown]
# ## 5 What arrives in the detector
#
# The dashed grey lines above are the backbone's stage **C4**: what this library's detector takes over. The loss acts on
# the embedding, three steps later; C4 changes much less. The table has all settings: mean over seeds ± half of the 95 %
# interval (none for fewer than three). With so few seeds these intervals are wide.

# %%
from clab_lite.lessons.tables import left

left(codo.summary(runs))

# %% [markdown]
# *Found again*: on another background, among 32 objects, where a guess finds 3 %.
#
# Whether a detector that starts from these weights is better is another question. Lesson 14 puts the four ways of
# contrast side by side and reports what they gave here.
#
# ## 6 Two traps
#
# **Statistics of composites.** BatchNorm remembers mean and spread of what it saw. After this training that is composites,
# and a detector works on clean frames. Let the backbone see some clean frames once before its statistics are frozen:

# %%
import copy

from clab_lite import presets
from clab_lite.methods.codo.norm import clean_frames, reestimate_norm

backbone = copy.deepcopy(run.trained.trunk.stages)
before = backbone.backbone.bn1.running_mean.clone()
frames = clean_frames(learn, presets.lesson().detector.frame, count=lesson.choose(64, 16))
reestimate_norm(backbone, frames)
moved = (backbone.backbone.bn1.running_mean - before).abs().mean() / before.abs().mean()
print(f"means of the first BatchNorm move by {moved:.0%} of their size")

# %% [markdown]
# **An untrained network that looks worse than it is.** A fresh BatchNorm has made-up statistics: mean 0, spread 1. With
# these, all embeddings lie in one heap, and the gap is nearly 0. With statistics of its own, the same weights have a
# larger gap, without any training. Whoever compares "before" and "after" without noticing gives training the credit.

# %%
first = [r for r in runs if r.background == "downstream" and r.jitter == 0.2][0]
print(f"untrained, made-up statistics: gap {first.as_made.gap:.2f}")
print(f"untrained, its own statistics: gap {first.embedding[0].gap:.2f}")
print(f"trained:                       gap {first.embedding[-1].gap:.2f}")

# %% [markdown]
# ## 7 Do it yourself
#
# The measured runs come from one command (on one core; runs that are there are kept). The second line joins them.

# %%
print(f"{codo.COMMAND} runs/codo")
print(f"{codo.COMMAND} runs/codo --gather records.json")
print(f"{len(runs)} runs of {sum(r.seconds for r in runs) / len(runs):.0f} seconds each")

# %% [markdown]
# ## 8 Which choice is whose
#
# | choice | published by CoDo | from InsLoc or SoCo | ours |
# |---|---|---|---|
# | paste on frames of the *downstream* data | ✓ | | never the instance's own video |
# | jitter the box | ✓ | the formula (SoCo) | amplitude 0.2, IoU at least 0.5, on the query only |
# | train the detector's own parts | ✓ | pyramid, RoIAlign, head (InsLoc) | a small head with BatchNorm |
# | several levels | ✓ | P2 to P5, one loss each (InsLoc) | P3 and P4: small instances have no cell on P5 |
# | several views | ✓ | two (InsLoc) | mean over all ordered pairs |
# | negatives | | a queue per level, slow key network (InsLoc) | the batch itself: a queue needs longer runs |
# | instances | | whole pictures (InsLoc) | ground-truth or detected boxes of videos |
#
# The method is in `clab_lite/methods/codo/`; its settings say the same, field by field. `paper()` has the published
# scale, `lite()` what you saw here.
#
# ## 9 Exercises
#
# ### Exercise 1: paste
#
# `background` is (3, H, W), `instance` (3, h, w). Put the instance's top left corner at column `x`, row `y`. Return the
# composite and its box `[x1, y1, x2, y2]`; x2 − x1 is the width. Leave `background` as it is.

# %% tags=["exercise"]
def my_paste(background, instance, x, y):
    """Return (image, box)."""
    return None  # your answer here


# %%
codo.checks.paste(my_paste)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_paste(background, instance, x, y):
#     h, w = instance.shape[1:]
#     image = background.clone()
#     image[:, y : y + h, x : x + w] = instance
#     return image, [x, y, x + w, y + h]
# ```
#
# </details>
#
# ### Exercise 2: jitter a box
#
# Move the corner by `dx` widths and `dy` heights. The sides become w (1 + dw) and h (1 + dh), from the moved corner on.
# Then cut all four numbers off at 0 and at `side`, the side of the square image.

# %% tags=["exercise"]
def my_jitter(box, deltas, side):
    """box: [x1, y1, x2, y2]. deltas: [dx, dy, dw, dh]. Return four numbers."""
    return None  # your answer here


# %%
codo.checks.jitter(my_jitter)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_jitter(box, deltas, side):
#     x1, y1, x2, y2 = box
#     dx, dy, dw, dh = deltas
#     w, h = x2 - x1, y2 - y1
#     x, y = x1 + dx * w, y1 + dy * h
#     corners = [x, y, x + w * (1 + dw), y + h * (1 + dh)]
#     return [min(max(value, 0), side) for value in corners]
# ```
#
# </details>
#
# ### Exercise 3: the share of the background
#
# From the three cosines of the probe. What would a network get that looks at the background alone? And one that never
# looks at it?

# %% tags=["exercise"]
def my_share(same_object, same_background, neither):
    """Three cosines. Return one number."""
    return None  # your answer here


# %%
codo.checks.share(my_share)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_share(same_object, same_background, neither):
#     return (same_background - neither) / (same_object - neither)
# ```
#
# It never looks at the background: 0. It looks at nothing else: *same object* is no better than *neither*, and the share
# grows without limit.
#
# </details>
#
# ## 10 Test yourself

# %%
lesson.quiz()

# %% [markdown]
# ## Where to go next
#
# * Other ways to choose what should be alike: a ranking of classes (lesson 11), places across stages (lesson 12).
# * The four ways side by side: lesson 14.
# * The branch that CLAB trains beside the detector: [lesson 05](05_the_auxiliary_branch.ipynb). The CoDo-style loss can
#   take its place: `VideoDetectorWithCoDo` in `clab_lite/methods/codo/auxiliary.py`.
