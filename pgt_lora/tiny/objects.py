"""What the lessons say of the objects of a picture: names, places, distances."""

from pgt_lora.data.scene import Box, Circle
from pgt_lora.tiny.picture import Picture, Thing

Turn = tuple[str, str]
"""A question and its answer."""

Object = Box | Circle | Thing


def everything(picture: Picture) -> list[Object]:
    """Return all boxes, circles and things."""
    return [*picture.boxes, *picture.circles, *picture.things]


def at(each: Object, picture: Picture) -> tuple[float, float]:
    """Return a center as fractions of the canvas."""
    x, y = each.center
    return x / picture.canvas.width, y / picture.canvas.height


def hundredths(each: Object, picture: Picture) -> tuple[int, int]:
    """Return a center in hundredths of the canvas, 99 at most."""
    x, y = (min(99, round(100 * value)) for value in at(each, picture))
    return x, y


def percent(each: Object, picture: Picture) -> str:
    """Return a center in per cent, two digits each."""
    x, y = hundredths(each, picture)
    return f"{x:02d} {y:02d}"


def fractions(each: Object, picture: Picture, square: bool) -> str:
    """Return a center as `(0.62, 0.20)` or, in square brackets, as `[0.62, 0.2]`."""
    x, y = (value / 100 for value in hundredths(each, picture))
    return f"[{x}, {y}]" if square else f"({x:.2f}, {y:.2f})"


def tenths(a: Circle, b: Circle, picture: Picture) -> int:
    """Return how far two circles are apart, in tenths of the side."""
    return round(10 * distance(a, b, picture))


def distance(a: Object, b: Object, picture: Picture) -> float:
    """Return how far two centers are apart, in fractions of the sides."""
    return float(sum((p - q) ** 2 for p, q in zip(at(a, picture), at(b, picture), strict=True)) ** 0.5)


def kind_of(each: Object) -> str:
    """Return the letter, the name or the shape of an object."""
    if isinstance(each, Thing):
        return each.name
    return "box" if isinstance(each, Box) else each.label or "circle"


def name(each: Object) -> str:
    """Return the color and the letter, name or shape."""
    return f"{each.color} {kind_of(each)}"


def lettered(picture: Picture) -> list[Circle]:
    """Return the circles with a letter, in alphabetical order."""
    return sorted((circle for circle in picture.circles if circle.label), key=lambda circle: str(circle.label))


def unique(picture: Picture) -> list[Object]:
    """Return the objects whose color no other object has."""
    colors = [each.color for each in everything(picture)]
    return [each for each in everything(picture) if colors.count(each.color) == 1]
