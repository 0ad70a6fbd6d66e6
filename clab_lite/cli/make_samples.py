"""The command `make-samples`, apart from the others because its options are the settings of the world."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from tyro.conf import Positional, arg

from clab_lite.data.world import WorldConfig, make_world


@dataclass(frozen=True)
class MakeSamples:
    """Draw a world of sample videos in ILSVRC layout. The same options give the same pixels."""

    out: Annotated[Positional[Path], arg(metavar="OUT")]
    """Folder to write; new or empty, or an earlier world with --overwrite."""
    world: Annotated[WorldConfig, arg(name="")] = WorldConfig()
    overwrite: bool = False
    """Replace the world in the folder."""

    after_interrupt: ClassVar[str] = "Nothing was changed."

    def run(self) -> int:
        make_world(self.out, self.world, overwrite=self.overwrite)
        print(f"{self.out}: {self.world.train_videos} training and {self.world.val_videos} validation videos")
        print(f"Next: clab-lite train {self.out}")
        return 0
