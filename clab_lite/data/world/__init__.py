"""A small procedural world of moving objects, written in ImageNet VID layout."""

from clab_lite.data.classes import TROUBLES
from clab_lite.data.world.config import WORLD_CLASSES, WorldConfig
from clab_lite.data.world.render import RenderedObject, RenderedVideo, render_video
from clab_lite.data.world.sheet import contact_sheet, write_contact_sheet
from clab_lite.data.world.write import load_config, make_world

__all__ = [
    "TROUBLES",
    "WORLD_CLASSES",
    "RenderedObject",
    "RenderedVideo",
    "WorldConfig",
    "contact_sheet",
    "load_config",
    "make_world",
    "render_video",
    "write_contact_sheet",
]
