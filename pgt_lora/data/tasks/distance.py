"""Which labeled circle is nearest to another (arXiv 2605.23883, section 3.1 and appendix A.2).

What else could tell the nearest circle is drawn before any place is, and the places are drawn to fit: which of the
three is nearest along one axis alone, whether it is the one nearest to the middle of the image, and all sizes.
"""

from collections.abc import Mapping, Sequence
from math import ceil, cos, dist, pi, sin
from random import Random

from pgt_lora.data.scene import Canvas, Circle, Scene
from pgt_lora.data.scene.palette import COLORS
from pgt_lora.data.tasks.labels import (
    INSTRUCTION,
    LETTERS,
    SHORTCUTS,
    asked_letter,
    draw_opacity,
    labeled,
    radius_range,
)  # fmt: skip
from pgt_lora.data.tasks.layout import EDGE_MARGIN, GAP, clear, margin_px
from pgt_lora.data.tasks.task import Probe, Question, Task, TaskSettings, Traits, wording

# From middle to middle, the nearest circle is at most this fraction as far as the next one; and from edge to edge it
# is nearer, too, by this fraction of the short side or more.
MAX_RATIO = 0.75
MIN_LEAD = 0.03
REACH = 0.4  # fraction of the short side: how far the nearest circle may be
# Which of the three circles (0 is the nearest one) is nearest across alone and down alone, and how often: each is in a
# third of the scenes. No other circle can be both.
NEAREST_BY_AXIS = {(0, 0): 2, (0, 1): 1, (0, 2): 1, (1, 0): 1, (2, 0): 1, (1, 2): 2, (2, 1): 2}
TRIES = 60
Place = tuple[int, int]


def plan(rng: Random, settings: TaskSettings) -> Question:
    """Draw the target, the answer and the order of the options."""
    target, *options = rng.sample(LETTERS, len(LETTERS))
    return ask(target, options, rng.choice(options), bare=rng.random() < 0.5)


def ask(target: str, options: Sequence[str], answer: str, *, bare: bool = True) -> Question:
    """Word the question, which is bare in the paper."""
    body = (
        f"There are four colored circles labeled {', '.join(LETTERS)} in this image. "
        f"Which one is closest to {target}: {options[0]}, {options[1]}, or {options[2]}?"
    )
    text, template = wording(body, "A", INSTRUCTION, bare=bare)
    return Question(text, answer, template, "letter", tuple(options), {"target": target, "answer": answer})


def compose(rng: Random, settings: TaskSettings, question: Question) -> Scene | None:
    """Place four circles of any sizes, the planned one clearly nearest to the target."""
    canvas, opacity = settings.canvas, draw_opacity(rng, settings)
    target, answer = question.about["target"], question.about["answer"]
    letters = [target, answer, *rng.sample([each for each in LETTERS if each not in (target, answer)], 2)]
    radii = [round(canvas.short_side * rng.uniform(*radius_range(settings))) for _ in letters]
    places = _draw_places(rng, settings, radii)
    if not places:
        return None
    circles = [
        Circle(rng.choice(sorted(COLORS)), *place, radius, opacity, letter)
        for place, radius, letter in zip(places, radii, letters, strict=True)
    ]
    scene = Scene(canvas, (), tuple(rng.sample(circles, len(circles))))
    return scene if solve(scene, question.about) == answer else None


def _draw_places(rng: Random, settings: TaskSettings, radii: Sequence[int]) -> list[Place]:
    """Return where the target, the nearest circle and the two others lie; none where nothing fits."""
    canvas = settings.canvas
    middle = canvas.width / 2, canvas.height / 2
    by_axis = rng.choices(list(NEAREST_BY_AXIS), list(NEAREST_BY_AXIS.values()))[0]
    is_central = rng.random() < 1 / 3
    least = radii[0] + radii[1] + margin_px(canvas, GAP)
    for _ in range(TRIES):
        far, angle = rng.uniform(least, max(least, REACH * canvas.short_side)), rng.uniform(0, 2 * pi)
        places = [_draw_in(rng, canvas, radii[0])]
        x, y = places[0]
        places.append((round(x + far * cos(angle)), round(y + far * sin(angle))))
        for number in (1, 2):
            if not _is_clear(settings, places, radii):
                break
            places += _draw_other(rng, canvas, radii[number + 1], number, by_axis, places)
        if len(places) < len(radii) or not _is_clear(settings, places, radii) or _by_axis(places) != by_axis:
            continue
        if (min(places[1:], key=lambda each: dist(each, middle)) == places[1]) == is_central:
            return places
    return []


def _draw_in(rng: Random, canvas: Canvas, radius: int) -> Place:
    (left, right), (top, bottom) = _bounds(canvas, radius)
    return rng.randint(left, right), rng.randint(top, bottom)


def _bounds(canvas: Canvas, radius: int) -> tuple[Place, Place]:
    """Return between which columns and which rows the middle of a circle can lie."""
    edge = margin_px(canvas, EDGE_MARGIN) + radius
    return (edge, canvas.width - edge), (edge, canvas.height - edge)


def _draw_other(
    rng: Random, canvas: Canvas, radius: int, number: int, by_axis: Place, places: Sequence[Place]
) -> list[Place]:
    """Return a place for one of the two others, far enough from the target; none where there is none.

    Along the axis on which it is to be the nearest one, it is nearer than the nearest circle, and so away on the other.
    """
    target, nearest = places[:2]
    if number not in by_axis:
        return [_draw_in(rng, canvas, radius)]
    axis = by_axis.index(number)
    within = abs(nearest[axis] - target[axis])
    near = target[axis] + rng.randint(-within, within)
    away = dist(target, nearest) / MAX_RATIO
    least = ceil(max(0.0, away**2 - (near - target[axis]) ** 2) ** 0.5)
    low, high = _bounds(canvas, radius)[1 - axis]
    before, after = range(low, target[1 - axis] - least + 1), range(target[1 - axis] + least, high + 1)
    if not before and not after:
        return []
    place = rng.randrange(len(before) + len(after))
    far = before[place] if place < len(before) else after[place - len(before)]
    return [(near, far) if axis == 0 else (far, near)]


def _by_axis(places: Sequence[Place]) -> Place:
    """Return which of the three circles is nearest to the target across alone, and which down alone."""
    (x, y), *others = places
    across, down = [abs(each[0] - x) for each in others], [abs(each[1] - y) for each in others]
    return across.index(min(across)), down.index(min(down))


def _is_clear(settings: TaskSettings, places: Sequence[Place], radii: Sequence[int]) -> bool:
    """Tell whether the last circle is on the canvas and clear of those before it."""
    canvas = settings.canvas
    (left, right), (top, bottom) = _bounds(canvas, radii[len(places) - 1])
    *before, (x, y) = places
    radius, gap = radii[len(before)], margin_px(canvas, GAP)
    inside = left <= x <= right and top <= y <= bottom
    apart = all(dist(each, (x, y)) >= other + radius + gap for each, other in zip(before, radii, strict=False))
    return inside and apart and all(clear(Circle("", x, y, radius), each, gap) for each in settings.taken)


def solve(scene: Scene, about: Mapping[str, str]) -> str:
    """Return the letter nearest to the target, or `ambiguous`."""
    target = labeled(scene, about["target"])
    far = {
        circle: dist(circle.center, target.center) for circle in scene.circles if circle.label and circle is not target
    }
    nearest, second, _ = sorted(far, key=far.__getitem__)
    lead = min(far[each] - each.radius for each in far if each is not nearest) - (far[nearest] - nearest.radius)
    if far[nearest] > MAX_RATIO * far[second] or lead < MIN_LEAD * scene.canvas.short_side:
        return "ambiguous"
    return str(nearest.label)


def probe(rng: Random, settings: TaskSettings) -> Probe:
    """Ask for the letter nearest to one in two scenes, with the options in two orders."""
    target, *options = rng.sample(LETTERS, len(LETTERS))
    orders = options, [*options[1:], options[0]]
    first, second = ([ask(target, order, answer) for order in orders] for answer in rng.sample(options, 2))
    return first, second


def traits(scene: Scene, text: str) -> Traits:
    """Measure how far the nearest is and what part of the next one's distance that is."""
    target = labeled(scene, asked_letter(text))
    others = sorted((dist(each.center, target.center), each.x, each.y) for each in scene.circles if each is not target)
    nearest = next(each for each in scene.circles if (each.x, each.y) == others[0][1:])
    numbers = {
        "distance of the nearest": others[0][0] / scene.canvas.short_side,
        "nearest / next": others[0][0] / others[1][0],
    }
    return Traits(numbers, {}, tuple(map(scene.canvas.place, (target, nearest))))


TASK = Task(
    "distance", "analogy_distance", plan, compose, solve, unit="distance",
    shortcuts=SHORTCUTS, sees="place", probe=probe, traits=traits,
)  # fmt: skip
