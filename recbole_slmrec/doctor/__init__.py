"""Checks of the installation and of a data set; a broken package is a finding, not a failure."""
