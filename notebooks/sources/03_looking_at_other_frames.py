# %% [markdown]
# # 03 Looking at other frames
#
# A car behind a post. In this frame you see half of it; half a second ago it stood there, whole. A video detector may look back.
#
# **At the end you can say:** what a detector takes from other frames, from which places in them, how two kinds of attention weigh these places, and what it costs.

# %%
import numpy as np

import clab_lite as cl
from clab_lite import lessons
from clab_lite.lessons.references import by_hand, check, cost, selsa_view, survey, sweeps
from clab_lite.lessons.references import temporal_view, timeline, trouble_lab
from clab_lite.lessons.references.scene import Scene

lesson = lessons.start("03_looking_at_other_frames")

# %% [markdown]
# A few words first. The **key frame** is the frame in which we want to find objects now. **Reference frames** are other frames of the same video that help. The detector of lesson 02 finds candidate boxes in a frame, its **proposals**, and gives each a class and a **score** between 0 and 1.
#
# We take a small detector that has been trained already, and videos that it has never seen.

# %%
trained = lessons.trained("clab")
videos = lessons.samples("val")
settings = trained.config.detector
print(f"{len(videos)} held-out videos of {videos.videos[0].frame_count} frames")
per_frame = settings.rpn.test_proposals.after_nms
print(f"{settings.detection.references} reference frames, {per_frame} proposals per frame")

# %% [markdown]
# ## 1. Do other frames help?
#
# We ask the detector twice about every object in every frame:
#
# - **alone**: the key frame is its own only reference;
# - **with references**: 14 frames, spread evenly over the video, stand beside it.
#
# For each object we note the score of the best *right* box: the right class, and an overlap (IoU) with the true box of at least one half. An object that is not found gets 0.

# %%
lesson.predict(
    "In which frames will references raise the score of an object more often?",
    ["in clean frames", "in frames with a trouble (blur, ...)", "in both equally often"],
)

# %% [markdown]
# The next cell looks at a few hundred frames twice. It takes a minute or so on a slow core.

# %%
looked_at = range(lesson.choose(24, 2))
table = survey.survey(trained, videos, looked_at)
survey.draw_survey(table)

# %% [markdown]
# Read it in three steps.
#
# 1. **Left:** what sits in the upper right corner was found anyway: there is nothing to gain. What sits above the line was helped.
# 2. **Upper right:** how often does a score move by 0.05 or more? Compare the two rows, and compare blue with amber: references also do harm.
# 3. **Lower right:** the mean change. The grey line is a 95 % interval: with other videos the mean would probably lie inside it. Where it crosses zero, this sample does not prove a gain. (With fewer than five videos no interval is drawn.)
#
# In words:

# %%
print(survey.answer(table))

# %% [markdown]
# Section 6 makes trouble on purpose and shows when the gain is large. The cases behind these numbers: the troubled objects that were helped most, and of *all* objects those that were hurt most.

# %%
survey.cases(table, 3).round(2)

# %% [markdown]
# ## 2. One frame, more and more references
#
# Here is a troubled object that gained much, in a video where some frames are clean: there is something to borrow. Move **references** from 0 to 14. Then move **key frame** and find a frame in which it makes no difference.
#
# Green dashes: the true box. Blue: a right detection. Orange-red dashes: a wrong one. Only scores of at least 0.3 are drawn.

# %%
video, frame, item = survey.best_case(table)
scene = Scene(trained, videos, video)
trouble_lab.explore_counts(scene, frame, item)

# %% [markdown]
# The line under the figure lists the references. A video of 10 frames has no 14 different ones: some are used twice. The key frame always joins its own references, as the last one.
#
# How does a detector use another frame? It cannot simply add the pictures: the object moves. It has to find out **which places** of the other frames show the same thing. The tool for that is *attention*.

# %% [markdown]
# ## 3. Attention on three vectors
#
# A detector describes a box by a list of numbers: a **vector**. Similar things get vectors that point in similar directions.
#
# Take one vector that asks, the **query** $q$, and three that may answer, $a$, $b$, $c$. Attention has three steps:
#
# 1. **Score**: the dot product of the query with each, divided by $\sqrt{d}$, where $d$ is the length of the list. $\quad s_i = q \cdot k_i / \sqrt{d}$
# 2. **Weight**: the *softmax* makes all scores positive and lets them sum to 1. $\quad w_i = e^{s_i} / \sum_j e^{s_j}$
# 3. **Output**: the weighted sum. $\quad o = \sum_i w_i v_i$
#
# The $k_i$ are called **keys** (we compare with them) and the $v_i$ **values** (we add them up). In this picture both are $a$, $b$, $c$. Here $d = 2$.
#
# A trap of language: a *key frame* and a *key* of the attention have nothing to do with each other.
#
# Turn the query. Then make it longer and shorter: when does one vector take everything, and when does each get a third?

# %%
lessons.explore(
    by_hand.draw_attention,
    angle=lessons.slider("angle of the query (degrees)", 0, 360, 60, 5),
    length=lessons.slider("length of the query", 0.0, 10.0, 3.0, 0.5),
)

# %% [markdown]
# The direction decides *who* gets the weight. The length decides *how sharply*. At length 0 all scores are 0, and the output is the plain mean.
#
# Why divide by $\sqrt{d}$? A dot product is a sum of $d$ terms. The more terms, the larger it gets, and the softmax would become too sharp.

# %% [markdown]
# ## 4. SELSA: boxes ask boxes
#
# **SELSA** (*Sequence Level Semantics Aggregation*, arXiv 1907.06390) does this with boxes. Every proposal $x$ of the key frame asks **all proposals $y_j$ of all reference frames**: who looks like me? It then adds what they answer to its own vector:
#
# $$x' = \mathrm{relu}\Big(x + W_o \sum_j w_j\, W_v\, y_j\Big), \qquad w = \mathrm{softmax}_j\left( \frac{(W_q x) \cdot (W_k y_j)}{\sqrt{d}} \right)$$
#
# In the code (`clab_lite/detector/selsa.py`) the learned matrices $W_q, W_k, W_v, W_o$ are called `query`, `key`, `value`, `output`. (The equation is SELSA's 3 to 5 in the form that mmtracking, a well-known library, gave it.)
#
# Two more words:
# - **layers**: the box head does this several times, each time with vectors that have taken in more;
# - **blocks** (elsewhere: *heads*): each layer cuts the vectors into equal pieces, and each piece has an attention of its own. The $d$ of the equation is then the length of one piece.
#
# `scene.look` detects in one frame exactly as the library does. On the way it reads the weights off the real layers. Is that true? The attention that we show, put together again, must give what the layers returned:

# %%
seen = scene.look(frame)
for number, layer in enumerate(seen.observation.selsa, start=1):
    blocks, regions, proposals = layer.weights.shape
    difference = (layer.rebuilt - layer.output).abs().max()
    print(f"layer {number}: {blocks} blocks, {regions} boxes ask {proposals} proposals,", end=" ")
    print(f"difference {difference:.0e}")

# %% [markdown]
# Now look at it. **Click a box** in the key frame, or take it from the list. The blue boxes in the other frames are the proposals that fed it: the stronger the blue, the larger the weight. (Some of them lie on empty places: the network is free to use these as a "nothing new here".) The bars add the weights of each frame up; the black line is what the frame would get if all proposals weighed the same. ×2 means that the frame is used twice.

# %%
selsa_view.explore_selsa(scene, seen)

# %% [markdown]
# Things to try:
#
# - Which frames does the box listen to? Do they show the object better than the key frame?
# - Go from layer 1 to layer 2. Does the attention become sharper or more even?
# - Choose a single block. Do the blocks look at the same boxes?
# - Click a wrong detection. What did it listen to?
#
# The title compares the weight on proposals that lie on the same object (IoU of at least 0.3) with an even spread. Attention is no proof of understanding.

# %% [markdown]
# ## 5. Temporal RoI Align: cells ask cells
#
# SELSA compares whole boxes, described by one vector each. **Temporal RoI Align** (arXiv 2109.03495) works earlier and finer. You know from lesson 02 that RoIAlign cuts a region into a grid of **cells**, and that a **map** holds one vector for every 16 × 16 pixels of a frame. For each cell of the region:
#
# 1. In **every** reference map, find the 2 map cells most similar to it, by *cosine* (a dot product of vectors made equally long). Mix these two. (Section 3.2 of the paper.)
# 2. Now there are the cell **itself** and one candidate from each reference frame. An attention over **frames** weighs them, and they are added up. (Section 3.3.)
#
# In the detector this comes first; the enriched region then goes to the box head with SELSA.
#
# **Click a cell** of the region, or use the sliders. The light blue squares are the two most similar map cells in each frame, with their cosines above.

# %%
region = seen.region_of(item)
temporal_view.explore_temporal(scene, seen, region)

# %%
view = seen.observation.temporal(region)
print(f"difference to what the layer returned: {(view.rebuilt - view.output).abs().max():.0e}")

# %% [markdown]
# - Do the squares follow the object when it moves?
# - Put the cell on something that hides the object. Which places are similar to that?
# - The bar "itself" is the region's own cell; the key frame's map takes part as well, like every reference.
# - Compare the spread of these bars with SELSA's. How far are they from the black lines? The title gives the range. The nearer all bars are to the lines, the more this layer takes a mean over frames, where SELSA chooses.

# %% [markdown]
# ## 6. Make trouble yourself
#
# Now we take a frame in which the object is easy to see, and spoil it. Where the key frame is one of its own references, it is spoiled there too: no clean copy helps in secret.

# %%
lesson.predict(
    "You smear the key frame, from strength 0 to 0.2. What will SELSA's attention to it do, on average?",
    ["rise: the box needs itself more", "fall: the object is clearer elsewhere", "stay as it is"],
)

# %%
objects = survey.clear_objects(table, lesson.choose(6, 1))
clear = sweeps.telling(trained, videos, objects)
easy = Scene(trained, videos, int(clear.video))
trouble_lab.explore_trouble(easy, int(clear.frame), int(clear["item"]))

# %% [markdown]
# Each control goes from 0 to 1. *Motion blur* 1 smears over 40 pixels, *cover* 1 hides the whole object behind a board, *darkness* 1 leaves 4 % of the light.
#
# Dotted bars: the weights before the trouble. Which frame lost, which ones gained? Find a trouble that the frame alone does not survive, but that it survives with references. Then find one that no reference can mend, and one where references do harm.
#
# This object was chosen because references help it most at this blur: it shows what can happen, not what happens on average. Here are several, one of each video, at six strengths of each trouble:

# %%
strengths = lesson.choose([0, 0.2, 0.4, 0.6, 0.8, 1.0], [0, 1.0])
curves = sweeps.sweeps(trained, videos, objects, strengths)
sweeps.draw_sweeps(curves)

# %% [markdown]
# The upper row says what you gain, the lower row who is heard; its dashed lines are an even spread. For Temporal RoI Align the region itself and the key frame's map are added. In numbers:

# %%
print(sweeps.summary(curves))

# %% [markdown]
# Compare *when* the weight moves with *when* the score does. If the attention fell only where the score suffers, one could say that the detector notices a poor witness. If it moves before that, or hardly at all, it is no measure of how bad the frame is. There is no "this frame is blurred" input: a changed picture gives changed vectors, and these fit better or worse to those of other frames.
#
# Believe the curves and not the story. A board in front of the object may make the region look like a board, and then it has no reason to ask for cars.

# %% [markdown]
# ## 7. Which frames?
#
# There are three rules in the library (`references=` of `detector.detect_video`):
#
# | rule | frames | good for |
# |---|---|---|
# | `adaptive` | spread evenly over the whole video, chosen once (the name is the official code's: nothing adapts to the picture) | stored videos |
# | `sliding` | the neighbours of the key frame, before and after | long videos |
# | `past` | only frames before the key frame | a running camera |

# %%
lesson.predict(
    "You move the key frame to another place in the video. Which rule keeps its reference frames?",
    ["adaptive", "sliding", "past"],
)

# %% [markdown]
# Move the key frame (amber mark): which rules change their frames? Move it to the very start and to the very end, and read what each rule has to wait for.

# %%
timeline.explore_timeline()

# %% [markdown]
# Neighbours look almost like the key frame: if it is blurred, they often are too. Frames far away look different: that is why the adaptive rule spreads them. Its price: the whole video must be there before the first frame can be detected.

# %% [markdown]
# ## 8. What it costs
#
# Reference frames are **remembered**: their maps, their proposals and the vectors of these proposals do not depend on the key frame. They are computed once and used for every key frame of the video (`FrameMemory` in `clab_lite/detector/memory.py`). What remains to be paid per key frame:

# %%
cost.draw_cost(cost.measure(easy, repeats=lesson.choose(5, 1)))

# %% [markdown]
# The bottom part, the frame's own maps and proposals, is the same work for every bar: where it differs, you see the noise of this machine.

# %% [markdown]
# How often does one key frame compare something? Ours, and the detector of the paper with its frames of 1000 × 600 pixels:

# %%
paper = cl.presets.named("paper-r50").detector
cost.comparison_table({"this lesson": settings, "paper (ResNet-50)": paper})

# %% [markdown]
# - *SELSA comparisons*: boxes × reference proposals × layers × blocks.
# - *Cell comparisons*: boxes × cells of a region × reference frames × cells of a map. In the paper's order this is the expensive part. This library compares whole maps, which have fewer cells, and adds up what it needs.

# %% [markdown]
# ## 9. Exercises
#
# ### Exercise 1: attention
#
# Write the attention of section 3 with NumPy: one query of $d$ numbers, `keys` and `values` with a row per reference.

# %% tags=["exercise"]
def attention(query, keys, values):
    """query (d,), keys (S, d), values (S, d) -> output (d,)."""
    return None  # your answer here


# %%
check.attention(attention)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def attention(query, keys, values):
#     scores = keys @ query / np.sqrt(len(query))
#     weights = np.exp(scores - scores.max())
#     weights = weights / weights.sum()
#     return weights @ values
# ```
#
# Taking the largest score away first changes nothing in the result, and keeps `exp` from overflowing.
#
# </details>

# %% [markdown]
# ### Exercise 2: how many are asked?
#
# How many reference proposals feed **one** box of the key frame `seen`, in one SELSA layer? Reason it out, or count with `seen.observation.reference_boxes`: a list with the proposals of each reference frame.

# %% tags=["exercise"]
proposals_asked = None  # a whole number

# %%
check.proposal_count(proposals_asked, seen)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# proposals_asked = sum(len(boxes) for boxes in seen.observation.reference_boxes)
# ```
#
# 14 reference frames (repeated ones count again) and the key frame itself, each with its proposals.
#
# </details>

# %% [markdown]
# ### Exercise 3: the two most similar cells
#
# Write step 1 of Temporal RoI Align: the row numbers of the two map cells most similar to a cell **by cosine**, the most similar first.

# %% tags=["exercise"]
def two_most_similar(cell, cells):
    """cell (C,), cells (N, C) -> [row of the most similar, row of the second]."""
    return None  # your answer here


# %%
check.similar(two_most_similar)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def two_most_similar(cell, cells):
#     cosine = cells @ cell / (np.linalg.norm(cells, axis=1) * np.linalg.norm(cell))
#     return np.argsort(-cosine)[:2]
# ```
#
# </details>

# %% [markdown]
# ## 10. Self-test

# %%
lesson.quiz()

# %% [markdown]
# **In one sentence:** boxes ask boxes and cells ask cells of other frames, similar ones weigh more, and what other frames give is remembered once for all key frames.
#
# ## Where to go next
#
# All this helps only if frames of one video, and boxes of one object, get similar vectors. Can one *train* for that directly? That is the idea of contrast: [04 Contrast](04_contrast.ipynb).
#
# Read the code: `clab_lite/detector/selsa.py`, `temporal_roi_align.py`, `memory.py`, `video.py`. What this lesson shows is read off by `clab_lite/lessons/references/observe.py`.
