"""Scenes for pre-training: primitives and things, in arrangements that the tasks of PGT do not use."""

from collections.abc import Callable, Sequence
from random import Random

from pgt_lora.data.scene import Box, Canvas, Circle
from pgt_lora.data.scene.palette import COLORS
from pgt_lora.tiny.grounds import choose_ground
from pgt_lora.tiny.picture import Ground, Picture, Thing
from pgt_lora.tiny.things import NAMES

CANVAS = Canvas(112, 112)
LETTERS = "ABCD"
NAMES_OF_COLORS = sorted(COLORS)
EDGE_PX = 2
GAP_PX = 3
MAX_TRIES = 30

# Fractions of the side.
BOX_SIDE = (0.08, 0.34)
DISC_RADIUS = (0.06, 0.13)
DOT_RADIUS = (0.035, 0.07)
THING_SIDE = (0.17, 0.34)
# Circles are as opaque as keeps their color certain: over gray they always are.
OPACITY = (0.6, 1.0)
OPACITY_ON_GROUNDS = 0.85

Area = tuple[float, float, float, float]


class Places:
    """Room for objects that touch neither each other nor the edge."""

    def __init__(self, rng: Random, within: float = 1.0):
        """Take places within a square part of the canvas, of a side in fractions of the canvas's."""
        self.rng = rng
        self.taken: list[tuple[bool, Area]] = []
        self.side = round(within * CANVAS.width)
        self.left, self.top = (rng.randint(0, CANVAS.width - self.side) for _ in range(2))

    def find(self, width: int, height: int, is_round: bool = False) -> tuple[int, int] | None:
        """Take a free place of a width and height in pixels; return its left and top, or None if none was found."""
        for _ in range(MAX_TRIES):
            left = self.left + self.rng.randint(EDGE_PX, self.side - EDGE_PX - width)
            top = self.top + self.rng.randint(EDGE_PX, self.side - EDGE_PX - height)
            area = left, top, left + width, top + height
            if all(_clear(area, other, is_round and other_is_round) for other_is_round, other in self.taken):
                self.taken.append((is_round, area))
                return left, top
        return None

    def box(self, color: str, sides: tuple[float, float] = BOX_SIDE) -> list[Box]:
        """Return a box of a random size at a free place, in a list; an empty list if there is none."""
        width, height = (round(CANVAS.width * self.rng.uniform(*sides)) for _ in range(2))
        found = self.find(width, height)
        return [Box(color, found[0], found[1], found[0] + width - 1, found[1] + height - 1)] if found else []

    def circle(self, color: str, radius: float, opacity: float = 1.0, label: str | None = None) -> list[Circle]:
        """Return a circle of a radius in fractions of the side at a free place, in a list, or an empty list."""
        pixels = round(radius * CANVAS.width)
        found = self.find(2 * pixels, 2 * pixels, is_round=True)
        return [Circle(color, found[0] + pixels, found[1] + pixels, pixels, opacity, label)] if found else []

    def thing(self, color: str, name: str) -> list[Thing]:
        """Return a thing of a random size at a free place, in a list, or an empty list."""
        side = self.rng.uniform(*THING_SIDE)
        width, height = (round(CANVAS.width * side * self.rng.uniform(0.85, 1.15)) for _ in range(2))
        found = self.find(width, height)
        if not found:
            return []
        box = Box(color, found[0], found[1], found[0] + width - 1, found[1] + height - 1)
        return [Thing(name, box, self.rng.getrandbits(32))]


def _clear(a: Area, b: Area, both_round: bool) -> bool:
    if both_round:
        dx, dy = (a[0] + a[2] - b[0] - b[2]) / 2, (a[1] + a[3] - b[1] - b[3]) / 2
        return dx**2 + dy**2 >= ((a[2] - a[0] + b[2] - b[0]) / 2 + GAP_PX) ** 2
    return (
        a[2] + GAP_PX <= b[0] or b[2] + GAP_PX <= a[0] or a[3] + GAP_PX <= b[1] or b[3] + GAP_PX <= a[1]
    )  # fmt: skip


def shapes(rng: Random) -> Picture:
    """Draw two to five boxes and unlabeled circles, each of its own color."""
    places, boxes, circles = Places(rng), list[Box](), list[Circle]()
    opacity = rng.uniform(*OPACITY)
    for color in rng.sample(NAMES_OF_COLORS, rng.randint(2, 5)):
        if rng.random() < 0.6:
            boxes += places.box(color)
        else:
            circles += places.circle(color, rng.uniform(0.05, 0.13), opacity)
    return finished(rng, boxes, circles)


def cluster(rng: Random) -> Picture:
    """Draw two to four small boxes and unlabeled circles, each of its own color, near each other."""
    places, boxes, circles = Places(rng, rng.uniform(0.45, 0.7)), list[Box](), list[Circle]()
    opacity = rng.uniform(*OPACITY)
    for color in rng.sample(NAMES_OF_COLORS, rng.randint(2, 4)):
        if rng.random() < 0.7:
            boxes += places.box(color, (0.065, 0.2))
        else:
            circles += places.circle(color, rng.uniform(0.05, 0.08), opacity)
    return finished(rng, boxes, circles)


def crowd(rng: Random) -> Picture:
    """Draw two to eight boxes and unlabeled circles of any colors."""
    places, boxes, circles = Places(rng), list[Box](), list[Circle]()
    opacity, share = rng.uniform(*OPACITY), rng.choice((0.3, 0.6, 1.0))
    pool = rng.sample(NAMES_OF_COLORS, rng.randint(2, 6))
    for _ in range(rng.randint(2, 8)):
        if rng.random() < share:
            boxes += places.box(rng.choice(pool), (0.08, 0.25))
        else:
            circles += places.circle(rng.choice(pool), rng.uniform(0.05, 0.1), opacity)
    return finished(rng, boxes, circles)


def dots(rng: Random) -> Picture:
    """Draw one to fourteen small translucent circles of one to four colors."""
    places, circles = Places(rng), list[Circle]()
    opacity = rng.uniform(*OPACITY)
    pool = rng.sample(NAMES_OF_COLORS, rng.randint(1, 4))
    for _ in range(rng.randint(1, 14)):
        circles += places.circle(rng.choice(pool), rng.uniform(*DOT_RADIUS), opacity)
    return finished(rng, [], circles)


def letters(rng: Random) -> Picture:
    """Draw two to four labeled circles of any colors, of one size or several, at times with clutter between."""
    places, boxes, circles = Places(rng), list[Box](), list[Circle]()
    radius, alike = rng.uniform(*DISC_RADIUS), rng.random() < 0.5
    pool = rng.sample(NAMES_OF_COLORS, rng.choice((2, 2, 3, 3, 4, 5, 8)))
    for label in rng.sample(LETTERS, rng.choice((2, 3, 4, 4, 4))):
        circles += places.circle(rng.choice(pool), radius if alike else rng.uniform(*DISC_RADIUS), 1.0, label)
    for _ in range(rng.choice((0, 0, 0, 1, 2, 3))):
        if rng.random() < 0.5:
            boxes += places.box(rng.choice(NAMES_OF_COLORS), (0.08, 0.2))
        else:
            circles += places.circle(rng.choice(NAMES_OF_COLORS), rng.uniform(*DOT_RADIUS))
    return finished(rng, boxes, circles)


def objects(rng: Random) -> Picture:
    """Draw two to five things, each of its own name, some of one color, with or without primitives between them."""
    places, boxes, circles, things = Places(rng), list[Box](), list[Circle](), list[Thing]()
    colors = rng.choices(NAMES_OF_COLORS, k=5) if rng.random() < 0.3 else rng.sample(NAMES_OF_COLORS, 5)
    number = rng.randint(2, 5)
    for color, name in zip(colors[:number], rng.sample(NAMES, number), strict=True):
        things += places.thing(color, name)
    for color in colors[number:]:
        if rng.random() < 0.3:
            boxes += places.box(color)
        elif rng.random() < 0.3:
            circles += places.circle(color, rng.uniform(0.05, 0.1))
    return finished(rng, boxes, circles, things)


def finished(rng: Random, boxes: Sequence[Box], circles: Sequence[Circle], things: Sequence[Thing] = ()) -> Picture:
    """Return a picture of objects on a ground on which their colors are certain."""
    seed = rng.getrandbits(32) if rng.random() < 0.7 else 0
    solid = [_solid(circle) for circle in circles]
    ground, hidden = choose_ground(rng, CANVAS, [*boxes, *solid, *things])
    kept = circles if ground == Ground() or ground.kind == "gray" else solid
    return Picture(CANVAS, tuple(boxes), tuple(kept), tuple(things), ground, rng.choice((2, 2, 3, 4)), seed, hidden)


def _solid(circle: Circle) -> Circle:
    opacity = OPACITY_ON_GROUNDS + (1 - OPACITY_ON_GROUNDS) * (circle.opacity - OPACITY[0]) / (1 - OPACITY[0])
    return Circle(circle.color, circle.x, circle.y, circle.radius, round(opacity, 3), circle.label)


SCENES: tuple[tuple[Callable[[Random], Picture], float], ...] = (
    (shapes, 0.2), (crowd, 0.1), (dots, 0.17), (letters, 0.36), (objects, 0.17),
)  # fmt: skip
