# %% [markdown]
# # 02 A detector in pieces
#
# The detector of this project is a **Faster R-CNN** with additions for video. It is a chain of small parts, and each can be looked at.
#
# **At the end you can say:** which parts a frame passes, what each makes of it, and what shape it has on every arrow.

# %%
import torch

from clab_lite import lessons
from clab_lite.lessons.pieces import check, deciding, diagram, explorers, features, preparing, regions
from clab_lite.lessons.pieces.walk import follow

lesson = lessons.start("02_a_detector_in_pieces")

# %% [markdown]
# ## The whole way at once
#
# We take a trained detector and one frame of a held-out video, and let the detector run. `follow` listens at each part and keeps what comes out: nothing in this lesson is a second version of the detector.

# %%
videos = lessons.samples("val")
trained = lessons.trained("clab")
walk = follow(trained, videos, video=20, frame=3)
diagram.draw_pipeline(walk)

# %% [markdown]
# Read the **shapes** on the arrows **from the right**: width, height, channels, and, where there is a fourth number, how many.
#
# - `3 × 128 × 192`: 192 columns, 128 rows, three colours. Height stands before width!
# - A feature map `1 × C × H × W` holds, for each of H × W *cells*, C numbers: the **channels**. A cell stands for a patch of the frame.
# - Lists are *number × what each holds*: boxes have 4 numbers each, objectness only one.
#
# The boxes in this lesson count by edges (width = x2 - x1), as all detectors do; see lesson 01.
#
# Now part by part.

# %% [markdown]
# ## 1. Prepare the frame
#
# Videos come in all sizes. Three things happen (`clab_lite/data/transforms.py`):
#
# 1. **Resize** so that the frame fits into a given size, keeping its proportions.
# 2. **Normalise** each colour: subtract its mean over ImageNet, divide by its standard deviation.
# 3. **Pad** with zeros at the right and at the bottom, until both sides are multiples of 16. Why 16? The network makes one cell of 16 × 16 pixels.
#
# Change the stored size and watch the padding (black). Our own sample frames fit already.

# %%
explorers.sizes(walk)

# %%
preparing.draw_normalised(walk)

# %% [markdown]
# Each colour keeps the form of its curve. Normalising moves and stretches each colour by its own two numbers and loses nothing. A network learns more easily from numbers around 0.

# %% [markdown]
# ## 2. The backbone: C4 and C5
#
# The **backbone** is a ResNet: a long row of small filters. First comes the **stem**, one filter that already halves the frame. Then its stages `layer1` to `layer4` make maps that are called C2 to C5. We need the last two by name:
#
# - **C4**, the output of `layer3`. The contrastive branch of lesson 05 reads it.
# - **C5**, the output of `layer4`. Detection goes on from there, through the **neck**: one more 3 × 3 filter.
#
# **Stride** is how many pixels of the frame one cell stands for.

# %%
features.draw_stages(walk)

# %% [markdown]
# Bright cells answer strongly, in the mean over all channels. The first maps are fine and follow edges and colours. The later ones are coarse: 16 pixels per cell. Compare C4 with the green boxes.
#
# In the neck's map the objects need not be bright at all. That is no fault: what matters there is *which* of its channels answer, and the mean over the channels does not show that.
#
# So look at single channels. The start shows one that answers hardly more inside the green boxes than outside. Can you find one that answers mostly inside?

# %%
explorers.channels(walk)

# %% [markdown]
# ### Dilation
#
# In an ordinary ResNet, `layer4` halves the map again: stride 32. Small objects would vanish in it. This detector (like the paper's; the kind is called **DC5**, dilated C5) keeps stride 16. To see as far as before, the filters of `layer4` are **dilated**: their nine inputs lie two cells apart.

# %%
features.draw_dilation()

# %%
lesson.predict("Four dilated filters in a row: which cells of C4 does one cell of C5 see?",
               ["all cells around it", "only every second cell", "only its own cell"])

# %% [markdown]
# We measure it. The gradient of the middle cell of C5 with respect to each cell of C4 is zero exactly where nothing is seen.

# %%
features.draw_reach(walk)

# %% [markdown]
# Blue is the strength of the gradient: dark is strong, white is exactly 0. The framed cell is the middle one. Dilated filters look further (until the map ends), but with **gaps**: steps of two never reach an odd neighbour. This is known as *gridding*. The neck's ordinary filter comes after, and fills the gaps.

# %% [markdown]
# ## 3. Anchors
#
# The detector does not draw boxes out of nothing. It starts from a fixed set of boxes, the **anchors**: on each cell one for every *scale* (the side of the square with the same area) and every *ratio* (height / width). They know nothing of the picture.
#
# Click into the frame, or use the sliders, to choose a cell. The bars compare its anchors with the object that each fits best. In training, an anchor past the dashed line counts as "on an object", and so does the best anchor of each object if its IoU is at least 0.3.
#
# Task: find the anchor with the best IoU for one of the objects. You know the best value that each can have from the line under the figure.

# %%
explorers.anchors(walk)

# %% [markdown]
# Anchors are centred on the *corners* of cells, at multiples of 16: that is why they stand on the small dots. No anchor fits exactly. The next part chooses good ones and moves them.

# %% [markdown]
# ## 4. The RPN: objectness and proposals
#
# The **region proposal network** (RPN) gives every anchor two answers:
#
# - **objectness**: how likely it is to be on any object, of whatever class;
# - four **deltas**: how to move and stretch it.

# %%
regions.draw_objectness(walk)

# %% [markdown]
# Left: the best objectness of each cell. Right: the five best anchors (dashed) and where their deltas carry them (solid); the IoU is the mean of the five.
#
# ### Non-maximum suppression
#
# Many boxes sit on the same object. **NMS** goes through them from the best to the worst, and drops each box that overlaps an already kept one by more than a threshold. What remains are the **proposals**.

# %%
lesson.predict("You LOWER the NMS threshold from 0.7 to 0.3. How many boxes remain?",
               ["more", "fewer", "as many"])

# %%
explorers.suppression(walk)

# %% [markdown]
# Watch "best IoU with each object". A low threshold drops more; at 0.1, objects that stand close together may lose their boxes. Now take the 300 best boxes and set the threshold to 1.0: nothing is dropped, so the list of proposals fills up with copies of a few boxes.

# %% [markdown]
# ## 5. RoIAlign: a small map for each proposal
#
# Proposals have all sizes; the head that follows needs one size. **RoIAlign** lays a grid of 5 × 5 cells over the proposal and reads the feature map in each: at 2 × 2 points per cell, then the mean.
#
# Points fall *between* the centres of the map's cells. Their value is mixed from the four nearest centres, the nearer the more: **bilinear** sampling. Nothing is rounded, which is what "Align" means.
#
# Choose a proposal; click on a cell of the region at the right. The last line computes one number by hand and shows the detector's own.

# %%
explorers.roi_align(walk)

# %% [markdown]
# So each of the proposals becomes a little map of the same shape. **Temporal RoI Align** then mixes in similar places from other frames of the video, its *reference frames*. The shape stays as it was:

# %%
print("after RoIAlign:           ", tuple(walk.pooled.shape))
print("after Temporal RoI Align: ", tuple(walk.aggregated.shape))
change = torch.norm(walk.aggregated - walk.pooled) / torch.norm(walk.pooled)
print(f"the other {walk.references} frames changed the numbers by {change:.0%}")

# %% [markdown]
# How it finds similar places is the subject of lesson 03.

# %% [markdown]
# ## 6. The box head: which class, which box
#
# Two fully connected layers read each region. After each, the region may look at regions of other frames (SELSA, lesson 03). Two answers come out:
#
# - one number per class, and one for **background**, "nothing here". A *softmax* makes chances of them.
# - four deltas again, for the last correction of the box.
#
# The proposal that the head is surest about:

# %%
best = deciding.best_proposal(walk)
deciding.draw_classes(walk, best)

# %% [markdown]
# ### Decoding deltas
#
# A proposal has centre $(c_x, c_y)$, width $w$ and height $h$. With deltas $(d_x, d_y, d_w, d_h)$ and the unit $\sigma = 0.2$ (`BOX_DELTA_STD`) the new box has
#
# $$c_x' = c_x + \sigma d_x w \qquad c_y' = c_y + \sigma d_y h \qquad w' = w\, e^{\sigma d_w} \qquad h' = h\, e^{\sigma d_h}$$
#
# Shifts are shares of the size, so the same delta means the same for a small and a large box. Sizes are logarithms, so a width can never become negative. (Faster R-CNN, arXiv 1506.01497, equation 2.)
#
# The sliders start at what the head decided. Can you beat it?

# %%
explorers.decoding(walk)

# %% [markdown]
# ## 7. Post-processing: from answers to detections
#
# Every proposal has a chance for every class. What the user gets: boxes with a score above a limit, after one more NMS *inside each class*.

# %%
lesson.predict("You set the NMS threshold of this last step to 1.0. What appears?",
               ["nothing changes", "several boxes on one object", "boxes on the background"])

# %%
explorers.detections(walk)

# %% [markdown]
# Solid blue: right. Dashed orange-red: wrong, for example a second box on an object that is found already. A low score limit finds more and errs more; lesson 09 turns this trade into one number, the average precision.
#
# ## The other parts
#
# The same chain runs in training; there, two losses sit at the RPN and two at the head. And one more part reads C4: the **contrastive auxiliary branch** (lessons 04 and 05). It is used *only in training*: in the walk above it never ran.
#
# `preset = "laptop"` would build the same parts in a larger size:

# %%
import clab_lite as cl

preset = "laptop"
for name in ("lesson", preset, "paper-r50"):
    config = cl.presets.named(name).detector
    frame, anchors = config.frame, config.rpn.anchors
    per_cell = len(anchors.scales) * len(anchors.ratios)
    print(f"{name:10s} {config.backbone.architecture}, "
          f"frames up to {frame.long_side} × {frame.short_side}, "
          f"{per_cell} anchors per cell, {config.rpn.test_proposals.after_nms} proposals")

# %% [markdown]
# ## Exercises
#
# **Exercise 1.** How many anchors has a frame of `height` × `width` pixels? One cell has 16 × 16 pixels; there are `scales` scales and `ratios` ratios. Mind frames that are no multiple of 16.

# %% tags=["exercise"]
def my_number_of_anchors(height, width, scales, ratios):
    ...  # return a whole number

# %%
check.number_of_anchors(my_number_of_anchors)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# import math
#
# def my_number_of_anchors(height, width, scales, ratios):
#     cells = math.ceil(height / 16) * math.ceil(width / 16)
#     return cells * scales * ratios
# ```
#
# </details>

# %% [markdown]
# **Exercise 2.** Decode: move `box` = (x1, y1, x2, y2) by `deltas` = (dx, dy, dw, dh). Return (x1, y1, x2, y2). The formulas are in section 6.

# %% tags=["exercise"]
def my_decode(box, deltas):
    ...  # return four numbers

# %%
check.decode(my_decode)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# import math
#
# def my_decode(box, deltas):
#     x1, y1, x2, y2 = box
#     dx, dy, dw, dh = (0.2 * value for value in deltas)
#     width, height = x2 - x1, y2 - y1
#     centre_x, centre_y = (x1 + x2) / 2 + dx * width, (y1 + y2) / 2 + dy * height
#     width, height = width * math.exp(dw), height * math.exp(dh)
#     return centre_x - width / 2, centre_y - height / 2, centre_x + width / 2, centre_y + height / 2
# ```
#
# </details>

# %% [markdown]
# **Exercise 3.** Bilinear sampling, the heart of RoIAlign. `grid[row, column]` is a small map; return its value at (x, y), where (0, 0) is the centre of the first cell, x runs along the columns and y along the rows.
# All asked points lie between four centres, so `int(x)` and `int(y)` name the upper left one. Take care with a point whose x or y is a whole number.

# %% tags=["exercise"]
def my_sample(grid, x, y):
    ...  # return one number

# %%
check.sample(my_sample)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_sample(grid, x, y):
#     column, row = min(int(x), grid.shape[1] - 2), min(int(y), grid.shape[0] - 2)
#     right, down = x - column, y - row
#     upper = (1 - right) * grid[row, column] + right * grid[row, column + 1]
#     lower = (1 - right) * grid[row + 1, column] + right * grid[row + 1, column + 1]
#     return (1 - down) * upper + down * lower
# ```
#
# </details>

# %% [markdown]
# ## Self-test

# %%
lesson.quiz()

# %% [markdown]
# **In one sentence:** a backbone turns the frame into a coarse map, the RPN turns anchors into proposals, RoIAlign cuts each out of the map, and the head names it and corrects its box.
#
# **Where to go next:** [03 Looking at other frames](03_looking_at_other_frames.ipynb) opens the two parts that make it a *video* detector.
