"""What breaks the program when it is tried at random, for minutes: ``make campaign``."""
