"""The README that lies in the folder of a sample world."""

from __future__ import annotations

from dataclasses import fields

from clab_lite.data.world.config import WorldConfig


def world_readme(config: WorldConfig) -> str:
    """Markdown text: what the folder is, how to read it and how to make it again."""
    command = " ".join(["clab-lite make-samples FOLDER", *_options(config)])
    return f"""# A small world of moving objects

Procedural videos in ImageNet VID layout: {config.train_videos} train videos of {config.train_frames} frames and
{config.val_videos} val videos of {config.val_frames} frames, {config.width} x {config.height} pixels,
classes {", ".join(config.classes)}, with their real WordNet ids. Nothing here was photographed or downloaded;
every pixel was drawn by `clab_lite.data.world`.

The command that makes this folder again, pixel for pixel (`world.json` holds its settings):

    {command}

| path | content |
|---|---|
| `Data/VID/{{train,val}}/…/%06d.JPEG` | frames, numbered from 0 |
| `Annotations/VID/…/%06d.xml` | boxes, WordNet ids, track ids, `occluded` and `generated` flags |
| `ImageSets/VID`, `Lists` | the official list files and the two that papers use |
| `troubles.json` | for every video the names of the troubles of each frame |
| `world.json` | the settings |

What the annotations mean:

- Boxes are whole pixels, counted from 0, both ends included, tight around the object's drawn mask inside the frame.
  The part behind something in front counts (as in ImageNet VID). In a motion-blurred frame the box belongs to the
  middle of the exposure.
- An object with less than a quarter of its area inside the frame is not annotated.
- `occluded` is 1 when at least a tenth of the object is hidden. `generated` is 1 on every odd frame: ImageNet VID
  marks interpolated boxes this way; here all boxes are exact.
- Troubles: `motion_blur` (along each object's own velocity), `occlusion`, `defocus`, `low_light`, `noise`,
  `deformation` (bent and slanted bodies, extreme poses), `truncation` (part out of frame). The others are clean.
- All videos share one pool of landscapes, so neither a video nor a class can be told by its background.
"""


def _options(config: WorldConfig) -> list[str]:
    """What differs from the defaults, as options of the command line."""
    options = []
    for field in fields(config):
        value = getattr(config, field.name)
        if value != field.default and field.name != "workers":  # workers change the time, never the pixels
            words = value if isinstance(value, tuple) else (value,)
            options.append(f"--{field.name.replace('_', '-')} {' '.join(str(word) for word in words)}")
    return options
