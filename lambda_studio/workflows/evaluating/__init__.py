"""Measure how well concepts are drawn, against their reference images."""
