# %% [markdown]
# # 14 Choosing a contrast
#
# Lessons 05 and 11 to 13 showed four ways to let a detector's features learn by comparing. All four say: *these two
# belong together, those do not*. They differ in what *these* are. This page puts them side by side, with what they cost
# and what they gave in runs that you can repeat.
#
# **At the end you can say:** which of them your data allow, what a fair comparison needs, and how much (or how little)
# our runs tell. You need lesson 05, one of lessons 11 to 13, and the intervals of lesson 09.

# %%
from clab_lite import lessons
from clab_lite.lessons import choosing

lesson = lessons.start("14_choosing_a_contrast")
comparison = choosing.measured()
print(choosing.setting_in_words(comparison))

# %% [markdown]
# ## 1 Four methods in one table
#
# Three of the four are *pre-trainings*: they train the backbone first, and the detector starts from it
# (`clab-lite pretrain`, then `clab-lite train --init`). CLAB's branch works *beside* the detector's own training.
#
# The last two rows are measured on this project's sample videos. In brackets stands the 95 % interval of the mean
# difference to a detector from scratch.

# %%
choosing.four_methods(comparison)

# %% [markdown]
# **Read it** row by row. What attracts decides what the features must *ignore*: CLAB's branch ignores time, CrossCL the
# place in the crop, the CoDo-style method the background, ranked contrast everything but the class. What a method must
# be told decides whether you can use it at all.
#
# ## 2 A fair comparison
#
# The question is practical: **32 videos have labels, 128 can be looked at, and computing time is limited. How should it
# be spent?** Six ways were tried:
#
# * *from scratch*: all of it on the detector;
# * *from scratch, fewer steps*: the time of a pre-training is simply saved. It shows what that time is worth;
# * *CLAB's branch*: as from scratch, with the branch beside it;
# * *ranked*, *CrossCL*, *CoDo-style first*: a part of the time on a pre-training, the rest on the detector.
#
# A pre-training sees what it can use: ranked contrast the labelled objects of the 32 videos; the CoDo-style method the
# same objects, and frames of all 128 as backgrounds; CrossCL the frames of all 128.
#
# A comparison at equal *steps of the detector* would give the pre-training away for nothing. So the steps were chosen
# for equal **processor time**, before any of the runs was judged. (The machine had other work too, so the same work took
# some percent more or less from run to run.)

# %%
choosing.draw_costs(comparison)

# %%
lesson.predict(
    "Same processor time, 32 labelled videos. Which detectors come out best?",
    ["those with a pre-training", "those that spend it all on the detector", "one cannot tell"],
)

# %% [markdown]
# Every run is paired: a detector from scratch and one after a pre-training that share a seed see the same clips in the
# same order. Left, AP50 of every run; right, the differences within the pairs, with the 95 % interval of their mean
# (Student's t over the seeds, lesson 09). Red: the interval leaves out zero.

# %%
lessons.explore(
    choosing.explore_comparison(comparison),
    measure=lessons.choice("judged on", list(choosing.MEASURES), "all frames"),
    baseline=lessons.choice("baseline", ["scratch", "short"], "scratch"),
)

# %% [markdown]
# **Read it.** Look at the intervals, not at the order of the dots. Then change the baseline to *short*: now the
# detector has as many steps in all pre-trained runs as in the baseline, and the pre-training is a gift. What the gift
# gives and what it is worth are two numbers:

# %%
choosing.gift_and_worth(comparison)

# %%
print(choosing.came_out(comparison))

# %% [markdown]
# The first line is the one to look at before anything else, also with your own data. As long as more steps of the
# detector itself still bring much, they are the best use of the time, and no pre-training is cheap. One would expect it to
# pay where they bring little any more: when few labels have told all they can, or when one pre-trained backbone serves
# many detectors, so that its cost is shared. Our runs do not test that.
#
# Who looks at five differences has five chances to be lucky. The last but one column of the next table pays for that
# (p times the number of looks, at most 1).

# %%
choosing.results(comparison).style.format(precision=3, na_rep="").hide()

# %% [markdown]
# A few seeds, one small detector (`lesson` preset), a minute or two of training, and a world of drawn videos: this says
# how to ask, not what a ResNet-50 and ImageNet would answer. InsLoc, the open ancestor of the CoDo-style method, reports
# 41.4 AP on COCO (its model zoo), where a start from ImageNet's labels gives 38.9 (SoCo's table): after 200 epochs over
# a million pictures. Ours had about half a minute.

# %%
reach = choosing.reach(comparison, spread=0.03)
lesson.predict(
    f"{reach.seeds} seeds, and the differences of single pairs spread by {reach.spread}. "
    "How large must their mean be to leave zero out?",
    [f"about {reach.spread / 2:.3f}", f"about {reach.spread:.3f}", f"about {reach.half:.3f}"],
)

# %%
print(reach)

# %% [markdown]
# Effects of one or two points (0.01 or 0.02 of AP50) are invisible with so few seeds and such a spread, whichever way they
# go. "Not shown" is not "not there".
#
# ## 3 Which one for you?
#
# Say what you have and what you want. The cards follow from the table of section 1, by rules that you can read in
# `clab_lite/lessons/choosing/decision.py`; one rule comes from section 2 (*longer helps*: more steps of the detector
# still make it better). *Fits* speaks of needs and aims: what a method must be told, and what it makes alike. It promises
# no gain; the last line of a card is what our runs gave, with its interval.

# %%
lessons.explore(
    choosing.explore_decision(comparison),
    labels=lessons.choice("labels", ["none", "boxes", "classes"], "classes"),
    videos=True,
    more_frames=True,
    goal=lessons.choice("goal", ["detector", "similar classes", "unknown classes"], "detector"),
    extra_stage=True,
    longer_helps=True,
)

# %% [markdown]
# **Try it.** Say that longer training helps no more: what changes? Then take the labels away, one kind after the other.
# Which method is left at the end? Then ask for *similar classes* and think about why the other three are not made for
# that.
#
# ## 4 Exercises
#
# ### Exercise 1: what attracts
#
# Write it down. A cut-out is a dictionary with `video`, `frame`, `track` (numbers start anew in every video),
# `class_name`, and `place` (which window of the frame). `method` is `"branch"`, `"ranked"` (own class only, without the
# similar ones), `"crosscl"` or `"codo"`. Return whether the two attract.


# %% tags=["exercise"]
def my_attracts(method, a, b):
    """A name and two dictionaries. Return True or False."""
    return None  # your answer here


# %%
choosing.checks.attracts(my_attracts)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_attracts(method, a, b):
#     keys = {
#         "branch": ("video",),
#         "ranked": ("class_name",),
#         "crosscl": ("video", "frame", "place"),
#         "codo": ("video", "track"),
#     }
#     return all(a[key] == b[key] for key in keys[method])
# ```
#
# </details>

# %% [markdown]
# ### Exercise 2: a fair comparison
#
# A pre-training of `pretrain_steps` steps is followed by `steps` steps of the
# detector. One step costs `pretrain_cost` and `detector_cost` seconds. For how many steps may the detector from scratch
# be trained? (Fractions are fine.)


# %% tags=["exercise"]
def my_equal_steps(steps, pretrain_steps, detector_cost, pretrain_cost):
    """Four numbers. Return one."""
    return None  # your answer here


# %%
choosing.checks.equal_steps(my_equal_steps)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_equal_steps(steps, pretrain_steps, detector_cost, pretrain_cost):
#     return steps + pretrain_steps * pretrain_cost / detector_cost
# ```
#
# </details>

# %% [markdown]
# ### Exercise 3: several looks
#
# Pay for several looks, but not more than needed. *Holm's* way: sort the p-values, smallest first. The
# first must be at most 0.05 / m for m looks, the next at most 0.05 / (m − 1), and so on. Stop at the first that fails:
# all before it are kept. Return the positions of the kept ones in the list that you were given, in ascending order.


# %% tags=["exercise"]
def my_survivors(p_values):
    """A list of numbers. Return a list of positions."""
    return None  # your answer here


# %%
choosing.checks.survivors(my_survivors)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_survivors(p_values):
#     order = sorted(range(len(p_values)), key=lambda i: p_values[i])
#     kept = []
#     for rank, i in enumerate(order):
#         if p_values[i] > 0.05 / (len(p_values) - rank):
#             break
#         kept.append(i)
#     return sorted(kept)
# ```
#
# </details>

# %% [markdown]
# When your function is right, feed it what we measured:

# %%
p_values = choosing.p_values(comparison)
print({name: round(p, 3) for name, p in p_values.items()})
kept = choosing.checks.holm(list(p_values.values()))
print("kept by Holm:", [list(p_values)[i] for i in kept] or "none")

# %% [markdown]
# ## 5 Self-test

# %%
lesson.quiz()

# %% [markdown]
# **In one sentence:** choose a contrast by what it must be told and by what its features shall ignore, and believe that it
# helps only when it beats the same time spent on the detector, over several seeds.
#
# **Where to go next:** to your own data: `clab-lite pretrain codo DATASET`, then
# `clab-lite train DATASET --preset lesson --init runs/codo/backbone.safetensors`, and three seeds of each before you
# believe a difference. Lesson 10 says how on bigger machines.
