# %% [markdown]
# # 07 Train the full detector
#
# Two trainings run before your eyes: the detector alone (**baseline**), and the same detector with the auxiliary branch (**CLAB**, the method of the paper). A live board draws what is happening.
#
# **At the end you can say:** what each number of a training log means, what to expect of the next run before it starts, and how a training is stopped, resumed, and how it fails.

# %%
from clab_lite import lessons
from clab_lite.lessons import training
from clab_lite.train import TrainingDiverged, train
from clab_lite.training.log import read_log

lesson = lessons.start("07_train_the_full_detector")

# %% [markdown]
# ## 1. What is minimised
#
# One **step** takes a batch of clips, computes five losses, and moves all weights a little against the gradient of
#
# $$L = \underbrace{L_\text{rpn,obj} + L_\text{rpn,box} + L_\text{class} + L_\text{box}}_{\text{detection}} + w(t)\, L_\text{contrast}$$
#
# | symbol | name in the log | it asks |
# |---|---|---|
# | $L_\text{rpn,obj}$ | `rpn_objectness` | is there an object here, or not? |
# | $L_\text{rpn,box}$ | `rpn_box` | where are the corners of the proposal? |
# | $L_\text{class}$ | `box_class` | which class has the box? |
# | $L_\text{box}$ | `box_regression` | where are the corners of the box? |
# | $L_\text{contrast}$ | `contrast` | do frames of a clip lie closer together than frames of other clips? (NT-Xent, lesson 04) |
# | $w(t)$ | `contrast_weight` | 0.005 at the start, falls to 0 at half of the training (paper: 25 000 steps) |
#
# The baseline has $w = 0$ throughout. Its branch is built and measured too, but it pulls at nothing.

# %%
preset = "lesson"
videos, held_out = lessons.samples("train"), lessons.samples("val")
log_every = lesson.choose(10, 2)
baseline = training.run_config(preset, weight=0.0, log_every=log_every)
clab = training.run_config(preset, weight=0.005, log_every=log_every)
stop = lesson.choose(110, 4)
print(f"a whole run: {baseline.train.iterations} steps. We stop after {stop}.")

# %% [markdown]
# Both runs have the same **seed**: the same first weights, the same clips in the same order. They differ in $w$ alone.
#
# ## 2. What to expect
#
# A curve alone tells little: is 1.4 good? So we ask runs that were measured before. The shipped *study* holds real runs of these very settings with other seeds. Between their lowest and their highest value lies the **expected band**.

# %%
band = training.expected_band(baseline, videos)
print(band)

# %% [markdown]
# A band from few runs is narrow, and the rows of one run hang together: a run that lies a little above the band tends to stay there. With $n$ runs, a further normal run is outside at any step with probability $2/(n+1)$. So **being outside is no alarm**. An alarm is a curve that leaves by several widths of the band, that rises where the others fall, or that is not finite.

# %%
lesson.predict(
    f"The baseline's contrast is measured but has weight 0. Where will it be after {stop} steps?",
    ["at chance: nobody trains it", "below chance all the same", "above chance"],
)

# %% [markdown]
# ## 3. The baseline, live
#
# The board draws anew at each row of the log. AP50 is measured on a few held-out videos at some steps, with fewer frames and references than the full evaluation (lesson 09), to keep it quick.

# %%
few = held_out.select(range(lesson.choose(8, 1)))
ap_at = lesson.choose((40, 75, 110), (4,))
first = training.Board("baseline", baseline, few, ap_at=ap_at, band=band)
folder = lesson.folder / "baseline"
with first:
    train(baseline, videos, folder, on_step=first, stop_after=stop, overwrite=True, progress=False)

# %% [markdown]
# How to read it:
#
# - **Detection loss**: the sum of four. It falls fast, then slowly. Each point is the mean over the steps since the point before.
# - **Contrast**: the dashed line is *chance*, the loss of embeddings that tell nothing. The curve may well begin below it: frames of a clip show nearly the same pixels, and even an untrained network gives them nearly the same embedding (lesson 05). The weights of the branch itself get no gradient here. What moves the curve from then on is C4 below it, which changes for the sake of detection.
# - **Band**: count the rows inside, and beside them how many were to be expected. Then look *how far* outside the others are.
# - **Schedules**: what is still to come is pale. We stop before the half, so the weight of CLAB (section 4) is still above 0. The learning rate first rises, then falls to zero at the end of the *whole* run.
# - **AP50** is what we want. The losses are only what we can differentiate. **A lower loss is not a higher AP.** The dots are of a few videos and few of their frames. The range in grey is of the study's runs, on other and many more videos: it tells how far seeds lie apart, not how high the dots should be.

# %% [markdown]
# ## 4. CLAB, stopped in the middle
#
# The same with $w > 0$. After a part of the way we stop it, as a power cut would, only politely.

# %%
lesson.predict(
    "The contrast gets weight 0.005. How does its own curve differ from the baseline's?",
    ["clearly lower", "hardly", "higher"],
)

# %%
pause = lesson.choose(80, 2)
expected = training.expected_band(clab, videos)
second = training.Board("CLAB", clab, few, ap_at=ap_at, band=expected)
folder = lesson.folder / "clab"
with second:
    train(clab, videos, folder, on_step=second, stop_after=pause, overwrite=True, progress=False)

# %%
print("checkpoint holds", training.checkpoint_step(folder), "steps")
print("rows of the log at steps", training.steps_of(folder))

# %% [markdown]
# The folder holds everything: the weights, the momentum of the optimiser, the losses since the last row. There is **no random state** in it: order of clips, mirroring, sampling are all functions of (seed, step). So nothing can be forgotten.
#
# `resume=True` goes on. The board goes on with it; a dotted line marks the seam.

# %%
with second:
    train(clab, videos, folder, on_step=second, stop_after=stop, resume=True, progress=False)
print("rows of the log at steps", training.steps_of(folder))

# %% [markdown]
# Compare the contrast with that of the first board. There nobody pulled at it; here a small weight does. How far it falls says how well the branch learns *its own* task, not that detection gains.
#
# Have you a few minutes more? Run `train(clab, videos, folder, resume=True)` and let it finish; then the same for the baseline.

# %% [markdown]
# ## 5. Is a resumed run the same run?
#
# "About the same" would not do: a small slip, such as a weight schedule that starts anew, would go unnoticed for months. (The official code has this very slip: resumed late, its contrast weight jumps back to the full value.) So we ask for equality **to the last bit**.

# %%
short = training.shortened(clab, lesson.choose(8, 3))
lesson.predict(
    f"{short.train.iterations} steps in one go, or 2 steps, stop, resume. How many weights differ?",
    ["none", "a few, in the last digits", "most, in the last digits"],
)

# %%
whole, parts = lesson.folder / "whole", lesson.folder / "parts"
train(short, videos, whole, overwrite=True, progress=False)
train(short, videos, parts, overwrite=True, progress=False, stop_after=2)
train(short, videos, parts, resume=True, progress=False)
print(training.compare_runs(whole, parts))

# %% [markdown]
# ## 6. The log, row by row
#
# `log.jsonl` in the run folder holds one row per line. Move through the rows of the CLAB run. On the right: what the total is made of.

# %%
rows = read_log(folder / "log.jsonl")
lessons.explore(
    lambda row: training.draw_row(rows, row - 1),
    row=lessons.slider("row", 1, len(rows), 1, 1),
)

# %% [markdown]
# Three readings that people get wrong:
#
# 1. **The share of the loss is not the share of the gradient.** The weighted contrast is a tiny part of the total, and yet its gradient at C4 can be a good part of the whole, above all in the first steps: lesson 06 measures it.
# 2. **`gradient_norm` stands before clipping.** Values far above `train.gradient_clip` are cut down to it; single high ones are normal early on.
# 3. **A row is a mean.** From row 2 on, the sum under the figure may differ from `losses.total` in the third decimal: a row holds means over the steps since the row before, and the mean of weight × contrast is not the last weight × the mean contrast. Row 1 is of one step, so there they agree.

# %% [markdown]
# ## 7. The two runs side by side

# %%
print(training.ap_gap(first.ap, second.ap, band))
training.draw_two(("baseline", first.rows, first.ap), ("CLAB", second.rows, second.ap), band, len(few))

# %% [markdown]
# **One seed proves nothing.** Left, compare the gap between the two lines with the band: that is how far runs of *one* method lie apart when only the seed changes. For AP50 there is no band along the way. The only measure of luck is how far the measured runs lie apart at their end: the cell prints it beside the gap. A gap that fits into that could be luck, in either direction; and on few videos luck is larger still.
#
# Whether the branch helps is a question for several seeds, paired, with an interval: lesson 09 asks it.

# %% [markdown]
# ## 8. When a training diverges
#
# Too large a learning rate, a broken frame, a box of no area: somewhere a number stops being finite, and from then on every weight is *NaN*, not a number. We provoke it with an absurd learning rate and no clipping.

# %%
lesson.predict(
    "What should a good training program do at the first loss that is not finite?",
    ["skip the step and go on", "stop at once, and say where", "halve the learning rate by itself"],
)

# %%
wild = training.shortened(clab, 20, learning_rate=900.0, gradient_clip=1e12)
try:
    train(wild, videos, lesson.folder / "wild", overwrite=True, progress=False)
except TrainingDiverged as error:
    print(str(error).replace(". ", ".\n"))

# %%
for row in read_log(lesson.folder / "wild" / "log.jsonl"):
    total, norm = row["losses"]["total"], row["gradient_norm"]
    print(f"step {row['iteration']}: total {total:.3g}, gradient norm {norm:.3g}")

# %% [markdown]
# Read the message from left to right: **when** (the step), **what** (every component: which loss went first?), **who** (the samples of this batch: is one file broken?), **what to do**. The rows of the log tell the story before: compare the last one with the first. Loss and gradient norm can leap together, in a single step, and the next loss is no number any more.
#
# The run stops *before* such weights get into a checkpoint. If one was written, it is from before.

# %% [markdown]
# ## Exercises
#
# ### 1. The total
#
# `losses` maps the five names of section 1 to numbers. Return the total for a contrast weight.

# %% tags=["exercise"]
def my_total(losses, weight):
    ...


# %%
training.check.total(my_total)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_total(losses, weight):
#     detection = sum(value for name, value in losses.items() if name != "contrast")
#     return detection + weight * losses["contrast"]
# ```
#
# </details>

# %% [markdown]
# ### 2. After the power cut
#
# A checkpoint is written every `every` steps. The machine dies after step `killed_after`. After how many steps does the resumed run go on?

# %% tags=["exercise"]
def my_goes_on_at(killed_after, every):
    ...


# %%
training.check.goes_on_at(my_goes_on_at)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_goes_on_at(killed_after, every):
#     return killed_after // every * every
# ```
#
# </details>

# %% [markdown]
# ### 3. The expected band
#
# `curves` is an array (seeds, steps) of losses. Return the lowest and the highest value at each step.

# %% tags=["exercise"]
def my_band(curves):
    ...


# %%
training.check.band(my_band)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_band(curves):
#     return curves.min(axis=0), curves.max(axis=0)
# ```
#
# </details>

# %% [markdown]
# ## Test yourself

# %%
lesson.quiz()

# %% [markdown]
# **Where to go next:** lesson 08 looks at what the training did to the embeddings; lesson 09 measures AP as one should.
#
# In a terminal the same training is `clab-lite train`. Sources: the losses and the weight of the contrast are those of the paper (arXiv 2508.20551, ResNet-50 configuration); the loop is `clab_lite/train.py`.
