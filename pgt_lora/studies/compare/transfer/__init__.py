"""The evaluation sets of the transfer experiment: what is asked on gray, over grounds that are not, and of things."""
