"""The training of the miniature's weights from random initialisation."""
