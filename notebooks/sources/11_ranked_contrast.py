# %% [markdown]
# # 11 Ranked contrast
#
# Lesson 04 knew two kinds of pairs: positives and negatives. But an airplane is more like a bird than like a turtle. Here
# *you* say which classes are alike, as a short list per class, and the loss makes a **ladder** of it: own class first,
# then the most similar class, then the next, then the rest.
#
# It works on *crops*: objects cut out of frames by their boxes. A detector finds a box; a second, small network then gives
# the crop an embedding. (The idea is RINCE, Hoffmann et al. 2022; a report by Balasubramanian and Rathore brought it to
# the crops of a detector.)

# %%
import torch

from clab_lite import lessons
from clab_lite.lessons import ranked

lesson = lessons.start("11_ranked_contrast")
torch.set_printoptions(precision=4, sci_mode=False)

# %% [markdown]
# ## 1 The crops
#
# These are crops of the sample videos, 32 pixels wide, as the network sees them. Most individuals wear the colour of their
# class; some are blurred, dark or noisy. Two classes (red names) are **withheld**: nobody trains on them. They will play
# the unknown objects. The last row shows places without any object.

# %%
names = ["airplane", "bicycle", "bird", "car", "snake", "turtle", "dog", "watercraft"]
sheets = ranked.known_crops(lessons.samples("train"), names)
sheets["no object"] = ranked.far_crops(lessons.samples("train"))
ranked.draw_crops(sheets, withheld=["dog", "watercraft"])

# %% [markdown]
# ## 2 A ranking is a file
#
# Per class: similar classes, most similar first. The own class always comes before them and is not written. Lists may be
# short or empty. This one comes with the library:

# %%
from clab_lite.methods.ranked.ranking_file import read_ranking

ranking = read_ranking("sample_world")
for name, similar in ranking.similar.items():
    print(f"{name:11s} {', '.join(similar)}")

# %% [markdown]
# Your own is a `.json` or `.yaml` file of the same form; `clab-lite pretrain ranked DATA --ranking FILE` reads it. With
# r ranks, the first r − 1 entries of each list count. Position $j$ gets the similarity $1 - j/r$:

# %%
table = ranking.similarity(3)  # r = 3: own class 1, then 2/3, then 1/3
print("airplane:", {name: round(s, 2) for name, s in zip(ranking.class_names, table[0].tolist()) if s})

# %% [markdown]
# A mistake in the file is told with its place:

# %%
from clab_lite.errors import DataError
from clab_lite.methods.ranked.ranking import Ranking

try:
    Ranking(("cat", "dog"), {"cat": ["dog", "cow"]}, place="my_ranking.json")
except DataError as error:
    print(error)

# %% [markdown]
# ## 3 The loss, by hand
#
# One crop is the **anchor**. It meets: the *other view* of its own crop (its key), and a *bank* of earlier keys with their
# classes. All have length 1, so here they are points on a circle:

# %%
anchor, key = ranked.on_circle([0]), ranked.on_circle([10])
bank = ranked.on_circle([40, 75, 140, 300])  # own class, rank 2, rank 3, the rest
ranks = torch.tensor([[0, 0, 1, 2, 3]])  # of the key and of the four in the bank, counted from 0
cosines = anchor @ torch.cat([key, bank]).T
cosines

# %% [markdown]
# **One temperature per rank.** It rises from 0.1 (own class) towards 0.6 (similarity 0): the less alike, the softer.
# (Exercise 1 asks you for this line.)

# %%
from clab_lite.methods.ranked.loss import rank_temperature

temperatures = [rank_temperature(similarity, 0.1, 0.6) for similarity in (1, 2 / 3, 1 / 3)]
[round(temperature, 3) for temperature in temperatures]

# %% [markdown]
# **One term per rank.** Term $i$ asks: which share do the members of rank $i$ have, among themselves and everything
# *below* them? What stands *above* them is left out.
#
# $$\ell_i = -\ln \frac{\sum_{\text{rank } i} e^{s/\tau_i}}{\sum_{\text{rank} \geq i} e^{s/\tau_i}}$$

# %%
terms = []
for number, temperature in enumerate(temperatures):
    weights = torch.exp(cosines / temperature)
    members, counted = weights[ranks == number].sum(), weights[ranks >= number].sum()
    terms.append(-torch.log(members / counted))
    print(f"rank {number + 1}: share {members / counted:.4f}, term {terms[-1]:.4f}")
print(f"loss, the mean of the terms: {torch.stack(terms).mean():.4f}")

# %% [markdown]
# The library gives the same number. Here class 1 ranks second and class 2 third for class 0, and nobody ranks class 3:

# %%
from clab_lite.methods.ranked.loss import Ranks, ranked_loss

similarity = torch.eye(4)
similarity[0, 1], similarity[0, 2] = 2 / 3, 1 / 3
table = Ranks.of_similarity(similarity, 3, 0.1, 0.6)
own, classes = torch.tensor([0]), torch.tensor([0, 1, 2, 3])
ranked_loss(anchor, key, bank, own, classes, table, variant="in").total

# %% [markdown]
# With one rank only the first term is left: this is *supervised contrast* with a bank. With one rank and no labels in
# common it is MoCo's loss: one positive, everything else negative.
#
# ## 4 Who is pulled?

# %%
lesson.predict(
    "The term of rank 2 pulls the rank-2 vector. What does it do to the vectors of the own class?",
    ["it pushes them away a little", "nothing at all", "it pulls them, too"],
)

# %% [markdown]
# Drag the points, or move the sliders. The bars: how strongly each term pulls a vector to the anchor (right) or pushes it
# away (left).

# %%
ranked.circle_explorer()

# %% [markdown]
# * Each colour is one term. The green one (rank 2) has no bar at the blue vectors: what stands above is left alone.
# * The term of rank 1 pushes rank 2 away, while the term of rank 2 pulls it. The place where both are equal lies *between*
#   the ranks. That is how a ladder comes about.
#
# Now the variants. Set **variant** to "out", then to "out-in", and watch "own class, far".

# %%
lesson.predict(
    "Variant in: the own key is close already. The second class mate is far away. How hard is it pulled?",
    ["harder than all others: it is the farthest", "hardly at all", "as hard as the near one"],
)

# %%
from clab_lite.lessons.ranked.circle import MEMBERS, pulls_of

for variant in ("in", "out", "out-in"):
    found = pulls_of([member.start for member in MEMBERS], ranks=3, variant=variant)
    whole = found.pulls.sum(axis=0)
    print(f"{variant:7s}", ", ".join(f"{m.label} {p:.2f}" for m, p in zip(MEMBERS, whole[1:])))

# %% [markdown]
# * **in**: the members are added up *inside* the logarithm. One close member is enough; the far one may stay where it is.
# * **out**: the logarithm is taken of each member alone. Every member is pulled, the far ones hardest.
# * **out-in**: "out" for the own class, where all should come together, and "in" for similar classes: it is enough that
#   *some* birds look like airplanes.
#
# ## 5 Make your own ranking
#
# Here is the loss without a network: one free vector per class, moved by gradient descent. Drag a name into another column
# of its row. (Or choose a list and a class, and press a button.) Everything to the right is computed anew.

# %%
lesson.predict(
    "You turn the ranking upside down: the least similar one is rank 2. The ladder of your lists...",
    ["breaks: a bird is no car", "still falls: the loss believes you", "is flat"],
)

# %%
board = ranked.ranking_board()
board

# %% [markdown]
# Try this:
#
# 1. Move the snake to rank 2 of the airplane, and the airplane to rank 2 of the snake.
# 2. Give everybody the same rank 2, say the car. Can all be close to the car, and far from one another?
# 3. Empty a list. Its class then has only rank 1: it pushes everybody away.
#
# <details><summary>What happens</summary>
#
# 1. The two move together; their old neighbours must share the room.
# 2. No: whoever is close to the car is close to the others, too. The rungs come closer to each other. Lists that contradict
#    one another make a poor ladder.
# 3. The others may still rank it: similarity that goes one way only. The library warns about it in your file.
#
# </details>
#
# The loss believes you, whatever you write. Whether a *network* can follow depends on the pictures.
#
# ## 6 The network
#
# The same loss with a ResNet-18 on crops. `build` makes the model and its batches; a step is five lines. A few steps are
# enough to see it work, not to see a ladder:

# %%
from clab_lite.methods.ranked import build, lite

torch.set_num_threads(1)
model, source = build(lite(), lessons.samples("train"))
optimizer = torch.optim.AdamW(model.trainable(), lr=1.5e-3)
for step in range(lesson.choose(40, 2)):
    losses = model(source.batch(step))
    optimizer.zero_grad()
    losses["total"].backward()
    model.update()  # the key network follows a little; the new keys go into the bank
    optimizer.step()
    if step % 10 == 0:
        print(step, ", ".join(f"{name} {float(value):.3f}" for name, value in losses.items()))

# %% [markdown]
# * `model.query` embeds the anchors. `model.key` is its slow copy and embeds the other views; nothing is learned in it.
# * `model.bank` keeps the last 512 keys with their classes. At the start it is empty: random vectors of class −1, negatives
#   for everybody. That is why ranks 2 and 3 begin at 0: nobody is there yet.
#
# The following runs had the lite preset's 420 steps, in three seeds each. They ship with the lessons, and this command
# makes them again: `clab-lite ranked-sweep runs/ranked --precision bfloat16` (about two minutes per run).

# %%
lesson.predict(
    "Trained without ranks (r = 1), is a crop of an airplane closer to birds than to turtles?",
    ["yes: birds look more like airplanes", "no: all others are pushed away alike"],
)

# %%
ranked.draw_ladders()

# %% [markdown]
# Every model is measured on the same ladder: cosines of *held-out* crops to the class means of the training crops. Thin
# lines are seeds. Without ranks, "the others" are all the same distance away. With three ranks the ladder stands.
#
# What does it cost? **Accuracy** is that of the nearest class mean.

# %%
ranked.results()

# %% [markdown]
# Compare differences with the spread between seeds before you believe them. In the published report the two runs with r = 1,
# which are the same method, differ by 0.03 in accuracy: as much as most differences that it discusses. The gain of a
# ranking is the ladder itself.
#
# ## 7 Unknown objects
#
# A crop that is close to no class mean may be of an unknown class. The score of a crop: the largest softmax probability of
# its cosines to the class means. **AUROC** is the share of pairs (known crop, unknown crop) in which the known one has
# the higher score. 1 is perfect, 0.5 is chance, and less than 0.5 means that unknown crops look *more* familiar.
#
# *Near*: crops of the two withheld classes. *Far*: crops without an object.

# %%
ranked.draw_roc()

# %% [markdown]
# Where do the withheld classes land? Each bar is the mean cosine of their crops to a class mean (dots: seeds).

# %%
ranked.draw_landing()

# %% [markdown]
# Nothing in the loss speaks about unknown classes. They land where their looks put them. Dogs and boats have colours of
# their own. What if the unknown classes have none? Eight toy classes, 4 hues × 2 shapes. Of the two withheld ones, hue
# *and* shape are known, each from other classes:

# %%
ranked.draw_toys()

# %%
lesson.predict(
    "Withheld toy classes share hue and shape with known ones. Their AUROC is...",
    ["about 0.9, as for dogs and boats", "about 0.5: chance", "below 0.5: they look more familiar"],
)

# %% [markdown]
# Two small networks train now, on the six known classes (half a minute). Same hue is rank 2; same shape in a neighbouring
# hue is rank 3.

# %%
toys = [ranked.train_toy(ranks=r, steps=lesson.choose(150, 3)) for r in (1, 3)]
ranked.draw_toy_scores(toys)

# %% [markdown]
# Withheld classes look *more* familiar than known ones. (The report saw the same on photographs: with a ranking, an AUROC
# of 0.49 on CIFAR-10.) Why? Where do they land, and what if the score is the largest cosine itself, without a softmax?

# %%
for toy in toys:
    print(f"r = {toy.ranks}: lands on", toy.nearest)
    print(f"  AUROC with the softmax {toy.scores.near_auroc:.2f}, with the cosine {toy.cosine_auroc:.2f}")

# %% [markdown]
# * A class that shares its looks with known ones lands *on* one of them: here on the one of its hue.
# * The softmax does the rest. A red disc is close to *two* class means, red disc and red square: it shares its probability
#   between them. A withheld green disc lands on "green square", which has no second green class beside it: it keeps the
#   probability for itself. With the cosine as the score, nothing is shared.
# * A ranking draws classes together on purpose: they share a softmax more than others do. Here are both scores for the
#   crops of above:

# %%
ranked.both_scores()

# %% [markdown]
# So a ladder is no detector of unknown objects. And an AUROC belongs to a score and to a choice of withheld classes: without
# both it says little.
#
# ## 8 What the released code trains
#
# The report's code differs from its formulas. `semantics="released"` repeats it, for comparison; here is what one finds.
#
# **More than two ranks never happen**, and **short lists are filled up**. The second term pulls the union of the own class,
# the listed ones, and the first classes of the dataset where a list is short:

# %%
ranked.released_pulls(["bird", "dog", "cat", "aeroplane", "cow"])

# %% [markdown]
# Persons become positives of birds and dogs, because "person" is class 0.
#
# **Hard positives are dropped.** Shares below 10⁻⁷ are filtered out before the logarithm. There, a positive should learn
# the most; it gets no gradient.

# %%
figure, numbers = ranked.draw_hard_positive()
print(numbers)
figure

# %% [markdown]
# The library computes with logarithms of sums from the start: no filter is needed.
#
# **AUROC from fixed thresholds.** The code tries 0, 0.01, …, 0.24. But a softmax over C cosines lives in a narrow band:

# %%
for classes in (4, 6, 18):
    one = torch.full((classes,), -1.0)
    one[0] = 1.0  # the surest case: cosine 1 to one mean, −1 to all others
    print(f"{classes:2d} classes: scores from {1 / classes:.3f} to {one.softmax(0).max():.3f}")

# %% [markdown]
# With four classes every score lies above all thresholds, and the "area" is 0, whatever the model does. AUROC needs no
# thresholds: it counts pairs.
#
# ## 9 Exercises
#
# ### Exercise 1: a temperature per rank
#
# Similarity 1 gets the lowest temperature, similarity 0 the highest, in a straight line.

# %% tags=["exercise"]
def my_temperature(similarity, lowest, highest):
    """Three numbers. Return one."""
    return None  # your answer here


# %%
ranked.checks.temperature(my_temperature)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_temperature(similarity, lowest, highest):
#     return lowest + (1 - similarity) * (highest - lowest)
# ```
#
# </details>
#
# ### Exercise 2: the term of one rank, variant in
#
# One anchor. `cosines[k]` is its cosine to vector k, `ranks[k]` the rank of that vector (0, 1, 2, ...). Return the term of
# rank `number`.

# %% tags=["exercise"]
import math


def my_in_term(cosines, ranks, number, temperature):
    """Two lists, a whole number, a number. Return one number."""
    return None  # your answer here


# %%
ranked.checks.in_term(my_in_term)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_in_term(cosines, ranks, number, temperature):
#     weights = [math.exp(c / temperature) for c in cosines]
#     members = sum(w for w, rank in zip(weights, ranks) if rank == number)
#     counted = sum(w for w, rank in zip(weights, ranks) if rank >= number)
#     return -math.log(members / counted)
# ```
#
# </details>
#
# ### Exercise 3: AUROC without thresholds
#
# `inside` and `outside` are lists of scores. Count all pairs; a tie counts a half.

# %% tags=["exercise"]
def my_auroc(inside, outside):
    """Two lists of numbers. Return a number from 0 to 1."""
    return None  # your answer here


# %%
ranked.checks.auroc(my_auroc)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_auroc(inside, outside):
#     pairs = [(a > b) + 0.5 * (a == b) for a in inside for b in outside]
#     return sum(pairs) / len(pairs)
# ```
#
# </details>
#
# ## 10 Self-test

# %%
lesson.quiz()

# %% [markdown]
# **In one sentence:** ranked contrast trains a cascade (own class above everything, then similar classes above the rest,
# each step softer), so that cosines fall rung by rung along a list that *you* write.
#
# **Where to go next:** `clab_lite/methods/ranked/loss.py` is the loss in 60 lines. `clab-lite pretrain ranked` trains a
# backbone with it that `clab-lite train --init` takes up; `VideoDetectorWithRanking` puts it in the place of CLAB's branch.
# Other ways to choose pairs follow: [12 Across stages](12_across_stages.ipynb) contrasts places of a frame,
# [13 Any background](13_any_background.ipynb) pastes objects on other frames.
