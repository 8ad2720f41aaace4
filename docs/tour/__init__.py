"""The pictures of docs/tour.md, drawn by the page's own commands: `python -m docs.tour` draws them again."""
