"""Bayesian neural-ODE nonlinear mixed-effects modelling on PyMC."""

from bnode_nlme.version import __version__ as __version__
