"""Bayesian neural-ODE nonlinear mixed-effects modelling on PyMC.

A PyMC extension in which any term of a pharmacometric ODE model may be a neural network. See the
README for a first example; `Study` and `read_nonmem` bring the data, `System` and `MLP` declare
the dynamics, and `NeuralODE`, `RandomEffects` and `NetworkWeights` put them into a `pymc.Model`.
"""

from bnode_nlme import datasets as datasets
from bnode_nlme.distributions import Additive as Additive
from bnode_nlme.distributions import Combined as Combined
from bnode_nlme.distributions import LogNormalError as LogNormalError
from bnode_nlme.distributions import NetworkWeights as NetworkWeights
from bnode_nlme.distributions import NeuralODE as NeuralODE
from bnode_nlme.distributions import Proportional as Proportional
from bnode_nlme.distributions import RandomEffects as RandomEffects
from bnode_nlme.distributions import SolverReport as SolverReport
from bnode_nlme.distributions import solver_report as solver_report
from bnode_nlme.dynamics import MLP as MLP
from bnode_nlme.dynamics import DeclarationError as DeclarationError
from bnode_nlme.dynamics import Dosing as Dosing
from bnode_nlme.dynamics import System as System
from bnode_nlme.engine import Solution as Solution
from bnode_nlme.engine import SolveStatus as SolveStatus
from bnode_nlme.engine import SundialsUnavailableError as SundialsUnavailableError
from bnode_nlme.engine import native_source as native_source
from bnode_nlme.engine import simulate as simulate
from bnode_nlme.engine import solve as solve
from bnode_nlme.study import Regimen as Regimen
from bnode_nlme.study import Study as Study
from bnode_nlme.study import TableError as TableError
from bnode_nlme.study import read_nonmem as read_nonmem
from bnode_nlme.version import __version__ as __version__
