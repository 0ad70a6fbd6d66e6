"""What travels with the lessons: sample videos, trained weights, measured runs."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from clab_lite.data.vid import VideoIndex, open_dataset
from clab_lite.errors import DataError
from clab_lite.lessons.places import samples_folder
from clab_lite.trained import Trained, load_run

if TYPE_CHECKING:
    from clab_lite.study import Study


def samples(split: Literal["train", "val"] = "val") -> VideoIndex:
    """The sample videos: "train", or "val" (other videos, held out).

    Raises:
        DataError: the folder data_samples is not found, or there is no such split.
    """
    return open_dataset(samples_folder(), split=split)


def trained(name: str = "clab") -> Trained:
    """A shipped detector on the CPU, in eval mode, float32: "clab" (trained with the branch) or "baseline" (without).

    The folder CLAB_LITE_TRAINED, where it is set, stands in for `data_samples/trained`: FOLDER/clab.safetensors, or a
    run folder FOLDER/clab.

    Raises:
        DataError: there is no such file, or it cannot be used.
    """
    own = os.environ.get("CLAB_LITE_TRAINED")
    folder = Path(own) if own else samples_folder() / "trained"
    for path in (folder / f"{name}.safetensors", folder / name):
        if path.exists():
            return load_run(path)
    known = ", ".join(sorted(path.stem for path in folder.glob("*.safetensors"))) or "none"
    remedy = "Copy data_samples/trained from the repository, or train and pass the run folder to trained.load_run."
    raise DataError.at(folder, "", f"has no weights {name!r} (there are: {known})", remedy)


def has_study() -> bool:
    """Whether measured runs are shipped here. A broken study counts: opening it says what is wrong.

    Raises:
        DataError: there is no data_samples at all.
    """
    return (samples_folder() / "study").is_dir()


@cache
def study() -> Study:
    """The measured runs that are shipped, read once.

    Raises:
        DataError: data_samples/study is not there.
    """
    from clab_lite.study import open_study

    return open_study(samples_folder() / "study")
