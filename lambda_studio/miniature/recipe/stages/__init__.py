"""The stages of the recipe, each a loss as a function of the step."""
