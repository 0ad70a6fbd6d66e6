# %% [markdown]
# # 05 The auxiliary branch
#
# Lesson 04 put a contrastive loss on three vectors. Here it hangs on a real detector: a small extra network, the **auxiliary branch**, which exists only during training. We put one real batch under the microscope.
#
# **At the end you can say:** what the branch compares, which pairs of frames make up its loss, where it is blind, and why it costs nothing once training is over.

# %%
import clab_lite as cl
from clab_lite import lessons
from clab_lite.lessons import branch

lesson = lessons.start("05_the_auxiliary_branch")

# %% [markdown]
# ## 1. One real batch
#
# Training looks at **clips**. A clip is a *key frame* and T *reference frames* from the same video, at most 9 frames away (our training videos have 8 frames: from anywhere in them). T = 2 here, `data.references`. A batch has B clips (`train.clips_per_rank`; a *rank* is one process on one GPU).
#
# The next cell reads the very batch that a training with this preset would see at one of its first steps: the first batch in which two clips show the same class. Section 8 needs that. Change `preset` to `"laptop"` for a bigger network.

# %%
preset = "lesson"
config = cl.presets.named(preset)
videos = lessons.samples("train")
batch = branch.real_batch(config, videos, branch.first_with_shared_class(config, videos))
print("clips (B, 1+T, colours, height, width):", tuple(batch.clips.shape))
print("rows of the branch:", *batch.names)

# %% [markdown]
# A letter stands for a clip. 0 is its key frame, 1 and 2 are its references. The branch forgets what is key and what is reference: it gets a list of **rows**, clip by clip.
#
# The detector is new: no weight has learned anything.

# %%
detector = cl.VideoDetector(config.detector).train()
path = branch.follow(detector, batch)

# %% [markdown]
# ## 2. The way of a frame
#
# | step | paper | code |
# |---|---|---|
# | shared feature map of the backbone, 1 cell per 16×16 pixels | C4 | `backbone`, first output |
# | 3×3 convolution, then ReLU (negative numbers become 0) | head of the branch | `auxiliary.conv` |
# | mean over all cells: one vector per frame | global average pooling | `.mean(dim=(2, 3))` |
# | two linear layers with a ReLU between them: the *embedding* | projector | `auxiliary.projector` |
# | cosine of every two embeddings | $s_{ij}$ | `similarity` |
#
# Choose a row and follow it. Under each picture stands the shape for the **whole** batch.

# %%
lessons.explore(
    lambda row: branch.way(batch, path, batch.names.index(row)),
    row=lessons.choice("row", batch.names),
)

# %% [markdown]
# C4 is *shared*: the detector goes on from the same map to its boxes. So the gradient of the branch changes what the detector sees. That is its whole purpose.
#
# *Where* something stands is lost in the mean over all cells. One vector tells what kind of picture this is, background and all.

# %% [markdown]
# ## 3. The loss as a ledger
#
# The label of a row is the number of its clip. Two rows with one label are a **positive** pair: the loss pulls them together. Two rows with different labels are a **negative** pair: it pushes them apart. For an anchor $a$, a positive $p$ and the negatives $n$ of $a$, with the temperature τ (`temperature`):
#
# $$\ell(a, p) = \ln\Big(1 + \sum_n e^{(s_{an} - s_{ap})/\tau}\Big)$$
#
# This is $\ell(a, p)$ of lesson 04, with both sides of the fraction divided by $e^{s_{ap}/\tau}$. NT-Xent is the mean of all these terms. We keep two accounts:
#
# - each positive pair **pays** its term: the shares of all positives add up to 100 %;
# - each negative pair **causes** a part of it. Without negatives each term is ln(1) = 0, so every term is charged to the negatives in its sum, in proportion to their $e^{s/\tau}$. These shares add up to 100 % too.

# %%
lesson.predict(
    "Nothing has been learned. How similar are two frames of different clips?",
    ["cosine near -1", "cosine near 0", "cosine near +1"],
)

# %%
ledger = branch.Ledger.of(path.embeddings, batch.labels, config.detector.contrast.temperature)
print(f"positives: mean cosine {ledger.similarity[ledger.positive].mean():.3f}")
print(f"negatives: mean cosine {ledger.similarity[ledger.negative].mean():.3f}")
print(f"loss {ledger.loss:.3f}, by the library {float(path.loss):.3f}, chance {ledger.chance:.3f}")

# %% [markdown]
# A new network with ReLUs gives all pictures nearly the same direction: every cosine is close to +1. *Chance* is the loss when all embeddings are equal, ln(1 + negatives of a row).
#
# The loss starts somewhat *below* chance here. Backgrounds differ between videos, so even random weights give positives a slightly larger cosine than negatives (both are printed above), and a division by τ = 0.1 makes this difference ten times larger. (The untrained branch of lesson 04 got random features, in which the frames of a clip had nothing in common: there the start was at chance.)

# %% [markdown]
# ## 4. Real gradient steps
#
# We now train **the branch alone** on its loss, C4 stays fixed. Twice, from the same start:
#
# 1. on this one batch, again and again;
# 2. on a new batch at every step. This batch is never among them.

# %%
steps = lesson.choose(40, 5)
first = branch.first_with_shared_class(config, videos) + 2
stream = [branch.real_batch(config, videos, first + step) for step in range(steps)]
others = [branch.real_batch(config, videos, first + steps + k) for k in range(lesson.choose(8, 2))]
runs = {
    "this batch, again and again": branch.learn(detector, [batch], batch, others, steps),
    "a new batch each step": branch.learn(detector, stream, batch, others, steps),
}

# %%
lesson.predict(
    "Other batches, seen by neither run: in which run does their mean loss end lower?",
    ["this batch, again and again", "a new batch each step", "hardly any difference after so few steps"],
)

# %%
lessons.explore(
    branch.before_after(runs, batch.names),
    learned_from=lessons.choice("learned from", list(runs)),
    step=lessons.slider("gradient steps", 0, steps, steps, 1),
)

# %% [markdown]
# The black frames on the diagonal are the clips. After learning they should be red (alike) and everything else pale or blue. The blue lines are the mean over the other batches: solid for the run that is shown (the pale area reaches from the lowest to the highest of them), dotted for the other run. **The title of the figure has the answer**: both means, side by side.
#
# Learned by heart, the loss of *this* batch can fall to almost nothing. Compare how far it fell with how far the others did, and how widely these differ among each other: the line below the figure has the numbers. A small contrastive loss on what was learned tells little about other clips.
#
# A few batches and one start are a small sample. Compare the distance of the blue lines with the height of the pale area before you call one way of learning better.

# %% [markdown]
# ## 5. The microscope
#
# **Move the mouse over the matrix**, or choose a row and a column. You see both frames, the role of the pair, its cosine, and its share of the loss. The bars are the whole row of the anchor.
#
# The slider walks through the second run (a new batch each step). Things to find:
#
# - the diagonal: cosine 1 and no share, because a row is never compared with itself;
# - the cell in row A0 and column B0, and its mirror: the cosine is equal, the share is not, because the anchor differs;
# - the negative that disturbs an anchor most.

# %%
branch.view(batch, runs["a new batch each step"])

# %% [markdown]
# ## 6. Who of this batch is blamed?
#
# You know from lesson 04 that a small τ blames the closest negatives alone. Which ones are they, here? The bars are the negative pairs of this batch, the worst first. **Amber** ones come from two clips that show the same class. For the branch they are negatives; for the detector they are the same kind of thing. The cosines are the same at every τ; only the accounts change.

# %%
tau = lessons.log_slider("temperature τ", 0.02, 2.0, 0.1)
blame = branch.temperature_view(runs["a new batch each step"], steps, batch.classes)
lessons.explore(blame, temperature=tau)

# %% [markdown]
# The line under the figure says how much of the blame falls on amber pairs, and how much that would be if all negatives were blamed alike. Such pairs are called *false negatives*: section 8 comes back to them.

# %% [markdown]
# ## 7. How many clips?
#
# The official training puts **2 clips on each GPU**, on 8 GPUs, and the GPUs exchange embeddings. What if you have one GPU and keep the 2?

# %%
branch.fewer_clips(detector, batch)

# %% [markdown]
# One clip: no negatives, loss 0, gradient 0. The branch is switched off, without any message. Two clips: all negatives of a frame come from *one* other clip. This is why the small presets take 4 clips per batch.
#
# The last column, the length of the gradient at C4, is here for its 0. It does not say that two clips teach more than four: the loss is a mean over more frames when there are more clips, so each frame's part is smaller. What counts is from how many different clips the negatives come.

# %% [markdown]
# ## 8. Where the branch is blind
#
# ### Still images
#
# The official training mixes in still images of ImageNet DET. A still has no other frame, so its "references" are **the same pixels**. We turn the clips C and D into stills, exactly as training does.

# %%
lesson.predict(
    "The positives of a still have cosine 1 before learning. Which share of the loss do stills pay?",
    ["0 %: their pairs are perfect", "less than clips, but not 0", "about as much as clips, or more"],
)

# %%
stills = batch.with_stills(2, 3)
branch.still_bars(branch.forces(detector, stills))

# %% [markdown]
# A term is near 0 only if the *negatives* are far away; perfect positives are not enough. So stills pay their share. But look at the **pull**, the part of the gradient that draws positives together: for stills it is 0. (The bars show the length of this gradient on the embeddings of the clip.) At cosine 1 there is nothing left to pull. A still teaches only "be different from the others", never "be the same although you look different". That second lesson is what blur and occlusion need.
#
# Lesson 04 said that the pull is as strong as all pushes together. That was the derivative by the *cosine*. Here it is carried on to the embedding: a cosine that stands at its maximum, 1, has slope 0, and the pull vanishes on the way.
#
# The same with the shipped, trained weights:

# %%
trained = lessons.trained("clab")
print("trained with contrast at", trained.config.detector.contrast.level, "level")
branch.still_bars(branch.forces(trained.detector, stills))

# %% [markdown]
# ### False negatives
#
# The label is the number of the clip, not what it shows. Two clips with an airplane each are negatives: the branch pushes them apart while the detector wants to call both "airplane". Such a pair is a **false negative**. The dots in the microscope mark them. How often does it happen in this training?

# %%
print(branch.count_false_negatives(config, videos, lesson.choose(500, 50)))

# %% [markdown]
# With more classes it happens less often, with more clips per batch more often: pairs grow with the square of the clips. Even two clips of *one video* can meet.

# %% [markdown]
# ### Frames or objects?
#
# Frame level (official): one row per frame, positives are frames of a clip. Background counts as much as the object, and two objects in one frame share one row.
#
# Object level (`detector.contrast.level = "object"`, ours): each annotated box is cut out of C4, one row per box, and positives are **the same object** in the clip's frames. Two objects of one frame are negatives of each other. Same branch, other rows:

# %%
frames = branch.follow(trained.detector, batch)
objects = branch.follow_objects(trained.detector, batch)
branch.levels(batch, frames, objects)

# %% [markdown]
# The two losses have different numbers of negatives: compare each with its own chance, as the titles do. And compare both with the level at which these weights were trained (printed above). A branch that tells clips apart need not tell objects apart. Still images never take part at object level: they have no tracks.

# %% [markdown]
# ## 9. The proof: inference does not know the branch
#
# After training the branch is thrown away. Does it leave a trace in the detections, in time, in memory?

# %%
lesson.predict(
    "We delete the branch from the trained detector. How do boxes and scores change?",
    ["by less than 0.001", "a little, within noise", "not by a single bit"],
)

# %%
some_frames = lessons.samples("val").select([0])
print(branch.inference_proof(trained.detector, some_frames, repetitions=lesson.choose(3, 2)))

# %% [markdown]
# The branch reads C4, and nothing reads the branch: there is no path from it to a box. In training there is one way back, the gradient. Whether that gradient *helps* the detector is a question for measurements: lessons 06 and 09.

# %% [markdown]
# ## Exercises
#
# ### 1. Labels of the rows
#
# Rows come clip by clip: A0, A1, A2, B0, ... Return the list of labels, so that frames of one clip are positives of each other.

# %% tags=["exercise"]
def my_labels(clips, frames):
    ...


# %%
branch.check.row_labels(my_labels)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_labels(clips, frames):
#     return [row // frames for row in range(clips * frames)]
# ```
#
# </details>

# %% [markdown]
# ### 2. False negatives
#
# `labels` and `classes` are arrays of N numbers: the clip of each row, and what it shows. Return the N×N array that is True where a pair is negative although it shows one class. Hint: `labels[:, None] == labels` compares every row with every other.

# %% tags=["exercise"]
def my_false_negatives(labels, classes):
    ...


# %%
branch.check.false_negatives(my_false_negatives)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_false_negatives(labels, classes):
#     return (labels[:, None] != labels) & (classes[:, None] == classes)
# ```
#
# </details>

# %% [markdown]
# ### 3. Take the branch out
#
# A `state` maps names of weights to tensors, for example `auxiliary.conv.weight` or `rpn.conv.weight`. Return what has to be shipped for detection, and leave `state` itself as it is.

# %% tags=["exercise"]
def my_weights(state):
    ...


# %%
branch.check.without_branch(my_weights, trained.detector)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_weights(state):
#     return {name: tensor for name, tensor in state.items() if not name.startswith("auxiliary.")}
# ```
#
# </details>

# %% [markdown]
# ## Test yourself

# %%
lesson.quiz()

# %% [markdown]
# **In one sentence:** the auxiliary branch is NT-Xent on one vector per frame, with the clip as the label; it exists in training only, sees neither classes nor places, and needs at least two clips that move.
#
# **Where to go next:** the branch's loss is added to the detector's with a small, fading weight. [06 Loss weights](06_loss_weights.ipynb) lets you move that weight.
#
# Sources: the paper (arXiv 2508.20551) describes the branch and its weight in its method section; NT-Xent as computed here is `pytorch_metric_learning.losses.NTXentLoss`. The code of this lesson: `clab_lite/detector/contrast.py` (51 lines) and `clab_lite/lessons/branch/`.
