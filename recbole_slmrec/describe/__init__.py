"""What a data set is made of, and what of it decides whether a model can work."""
