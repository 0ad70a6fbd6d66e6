"""Side views of the four vehicle classes.

Every function takes (look, phase, swing): the individual, the phase of its cycle in radians, and how strongly
it moves (1 is ordinary, 2 is an extreme pose). It returns shapes from back to front, about 1 long, looking to +x.
"""

from __future__ import annotations

import numpy as np

from clab_lite.data.world.geometry import Shape, blob, ellipse, line, polygon, ring, shifted
from clab_lite.data.world.looks import Look, mix, shade

_DARK = (38, 40, 48)
_GLASS = (168, 214, 236)
_STEEL = (188, 194, 202)
_RED = (214, 70, 56)


def airplane(look: Look, phase: float, swing: float) -> list[Shape]:
    """A jet: tube, swept wings that rise and fall as it rolls, tail fin in the accent colour, engine, windows."""
    thick = 0.066 + 0.008 * look.traits[0]
    roll = 0.05 * swing * np.sin(phase)
    near, far = 0.20 + roll + 0.02 * look.traits[1], -0.15 + roll
    fin = 0.20 + 0.03 * look.traits[2]
    under = shade(look.body, 0.80)
    shapes = [
        polygon([(0.10, -0.02), (-0.04, -0.02), (-0.20, far), (-0.13, far)], shade(look.body, 0.68)),
        polygon([(-0.33, -0.02), (-0.47, -fin), (-0.39, -fin), (-0.22, -0.04)], look.accent),
        blob([(-0.50, -0.05), (-0.30, -thick), (0.34, -thick), (0.47, -0.03), (0.51, 0.015), (0.42, 0.06),
              (0.30, thick), (-0.20, thick)], look.body),
        polygon([(0.42, 0.045), (0.30, thick - 0.004), (-0.20, thick - 0.004), (-0.36, 0.02), (0.44, 0.02)],
                under, outlined=False),
        line([(-0.40, 0.008), (0.46, 0.008)], 0.020, look.accent, outlined=False),
        polygon([(0.385, -0.045), (0.455, -0.028), (0.465, -0.008), (0.385, -0.012)], _DARK, outlined=False),
        polygon([(-0.33, 0.0), (-0.43, 0.0), (-0.52, 0.05 + roll / 2), (-0.45, 0.05 + roll / 2)],
                shade(look.body, 0.75)),
        ellipse((0.06, 0.105 + roll * 0.4), (0.075, 0.034), mix(look.accent, _DARK, 0.35)),
        polygon([(0.15, 0.02), (-0.06, 0.03), (-0.26, near), (-0.17, near)], shade(look.body, 0.86)),
    ]  # fmt: skip
    spots = np.arange(-0.26, 0.35, 0.06)
    windows = [ellipse((x, -0.028), (0.011, 0.013), (70, 110, 160), outlined=False) for x in spots]
    return [*shapes[:6], *windows, *shapes[6:]]


def car(look: Look, phase: float, swing: float) -> list[Shape]:
    """A road car: body, cabin with two windows, lamps, two wheels that turn, and a body that rocks on its springs."""
    rock = 0.014 * swing * np.sin(phase)
    roof = -0.215 - 0.02 * look.traits[0]
    back = -0.36 - 0.08 * look.traits[1]  # estate cars reach further back than coupes
    front = 0.30 + 0.03 * look.traits[2]
    glass = mix(_GLASS, look.accent, 0.3)
    body = [
        blob([(back - 0.03, -0.06), (back + 0.05, roof), (back + 0.12, roof - 0.01), (0.06, roof - 0.01), (0.12, roof),
              (front, -0.06), (front, 0.0), (back, 0.0)], look.body),
        blob([(-0.51, -0.06), (-0.49, -0.09), (0.25, -0.085), (0.46, -0.05), (0.51, 0.0), (0.51, 0.10), (0.48, 0.125),
              (-0.48, 0.125), (-0.51, 0.09)], look.body),
        polygon([(back + 0.075, roof + 0.035), (-0.09, roof + 0.03), (-0.09, -0.075), (back + 0.035, -0.075)],
                glass, outlined=False),
        polygon([(-0.05, roof + 0.03), (0.07, roof + 0.03), (front - 0.07, -0.075), (-0.05, -0.075)],
                glass, outlined=False),
        polygon([(-0.50, 0.065), (0.50, 0.065), (0.48, 0.12), (-0.48, 0.12)], shade(look.body, 0.62), outlined=False),
        line([(-0.07, -0.07), (-0.07, 0.06)], 0.010, shade(look.body, 0.6), outlined=False),
        line([(-0.15, -0.02), (-0.11, -0.02)], 0.016, _STEEL, outlined=False),
        ellipse((0.475, -0.005), (0.025, 0.024), (255, 236, 150), outlined=False),
        polygon([(-0.51, -0.035), (-0.475, -0.035), (-0.475, 0.02), (-0.51, 0.02)], (235, 120, 40), outlined=False),
    ]  # fmt: skip
    body = [Shape(shifted(shape.points, 0, rock), shape.colour, shape.width, shape.outlined) for shape in body]
    for x in (-0.29, 0.29):
        body += _car_wheel(x, 0.125, 0.095, phase)
    return body


def _car_wheel(x: float, y: float, radius: float, phase: float) -> list[Shape]:
    spokes = [(x + 0.6 * radius * np.cos(phase * 2 + turn), y + 0.6 * radius * np.sin(phase * 2 + turn)) for turn in
              np.arange(5) * 2 * np.pi / 5]  # fmt: skip
    wheel = [ellipse((x, y), (radius, radius), _DARK), ellipse((x, y), (radius * 0.6, radius * 0.6), _STEEL, 0, False)]
    return wheel + [line([(x, y), end], radius * 0.16, (96, 100, 110), outlined=False) for end in spokes]


def bicycle(look: Look, phase: float, swing: float) -> list[Shape]:
    """A bicycle: two spoked wheels, diamond frame in the body colour, handlebar, saddle, cranks that turn."""
    radius, thin = 0.215, 0.034
    rear, front, crank = (-0.275, 0.10), (0.275, 0.10), (-0.045, 0.11)
    seat, head = (-0.125 + 0.015 * look.traits[0], -0.15), (0.185 + 0.012 * look.traits[1], -0.17)
    steer = 0.03 * swing * np.sin(phase)
    shapes: list[Shape] = []
    for centre in (rear, front):
        shapes.append(ring(centre, radius, 0.046, _DARK))
        shapes.append(ring(centre, radius - 0.035, 0.016, _STEEL))
        for turn in phase + np.arange(4) * np.pi / 4:
            reach = 0.92 * radius * np.array([np.cos(turn), np.sin(turn)])
            shapes.append(line([np.array(centre) - reach, np.array(centre) + reach], 0.009, _STEEL, outlined=False))
    for start, end in ((rear, seat), (rear, crank), (crank, seat), (crank, head), (seat, head), (head, front)):
        shapes.append(line([start, end], thin + 0.006, look.body))
    stem = (head[0] - 0.012, head[1] - 0.07)
    shapes.append(line([seat, (seat[0] - 0.018, seat[1] - 0.055)], 0.026, _STEEL))
    shapes.append(blob([(seat[0] - 0.10, -0.235), (seat[0] + 0.09, -0.222), (seat[0] + 0.07, -0.195),
                        (seat[0] - 0.09, -0.19)], _DARK))  # fmt: skip
    shapes.append(line([head, stem], 0.03, look.body))
    shapes.append(line([(stem[0] - 0.04, stem[1] - 0.012), stem, (stem[0] + 0.085, stem[1] + steer),
                        (stem[0] + 0.05, stem[1] + 0.06 + steer)], 0.03, _DARK))  # fmt: skip
    pedal = 0.10 * np.array([np.cos(phase), np.sin(phase)])
    shapes.append(ellipse(crank, (0.05, 0.05), mix(look.accent, _STEEL, 0.5)))
    for side in (1, -1):
        foot = np.array(crank) + side * pedal
        shapes.append(line([np.array(crank), foot], 0.022, (90, 94, 104)))
        shapes.append(line([foot - np.array((0.035, 0)), foot + np.array((0.035, 0))], 0.028, _DARK))
    return shapes


def watercraft(look: Look, phase: float, swing: float) -> list[Shape]:
    """A sailing boat: curved hull with a water line, mast, main sail and jib that fill with the wind."""
    heel = 0.035 * swing * np.sin(phase)
    fill = 0.03 + 0.02 * swing * np.sin(phase + 1)
    top = -0.50 - 0.05 * look.traits[0]
    mast = (0.02 + heel * 1.6, top)
    boom = (-0.36 - 0.04 * look.traits[1], 0.10)
    sail = mix(look.accent, (255, 255, 255), 0.4)
    jib = shade(look.accent, 0.90) if look.traits[2] < 0.3 else mix((230, 110, 60), look.accent, 0.2)
    return [
        line([(0.04, 0.24), mast], 0.028, (126, 92, 62)),
        blob([(mast[0] - 0.02, top + 0.03), (mast[0] - 0.02, top + 0.03), (-0.13 - fill, (top + 0.1) / 2),
              boom, boom, (0.005, 0.11), (0.005, 0.11)], sail),
        blob([(mast[0] + 0.03, top + 0.09), (mast[0] + 0.03, top + 0.09), (0.24 + fill, -0.08), (0.44, 0.15),
              (0.44, 0.15), (0.075, 0.13)], jib),
        polygon([(mast[0], top - 0.005), (mast[0], top + 0.065), (mast[0] - 0.13, top + 0.03 + fill / 2)], _RED),
        line([boom, (0.04, 0.13)], 0.026, (126, 92, 62)),
        blob([(-0.24, 0.13), (-0.02, 0.13), (0.02, 0.22), (-0.27, 0.22)], shade(look.accent, 0.86)),
        ellipse((-0.17, 0.165), (0.02, 0.02), (70, 110, 160), outlined=False),
        ellipse((-0.08, 0.165), (0.02, 0.02), (70, 110, 160), outlined=False),
        blob([(-0.49, 0.18), (-0.49, 0.18), (-0.2, 0.215), (0.25, 0.20), (0.53, 0.15), (0.53, 0.15), (0.36, 0.36),
              (-0.42, 0.36)], look.body),
        line([(-0.455, 0.245), (-0.2, 0.262), (0.2, 0.252), (0.445, 0.212)], 0.026, (250, 250, 245), outlined=False),
        line([(-0.40, 0.338), (0.36, 0.338)], 0.030, _RED, outlined=False),
    ]  # fmt: skip
