"""A setting varied: the models of a comparison at each of its values, as lines of a chart."""
