"""What is between `studio` and a terminal: texts, progress, questions and Ctrl-C."""
