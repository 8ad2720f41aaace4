"""Metrics of drawn pictures: likeness with a subject's photographs, composition, and what follows from both."""
