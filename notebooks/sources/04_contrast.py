# %% [markdown]
# # 04 Contrast
#
# A network turns a picture into a list of numbers, its *embedding*. This lesson is about one loss that says what good
# embeddings are: frames of the same video should lie close together, frames of different videos far apart. The loss is
# called NT-Xent. CLAB (arXiv 2508.20551) adds it to the training of a video detector; lesson 05 shows where.

# %%
from clab_lite import lessons
from clab_lite.lessons import contrast

lesson = lessons.start("04_contrast")

# %% [markdown]
# At the end you can say what the number "contrastive loss 1.4" means, and why it means nothing until you know how many
# clips and GPUs stood behind it.
#
# ## 1 Three vectors, by hand
#
# A *clip* is a key frame of a video with a few other frames of that video, its reference frames. Take the smallest case:
#
# * **A** and **A′** are two frames of one clip: *positives* of each other;
# * **B** is a frame of another clip: a *negative* for both.
#
# Our embeddings have only two numbers, so that we can draw them. Each has length 1: it is a point on a circle, and all
# that counts is its angle.

# %%
import torch

torch.set_printoptions(precision=4, sci_mode=False)
vectors = contrast.on_circle([20, 50, 100])  # A, A′, B at these angles, in degrees
labels = torch.tensor([0, 0, 1])  # the clip of each
vectors

# %% [markdown]
# **Step 1: cosines.** How alike are two vectors? For vectors of length 1 the *cosine* of the angle between them is the
# sum of the products of their numbers: 1 for the same direction, 0 for a right angle, −1 for opposite directions. Below:
# every vector with every vector. We write $s_{ij}$ for the cosine of vectors $i$ and $j$.

# %%
cosines = vectors @ vectors.T
cosines

# %% [markdown]
# **Step 2: divide by the temperature** τ (`temperature` in the code). A small τ makes differences large. The paper's
# recipe uses 0.1; here we begin with 0.5. **Step 3: exponential.** It makes all numbers positive, and large ones
# much larger.

# %%
temperature = 0.5
terms = torch.exp(cosines / temperature)
terms

# %% [markdown]
# **Step 4: the share.** A is the *anchor*: the one who looks around. (It has nothing to do with the anchors of lesson
# 02, which are boxes.) It looks for its positive A′ among A′ and all negatives, here B alone. What share of the sum does A′ have? Then A′ is the anchor and looks for A. (B has no second
# frame here, so it looks for nobody.)

# %%
share_a = terms[0, 1] / (terms[0, 1] + terms[0, 2])
share_a2 = terms[1, 0] / (terms[1, 0] + terms[1, 2])
print(f"A finds A′ with a share of {share_a:.4f}; A′ finds A with a share of {share_a2:.4f}")

# %% [markdown]
# **Step 5: minus the logarithm.** A share of 1 costs nothing; a small share costs much. The loss is the mean over all
# pairs (anchor, positive).

# %%
losses = -torch.log(torch.stack([share_a, share_a2]))
print("A → A′ and A′ → A:", losses)
print("their mean:       ", losses.mean())

# %% [markdown]
# In one line, for anchor $a$, its positive $p$ and all negatives $n$ of $a$:
#
# $$\ell(a, p) = -\ln \frac{e^{s_{ap}/\tau}}{e^{s_{ap}/\tau} + \sum_n e^{s_{an}/\tau}}$$
#
# This is NT-Xent, the *normalised* (lengths do not count) *temperature-scaled* *cross-entropy* (minus the logarithm of a
# share), as in SimCLR (Chen et al. 2020, equation 1). The library that we use, pytorch-metric-learning, gives the same
# number:

# %%
from pytorch_metric_learning.losses import NTXentLoss

NTXentLoss(temperature=temperature)(vectors, labels)

# %% [markdown]
# ## 2 Move them

# %%
lesson.predict(
    "A and A′ stay 30° apart. B moves to the opposite side of the circle. The loss becomes...",
    ["exactly 0: A and A′ are closest", "small, but not 0", "the same: B is nobody's positive"],
)

# %% [markdown]
# Drag a point on the circle, or move the sliders (the arrow keys work too). On the right: the share that each anchor
# gives to its positive (blue) and to the negative (orange-red), and each pair's part of the loss. The black arrows show
# where gradient descent would move each point; a longer arrow is a stronger pull. At the start A hardly moves: A′ pulls
# it one way, B pushes it the other way.

# %%
circle = contrast.angle_explorer()
circle

# %% [markdown]
# Try this:
#
# 1. Put B opposite to A and A′: your prediction.
# 2. Put all three at the same angle. The loss is exactly ln 2: a guess among two.
# 3. Put A and A′ at the same angle and B opposite. How small does the loss get at τ = 2? At τ = 0.1?
# 4. Put B between A and A′. Whose arrow is the longest?
#
# <details><summary>Answers</summary>
#
# 1. Small, but not 0: the next cell prints it.
# 2. All three cosines are 1, so A′ and B have equal terms, and each share is one half: −ln(1/2) = ln 2.
# 3. The cosines are 1 and −1, so the share is 1 / (1 + e^(−2/τ)). At τ = 2 that is 0.73, a loss of 0.31: the best that
#    there is at this temperature. At τ = 0.1 the loss is about 0.000000002.
# 4. Those of A and A′. As long as they are less than about 150° apart they turn to each other, although B stands
#    between them; the one nearer to B has the longer arrow. B is pushed from both sides: in the middle the pushes cancel.
#
# </details>

# %%
for b, tau in [(100, 0.5), (215, 0.5), (215, 0.1)]:
    moved = contrast.pairs_of(contrast.on_circle([20, 50, b]), labels, tau)
    print(f"B at {b}°, τ = {tau}: share of A′ {moved.shares[0]:.10f}, loss {moved.mean:.2g}")

# %% [markdown]
# A share never reaches 1, so the loss never reaches 0: it only comes close. How close depends on the temperature.
#
# ## 3 Points that move under the loss
#
# Now gradient descent does the moving: it turns each point a little in the direction that lowers the loss, again and
# again. There are four clips of three frames, all at random angles at first.

# %%
lesson.predict(
    "Nothing but the loss moves the twelve points. What will the circle look like at the end?",
    ["twelve points, evenly spread", "four tight groups, spread out", "one heap of all points"],
)

# %% [markdown]
# Play it. The number in a point is its clip. Each clip has a ring of its own so that no point hides another; only
# the angle counts.

# %%
contrast.flow_player()

# %% [markdown]
# Two measures say what happened (Wang and Isola 2020). Both are better when they are lower:
#
# * **alignment**: the mean squared distance between positives. 0: the frames of a clip are one point;
# * **uniformity**: how crowded all points are, whatever their clip (a logarithm). 0: all are in one place; the more
#   evenly they are spread, the lower. Tight groups cost some uniformity; the question is how much.
#
# The numerator of the loss *pulls* positives together: alignment. The denominator *pushes* negatives apart and keeps
# uniformity low. What if we leave the push out? "Pull alone" is the loss without any negatives.

# %%
contrast.flow_explorer()

# %%
for name, negatives in {"NT-Xent": True, "pull alone": False}.items():
    flow = contrast.move_points(negatives=negatives)
    print(f"{name:10s} uniformity {flow.uniformity[0]:.2f} before,", end=" ")
    print(f"{flow.uniformity[-1]:.2f} after,", end=" ")
    print(f"nearest clips {flow.nearest_clips(flow.steps):.0f}° apart")

# %% [markdown]
# The pull alone makes each clip tight, too. But nothing keeps different clips apart: look at their angles, for several
# starts. With the pull alone uniformity ends higher. With NT-Xent the groups keep apart, and it ends lower, whether the
# twelve points were more spread out at the start than four tight groups can be (then it rises a little) or less.
#
# (With six clips, or with a small temperature, NT-Xent may get stuck: on a circle, points cannot pass one another without a cost. A space of many dimensions leaves more ways around.)
#
# Free points are the harmless case. In training, a *network* makes the points, and one weight moves all of them.

# %%
lesson.predict(
    "The detector's auxiliary branch, with random weights, is trained with the pull alone. Its points...",
    ["form a group for each clip", "are one heap, and the loss is content", "stay spread at random"],
)

# %%
contrast.branch_explorer()

# %% [markdown]
# Go back to step 0: a fresh branch puts *all* frames in nearly the same place. Random layers with ReLUs, and a mean over
# all cells, turn all pictures into nearly the same direction: after a ReLU no number is negative.
#
# For the pull alone this is already perfect: its loss is almost 0. This is called *collapse*: an embedding which is the same for everything. Negatives make it costly. At step 0 NT-Xent stands at the value marked "chance";
# section 5 explains it.
#
# ## 4 The temperature
#
# How strongly is each negative pushed? The derivative of a pair's loss by a cosine is simple. Write $q_j$ for the share
# of row $j$ in the denominator:
#
# $$\frac{\partial \ell}{\partial s_{an}} = \frac{q_n}{\tau} \qquad
# \frac{\partial \ell}{\partial s_{ap}} = -\frac{1 - q_p}{\tau}$$
#
# Each negative is pushed in proportion to its share. The pull on the positive's *cosine* is as strong as all pushes
# together. (On the way from a cosine to the vectors a factor comes in: lesson 05, section 8, meets a case where it is 0.)
# PyTorch agrees; here is one positive (first) and two negatives:

# %%
row = torch.tensor([0.6, 0.8, 0.1], requires_grad=True)
loss = -torch.log_softmax(row / 0.1, dim=0)[0]  # minus the logarithm of the first share
loss.backward()
print("shares  ", torch.softmax(row / 0.1, dim=0).detach())
print("gradient", row.grad, "times τ:", row.grad * 0.1)

# %%
lesson.predict(
    "Nine negatives, cosines evenly from 0.8 down to −0.4. At τ = 0.1 the closest one takes...",
    ["about a ninth of the push", "about a third of the push", "most of the push"],
)

# %% [markdown]
# Left: who takes the push. "Count" is an effective number: 9 if all nine negatives had the same share, 1 if one had
# everything. The green line marks the positive's cosine among theirs. Right: the closest one's part at every
# temperature, and what is left to learn: 1 − the positive's share.

# %%
contrast.temperature_explorer()

# %% [markdown]
# * **Small τ**: only the closest negatives are seen. That is good for telling look-alikes apart, and bad when the closest
#   "negative" is really a picture of the same thing.
# * **Large τ**: all negatives are pushed alike, even those that are far away already.
# * **Saturation**: raise the positive's cosine above the closest negative's. At a small τ nothing is left to learn, and
#   the gradient vanishes; at a large one there is always something left.
# * The factor 1/τ stands before every gradient. Whoever changes τ also changes how strongly this loss pulls beside
#   the detector's losses, that is, its effective *weight* (lesson 06).
#
# ## 5 Count your negatives
#
# The rows of the loss are *frames*, from all clips on all GPUs: before the loss, the embeddings of all GPUs are gathered.
# A frame's positives are the other frames of its clip. Its negatives are all frames of all other clips.

# %%
lesson.predict(
    "One GPU, two clips of three frames (a key frame, two references). How many negatives has a frame?",
    ["1", "3", "4", "5"],
)

# %% [markdown]
# The next picture answers. It also shows what such a batch is worth:
#
# **Chance.** Suppose that an embedding tells nothing: all frames look the same. Then the positive is one of
# 1 + negatives equal terms, its share is 1 / (1 + negatives), and the loss is
#
# $$\ln(1 + \text{negatives})$$
#
# This is the loss *at chance*. The picture checks it live: left, every frame (row) against every frame (column), with black
# lines between the GPUs; right, the loss of three kinds of embeddings that know nothing.

# %%
contrast.batch_explorer()

# %% [markdown]
# * Equal embeddings give chance exactly, and so, nearly, does an untrained branch. The branch here got random features,
#   not pictures: nothing in them says which frames belong together. Real frames of one clip look alike from the start, so
#   in lesson 05 the loss begins somewhat below chance.
# * Random directions cost *more* than chance: they do differ, but in the wrong places. At a small τ that is expensive.
#   A loss above chance is worse than one of embeddings that are all the same.
# * Set clips and GPUs to 1. Not one negative is left, and the loss is exactly 0.
# * Set GPUs to 8: the official recipe has 8 GPUs with 2 clips each. The same code on one GPU has far fewer negatives,
#   and another chance level.

# %%
lesson.predict(
    "Two runs report a loss of 1.5. One has 2 clips a batch, the other 16. Which has learned more?",
    ["the run with 2 clips", "the run with 16 clips", "both the same: the loss is the same"],
)

# %%
contrast.reading_explorer()

# %% [markdown]
# So read this loss only against its chance level. The training log has both columns, `contrast` and `contrast_chance`;
# the function behind the second is in the library. Here it looks at two clips, then at sixteen, of three frames each:

# %%
from clab_lite.training.losses import contrast_chance

for clips in (2, 16):
    # one empty target per clip: at frame level only their number counts
    chance = contrast_chance("frame", 3, [{}] * clips)
    print(f"{clips:2d} clips: chance {chance:.4f}; a loss of 1.5 is {1.5 / chance:.0%} of it")

# %% [markdown]
# ## 6 One name, several losses
#
# *This section and the next may be skipped at a first reading; lesson 05 does not need them.*
#
# With more than two frames per clip there are several positives, and authors differ in what the denominator holds:
#
# | loss | denominator of a pair (anchor, positive) | mean over |
# |---|---|---|
# | **NT-Xent** in pytorch-metric-learning (ours) | *this* positive + negatives | pairs |
# | textbook "all others" | every row but the anchor | pairs |
# | **SupCon** (Khosla et al. 2020, "out") | every row but the anchor | positives of an anchor, then anchors |
#
# The same vectors, four batches ("3 + 1" is a clip of three frames and one of one; "perfect": each clip is one
# point, the clips at a right angle), three losses:

# %%
contrast.compare_losses(contrast.cases(), temperature=0.1)

# %% [markdown]
# * One positive per anchor: no difference.
# * More positives: the other two are larger, since positives compete with each other. In a perfect embedding SupCon stays
#   near the logarithm of the number of positives, while our NT-Xent goes to 0.
# * Clips of unequal size: SupCon gives each anchor the same weight; the mean over pairs lets large clips dominate.
#
# So never compare values across losses, and choose the loss's weight anew when you change the loss.
#
# ## 7 Three traps
#
# **One video, loss 0.** One clip per batch on one GPU: the log shows a perfect 0.0 from the first step. Nothing is
# learned; the gradient is 0 as well.

# %%
alone = torch.randn(3, 128, requires_grad=True)
loss = NTXentLoss(0.1)(alone, torch.zeros(3, dtype=torch.long))
loss.backward()
print(f"loss {loss.item()}, largest gradient {alone.grad.abs().max().item()}")

# %% [markdown]
# **Labels in the wrong order.** Rows come clip by clip: two frames of clip 0, two of clip 1, two of clip 2. `repeat` and
# `repeat_interleave` both give six labels. The loss cannot know which you meant, and it does not complain. And if every
# row has a label of its own, there is no positive: 0 again.

# %%
rows = contrast.on_circle([0, 5, 120, 125, 240, 245])
for name, six in {
    "repeat_interleave": torch.arange(3).repeat_interleave(2),
    "repeat": torch.arange(3).repeat(2),
    "all different": torch.arange(6),
}.items():
    print(f"{name:18s} {six.tolist()}  loss {NTXentLoss(0.1)(rows, six):.4f}")

# %% [markdown]
# **Half precision.** pytorch-metric-learning adds a very small number before it takes the logarithm. In float16 that
# number is not small enough: a bad pair's loss stops growing, and a flat loss has no gradient. The worst pairs would
# teach nothing.

# %%
figure, numbers = contrast.draw_half_precision(temperature=0.1)
print(numbers)
figure

# %% [markdown]
# That is why `AuxiliaryBranch` in `clab_lite/detector/contrast.py` takes the loss in float32, also when the rest of the
# network runs in half precision.
#
# ## 8 Exercises
#
# ### Exercise 1: write NT-Xent
#
# `embeddings` has N rows, of any length; `labels` says which clip each belongs to. Return the mean of
# $\ell(a, p)$ over all ordered pairs. No loop is needed: `labels[:, None] == labels[None]` is an N × N table of "same clip".

# %% tags=["exercise"]
def my_nt_xent(embeddings, labels, temperature):
    """embeddings: (N, D). labels: (N,). Return one number."""
    rows = torch.nn.functional.normalize(embeddings, dim=1)
    return None  # your answer here


# %%
contrast.checks.nt_xent(my_nt_xent)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_nt_xent(embeddings, labels, temperature):
#     rows = torch.nn.functional.normalize(embeddings, dim=1)
#     terms = torch.exp(rows @ rows.T / temperature)
#     same = labels[:, None] == labels[None]
#     negatives = (terms * ~same).sum(dim=1, keepdim=True)
#     positive = same & ~torch.eye(len(labels), dtype=torch.bool)
#     return -torch.log(terms / (terms + negatives))[positive].mean()
# ```
#
# </details>
#
# ### Exercise 2: count the negatives
#
# Each of `gpus` GPUs holds `clips_per_gpu` clips; each clip has a key frame and `references` reference frames. How many
# negatives has a frame?

# %% tags=["exercise"]
def my_negatives(clips_per_gpu, gpus, references):
    """Three whole numbers. Return one."""
    return None  # your answer here


# %%
contrast.checks.negatives(my_negatives)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_negatives(clips_per_gpu, gpus, references):
#     other_clips = clips_per_gpu * gpus - 1
#     return other_clips * (references + 1)
# ```
#
# </details>
#
# ### Exercise 3: the chance level
#
# For the same three numbers: what is the loss of embeddings that tell nothing? There is at least one negative.

# %% tags=["exercise"]
import math


def my_chance(clips_per_gpu, gpus, references):
    """Three whole numbers. Return the loss at chance."""
    return None  # your answer here


# %%
contrast.checks.chance(my_chance)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_chance(clips_per_gpu, gpus, references):
#     negatives = (clips_per_gpu * gpus - 1) * (references + 1)
#     return math.log(1 + negatives)
# ```
#
# </details>
#
# ## 9 Self-test

# %%
lesson.quiz()

# %% [markdown]
# **In one sentence:** NT-Xent is minus the logarithm of the positive's share among the positive and all negatives; it
# pulls the frames of a clip together and pushes clips apart, and its value means something only beside ln(1 + negatives).
#
# **Where to go next:** [05 The auxiliary branch](05_the_auxiliary_branch.ipynb) puts this loss where CLAB has it: on the
# features of a video detector, as an auxiliary branch. The code that you have met: `clab_lite/detector/contrast.py` (the branch) and `clab_lite/training/losses.py`
# (the chance level).
