"""The lesson about the learner's own data never removes the learner's own data."""

from pathlib import Path

import pytest

from clab_lite.errors import DataError
from clab_lite.lessons import samples
from clab_lite.lessons.own_data.broken import tiny_world
from clab_lite.lessons.own_data.smallest import write_dataset


@pytest.mark.parametrize("write", [tiny_world, lambda folder: write_dataset(folder, samples("val"), 1, 1)])
def test_own_files_stay_and_earlier_ones_are_replaced(write, tmp_path: Path) -> None:
    own = tmp_path / "my_videos"
    own.mkdir()
    (own / "thesis.txt").write_text("precious")
    with pytest.raises(DataError, match="my_videos: holds files that no lesson has written"):
        write(own)
    assert (own / "thesis.txt").read_text() == "precious"

    folder = tmp_path / "new"
    write(folder)
    first = sorted(path.relative_to(folder) for path in folder.rglob("*"))
    (folder / "left_over.txt").touch()
    write(folder)
    assert sorted(path.relative_to(folder) for path in folder.rglob("*")) == first
