"""What the small models are taught before any PGT: to see, to name, to list and to answer short questions.

A lesson is one question and its answer on a scene. None of the PGT questions is among the lessons.
"""

from collections.abc import Callable
from random import Random

from pgt_lora.data.scene.palette import COLORS
from pgt_lora.tiny.listings import LISTINGS
from pgt_lora.tiny.objects import Turn
from pgt_lora.tiny.picture import Picture
from pgt_lora.tiny.questions import QUESTIONS
from pgt_lora.tiny.scenes import SCENES

Lesson = Callable[[Random, Picture], Turn | None]

NUM_LISTINGS, NUM_QUESTIONS = 2, 4  # of a scene
OPENINGS = ("", "", "Look at the image. ", "This is a drawing. ", "Think of the image as a map. ")
# What an answer is like, and how it may be asked for.
CLOSINGS = {
    "option": ("Answer with the option's letter.", "Give the letter of the option that is right."),
    "true or false": ("True or False?", "Answer True or False.", "Say True if that is so and False if not."),
    "number": ("", "", "Give the number alone.", "Reply with a number and nothing else."),
    "color": ("", "", "Give the color alone.", "Reply with a color and nothing else."),
    "other": ("", "", "Be brief.", "Reply with that and nothing else."),
}


def draw_scene(rng: Random) -> Picture:
    """Draw a scene of shapes, dots, letters or things."""
    (draw,) = rng.choices([draw for draw, _ in SCENES], [share for _, share in SCENES])
    return draw(rng)


def draw_turns(rng: Random) -> tuple[Picture, list[Turn]]:
    """Draw a scene and lessons on it, in random order."""
    scene = draw_scene(rng)
    turns = teach(rng, scene, LISTINGS, NUM_LISTINGS)
    turns += [phrase(rng, turn) for turn in teach(rng, scene, QUESTIONS, NUM_QUESTIONS)]
    rng.shuffle(turns)
    return scene, turns


def phrase(rng: Random, turn: Turn) -> Turn:
    """Put an opening before a question and a closing behind it, or nothing."""
    question, answer = turn
    if "(A)" in question or "\nA. " in question:
        kind = "option"
    elif answer in ("True", "False"):
        kind = "true or false"
    elif answer.isdigit():
        kind = "number"
    else:
        kind = "color" if answer in COLORS else "other"
    gap = "" if question.endswith("\n") else " "
    return f"{rng.choice(OPENINGS)}{question}{gap}{rng.choice(CLOSINGS[kind])}".strip(), answer


def teach(rng: Random, scene: Picture, lessons: tuple[Lesson, ...], number: int) -> list[Turn]:
    """Draw a number of lessons on a scene, hardly ever one twice."""
    turns: list[Turn] = []
    while len(turns) < number:
        turn = rng.choice(lessons)(rng, scene)
        if turn is not None and (turn not in turns or rng.random() < 0.1):
            turns.append(turn)
    return turns
