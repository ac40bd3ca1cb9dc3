"""Features of items from raw content: texts and images become a matrix that a data set declares."""
