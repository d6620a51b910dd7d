"""Effective draws per second on the classical theophylline model: the package against Stan."""
