"""What `full_size.py` and `prior_rate.py` measure, on random weights in Kandinsky 2.2's shapes."""
