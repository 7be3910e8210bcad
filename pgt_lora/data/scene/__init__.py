"""Scenes of geometric primitives: what lies where, and how it is drawn."""

from pgt_lora.data.scene.primitives import Box, Canvas, Circle, Figure, Look, Region, Scene
from pgt_lora.data.scene.render import render

__all__ = ["Box", "Canvas", "Circle", "Figure", "Look", "Region", "Scene", "render"]
