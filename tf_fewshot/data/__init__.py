"""The user's pictures: loading, batches, grids. ``augment`` needs TensorFlow; the rest is light."""

from .batches import Batches, batch_indices
from .grid import image_grid, save_png
from .load import load_pictures
from .pictures import Pictures

__all__ = ["Batches", "Pictures", "batch_indices", "image_grid", "load_pictures", "save_png"]
