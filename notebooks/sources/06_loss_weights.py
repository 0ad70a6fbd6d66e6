# %% [markdown]
# # 06 Loss weights
#
# The detector has a loss of its own. The auxiliary branch of lesson 05 adds a second one. Who decides how much each of
# them counts? One number, the **weight**. Here you move it.
#
# **At the end you can say:** what a weight of 0.005 does and does not mean, how to measure what the branch really
# contributes, and how sure anybody can be that a weight is better than another.

# %%
from clab_lite import lessons
from clab_lite.lessons import weights
from clab_lite.schedule import linear_decay

lesson = lessons.start("06_loss_weights")

# %% [markdown]
# ## 1. A weight that fades
#
# Training makes one number small, the total loss:
#
# $$L(t) = L_\text{det} + w(t)\, L_\text{con}$$
#
# | symbol | what it is | in the code |
# |---|---|---|
# | $L_\text{det}$ | the four detection losses together | `DETECTION_LOSSES` |
# | $L_\text{con}$ | NT-Xent, the contrastive loss of lesson 04 | `contrast` |
# | $w(t)$ | its weight | `schedule.linear_decay` |
# | $t$ | progress: 0 at the first step, 1 at the last | `progress` |
#
# The official recipe (arXiv 2508.20551 and its released code) starts at $w = 0.005$ and goes down to zero in a straight
# line, which it reaches at half of the training (`until=0.5`). So the branch helps to shape the features early, and the
# detector has the last word.

# %%
weight = linear_decay(start=0.005, until=0.5)
for progress in (0.0, 0.25, 0.5, 0.75):
    print(f"progress {progress:.2f}   w = {weight(progress):.5f}")

# %% [markdown]
# The **shape** of the way down is a choice too: a line, a cosine (slow, fast, slow), a step, or no way down at all.
#
# Move both sliders. Read the line below the figure: with the same start and the same end, a line and a cosine give the
# branch the same amount of training in all, a step gives twice as much. A constant never ends: no other shape gives more.

# %%
lessons.explore(
    weights.compare_shapes,
    start=lessons.stops("start weight", [0.0, 0.001, 0.005, 0.02, 0.05, 0.2, 0.5], 0.005),
    until=lessons.slider("zero from", 0.1, 1.0, 0.5, 0.05),
)

# %% [markdown]
# ### Exercise 1: write the line
#
# Write the linear weight yourself. `progress` goes from 0 to 1, `start` is the weight at 0, and from `until` on the
# weight is zero.


# %% tags=["exercise"]
def my_weight(progress, start, until):
    return ...


# %%
weights.check.linear_decay(my_weight)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_weight(progress, start, until):
#     return max(0.0, start * (1 - progress / until))
# ```
#
# </details>

# %% [markdown]
# ## 2. Stop and go on
#
# Long trainings are interrupted and resumed. The weight must not care.
#
# The released code keeps the weight *inside the model*. A hook, a function that is called at every step, writes it
# until half of the training, and then does nothing any more. The weight is not saved with the model.

# %%
lesson.predict(
    "A run stops at 70 % of training and resumes with the released code. The weight from then on?",
    ["zero, as before", "0.005 until the end", "0.005, falling to zero again"],
)

# %% [markdown]
# Move the place where the run is resumed, before and after one half.

# %%
lessons.explore(weights.resumed_figure, resumed=lessons.slider("resumed at", 0.05, 0.95, 0.7, 0.05))

# %% [markdown]
# The orange-red curve, "official hook", follows the released code. Who resumes there builds a new model, which begins with
# 0.005. Before one half, the hook writes the right weight at the next step. After it, no hook lowers the weight any
# more.
#
# In this library the weight is a **pure function** of progress: it keeps no state, so nothing can be lost.

# %% [markdown]
# ## 3. What does the weight weigh?
#
# A weight of 0.005 *sounds* like half a percent. It is that only while both losses pull equally hard. What moves the network is the **gradient**: for each number
# in the network, how to change it to make the loss smaller.
#
# Both losses send their gradients to the same place: C4, the feature map that they share. There we can measure how
# *long* each gradient is. Long means: this loss pulls hard.
#
# $$\text{share} = \frac{w\,\lVert g_\text{con}\rVert}{\lVert g_\text{det}\rVert + w\,\lVert g_\text{con}\rVert}$$
#
# $\lVert g_\text{con}\rVert$ is the length of the contrastive loss's gradient *before* it is weighted.
#
# Nothing here is invented. The study that comes with the lessons holds real trainings of the small `lesson` detector;
# each one wrote down both lengths as it went. The next line shows what made it.

# %%
study = lessons.study()
print(f"{len(study.records)} measured runs. To make them again: {study.command}")

# %%
lesson.predict(
    "In these runs, before any weight: which loss pulls harder at C4 after the first step?",
    ["detection: it is four losses", "both about the same", "contrast"],
)

# %%
lessons.explore(
    lambda w: weights.lengths_figure(study, w),
    w=lessons.stops("constant weight w", [0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5], 0.05),
)

# %% [markdown]
# Read the right panel: **one and the same weight is another share at another time.** Three things move under it.
#
# * The last layers of a new detector begin with very small numbers, so almost nothing of the detection gradient gets
#   back to C4. As they grow, it grows (left panel, blue).
# * The contrastive gradient depends on how hard the pairs still are (lesson 04).
# * Each measurement comes from one batch, and batches differ: the curves jump. Where a thin line of the contrast drops
#   to almost nothing, all pairs of that batch were told apart already.
#
# Set w to 0.005: a good part of the gradient at first, and at the end hardly more than the half percent that it sounds
# like. So even a constant weight is not a constant share, and "0.005" from one paper is not "0.005" in another network.

# %% [markdown]
# ### Exercise 2: the share
#
# Write the formula for the share as a function. `detection` and `contrast` are the two lengths.


# %% tags=["exercise"]
def my_share(detection, contrast, weight):
    return ...


# %%
weights.check.gradient_share(my_share)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_share(detection, contrast, weight):
#     pull = weight * contrast
#     return pull / (detection + pull)
# ```
#
# </details>

# %% [markdown]
# ### Exercise 3: choose a start weight
#
# You want the branch to begin with a tenth of the pull: a share of 10 % right after the first step. The measured
# lengths are printed below. Which weight?

# %%
detection, contrast = weights.first_lengths(study)
print("after the first step, median of the frame-level runs:")
print(f"detection {detection:.4g}, contrast {contrast:.4g}")

# %% tags=["exercise"]
my_start = ...

# %%
weights.check.start_weight(my_start, detection, contrast)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# # 0.1 = w * c / (d + w * c), solved for w
# my_start = 0.1 * detection / (0.9 * contrast)
# ```
#
# </details>

# %% [markdown]
# ## 4. The weight explorer
#
# All of it together. **Left, from above:** the weight over training; the measured share of the gradient at C4; the
# cosine of the two gradients (1: both pull the same way, 0: at right angles, −1: against each other). **Right:**
# held-out objects or frames at one moment of that training, as a map of their C4 features. Near means similar; the axes
# have no meaning.
#
# Ask for anything. The blue curve is exactly what you ask. Everything else was **measured**, in the run that comes
# nearest; the line on top says which one, and how it differs. Where it differs, a dotted share is added: an estimate,
# your weight with that run's gradients.
#
# AP50 in the line below is of further drawn videos, which are not among the samples: the study makes them for judging
# only. "moment" moves through the training. The cloud jumps to the nearest snapshot. Arrow keys work on every slider.

# %%
weights.weight_explorer(study)

# %% [markdown]
# Things to try:
#
# 1. Start weight to 0. Nobody pulls from the branch, and yet frames *of one video* lie together ("cloud of frames",
#    "coloured by video"). Why? They share their background.
# 2. Start weight up to 0.5, shape constant. Look at the share, and at AP50 in the line below. (The share is dotted only
#    where another run is shown than you ask for; the line on top says so.)
# 3. The cosine. If it stays near 0, a small step for one loss changes the other hardly at all. They still meet in the
#    same features, and over many steps each moves the ground on which the other stands.
#
# Words in the line below the figure: *kNN purity*, the share of the five nearest neighbours with the same label;
# *alignment*, how far positives lie apart (smaller is nearer); *uniformity*, how evenly all points spread over the
# sphere (smaller is more even). Lesson 08 explains them at length.

# %% [markdown]
# ## 5. So which weight is best?
#
# Now all runs at once. Each dot is one training. Dots above each other differ only in their **seed**, the number that
# fixes all chance; a pale line joins runs of one seed. Settings of one weight stand side by side so that none hides
# another; their weight is the tick nearest to them, and the axis has no values between ticks. Bars are 95 % intervals of the mean, where there are at least three seeds. The scales
# do not begin at 0.

# %%
lesson.predict(
    "What did the best setting with three seeds or more do to AP50, against weight 0?",
    ["a clear gain", "nothing beyond the noise of the seeds", "a clear loss", "these runs cannot tell"],
)

# %%
scores = [
    ("AP50", weights.final_ap()),
    ("kNN purity, objects by class", weights.final_score("object", "knn_class")),
    ("kNN purity, frames by video", weights.final_score("frame", "knn_video")),
]
weights.against_start(study, scores)

# %% [markdown]
# The titles are computed from the runs: the best mean among the settings with three seeds or more, its difference
# from weight 0 **with the same seed**, and an interval for that difference. "Within noise" means that the interval contains 0. If a title says "too few seeds", the
# question stays open, and so does your prediction.
#
# One more caution. We picked the *best* of several settings, and the best of many is partly the luckiest. So the
# intervals in the titles are wider than 95 %: with k such settings, each one gets a k-th of the 5 % that may go wrong
# (Bonferroni). The study chose nothing on these videos, it only measured. But whoever goes on with the
# best of these weights has chosen on them: they can no longer judge it.
#
# The table has all settings, each with its plain 95 % interval where there are three seeds or more (else the cell is empty).
# Look for intervals that leave out 0, on either side: the titles speak of the best setting only. These plain intervals
# are not widened for the number of looks.

# %%
weights.table(study, scores[:2])

# %% [markdown]
# What does that say about the paper? Little, whichever way the titles above read. These are short trainings of a very
# small detector on drawn videos; the paper reports its gain for a ResNet-50 and larger on ImageNet VID. Both can be
# true. Lesson 09 looks at more settings, and counts the failures too.

# %% [markdown]
# ## 6. Live: train it yourself
#
# A measured run cannot answer *your* question at once. A small real training can.
#
# We take a trained detector and freeze all its layers up to the **last block before C4**. What these layers say about
# some frames is computed once and kept. Then three small parts learn, started anew: that last block, the auxiliary
# branch, and a linear layer that names the class of the object in each true box, from C4 averaged inside it.
#
# That linear layer **stands in for detection**: it is a real loss on real labels, but not the detector's own, which
# would need proposals, other frames and the whole head. Weights here are therefore not the weights of section 5.
# Compare shares, not weights.

# %%
baseline = lessons.trained("baseline").detector
learn, held_out = lessons.samples("train"), lessons.samples("val")
bench = weights.workbench(baseline, learn, held_out, videos=lesson.choose(8, 2))
bench

# %%
lesson.predict(
    "The branch gets weight 10 instead of 0.3. The class accuracy on held-out videos ...",
    ["rises: more learning", "stays the same", "falls: the shared block serves the other loss"],
)

# %%
steps = lesson.choose(60, 10)
runs = [bench.train(weights.LiveSetting(weight=w, steps=steps)) for w in (0.0, 0.3, 10.0)]
weights.compare_figure(runs)

# %% [markdown]
# These are single runs of a few seconds: believe the large differences only.
#
# Look at *uniformity*, where smaller is more spread out. With weight 0 nobody trains the branch: its embeddings show
# what the class loss alone makes of them. Does a weight spread them out? Whether a large weight spreads them more than
# a small one, single runs cannot tell.
#
# Now you. Choose, press **Train** (click, or Tab to the button and Space), and watch the points move; then scrub
# through the steps. Left: what detection needs, objects of one class together. Right: what the branch is told, frames
# of one video together (or views of one object). There a colour and a shape together name a video (or an object); they
# have no relation to the colours on the left.

# %%
bench.board(weights.LiveSetting(weight=0.3, steps=steps))

# %% [markdown]
# Things to try:
#
# 1. Weight 0, then look at the right map at step 0. Frames of a video lie together before anything is learned: the
#    positives of the frame-level branch are nearly trivial.
# 2. "contrast between objects". Views of one object are harder to match than whole frames. Does the number on the right
#    rise during training? And for "videos trained on"?
# 3. Temperature 1, then 0.03 (τ, lesson 04): how far do the points spread?
# 4. Weight 10: which of the two maps suffers?

# %% [markdown]
# ## 7. What to remember
#
# * A weight says nothing without the gradients. Measure the **share** where the two losses meet.
# * The share moves during training, also when the weight does not.
# * A schedule as a pure function of progress survives every interruption.
# * A small weight is a cheap trial. A large one *can* take the shared features away from the detector: compare the
#   class accuracies in section 6.
# * One seed cannot tell a method from luck. Several seeds, paired, with an interval: then you may say "better", or
#   honestly "within noise".
#
# ## Test yourself

# %%
lesson.quiz()

# %% [markdown]
# **Where to go next:** [07 Train the full detector](07_train_the_full_detector.ipynb), with this weight on a live
# board. Sources: the weight and its schedule, arXiv 2508.20551 and its released code; gradients at a shared layer as
# the measure of balance, GradNorm (arXiv 1711.02257, section 3); alignment and uniformity, arXiv 2005.10242.
