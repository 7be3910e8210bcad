"""On which side of a primitive another one lies."""

from pgt_lora.data.scene import Box, Canvas, Circle
from pgt_lora.data.tasks.layout import extent

OPPOSITE = {"above": "below", "below": "above", "left": "right", "right": "left"}
AXES = {"left": "across", "right": "across", "above": "down", "below": "down"}
BEFORE = {"across": ("left", "right"), "down": ("above", "below")}

MIN_GAP = 0.03  # a fraction of the short side: how far the two are apart along the axis of their relation
# Where the wording does not name the axis, the centers differ across it by at most this part of what they differ
# along it.
MAX_OFF_AXIS_RATIO = 0.5


def relation_of(a: Box | Circle, b: Box | Circle, canvas: Canvas) -> str:
    """Return the relation of one primitive to another where no axis is named, or `ambiguous`."""
    found = []
    for axis, name in enumerate(BEFORE):
        relation = along(a, b, canvas, name)
        offset = [abs(u - v) for u, v in zip(a.center, b.center, strict=True)]
        if relation and offset[1 - axis] <= MAX_OFF_AXIS_RATIO * offset[axis]:
            found.append(relation)
    return found[0] if len(found) == 1 else "ambiguous"


def along(a: Box | Circle, b: Box | Circle, canvas: Canvas, axis: str) -> str | None:
    """Return on which side of `b` along an axis `a` lies, or None where they are not apart by the least gap."""
    i, (before, after) = list(BEFORE).index(axis), BEFORE[axis]
    ahead, behind = extent(b)[i] - extent(a)[i + 2], extent(a)[i] - extent(b)[i + 2]
    if max(ahead, behind) < MIN_GAP * canvas.short_side:
        return None
    return before if ahead > behind else after
