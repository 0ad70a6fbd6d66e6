"""The lessons in their order: what each is called and what a reader will see. The cards and the table read it."""

from __future__ import annotations

from dataclasses import dataclass

from clab_lite.errors import DataError


@dataclass(frozen=True)
class Entry:
    """One lesson."""

    name: str
    """Of its file, without ".ipynb"."""
    title: str
    see: str
    """What you will see: completes a sentence, for the card and the table."""


SERIES = (
    Entry("00_start_here", "Start here", "a trained detector on a video, its score, and what one threshold changes"),
    Entry("01_videos_and_their_troubles", "Videos and their troubles",
          "what makes single frames hard, two boxes to drag, and how motion is measured"),
    Entry("02_a_detector_in_pieces", "A detector in pieces",
          "one frame on its way through the detector, with a picture and a shape at every step"),
    Entry("03_looking_at_other_frames", "Looking at other frames",
          "which other frames, and which places in them, help a box in a blurred frame"),
    Entry("04_contrast", "Contrast", "points that move under the contrastive loss, and what the temperature does"),
    Entry("05_the_auxiliary_branch", "The auxiliary branch",
          "the branch under a microscope: which pairs of frames make up its loss, and that it costs nothing later"),
    Entry("06_loss_weights", "Loss weights",
          "how the weight of the branch fades, and what share of the gradient it has in measured runs"),
    Entry("07_train_the_full_detector", "Train the full detector",
          "two trainings live, with and without the branch: losses, weights and scores"),
    Entry("08_embeddings_before_and_after", "Embeddings before and after",
          "two linked maps of the same objects, before and after training, and what such maps may tell"),
    Entry("09_evaluate_on_vid_subsets", "Evaluate on subsets",
          "the score by hand and by library, on hard and easy parts, with its uncertainty"),
    Entry("10_your_data_and_bigger_machines", "Your data and bigger machines",
          "your own videos checked and detected in, and the same code on ImageNet VID and on several GPUs"),
    Entry("11_ranked_contrast", "Ranked contrast",
          "a ranking of similar classes to drag, the ladder of cosines that it makes, and where unknown objects land"),
    Entry("12_across_stages", "Across stages",
          "windows that find themselves in another view and on another stage of the network, and what teaches them to"),
    Entry("13_any_background", "Any background",
          "objects pasted on other backgrounds, boxes that are a little wrong, and whether a network looks behind"),
    Entry("14_choosing_a_contrast", "Choosing a contrast",
          "four contrasts in one table: what attracts, what it costs, and what it gave a detector with few labels"),
)  # fmt: skip


def entry(name: str) -> Entry:
    """The lesson of that name.

    Raises:
        DataError: there is none.
    """
    for lesson in SERIES:
        if lesson.name == name:
            return lesson
    raise DataError(f"there is no lesson {name!r}. There are: {', '.join(lesson.name for lesson in SERIES)}.")
