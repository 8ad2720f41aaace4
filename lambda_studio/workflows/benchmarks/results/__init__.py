"""The results of an evaluation in its folder: cells, pictures and scores, what they are of, the finished table."""
