"""The layouts in which people keep pictures of their subjects, read into one plan before any picture is decoded."""
