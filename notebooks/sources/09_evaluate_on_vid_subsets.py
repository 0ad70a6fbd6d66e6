# %% [markdown]
# # 09 Evaluate on subsets
#
# A detector gets *one* number in a paper. This lesson computes that number by hand, takes it apart into easy and hard videos, and asks how sure it is.
#
# **At the end you can say:** what AP50 counts, which protocol a published number follows, how much of a difference could be chance, and what our runs say about the auxiliary branch.

# %%
import numpy as np
import pandas as pd

import clab_lite as cl
from clab_lite import lessons
from clab_lite.lessons import evaluation
from clab_lite.lessons.evaluation import checks
from clab_lite.lessons.tables import left

lesson = lessons.start("09_evaluate_on_vid_subsets")

# %% [markdown]
# ## 1. The score by hand
#
# One frame, four dogs (green), five detections with a **score** each: how sure the detector is, from 0 to 1.
#
# A detection is right (a *true positive*, TP) when it overlaps a dog by an **IoU** of at least 0.5 (shared area divided by joint area) and that dog is still free. All others are wrong (*false positives*, FP).

# %%
example = evaluation.five_boxes()
evaluation.draw_frame(example)

# %% [markdown]
# **Steps 1 and 2: rank, then match.** Go down the list, best score first. Each detection takes the free dog that it overlaps most.
#
# Look at B: it overlaps dog 1 well, but A was there first. A second box on the same dog is wrong.
#
# **Step 3: count from the top.** After each rank:
#
# $$\text{precision} = \frac{TP}{TP + FP}, \qquad \text{recall} = \frac{TP}{\text{number of dogs}}$$
#
# **Step 4: the envelope.** The best precision at this rank *or any later one*: to reach a larger recall one walks further down the list anyway, so a dip on the way does not count.

# %%
ranked = evaluation.rank_and_match(example, threshold=0.5)
table = evaluation.precision_and_recall(ranked, dogs=4)
table.round(3)

# %% [markdown]
# **Step 5: one number.** *Average precision* (AP) is the mean height of the envelope over recall from 0 to 1. Two protocols read it in two ways:
#
# - **VOC and MEGA**: the exact area. Each hit adds a step.
# - **COCO**: the mean of the heights at 101 recalls: 0, 0.01 ... 1 (the amber dots). A recall that is never reached has height 0.
#
# The titles below name the steps that each picture shows.

# %%
evaluation.draw_steps(example)

# %% [markdown]
# By hand, and by the library's own evaluator (which computes both from the same matches):

# %%
by_hand = {
    "101 recalls": evaluation.at_101_recalls(table),
    "every change": evaluation.every_change(table),
}
pd.DataFrame({"by hand": by_hand, "by library": evaluation.library_aps(example, threshold=0.5)})

# %%
lesson.predict(
    "E points at nothing. Its score is the lowest. Make it 0.97, the highest: what does AP do?",
    ["nothing: E was wrong before and is wrong now", "it falls", "it rises"],
)

# %%
lessons.explore(
    evaluation.explore_boxes(example),
    detection=lessons.choice("detection", list(example.names), "E"),
    score=lessons.slider("its score", 0.01, 0.99, 0.97, 0.01),
    threshold=lessons.slider("IoU to reach", 0.3, 0.9, 0.5, 0.05),
)

# %% [markdown]
# Above you move the score of one detection, or the IoU that is asked for. Try these:
#
# 1. E at 0.30: a wrong detection *below* all right ones costs nothing. AP judges the **order**, never the score itself.
# 2. E at 0.97: every precision below it falls.
# 3. IoU to reach 0.6: C is no longer right. Dog 2 is then missed *and* C is a false positive: one poor box costs twice.
# 4. Watch both APs: whatever you move, they stay within 0.01 of each other here. How the envelope is read changes little; which IoU is asked for changes much.

# %% [markdown]
# ### Exercise 1: average precision
#
# Write the VOC and MEGA form. `hits` is a list of truth values, best score first; `objects` is the number of true objects.

# %% tags=["exercise"]
def my_ap(hits, objects):
    return None

# %%
checks.average_precision(my_ap)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_ap(hits, objects):
#     precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
#     envelope = np.maximum.accumulate(precision[::-1])[::-1]
#     return envelope[np.array(hits)].sum() / objects
# ```
#
# Each hit moves the recall by 1 / objects; the height of that step is the envelope there.
#
# </details>

# %% [markdown]
# ## 2. A whole dataset, and its parts
#
# Now the trained detector, on held-out sample videos. AP is computed for each class over all frames; **AP50** is the mean over classes at IoU 0.5. This is the "mAP" of ImageNet VID papers.
#
# `Subset(every=2)` takes every second frame: neighbours are nearly copies. `store` keeps the detections, so everything below detects only once.

# %%
clab, baseline = lessons.trained("clab").detector, lessons.trained("baseline").detector
videos = lessons.samples("val")
part = lesson.choose(cl.data.Subset(every=2), cl.data.Subset(max_videos=4, every=5))
store = lesson.folder / "detections"

report = cl.evaluate(clab, videos, subset=part, store=store, progress=False)
counts = ", ".join(f"{number} {what}" for what, number in report.counts.items())
print(f"AP50 {report.ap50:.3f} over {counts}")

# %% [markdown]
# Three protocols, one pass over the boxes, and the published numbers that each row may stand beside. In brackets: the 95 % interval, which section 3 explains. Where it is missing, too few videos show such objects.
#
# **Slow, medium, fast** go by *motion IoU*: the mean IoU of an object's box with its own boxes up to ten frames before and after. Slow is above 0.9, fast below 0.7. It needs only track ids, so it exists for any dataset that has them.

# %%
left(evaluation.protocol_table(report), index=True)

# %%
lesson.predict(
    "Which trouble opens the largest gap to clean frames of the same videos?",
    ["noise", "defocus", "occlusion", "motion blur", "truncation", "deformation", "low light"],
)

# %%
lessons.explore(
    evaluation.explore_report(report),
    group=lessons.choice("group by", list(evaluation.GROUPS), "trouble"),
    protocol=lessons.choice("protocol", list(evaluation.PROTOCOLS), "COCO"),
)

# %% [markdown]
# How to read it:
#
# - In brackets: the number of objects. A dot without a bar stands on too few videos for an interval.
# - **Do not compare rows of troubles with each other**: each shows other videos and other classes. The hollow ring is the fair partner: clean frames *of the same videos*, over the classes that both show. The title names the largest gap. A ring on the left of its dot means: clean frames scored *lower* here. Before you believe that, or the opposite, look at the number of objects.
# - In a part by motion or size, the other objects are *ignored*: finding them is neither right nor wrong.
#
# Any part can be asked for, and conditions add up. On the command line: `clab-lite evaluate RUN DATASET --subset motion=fast`.

# %%
wanted = part & cl.data.Subset(motion="fast")
fast = cl.evaluate(clab, videos, subset=wanted, store=store, progress=False)
print(f"{fast.subset}: MEGA {fast.protocols['mega'].scores['all'].value:.4f}")
print(f"the same row above: MEGA {report.protocols['mega'].scores['fast'].value:.4f}")

# %% [markdown]
# ## 3. How sure is the number?
#
# The videos are a sample: other videos would have given another AP50. How far away?
#
# First a look at what repeats. One row per video, one cell per frame: which share of its objects was found?

# %%
found = evaluation.found_in_videos(clab, videos, subset=part, store=store)
evaluation.draw_alike(found)

# %% [markdown]
# The more a row is of one colour, the less its frames are independent evidence: where one frame is missed, the next is missed more often than elsewhere. The title counts it: with a likeness $\rho$ of two frames of a video (0: as any two frames, 1: identical), $F$ frames of $V$ videos are worth
#
# $$\frac{F}{1 + (F/V - 1)\,\rho}$$
#
# independent frames (Kish's *design effect*, 1965). This counts found objects; for AP50 the bootstrap below asks directly.
#
# ### The bootstrap
#
# To see how AP50 varies, draw the data again: with replacement, as many as there are, many times. The spread of the results is the uncertainty. But what is drawn: frames, or videos?

# %%
lesson.predict(
    "Draw single frames instead of whole videos. The interval becomes ...",
    ["narrower", "wider", "about the same"],
)

# %%
rng, times = np.random.default_rng(0), lesson.choose(300, 50)
F, V = found.frames, found.videos
by_frames = [found.ap50_of_frames(rng.integers(0, F, size=F)) for _ in range(times)]
by_videos = [found.ap50_of_videos(rng.integers(0, V, size=V)) for _ in range(times)]
evaluation.draw_draws(by_frames, by_videos, report.ap50, report.overall.ap50_interval)

# %% [markdown]
# Compare the two widths in the titles. Drawing frames pretends that every frame is new evidence, and promises a certainty that is not there.
#
# The black bar is the library's interval: it draws videos too (whole *source* videos: snippets cut from one recording stay together), and widens the result a little for small numbers of videos. With fewer than five sources it gives none.

# %% [markdown]
# ### Exercise 2: draw videos
#
# Write one bootstrap draw. `video` tells which video each frame belongs to, for example `[0, 0, 0, 1, 1, 1]`. Return the rows of the drawn frames: whole videos, with replacement, as many videos as there are. Take random numbers from `rng`.

# %% tags=["exercise"]
def my_draw(video, rng):
    return None

# %%
checks.draw_videos(my_draw)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_draw(video, rng):
#     names = np.unique(video)
#     drawn = rng.choice(names, size=len(names))
#     return np.concatenate([np.flatnonzero(video == name) for name in drawn])
# ```
#
# `rng.choice` puts each video back. A video that is drawn twice brings its frames twice.
#
# </details>

# %% [markdown]
# **Half way.** What follows asks another question, and is about as long. A good place to stop for today.
#
# ## 4. Is the gain real? One detector against another
#
# Two intervals that overlap do not settle it: hard videos are hard for both. `cl.compare` gives both detectors **the same draws** and takes the difference in each.
#
# A is the baseline, trained without the branch; B is CLAB. Everything else is the same.

# %%
comparison = cl.compare(baseline, clab, videos, subset=part, store=store, progress=False)
print(comparison.verdict)
evaluation.draw_comparison(comparison, ("baseline", "CLAB"))

# %% [markdown]
# A dot without a bar stands on too few videos. And *p* (above the figure, where there are enough videos) is the share of such or larger differences to be expected if A and B were equally good.
#
# One verdict, on AP50. The other numbers are many, and 1 in 20 intervals leaves out zero by chance alone. So they may suggest a question, not answer one.
#
# **What this comparison cannot tell.** It compares *these two sets of weights* on other videos. Train both again with another random seed, and the difference changes too. To say something about the **method**, one needs several seeds of each.
#
# ## 5. Is the gain real? The method, over seeds
#
# The shipped study holds real runs of the `lesson` detector. With and without the branch, with the same seeds: the same first weights, the same order of clips. The pairs share the luck of their seed, so we subtract **seed by seed** and look at the differences. These trainings are shorter than those of the two detectors above and judged on other videos, so their AP50 is lower: only differences inside the study count.
#
# A setting in words: what is contrasted (frames or objects), the start weight and how it falls, the temperature τ (`temperature`).

# %%
study = lessons.study()
effects = evaluation.table_of_effects(study)
draw_pair, settings, measures = evaluation.explore_effects(study)
main = settings[0]
print(f"{len(study.records)} runs, made by: {study.command}")
print(f"{len(settings)} settings with a baseline. First, as published: {main}")

# %%
lesson.predict(
    "The branch is trained beside the detector. Over the seeds, AP50 with it will be ...",
    ["clearly higher", "clearly lower", "not clearly different"],
)

# %%
lessons.explore(
    draw_pair,
    setting=lessons.choice("setting", settings, main),
    measure=lessons.choice("measure", measures, measures[0]),
)

# %% [markdown]
# The interval on the right is that of Student's t for paired differences $d_1 \dots d_n$: with mean $\bar d$ and standard deviation $s$ (with $n - 1$ in the denominator; in NumPy `ddof=1`),
#
# $$\bar d \pm t_{n-1}\,\frac{s}{\sqrt n}$$
#
# With five seeds $t_4 = 2.78$, with three $t_2 = 4.30$: few seeds make wide intervals. From fewer than three none is drawn: two differences may be alike by accident, and would look certain. When zero lies inside, these runs do not show an effect. That is *not* the same as showing that there is none.
#
# Now all numbers of a setting at once: AP50 of all frames, clean ones, each trouble, slow, medium, fast; or the embeddings at the end of training, by frame and by object. *Silhouette* and *knn* (the share of nearest neighbours with the same label) are better when higher; *alignment* (distance inside a group) when lower; *uniformity* is lower when points are spread out.

# %%
lessons.explore(
    lambda setting, kind: evaluation.draw_effects(effects, setting, kind),
    setting=lessons.choice("setting", settings, main),
    kind=lessons.choice("numbers", ["AP50", "frame", "object"], "AP50"),
)

# %% [markdown]
# **In words, from the numbers.** The one measure that was settled before looking is `AP50 all`; everything else is a hint. The next cell writes its sentences from the table. If the shipped runs change, so do the sentences.
#
# *To pay for a look*: who looks at $k$ numbers multiplies each *p* by $k$ (Bonferroni). The sentence says which looks it pays for: all measures of this one setting.

# %%
own = effects[effects["setting"] == main]
for row in own[own["measure"].isin(["AP50 all", "AP50 clean", "AP50 troubled"])].itertuples():
    print(evaluation.in_words(row))
print()
print("All measures of this setting:", evaluation.conclusion(own))

# %% [markdown]
# ### Exercise 3: a paired interval
#
# `baseline` and `clab` are dictionaries: seed → AP50, in any order. Return `(mean, low, high)`: the mean of the differences and its 95 % interval. There are five seeds, so take 2.7764 for $t_4$.

# %% tags=["exercise"]
def my_interval(baseline, clab):
    return None

# %%
checks.paired_interval(my_interval)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_interval(baseline, clab):
#     differences = np.array([clab[seed] - baseline[seed] for seed in baseline])
#     mean = differences.mean()
#     half = 2.7764 * differences.std(ddof=1) / np.sqrt(len(differences))
#     return mean, mean - half, mean + half
# ```
#
# `ddof=1` divides by n - 1: the mean was taken from the same five numbers.
#
# </details>

# %% [markdown]
# ## 6. Looking for a setting in which the branch matters
#
# A search tries many settings, so its best result is partly luck. Three rules keep it honest:
#
# 1. **Choose on some videos, report on others.** A setting that was chosen is measured again on held-out videos that no choice was made on. Each panel below says which videos its settings were judged on.
# 2. **Show every setting that was tried**, also those that did harm.
# 3. **Count the looks.** Among twenty numbers that mean nothing, one has an interval without zero.

# %%
lessons.explore(
    lambda measure: evaluation.draw_search(effects, measure),
    measure=lessons.choice("measure", measures, "AP50 all"),
)

# %% [markdown]
# Choose `object knn by class` above: does the branch change how objects lie together? (A branch at frame level does not pull at them directly.) Dots without a bar have one or two pairs; those with one all subtract the *same* baseline run: if that run was unlucky, all these dots move to the right together. So do not count dots on one side. Both measures in words. Here the looks are the settings: each sentence pays for all settings of *one* measure, and not for the other measures that you have clicked through.

# %%
for measure in ("AP50 all", "object knn by class"):
    for videos_judged, tried in effects[effects["measure"] == measure].groupby("videos", sort=False):
        print(f"{measure}, judged on {videos_judged}. {evaluation.conclusion(tried)}\n")
left_out = evaluation.unpaired(study)
print(f"{len(left_out)} runs have no baseline of their seed, data and videos, and are in no panel.")

# %% [markdown]
# **What the search may say.** An interval above zero, on the videos that settings were chosen on, is a candidate. It becomes a finding when the same setting stays above zero on videos it was not chosen on, and after paying for all looks, also those at other measures (each line says which it has paid for).
#
# **What it may not say.** These are tiny detectors, trained for minutes on drawn videos. The paper reports a gain for ResNet-101 on ImageNet VID after seven epochs on eight GPUs. Nothing here confirms or contradicts that.

# %% [markdown]
# ## 7. Beside the paper's table
#
# Published numbers, each with where it was read, and ours below. **They are not comparable**: other videos (ours are drawn), other classes, another size of network. Nor do all rows follow one protocol: see the column.

# %%
other = cl.evaluate(baseline, videos, subset=part, store=store, progress=False)
ours = {"this lesson: baseline": other, "this lesson: CLAB": report}
beside = evaluation.beside_published(
    ours, "ResNet-18, a quarter of its width", f"{report.counts['videos']} sample videos"
)
left(beside)

# %% [markdown]
# What *is* comparable is the **code**. From the same weights and the same inputs, this library's features, proposals, detections, losses, gradients and three training steps equal recorded values of the official implementation. Its three evaluators equal pycocotools, MEGA's and FGFA's on recorded cases (`tests/goldens/` in the repository).
#
# The last proof would be a checkpoint of the paper, evaluated here on ImageNet VID. It is not made: the README of the official code links no checkpoint.

# %% [markdown]
# ## Test yourself

# %%
lesson.quiz()

# %% [markdown]
# **Where to go next:** [10 Your data and bigger machines](10_your_data_and_bigger_machines.ipynb): the same evaluation on your own videos. The whole report as a page: `clab-lite evaluate RUN DATASET` writes `report.html`.
