"""The reference pages, generated from the code: `python -m docs.reference` writes them."""
