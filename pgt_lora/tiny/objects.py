"""What the lessons say of the objects of a scene: names, places, distances."""

from pgt_lora.data.scene import Box, Circle, Scene

Turn = tuple[str, str]
"""A question and its answer."""


def everything(scene: Scene) -> list[Box | Circle]:
    """Return all boxes and circles."""
    return [*scene.boxes, *scene.circles]


def at(primitive: Box | Circle, scene: Scene) -> tuple[float, float]:
    """Return a centre as fractions of the canvas."""
    x, y = primitive.center
    return x / scene.canvas.width, y / scene.canvas.height


def percent(primitive: Box | Circle, scene: Scene) -> str:
    """Return a centre in per cent, two digits each."""
    x, y = (min(99, round(100 * value)) for value in at(primitive, scene))
    return f"{x:02d} {y:02d}"


def tenths(a: Circle, b: Circle, scene: Scene) -> int:
    """Return how far two circles are apart, in tenths of the side."""
    return round(10 * sum((p - q) ** 2 for p, q in zip(at(a, scene), at(b, scene), strict=True)) ** 0.5)


def name(primitive: Box | Circle) -> str:
    """Return the colour and the letter or shape."""
    if isinstance(primitive, Circle) and primitive.label:
        return f"{primitive.color} {primitive.label}"
    return f"{primitive.color} {'box' if isinstance(primitive, Box) else 'circle'}"


def lettered(scene: Scene) -> list[Circle]:
    """Return the circles with a letter, in alphabetical order."""
    return sorted((circle for circle in scene.circles if circle.label), key=lambda circle: str(circle.label))


def unique(scene: Scene) -> list[Box | Circle]:
    """Return the objects whose colour no other object has."""
    colors = [primitive.color for primitive in everything(scene)]
    return [primitive for primitive in everything(scene) if colors.count(primitive.color) == 1]
