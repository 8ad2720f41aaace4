"""What we know: libraries, concepts, images, masks, cached features, runs and adapters. Facts, no tensors.

Start at `concepts.database.Database`; what crosses the border is in `concepts.records`.
"""
