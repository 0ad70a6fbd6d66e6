# %% [markdown]
# # 10 Your data and bigger machines
#
# So far everything ran on drawn videos and one processor. The same commands take ImageNet VID, your own videos, the checkpoints that others released, and many GPUs.
#
# **At the end you can say:** how your videos become a dataset that trains, what to check before a long run, and how to compute how long a run will take.

# %%
from dataclasses import replace

import clab_lite as cl
from clab_lite import lessons
from clab_lite.lessons import own_data
from clab_lite.lessons.own_data import checks, several
from clab_lite.lessons.places import samples_folder
from clab_lite.lessons.tables import left
from clab_lite.train import train

lesson = lessons.start("10_your_data_and_bigger_machines")
preset = "lesson"

# %% [markdown]
# ## 1. ImageNet VID, step by step
#
# **1. Get it.** Register at image-net.org and accept its terms: research and teaching only, not to be passed on. Two archives of the ILSVRC2015 challenge:
#
# | archive | size | what it holds | needed for |
# |---|---|---|---|
# | VID (`ILSVRC2015_VID.tar.gz`) | 86 GB | 3,862 training and 555 validation videos as JPEG frames, annotations | everything |
# | DET (`ILSVRC2015_DET.tar.gz`) | 49 GB | still images of 200 classes | the official recipe: 53,639 of them, of the 30 classes, are mixed into training |
#
# (Sizes: the challenge's download page as quoted in issue 73 of `Scalsol/mega.pytorch`. The page has moved several times, so no link is given here.) While it is unpacked, an archive and its content need room side by side.

# %% [markdown]
# **2. Unpack it.** The folder must look like this:
#
# ```
# ILSVRC2015/
#   Data/VID/train/ILSVRC2015_VID_train_0000/ILSVRC2015_train_00000000/000000.JPEG
#   Data/VID/val/ILSVRC2015_val_00000000/000000.JPEG
#   Annotations/VID/...            the same names, .xml
#   Data/DET/..., Annotations/DET/...
#   Lists/VID_train_15frames.txt   57,834 key frames, up to 15 of each video
#   Lists/VID_val_videos.txt       555 videos
#   Lists/DET_train_30classes.txt  53,639 still images
# ```
#
# The three lists are not in the archives. They come with the code of FGFA and mmtracking. Without them, the library takes 15 evenly spaced frames of each video.

# %% [markdown]
# **3. Check it**, before anything else. `clab-lite check ILSVRC2015` reads every annotation and every image header, compares the counts with the published ones, and ends with the next command. It can be stopped and goes on.
#
# Here is its answer for the sample videos, which lie in the same layout:

# %%
own_data.check(samples_folder())

# %% [markdown]
# ### What a bad dataset looks like
#
# The next cell draws five tiny videos and damages them in five ways that really happen:

# %%
for name, change in own_data.DAMAGES.items():
    print(f"{name:13} {change.__doc__.splitlines()[0]}")

# %%
lesson.predict(
    "How many of the five kinds of damage can be found without decoding a single picture?",
    ["one or two", "three or four", "all five"],
)

# %%
broken = own_data.damage(lesson.folder / "broken")
own_data.check(broken, level="FAIL")

# %% [markdown]
# All five, and no picture was decoded: a picture that is cut short lacks its end mark, and a copied video is the same byte for byte. Every line names the file, what is wrong, and what to do. The two findings before the verdict are the most valuable: a video in both splits makes the score *better*, so nobody would have noticed.
#
# **4. Train and evaluate.** `clab-lite train ILSVRC2015 --preset paper-r50 --out runs/r50`, then `clab-lite evaluate runs/r50 ILSVRC2015`. Section 5 computes how long that takes.

# %% [markdown]
# ## 2. Your own videos: the smallest json
#
# Your videos need no ILSVRC folder. Frames as pictures, and one json file with **twelve fields**, are enough. This form is called COCO-VID; many labelling tools write it.

# %%
left(own_data.field_table())

# %% [markdown]
# We make one from six sample videos. Their classes get new names, as classes of your own would have.

# %%
mine = own_data.write_dataset(lesson.folder / "mine", lessons.samples("train"))
print(own_data.first_entries(mine))

# %% [markdown]
# `train.json` and `val.json` in one folder: that folder is the dataset. Check it, open it:

# %%
own_data.check(mine)

# %%
videos = cl.data.open_dataset(mine, split="train")
print(f"{len(videos)} videos, {len(videos.key_frames)} key frames")
print("classes:", ", ".join(videos.class_names))

# %% [markdown]
# Three steps of training, to see that everything fits together. The detector gets as many outputs as the dataset has classes. In a terminal: `clab-lite train mine --preset tiny --train.iterations 3 --out runs/mine`.

# %%
config = cl.presets.named(preset)
config = replace(config, train=replace(config.train, iterations=3, log_every=1, threads=1))
result = train(config, videos, lesson.folder / "run", overwrite=True, progress=False)
print(f"{result.iterations} steps in {result.seconds:.1f} s; losses of the last one:")
print(", ".join(f"{name} {value:.2f}" for name, value in result.last_row["losses"].items()))

# %% [markdown]
# ### Exercise 1: one annotation
#
# Your labelling tool gives two corners: `corners = (x1, y1, x2, y2)`, the left upper and the right lower one, in pixels. Return the entry of `"annotations"`: a dictionary with the four fields of the table above.

# %% tags=["exercise"]
def my_annotation(image_id, category_id, corners, track):
    return None

# %%
checks.annotation(my_annotation)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_annotation(image_id, category_id, corners, track):
#     x1, y1, x2, y2 = corners
#     bbox = [x1, y1, x2 - x1, y2 - y1]
#     return {"image_id": image_id, "category_id": category_id, "bbox": bbox, "instance_id": track}
# ```
#
# </details>

# %% [markdown]
# ### Exercise 2: a split that does not leak
#
# You filmed five places, and cut each recording into four videos: `hall_0` to `hall_3`, `yard_0`, and so on. Parts of one recording look alike. Return two lists, `train` and `val`, with about a fifth of the videos in `val`.

# %% tags=["exercise"]
def my_split(names):
    return None

# %%
checks.split(my_split)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_split(names):
#     recordings = sorted({name.split("_")[0] for name in names})
#     held_out = recordings[: max(1, len(recordings) // 5)]
#     val = [name for name in names if name.split("_")[0] in held_out]
#     return [name for name in names if name not in val], val
# ```
#
# For a real dataset draw the recordings at random; `clab_lite.data.subset.split_by_source` does.
#
# </details>

# %% [markdown]
# ## 3. A video file
#
# For detection alone no annotation is needed: a video file, a folder of frames or pictures will do. Video files are read with PyAV, an optional library (`pip install "av>=17"`); without it the next cell says so and takes the folder of frames.

# %%
held_out = lessons.samples("val")
clip = own_data.clip_of(held_out, video=4, folder=lesson.folder)
print(clip.name)

# %% [markdown]
# In a terminal: `clab-lite detect RUN clip.mp4`. It works frame by frame, so a long video needs no more memory than a short one.

# %%
clab = lessons.trained("clab")
done = own_data.detect_in(clab, clip, lesson.folder / "detections")
print(f"{done.frames} frames, {done.drawn} boxes drawn; files: {', '.join(done.files[-3:])}")
own_data.Sheet(done.folder)

# %% [markdown]
# The **contact sheet** shows the whole video on one picture; the file on the disk is larger. This clip comes from a video whose objects are known, so we may count: in how many frames is a class found, and in how many is it there?

# %%
left(own_data.classes_found(done.folder, held_out, video=4))

# %% [markdown]
# More frames in the first column than in the second are false alarms. Of your own video nobody knows the second column, until you annotate it.
#
# `detections.jsonl` holds every box, one line per frame, for other programs. `labels` count the classes from 0, in the order of `clab.class_names`. Boxes are in pixels of the clip (the mp4 of this lesson is twice as wide and high as the sample frames).

# %%
table = own_data.first_lines(done.folder)
numbers = sorted({label for row in table["labels"] for label in row})
print(", ".join(f"{number}: {clab.class_names[number]}" for number in numbers))
left(table)

# %% [markdown]
# **Which frames may help?** `--references adaptive` (above) spreads the reference frames over the whole video, as the paper does. `--references past` uses earlier frames only: that is what a live camera needs.

# %%
online = own_data.detect_in(clab, clip, lesson.folder / "online", references="past")
print(f"boxes from score 0.3 with frames of the whole video: {done.drawn}")
print(f"boxes from score 0.3 with past frames only: {online.drawn}")

# %% [markdown]
# More boxes are not better boxes: a false alarm counts here like a found object. Which setting is better, only `clab-lite evaluate` on annotated videos can tell.

# %% [markdown]
# ## 4. Released checkpoints
#
# The original code of SELSA, Temporal RoI Align (both in *mmtracking*) and CLAB names its weights differently. The library reads such a file **in place of a run**: it works out the architecture from the names and shapes. It also writes them: `clab-lite export RUN clab.pth`.

# %%
left(own_data.names_beside(clab.detector))

# %%
lesson.predict(
    "We write it under the official names and read it back. Which tensors are equal, bit by bit?",
    ["all but those with a new name", "all of them", "none, but the difference is rounding"],
)

# %%
official = lesson.folder / "official.pth"
cl.interop.save_mmtracking(official, clab.detector, clab.class_names, clab.iteration)
back = cl.interop.load_detector(official)
equal, total = own_data.same_weights(clab.detector, back)
print(f"{equal} of {total} tensors are equal; the file has {official.stat().st_size / 1e6:.1f} MB")

# %% [markdown]
# What a **real** one needs:
#
# - the file: mmtracking's model zoo lists them (folders `configs/vid/selsa` and `configs/vid/temporal_roi_align` of `open-mmlab/mmtracking`). The README of the official CLAB code links none.
# - ImageNet VID in the layout of section 1, to evaluate on: `clab-lite evaluate selsa.pth ILSVRC2015`
# - a ResNet-50, ResNet-101 or ResNeXt-101 with the last stage at stride 16 (the *DC5* configurations). Anything else is refused, with the reason.
#
# A file is only data here: no code in it is ever run. And a file that is something else is told apart:

# %%
(lesson.folder / "page.pth").write_text("<html>File not found</html>")
print(own_data.what_is(lesson.folder / "page.pth"))

# %% [markdown]
# ## 5. One GPU, eight GPUs
#
# | machine | command |
# |---|---|
# | one GPU | `clab-lite train DATASET --preset laptop --out runs/mine` |
# | eight GPUs | `torchrun --nproc-per-node 8 -m clab_lite train DATASET --preset paper-r50 --out runs/r50` |
# | stopped? | the same command with `--resume` goes on |
# | eight GPUs, other commands | `torchrun --nproc-per-node 8 -m clab_lite pretrain`, `evaluate`, `compare` or `embed`, with the words as ever |
# | several machines | the script `docs/slurm/train.sbatch`: torchrun on each, and they find each other |
#
# *torchrun* comes with PyTorch. It starts one process per GPU. In training each process works on its own clips; after each step the gradients are averaged, so all keep the same weights. Pre-training shares its batch in the same way. Evaluation shares out the videos.
#
# What changes with the number of GPUs:
#
# | | |
# |---|---|
# | clips in a batch | GPUs × `train.clips_per_rank` |
# | negatives of the contrast | all frames of all other clips, **also those on other GPUs** |
# | learning rate | the recipe's 0.01 is for 16 clips; rule of thumb: in proportion to the clips |
# | memory of each GPU | the same: it depends on the clips *per GPU*. Too much? `--train.clips-per-rank 1` |
# | key frames in an epoch | shared out, so an epoch takes fewer steps |

# %% [markdown]
# ### Two processes, here
#
# Two processes on the CPU work exactly like two GPUs. One run: one process with 4 clips. Another: torchrun with two processes, 2 clips each. Two steps. The cell below takes up to a minute, for two new processes have to start.

# %%
lesson.predict(
    "Each of the two processes holds 2 clips. What is the chance level of its contrast?",
    ["ln 4: three negatives, of its other clip", "ln 10: nine negatives, of all other clips"],
)

# %%
one = several.alone(mine, lesson.folder / "one", preset, clips=4, iterations=2)
runs = {"1 process x 4 clips": one}
if not lesson.fast:
    two = lesson.folder / "two"
    words = several.torchrun(mine, two, preset, clips=2, iterations=2, processes=2)
    print(several.run_command(words).command)
    runs["2 processes x 2 clips"] = two
numbers = several.beside(runs)
print(f"largest difference: {several.farthest(numbers):.4%}")
numbers.round(4)

# %% [markdown]
# Compare the columns: the same four clips, the same negatives, the same chance level ln 10. The embeddings of all processes are gathered before the contrast is computed. What is left between the columns is rounding: where two candidates are nearly equal, it decides which is taken.
#
# One condition: BatchNorm was fixed in both runs, as in the official recipe. A BatchNorm that measures its own statistics sees only the clips of its own process. (In the short test version of this lesson only the first run is made.)

# %% [markdown]
# ### When one dies
#
# Eight GPUs for days: something will fail. What then?
#
# | what happens | what follows |
# |---|---|
# | a process is killed | torchrun ends the others. The last checkpoint is there |
# | the same with `torchrun --max-restarts 2 ... --resume` | all start again by themselves, from the checkpoint |
# | a frame cannot be read | its process names the file, and all end |
# | the time of the job is up (SIGTERM), Ctrl-C | all finish their step, write a checkpoint and end |
#
# Steps that are done twice give the same weights, bit by bit: clips and random numbers depend on the number of the step alone. `make scaling` kills processes and compares; the table is in `docs/robustness.md`.

# %% [markdown]
# ### The planner
#
# How long will it take? Only one number has to be measured: the **steps per second** of your machine. Train twenty steps and read it from `log.jsonl` (`iteration` divided by `seconds`), or from the progress bar. For the three steps above:

# %%
speed = result.iterations / result.seconds
print(f"{speed:.2f} steps per second: this computer, preset {preset}")

# %%
datasets = {**own_data.DATASETS, "the sample videos": len(lessons.samples("train").key_frames)}
lessons.explore(
    own_data.explore_plan(datasets, preset="paper-r50"),
    dataset=lessons.choice("key frames of", list(datasets), "ImageNet VID + DET"),
    gpus=lessons.stops("GPUs", [1, 2, 4, 8, 16, 32], 8),
    clips_per_gpu=lessons.slider("clips per GPU", 1, 8, 2, 1),
    epochs=lessons.slider("epochs", 1, 14, 7, 1),
    steps_per_second=lessons.log_slider("steps per second (yours)", 0.01, 10, 1.0),
)

# %% [markdown]
# What it assumes:
#
# - every step takes the same time, on any number of GPUs: averaging gradients costs something, see the next figure
# - the disk delivers the frames (their number per second stands in the line below the figure)
# - *1 step per second* is a place to start from, no measurement
# - a checkpoint holds each weight and its momentum, four bytes each
#
# Try one GPU with 2 clips: **three negatives**. With eight GPUs there are 45. That is the quiet cost of a smaller machine: it takes longer, and its contrast is easier (chance level ln 4 in place of ln 46).

# %% [markdown]
# ### What the network adds
#
# After each step every GPU sends its gradients once (2 GPUs) to nearly twice (32). The bytes are known exactly; `make scaling` has compared them with the system's own counters. Two numbers are yours: the **seconds of a step** on one GPU, and the speed of the **network**.

# %%
lessons.explore(
    own_data.draw_network,
    preset=lessons.choice("detector", ["paper-r50", "paper-r101", "paper-x101"]),
    step_seconds=lessons.log_slider("seconds of a step (yours)", 0.1, 10, 1.0),
    gigabits=lessons.stops("network, Gbit/s", [1, 10, 25, 100, 400], 10),
    gpus=lessons.stops("GPUs", [1, 2, 4, 8, 16, 32], 8),
)

# %% [markdown]
# The lower edge of the band: all sending hides behind the backward pass. The upper edge: none does. Move the network to 1 Gbit/s: two GPUs are slower than one. `docs/scaling.md` has the formulas, what to do before a first long job, and why the weights are not shared out as well (FSDP).

# %% [markdown]
# ### Exercise 3: hours
#
# Write the planner's arithmetic: hours of a training. Each step takes `clips_per_gpu` key frames on each GPU.

# %% tags=["exercise"]
def my_hours(key_frames, epochs, gpus, clips_per_gpu, steps_per_second):
    return None

# %%
checks.hours(my_hours)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_hours(key_frames, epochs, gpus, clips_per_gpu, steps_per_second):
#     steps = key_frames * epochs / (gpus * clips_per_gpu)
#     return steps / steps_per_second / 3600
# ```
#
# </details>

# %% [markdown]
# ## Test yourself

# %%
lesson.quiz()

# %% [markdown]
# **Where to go next:** `docs/your_data.md` in the repository has every field and every message. Then take a video of your own: `clab-lite detect`. Or go on with other ways to contrast: [11 Ranked contrast](11_ranked_contrast.ipynb).
