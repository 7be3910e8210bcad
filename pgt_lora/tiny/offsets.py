"""The last lessons: how far it is across and down from one primitive to another, as a number with its sign.

Fine-tuning q, k and v cannot teach two places to be compared: that is the work of the frozen layers in between. The
numbers teach it, without a word of left, right, above or below.
"""

from random import Random

from pgt_lora.data.scene import Circle
from pgt_lora.tiny.lessons import Lesson, draw_scene, phrase, teach
from pgt_lora.tiny.listings import LISTINGS, numbers, places
from pgt_lora.tiny.objects import Object, Turn, hundredths, kind_of, unique
from pgt_lora.tiny.picture import Picture
from pgt_lora.tiny.place_questions import where, where_in_fractions
from pgt_lora.tiny.questions import QUESTIONS, total
from pgt_lora.tiny.scenes import cluster, shapes

MIN_OFFSET = 4  # hundredths: less is not certain in tokens of a seventh of the side
MAX_LISTED = 4
SHARE_OF_SHAPES = 0.5  # of the pictures; the others are those of all lessons
NUM_OFFSETS = 3
# Of these, one each is asked beside them: what is not asked for is forgotten.
PLACES: tuple[Lesson, ...] = (places, where, where_in_fractions)
NUMBERS: tuple[Lesson, ...] = (numbers, total)


def offset(rng: Random, picture: Picture) -> Turn | None:
    """Ask how far across or down it is from one primitive to another; never of things."""
    if len(known := _primitives(picture)) < 2:
        return None
    (a, b), axis = rng.sample(known, 2), rng.choice((0, 1))
    across = hundredths(b, picture)[axis] - hundredths(a, picture)[axis]
    if abs(across) < MIN_OFFSET:
        return None
    way, first, second = ("across", "down")[axis], _named(a), _named(b)
    wordings = (
        f"From {first} to {second}, how far is it {way}?",
        f"Go from {first} to {second}: how far {way}?",
        f"Start at {first}. How far {way} is {second}?",
    )
    return rng.choice(wordings), f"{across:+03d}"


def offsets(rng: Random, picture: Picture) -> Turn | None:
    """List the offsets of the other primitives from one, across and down; never of things."""
    if len(known := _primitives(picture)) < 2:
        return None
    start = rng.choice(known)
    others = sorted((p for p in known if p is not start), key=_short)[:MAX_LISTED]
    x, y = hundredths(start, picture)
    places = ((_short(p), *hundredths(p, picture)) for p in others)
    return f"Offsets from {_named(start)}.", "; ".join(f"{name} {u - x:+03d} {v - y:+03d}" for name, u, v in places)


def offset_turns(rng: Random) -> tuple[Picture, list[Turn]]:
    """Draw a scene, and offsets among the other lessons, in random order."""
    if rng.random() < SHARE_OF_SHAPES:
        picture = rng.choice((shapes, cluster))(rng)
        drawn = [lesson(rng, picture) for lesson in (offsets, *NUM_OFFSETS * (offset,))]
        drawn += [rng.choice(lessons)(rng, picture) for lessons in (PLACES, NUMBERS)]
        turns, num_questions = list(dict.fromkeys(turn for turn in drawn if turn)), 1
    else:
        picture = draw_scene(rng)
        turns, num_questions = teach(rng, picture, LISTINGS, 1), 3
        turns += filter(None, [offset(rng, picture)])
    turns += [phrase(rng, turn) for turn in teach(rng, picture, QUESTIONS, num_questions)]
    rng.shuffle(turns)
    return picture, turns


def _primitives(picture: Picture) -> list[Object]:
    return [] if picture.things else unique(picture)


def _named(each: Object) -> str:
    return f"letter {each.label}" if isinstance(each, Circle) and each.label else f"the {each.color} {kind_of(each)}"


def _short(each: Object) -> str:
    return each.label if isinstance(each, Circle) and each.label else each.color
