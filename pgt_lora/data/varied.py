"""The varied style: canvas, look and clutter are drawn for each sample, and every answer stays certain.

A question is drawn before, and what is drawn here never changes it.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from itertools import combinations
from random import Random

from pgt_lora.data.scene import Box, Canvas, Circle, Look, Scene
from pgt_lora.data.scene.faces import faces
from pgt_lora.data.scene.palette import COLORS, MIN_DELTA_E, Rgb, blend, delta_e, nearest_name
from pgt_lora.data.tasks.layout import fits, place_box, place_circle

# Of the canvas that is asked for: the shorter side, and how many times longer the other one is at most.
SHORT_SIDE = (0.9, 1.25)
MAX_RATIO = 2.0
STROKE = (0.012, 0.028)  # of the short side
MAX_STROKE = 0.25  # of a box's shorter side: its middle stays open
JITTER = 20  # of a channel, of 255
MIN_LEAD = 16.0  # ΔE: a drawn color is nearer to its own name than to any other by this much
CLUTTER = (0, 3)  # foreign primitives
CLUTTER_SIDE, CLUTTER_RADIUS = (0.08, 0.16), (0.04, 0.08)
TRIES = 40


def draw_canvas(rng: Random, canvas: Canvas) -> Canvas:
    """Return a canvas of about the size that was asked for, as wide as high or up to twice as long on one side."""
    short = round(canvas.short_side * rng.uniform(*SHORT_SIDE))
    asked = max(canvas.width, canvas.height) / canvas.short_side
    long = round(short * max(asked, MAX_RATIO ** rng.random()))
    upright = canvas.height > canvas.width if asked > 1 else rng.random() < 0.5
    return Canvas(short, long) if upright else Canvas(long, short)


def smallest(canvas: Canvas) -> Canvas:
    """Return the smallest canvas that may be drawn where one is asked for."""
    short = round(canvas.short_side * SHORT_SIDE[0])
    long = round(short * max(canvas.width, canvas.height) / canvas.short_side)
    return Canvas(short, long) if canvas.height > canvas.width else Canvas(long, short)


def vary(rng: Random, scene: Scene) -> Scene:
    """Return a scene with clutter and a look of its own; what is asked about stays where it is."""
    scene = add_clutter(rng, scene)
    thinnest = min((min(box.right - box.left, box.bottom - box.top) + 1 for box in scene.boxes), default=8)
    stroke = round(scene.canvas.short_side * rng.uniform(*STROKE))
    plain = Look(stroke_px=max(1, min(stroke, int(MAX_STROKE * thinnest))), face=rng.choice(faces()))
    for _ in range(TRIES):
        colors = {name: jitter(rng, COLORS[name]) for name in sorted({each.color for each in scene.primitives})}
        look = replace(plain, ground=draw_ground(rng), colors=colors)
        if is_certain(scene, look):
            return replace(scene, look=look)
    return replace(scene, look=plain)  # the palette on its gray, where no draw was certain


def add_clutter(rng: Random, scene: Scene) -> Scene:
    """Add up to three primitives of the kind that is not asked about: circles beside boxes, boxes beside circles."""
    boxes, circles, canvas = list(scene.boxes), list(scene.circles), scene.canvas
    for _ in range(rng.randint(*CLUTTER)):
        color = rng.choice(sorted(COLORS))
        taken: list[Box | Circle] = [*boxes, *circles]
        if scene.boxes:
            circles += fits(partial(place_circle, rng, canvas, color, rng.uniform(*CLUTTER_RADIUS)), taken, canvas)
        else:
            boxes += fits(partial(place_box, rng, canvas, color, CLUTTER_SIDE), taken, canvas)
    return replace(scene, boxes=tuple(boxes), circles=tuple(circles))


def jitter(rng: Random, color: Rgb) -> Rgb:
    """Return a color near another one."""
    red, green, blue = (min(255, max(0, channel + rng.randint(-JITTER, JITTER))) for channel in color)
    return red, green, blue


def draw_ground(rng: Random) -> Rgb:
    """Return a shade of gray or, as often, any plain color."""
    if rng.random() < 0.5:
        shade = rng.randrange(256)
        return shade, shade, shade
    return rng.randrange(256), rng.randrange(256), rng.randrange(256)


def is_certain(scene: Scene, look: Look) -> bool:
    """Tell whether every color, as drawn, is clearly of its own name, off its ground, and off every other name's."""
    drawn: dict[tuple[str, float], Rgb] = {}
    for each in scene.primitives:
        opacity = each.opacity if isinstance(each, Circle) else 1.0
        drawn[each.color, opacity] = blend(look.rgb(each.color), opacity, look.ground)
    return (
        all(delta_e(rgb, look.ground) >= MIN_DELTA_E for rgb in drawn.values())
        and all(is_own(name, rgb) for (name, _), rgb in drawn.items())
        and _are_apart(drawn)
    )


def is_own(name: str, rgb: Rgb) -> bool:
    """Tell whether a color is clearly nearer to the palette's color of this name than to any other."""
    nearest, lead = nearest_name(rgb)
    return nearest == name and lead >= MIN_LEAD


def _are_apart(drawn: Mapping[tuple[str, float], Rgb]) -> bool:
    return all(a[0] == b[0] or delta_e(drawn[a], drawn[b]) >= MIN_DELTA_E for a, b in combinations(drawn, 2))
