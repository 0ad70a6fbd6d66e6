# %% [markdown]
# # 00 Start here
#
# A detector looks at a video and draws a box around every object. This lesson plays the whole game once, in three
# minutes: a trained detector, a video, its score. The next lessons take the pieces apart.
#
# **How to use a lesson:** run the cells from the top (Shift+Enter). Move what can be moved. A slider that you have
# clicked on also follows the arrow keys.

# %%
from clab_lite import lessons
from clab_lite.lessons import tour

lesson = lessons.start("00_start_here")

# %% [markdown]
# At the end you can say what a detection is, when it counts as right, and what the number AP50 means.

# %% [markdown]
# ## 1 The videos
#
# The sample videos are small drawn scenes of 192 × 128 pixels. Like real videos they have *troubles*: some frames are
# blurred, dark or noisy; or the object is half hidden, or bent out of shape. "val" are *held-out* videos, ten frames
# each: the detector has never seen them.

# %%
videos = lessons.samples("val").select(range(4, lesson.choose(20, 7)))  # up to 20; 7 in a quick test run
print(len(videos), "videos,", sum(video.frame_count for video in videos.videos), "frames")
print(len(videos.class_names), "classes:", ", ".join(videos.class_names[:8]), "...")

# %% [markdown]
# Play a video, or click on the slider and step through it with the arrow keys. Without a running kernel you see four of
# its frames.

# %%
VIDEO = 1
frames = [videos.load_image(VIDEO, frame) for frame in range(videos.videos[VIDEO].frame_count)]
lessons.Player(frames)

# %% [markdown]
# ## 2 The detector
#
# These weights were trained on other videos of the same kind and are shipped with the lessons. It is a small network;
# lesson 07 trains one.

# %%
shipped = lessons.trained("clab")
parameters = sum(weight.numel() for weight in shipped.detector.parameters())
print(f"{parameters / 1e6:.1f} million parameters, {shipped.iteration} training steps")

# %% [markdown]
# Now it looks at every frame of our videos. For each frame it answers with boxes. Each box has a *class* (what it is)
# and a *score* between 0 and 1 (how sure the detector is).

# %%
judged = tour.detect(shipped, videos)
boxes = sum(len(frame.scores) for frame in judged.found)
print(f"{boxes} boxes in {len(judged.found)} frames, which show {judged.objects} objects")

# %% [markdown]
# There are far more boxes than objects. Most of them have a score near zero: the detector says "hardly, but maybe".
# To look at them we keep those with a score of 0.3 or more.
#
# A box counts as **right** when it has the class of an object and overlaps it well: the *intersection over union* (IoU,
# the common area divided by the area that either of them covers) is at least 0.5.
#
# Each object counts for one box only: boxes are taken from the highest score down, and a second box on an object that
# is already found is **wrong**.
#
# Blue solid boxes are right, orange-red dashed ones wrong. On the left, in green, stands what people have drawn: the
# *ground truth*. A dashed green box with *(missed)* is an object that no right box found.

# %%
lessons.Player(len(frames), lambda frame: tour.draw_frame(judged, VIDEO, frame))

# %% [markdown]
# ## 3 A threshold
#
# Where should we cut? Two numbers tell what a score threshold does, over all frames:
#
# * **precision**: of the boxes that we keep, the share that is right;
# * **recall**: of the objects that are there, the share that we find.

# %%
lesson.predict(
    "The threshold goes up from 0.3 to 0.9. What happens?",
    ["both rise", "precision rises, recall falls", "precision falls, recall rises", "both fall"],
)

# %% [markdown]
# Move the threshold. Watch the boxes on the left, the two points on the right, and the counts below.

# %%
lessons.explore(
    lambda threshold, frame: tour.draw_threshold(judged, VIDEO, frame, threshold),
    threshold=lessons.slider("score threshold", 0.0, 1.0, 0.3, 0.01),
    frame=lessons.slider("frame", 0, len(frames) - 1, 4, 1),
)

# %% [markdown]
# Recall can only fall when boxes go. Precision rises as a rule, because wrong boxes tend to have lower scores; but not
# at every step: a threshold may also throw a right box away.

# %% [markdown]
# ## 4 One number: AP50
#
# No threshold is the right one for everybody. *Average precision* (AP) therefore takes them all: it draws precision
# over recall for every threshold, and measures the area under that curve, for each class. Here is one class:

# %%
report = judged.report()
tour.draw_area(report)

# %% [markdown]
# Read the curve from left to right: the threshold goes down, more objects are found, and more wrong boxes come in. (Each
# point shows the best precision that can be had at this recall or more, so the curve never rises.)
#
# The mean of these areas over the classes is the score of the detector. **AP50** asks for an IoU of 0.5, as we did. 1 is
# perfect, 0 is useless.

# %%
lesson.predict(
    "On which frames is AP50 higher?",
    ["on clean frames", "on frames with a trouble", "on both the same"],
)

# %%
tour.ap_table(report)

# %% [markdown]
# The title compares a point with its ring: troubled frames with clean frames *of the same videos*. All clean frames
# would be no fair comparison, because they show other objects.
#
# A few videos say little: with other videos the numbers would be others. A pale bar shows how far they would move.
# What counts is how many videos show *each class*: where too few do, no honest bar can be drawn, even if the row has
# many videos. Do not believe a number without a bar yet. Lesson 09 is about that.
#
# (A frame may have two troubles, so the rows of the troubles may add up to more than "any trouble".)
#
# The whole project is about one question: can a detector be trained so that *troubled* frames lose less? Its answer is
# called CLAB, a contrastive auxiliary branch. Lessons 04 to 08 show what that is; lesson 09 shows how much it brings.

# %% [markdown]
# ## 5 Exercises
#
# ### Exercise 1: count the boxes
#
# Write a function that says how many boxes stay at a threshold. A box with exactly that score stays.

# %% tags=["exercise"]
def kept(scores, threshold):
    """scores: NumPy array of all scores. Return a number."""
    return None  # your answer here


# %%
tour.checks.kept(kept)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def kept(scores, threshold):
#     return (scores >= threshold).sum()
# ```
#
# </details>

# %% [markdown]
# ### Exercise 2: precision and recall
#
# `right` boxes are right, `wrong` boxes are wrong, `missed` objects were not found.

# %% tags=["exercise"]
def precision_and_recall(right, wrong, missed):
    """Return two numbers: precision, recall."""
    return None  # your answer here


# %%
tour.checks.precision_recall(precision_and_recall)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def precision_and_recall(right, wrong, missed):
#     return right / (right + wrong), right / (right + missed)
# ```
#
# </details>

# %% [markdown]
# ### Exercise 3: choose a threshold
#
# You build an alarm: nine of ten boxes must be right. Find the threshold that then misses the fewest objects. The slider
# above helps; so does `judged.counts(0.3)`, which has `.precision` and `.recall`.

# %% tags=["exercise"]
my_threshold = None  # a number between 0 and 1

# %%
tour.checks.threshold(my_threshold, judged, precision=0.9)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# levels = [step / 100 for step in range(101)]
# good = [level for level in levels if judged.counts(level).precision >= 0.9]
# my_threshold = max(good, key=lambda level: judged.counts(level).recall)
# ```
#
# </details>

# %% [markdown]
# ## 6 Self-test

# %%
lesson.quiz()

# %% [markdown]
# **Where to go next:** [01 Videos and their troubles](01_videos_and_their_troubles.ipynb) looks closer at what makes a
# frame hard.
