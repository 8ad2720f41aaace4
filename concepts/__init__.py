"""Stored facts: libraries, concepts, images, masks, cached features, runs and adapters. No tensors.

Start at `concepts.database.Database`. The values it returns are in `concepts.records`.
"""
