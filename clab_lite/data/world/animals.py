"""Side views of the four animal classes; same contract as ``vehicles``."""

from __future__ import annotations

import numpy as np

from clab_lite.data.world.geometry import Points, Shape, blob, ellipse, line, polygon, rotate, shifted, taper
from clab_lite.data.world.looks import Look, mix, shade

_INK = (30, 28, 30)
_WHITE = (250, 250, 246)


def bird(look: Look, phase: float, swing: float) -> list[Shape]:
    """A bird in flight: drop-shaped body, fanned tail, beak, and two wings that flap with the phase."""
    calm = max(1 - swing, 0)  # a calm bird glides on raised wings
    beat = float(np.clip(0.15 + 0.5 * calm + 0.85 * swing * np.sin(phase), -1.15, 1.25))
    long = 0.42 + 0.05 * look.traits[0]
    near, far = _wing(long, beat), _wing(long * 0.92, beat * 0.9 + 0.12)
    belly = mix(look.accent, _WHITE, 0.2)
    return [
        polygon(shifted(far, 0.06, -0.03), shade(look.body, 0.58)),
        polygon([(-0.22, -0.03), (-0.50, -0.11), (-0.46, -0.03), (-0.53, 0.0), (-0.46, 0.03), (-0.50, 0.10),
                 (-0.22, 0.06)], shade(look.body, 0.72)),
        blob([(-0.30, 0.02), (-0.12, -0.09), (0.10, -0.11), (0.26, -0.13), (0.34, -0.03), (0.24, 0.07), (0.04, 0.14),
              (-0.18, 0.09)], look.body),
        blob([(-0.20, 0.06), (0.0, 0.03), (0.2, 0.0), (0.27, 0.02), (0.20, 0.075), (0.02, 0.125)], belly, False),
        polygon([(0.38, -0.11), (0.52, -0.055), (0.38, -0.03)], (246, 150, 30)),
        ellipse((0.30, -0.085), (0.105, 0.098), look.body),
        ellipse((0.345, -0.105), (0.026, 0.028), _WHITE, outlined=False),
        ellipse((0.352, -0.103), (0.014, 0.018), _INK, outlined=False),
        polygon(shifted(near, 0.04, -0.02), shade(look.body, 0.84)),
        polygon(shifted(near * (0.62, 0.52), 0.03, -0.01), mix(look.body, look.accent, 0.45), outlined=False),
    ]  # fmt: skip


def _wing(long: float, beat: float) -> Points:
    """Corners of a feathered wing with its shoulder at the origin; ``beat`` 1 is fully up, -1 fully down."""
    flat = 1 - min(abs(beat), 1)  # a level wing is seen along its length, swept back
    tip = np.array((-0.14 - 0.22 * flat, -long * beat - 0.05 * flat))
    fold = np.array((0.11 - 0.05 * flat, -long * 0.60 * beat - 0.07 * flat))
    feathers = [tip * (0.98, 0.74) + (-0.12, 0.03), tip * 0.60 + (-0.17, 0.04), tip * 0.30 + (-0.19, 0.05)]
    return np.array([(0.15, 0.01), fold, tip, *feathers, (-0.16, 0.05)])


def dog(look: Look, phase: float, swing: float) -> list[Shape]:
    """A dog: deep chest, four walking legs, hanging ear, wagging tail, dark nose, red collar, pale patches."""
    stride = 0.32 * swing
    shadow = shade(look.body, 0.66)
    shapes = [*_dog_leg((-0.23, 0.05), stride * np.sin(phase + 2.6), shadow),
              *_dog_leg((0.19, 0.06), stride * np.sin(phase - 0.6), shadow)]  # fmt: skip
    wag = -0.15 + 0.25 * swing * np.sin(2 * phase)
    tail = rotate(np.array([(0.0, 0.0), (-0.08, -0.06), (-0.13, -0.16), (-0.12, -0.25)]), wag)
    nod = 0.02 * swing * np.sin(phase)
    shapes += [
        taper(shifted(tail, -0.30, -0.08), [0.075, 0.07, 0.055, 0.03], look.body),
        blob(
            [
                (-0.36, -0.06),
                (-0.28, -0.13),
                (0.10, -0.12),
                (0.27, -0.14),
                (0.31, 0.02),
                (0.22, 0.13),
                (0.0, 0.10),
                (-0.20, 0.07),
                (-0.34, 0.07),
            ],
            look.body,
        ),
        blob([(0.05, 0.06), (0.26, -0.02), (0.30, 0.03), (0.22, 0.12)], look.accent, outlined=False),
        ellipse((-0.17 + 0.05 * look.traits[1], -0.045), (0.085, 0.05), look.accent, 0.3 * look.traits[2], False),
        *_dog_leg((-0.27, 0.04), stride * np.sin(phase), look.body),
        *_dog_leg((0.23, 0.06), stride * np.sin(phase + 3.5), look.body),
    ]
    return [*shapes, *_dog_head(look, nod)]


def _dog_leg(hip: tuple[float, float], angle: float, colour: tuple[int, int, int]) -> list[Shape]:
    bones = np.array([(0.0, 0.0), (0.02, 0.13), (-0.015, 0.25), (0.035, 0.27)])
    bones[1:] = rotate(bones[1:], -angle)
    return [taper(bones + hip, [0.115, 0.075, 0.058, 0.055], colour)]


def _dog_head(look: Look, nod: float) -> list[Shape]:
    head = [
        blob([(0.18, -0.12), (0.25, -0.28), (0.36, -0.24), (0.32, 0.0), (0.24, 0.02)], look.body),
        blob([(0.24, -0.36), (0.36, -0.40), (0.43, -0.33), (0.55, -0.295), (0.555, -0.225), (0.44, -0.19),
              (0.30, -0.19), (0.24, -0.26)], look.body),
        blob([(0.42, -0.25), (0.54, -0.26), (0.54, -0.225), (0.44, -0.20)], look.accent, outlined=False),
        ellipse((0.535, -0.275), (0.030, 0.024), _INK),
        ellipse((0.405, -0.305), (0.020, 0.022), _INK, outlined=False),
        blob([(0.25, -0.37), (0.31, -0.38), (0.33, -0.26), (0.28, -0.16), (0.225, -0.20)], shade(look.body, 0.58)),
        line([(0.22, -0.125), (0.345, -0.145)], 0.036, (206, 48, 48), outlined=False),
    ]  # fmt: skip
    return [Shape(shifted(shape.points, 0, nod), shape.colour, shape.width, shape.outlined) for shape in head]


def snake(look: Look, phase: float, swing: float) -> list[Shape]:
    """A snake: a band in a travelling wave, dark cross bands, a wider head with eye and forked tongue."""
    along = np.linspace(0, 1, 44)
    height = (0.085 + 0.015 * look.traits[0]) * (0.75 + 0.25 * swing)
    wave = (
        height
        * np.interp(along, [0, 0.3, 0.85, 1], [0.6, 1, 1, 0.3])
        * np.sin(2 * np.pi * (1.9 + 0.2 * look.traits[1]) * along - phase)
    )
    spine = np.stack((-0.50 + 0.90 * along, wave), 1)
    widths = np.interp(along, [0, 0.12, 0.5, 0.86, 1], [0.012, 0.06, 0.105, 0.09, 0.07])
    shapes = [taper(spine, widths, look.body)]
    for start in range(6, 40, 6):
        part = slice(start, start + 4)
        shapes.append(taper(spine[part], widths[part] * 0.94, look.accent, outlined=False))
    x, y = spine[-1]
    flick = 0.02 * np.sin(3 * phase)
    tongue = [(x + 0.10, y), (x + 0.15, y), (x + 0.18, y - 0.02 + flick)]
    return [
        line(tongue, 0.012, (214, 40, 60), outlined=False),
        line([(x + 0.15, y), (x + 0.18, y + 0.02 + flick)], 0.012, (214, 40, 60), outlined=False),
        *shapes,
        blob([(x - 0.05, y - 0.045), (x + 0.02, y - 0.075), (x + 0.11, y - 0.045), (x + 0.13, y), (x + 0.11, y + 0.045),
              (x + 0.02, y + 0.065), (x - 0.05, y + 0.045)], look.body),
        ellipse((x + 0.055, y - 0.028), (0.019, 0.019), _WHITE, outlined=False),
        ellipse((x + 0.060, y - 0.027), (0.011, 0.014), _INK, outlined=False),
    ]  # fmt: skip


def turtle(look: Look, phase: float, swing: float) -> list[Shape]:
    """A turtle: high domed shell with scutes and a rim, short paddling legs, head on a stretching neck, tail."""
    paddle = 0.45 * swing
    skin = look.accent
    reach = 0.02 * swing * np.sin(phase) + 0.02 * look.traits[0]
    high = -0.27 - 0.02 * look.traits[1]
    rim, scute = mix(look.body, look.accent, 0.35), mix(look.body, look.accent, 0.42)
    head = (0.43 + reach, -0.03)
    shapes = [
        *_turtle_leg((-0.20, 0.10), paddle * np.sin(phase + np.pi), shade(skin, 0.62)),
        *_turtle_leg((0.22, 0.10), paddle * np.sin(phase), shade(skin, 0.62)),
        polygon([(-0.38, 0.07), (-0.50, 0.12), (-0.36, 0.12)], skin),
        taper([(0.24, 0.07), (0.34, 0.03), head], [0.13, 0.11, 0.10], skin),
        ellipse(head, (0.085, 0.07), skin),
        ellipse((head[0] + 0.03, head[1] - 0.02), (0.019, 0.021), _INK, outlined=False),
        line([(head[0] + 0.03, head[1] + 0.032), (head[0] + 0.078, head[1] + 0.024)], 0.010, shade(skin, 0.5), False),
        *_turtle_leg((-0.25, 0.11), paddle * np.sin(phase), skin),
        *_turtle_leg((0.17, 0.11), paddle * np.sin(phase + np.pi), skin),
        blob([(-0.42, 0.13), (-0.42, 0.05), (-0.32, -0.16), (-0.15, high), (0.08, high), (0.25, -0.15), (0.34, 0.05),
              (0.33, 0.13)], look.body),
        line([(-0.38, 0.105), (0.30, 0.105)], 0.055, rim, outlined=False),
    ]  # fmt: skip
    for x, y, size in ((-0.03, -0.14, 1.0), (-0.21, -0.06, 0.8), (0.15, -0.05, 0.8), (-0.03, 0.02, 0.55)):
        turn = np.arange(6) * np.pi / 3
        points = np.stack((0.092 * np.cos(turn), 0.078 * np.sin(turn)), 1) * size + (x, y)
        shapes.append(polygon(points, scute, outlined=False))
    return shapes


def _turtle_leg(hip: tuple[float, float], angle: float, colour: tuple[int, int, int]) -> list[Shape]:
    bones = rotate(np.array([(0.0, 0.0), (0.015, 0.07), (0.03, 0.135)]), -angle) + hip
    return [taper(bones, [0.13, 0.115, 0.10], colour)]
