"""The parts of `judge_pictures.py`, which measures the miniature's oracle on drawn pictures."""
