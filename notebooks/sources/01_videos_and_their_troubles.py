# %% [markdown]
# # 01 Videos and their troubles
#
# A picture detector sees one sharp photograph. A *video* detector must also find the car that is blurred, half hidden, or nearly out of the frame.
#
# **At the end you can say:** how a video dataset lies on disk, which troubles make single frames hard, and how the benchmark measures overlap and speed.

# %%
from clab_lite import lessons
from clab_lite.lessons.troubles import camera, check, desk, disk, gallery, overlap, speed

lesson = lessons.start("01_videos_and_their_troubles")

# %% [markdown]
# ## 1. What lies on disk
#
# **ImageNet VID** is the dataset that this field measures itself on. It is one part of a challenge called ILSVRC, so its folder layout is called *the ILSVRC layout*.
#
# The sample videos beside this notebook are small and drawn by a program. They lie in exactly that layout. Here is the folder itself:

# %%
videos = lessons.samples("val")
root = disk.dataset_root(videos)
print(disk.tree(root))

# %% [markdown]
# - `Data` holds the pictures, `Annotations` holds one XML file per picture, under the same name.
# - `train` is for learning. `val` (validation) is held out: no training ever sees it.
# - Frames are numbered from 0, without gaps.
# - A video's name tells its origin: `ILSVRC2015_val_00004000` is snippet `000` of source video `00004`. Snippets of one source look alike, so they must stay on the same side of a split.
#
# `troubles.json` is our addition: the real dataset does not tell what is hard about a frame.

# %% [markdown]
# ### One frame, one file
#
# A frame with what its annotation says: a class, a **track id** (`#0`), and a box. A *track* is one object through the whole video.

# %%
gallery.draw_frame(videos, video=4, frame=4)

# %% [markdown]
# The same frame's XML file, field by field:

# %%
disk.table(disk.read_fields(disk.annotation_path(videos, video=4, frame=4)))

# %% [markdown]
# Three things that trip people up:
#
# 1. The tags stand in the order xmax, xmin, ymax, ymin. A reader that takes them by position reads boxes inside out. Read them **by name**.
# 2. The numbers are pixel columns and rows, **both ends belong to the object**. We come back to this in section 3.
# 3. `occluded` does not shrink the box: the box goes around the whole object, also the part behind the post.

# %% [markdown]
# ### Class ids
#
# `n02958343` is a **WordNet id**: the number of a meaning in a dictionary of English. Numbers of meanings do not depend on spelling. The detector needs something else: a **label**, a position in a list of names. For ImageNet VID it is the position among its 30 names in alphabetical order.
#
# The classes that occur in our small world:

# %%
disk.table(disk.class_table(videos))

# %% [markdown]
# ### List files
#
# Which videos, and which frames of them, are used is written in text files. Their columns carry no names, so here is what each means. A **key frame** is one that training may pick as its main frame; the list names 15 per training video (fewer in short ones).
#
# Mind the trap: the *names* of these files count classes from 1, the labels above count from 0. `train_1.txt` is about label 0.

# %%
disk.table(disk.list_table(root))

# %% [markdown]
# The library has read all of that already. `videos` is a `VideoIndex`: it knows every box and decodes a picture only when you ask.

# %%
print(len(videos), "videos,", videos.frame_count, "frames")
videos.annotation(4, 4)

# %% [markdown]
# ## 2. Seven troubles
#
# | trouble | what happens |
# |---|---|
# | motion blur | the object moves while the shutter is open |
# | occlusion | something else stands in front |
# | defocus | the lens is set to another distance |
# | low light | the picture is dark |
# | noise | the sensor adds grain |
# | deformation | the object takes an unusual shape or pose |
# | truncation | part of the object is outside the frame |
#
# We can measure two things inside the box: **light** (mean grey level) and **detail** (how much neighbouring pixels differ, as a share of the light).

# %%
lesson.predict("Which trouble RAISES the measured detail most?",
               ["motion blur", "low light", "noise", "deformation"])

# %%
gallery.draw_pairs(videos)

# %% [markdown]
# Each column is one object: above in a clean frame, below in a troubled frame **of the same video**. Two lessons for later:
#
# - No single number finds all troubles. Blur takes detail away and noise adds false detail. Deformation and truncation leave light and detail nearly as they were, and are hard all the same.
# - The clean frame is often only a few frames away. That is the whole idea of video detection: **let the clean frames help the troubled one**.
#
# How common are they here? (The sample world makes them common on purpose. A frame may have two troubles, so the rows may add up to more than all frames.)

# %%
disk.table(gallery.shares(videos))

# %% [markdown]
# Watch a trouble come and go. Press play, or click on the slider and use the arrow keys.

# %%
frames = range(videos.videos[42].frame_count)
lessons.Player(frames, draw=lambda frame: gallery.draw_frame(videos, 42, frame))

# %% [markdown]
# Three of the troubles, defocus, low light and noise, change the whole picture alike, so they can be added to any finished picture. Make your own. At which strength would *you* no longer recognise the animal?

# %%
troubles = [(gallery.word(name), name) for name in camera.CAMERA_TROUBLES]
lessons.explore(
    camera.camera(videos, video=10, frame=0),
    trouble=lessons.choice("trouble", troubles, "defocus"),
    strength=lessons.slider("strength", 0.0, 6.0, 2.0, 0.1),
)

# %% [markdown]
# ## 3. Overlap of two boxes: IoU
#
# How good is a found box? Compare it with the true one by **IoU**, *intersection over union*:
#
# $$\mathrm{IoU}(A, B) = \frac{\text{area where } A \text{ and } B \text{ meet}}{\text{area that } A \text{ or } B \text{ covers}}$$
#
# It is 1 for equal boxes and 0 for boxes that do not meet. The usual limit for "found" is IoU ≥ 0.5.

# %%
lesson.predict("A box is shifted sideways by a quarter of its width. Its IoU is about ...",
               ["0.75", "0.60", "0.50", "0.25"])

# %% [markdown]
# Now find out. **Drag a corner of a box, or its inside, with the mouse**; or use the sliders (click one, then press the arrow keys).
#
# - Start: the amber box is the blue one, shifted by a quarter of its width, rounded to whole pixels. Read the IoU.
# - Cover the car exactly. How many pixels off may you be, sideways, before IoU falls under 0.5?
# - Make the amber box twice as wide as the blue one, around it. What is the IoU?

# %%
desk.desk(videos, video=36, frame=0)

# %% [markdown]
# <details><summary>Answers</summary>
#
# - **0.60**, not 0.75: three quarters are shared, but both boxes together cover five quarters, and 0.75 / 1.25 = 0.6. (The line under the figure may differ in the second digit: a quarter of the car's width is no whole number of pixels.)
# - **A third of its width.** Then two thirds are shared of four thirds that are covered: 1/2. A car 51 pixels wide may be 17 pixels off, an object 9 pixels wide only 3. Small objects are lost first.
# - **0.50**: the blue box is all inside, but the union is twice as large.
#
# </details>

# %% [markdown]
# ### Pixels or edges?
#
# A box from column 2 to column 5: how wide is it? There are two ways to count, and both are in use.

# %%
overlap.draw_pixel_counts(first=2, last=5)

# %% [markdown]
# - **Inclusive**: `xmax` is the last pixel inside, so width = xmax - xmin **+ 1**. The XML files and the official motion evaluators count so.
# - **Edges**: coordinates are points on a ruler, so width = x2 - x1. Detectors and the COCO evaluator count so.
#
# Does it matter? Shift a square by a quarter of its side and count both ways:

# %%
for side, edges, inclusive in overlap.counting_gap():
    gap = inclusive - edges
    print(f"side {side:3d}: IoU {edges:.3f} by edges, {inclusive:.3f} inclusive, gap {gap:.3f}")

# %% [markdown]
# For small boxes it does; for large ones hardly. So remember where each rule holds, and never mix the two in one formula.

# %% [markdown]
# ## 4. Speed of an object: motion IoU
#
# A fast object is hard: it blurs, and the clean frames show it elsewhere. The benchmark measures speed by overlap too. Take the object's box in frame $t$, and its boxes $b_s$ in the frames up to $w = 10$ before and after:
#
# $$\mathrm{motion\ IoU}(t) = \frac{1}{|N|} \sum_{s \in N} \mathrm{IoU}(b_t, b_s), \qquad N = \{ s : 0 < |s - t| \le w,\ \text{the object is in frame } s \}$$
#
# **The rule at the ends:** frames that do not exist, or do not show the object, are left out of the sum *and* of the count $|N|$. Boxes count inclusively here. The rule comes from the FGFA paper (arXiv 1703.10025), as its evaluator computes it.
#
# | motion IoU | name |
# |---|---|
# | above 0.9 | slow |
# | 0.7 to 0.9 | medium |
# | below 0.7 | fast |
#
# (An object exactly on a limit is counted in both groups by the usual evaluators. It hardly ever happens.)
#
# Move the frame to either end of the video and watch the shaded part. Then make the window small: what happens to the speed?

# %%
turtle = speed.read_track(videos, video=22, track_id=0)
lessons.explore(
    speed.motion_of(videos, turtle),
    frame=lessons.slider("frame t", 0, turtle.frame_count - 1, 2, 1),
    window=lessons.slider("window w", 1, 10, 10, 1),
)

# %% [markdown]
# A short window compares with near frames only, so everything looks slower. A speed means nothing without its window.
#
# ### Guess by eye
#
# Four objects (in the amber boxes), a few frames each. Which are slow, medium, fast?

# %%
tracks = [speed.read_track(videos, *place) for place in ((36, 0), (22, 0), (5, 1), (26, 1))]
speed.draw_strips(videos, tracks)

# %%
lesson.predict("B, the turtle, is ...", ["slow", "medium", "fast"])

# %%
lesson.predict("C, the bicycle, is ...", ["slow", "medium", "fast"])

# %%
lesson.predict("D, the small bird, is ...", ["slow", "medium", "fast"])

# %% [markdown]
# The answers, and the reasons: how far each object's centre got from its start, and between which sizes its box changed (pixels).

# %%
disk.table(speed.describe(tracks))

# %% [markdown]
# Surprised? Motion IoU knows nothing of pixels per second. It asks: *how much of the box stays in place?*
#
# - A **small** object leaves its own box with a few pixels of motion. The same motion of a large one changes little.
# - A box also changes when the **shape** changes: a bird that beats its wings has another height in every frame.
#
# The whole split, box by box:

# %%
speed.draw_speeds(speed.all_tracks(videos), title="validation, window 10")

# %% [markdown]
# These three groups return in lesson 09, where a detector's score is computed for slow, medium and fast objects separately.

# %% [markdown]
# ## Exercises
#
# **Exercise 1.** Write the IoU of two boxes `(x1, y1, x2, y2)`. Count by edges: width = x2 - x1. The boxes may be apart.

# %% tags=["exercise"]
def my_iou(a, b):
    ...  # return intersection / union

# %%
check.iou(my_iou)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_iou(a, b):
#     width = max(0, min(a[2], b[2]) - max(a[0], b[0]))
#     height = max(0, min(a[3], b[3]) - max(a[1], b[1]))
#     intersection = width * height
#     area_a = (a[2] - a[0]) * (a[3] - a[1])
#     area_b = (b[2] - b[0]) * (b[3] - b[1])
#     return intersection / (area_a + area_b - intersection)
# ```
#
# </details>

# %% [markdown]
# **Exercise 2.** Write the motion IoU of the box in frame `frame`. `boxes` has one box per frame of the video; the object is in all of them.
# `overlap.overlap(a, b, inclusive=True).iou` gives you the IoU of two boxes with the right way of counting. Mind the ends.

# %% tags=["exercise"]
def my_motion_iou(boxes, frame, window):
    ...  # return the mean IoU over the neighbours

# %%
check.mean_motion_iou(my_motion_iou)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_motion_iou(boxes, frame, window):
#     first, last = max(0, frame - window), min(len(boxes) - 1, frame + window)
#     values = [
#         overlap.overlap(boxes[frame], boxes[other], inclusive=True).iou
#         for other in range(first, last + 1)
#         if other != frame
#     ]
#     return sum(values) / len(values)
# ```
#
# </details>

# %% [markdown]
# **Exercise 3.** Name the speed that belongs to a motion IoU: `"slow"`, `"medium"` or `"fast"`.

# %% tags=["exercise"]
def my_speed(motion_iou):
    ...  # return a word

# %%
check.speed(my_speed)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_speed(motion_iou):
#     if motion_iou > 0.9:
#         return "slow"
#     return "medium" if motion_iou >= 0.7 else "fast"
# ```
#
# </details>

# %% [markdown]
# ## Self-test

# %%
lesson.quiz()

# %% [markdown]
# **In one sentence:** a video dataset is pictures plus boxes with track ids; troubles hide an object in some frames but not in its neighbours; IoU measures overlap, and motion IoU measures how fast a box leaves its own place.
#
# **Where to go next:** [02 A detector in pieces](02_a_detector_in_pieces.ipynb) follows one frame through the detector.
