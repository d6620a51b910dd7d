"""Bayesian neural-ODE nonlinear mixed-effects modelling on PyMC.

A PyMC extension in which any term of a pharmacometric ODE model may be a neural network. See the
README for a first example; `Study` and `read_nonmem` bring the data, `System` and `MLP` declare
the dynamics, and `NeuralODE`, `RandomEffects` and `NetworkWeights` put them into a `pymc.Model`.
"""

from bnode_nlme import datasets as datasets
from bnode_nlme.diagnostics.of_fit import goodness_of_fit as goodness_of_fit
from bnode_nlme.diagnostics.of_fit import loo as loo
from bnode_nlme.diagnostics.of_fit import npde as npde
from bnode_nlme.diagnostics.of_fit import parameter_table as parameter_table
from bnode_nlme.diagnostics.of_fit import prior_posterior as prior_posterior
from bnode_nlme.diagnostics.of_fit import random_effects as random_effects
from bnode_nlme.diagnostics.of_fit import shrinkage as shrinkage
from bnode_nlme.diagnostics.of_fit import vpc as vpc
from bnode_nlme.distributions import Additive as Additive
from bnode_nlme.distributions import Bernoulli as Bernoulli
from bnode_nlme.distributions import Beta as Beta
from bnode_nlme.distributions import Combined as Combined
from bnode_nlme.distributions import LogNormalError as LogNormalError
from bnode_nlme.distributions import NegativeBinomial as NegativeBinomial
from bnode_nlme.distributions import NetworkWeights as NetworkWeights
from bnode_nlme.distributions import NeuralODE as NeuralODE
from bnode_nlme.distributions import Ordinal as Ordinal
from bnode_nlme.distributions import Poisson as Poisson
from bnode_nlme.distributions import Proportional as Proportional
from bnode_nlme.distributions import RandomEffects as RandomEffects
from bnode_nlme.distributions import SolverReport as SolverReport
from bnode_nlme.distributions import StudentT as StudentT
from bnode_nlme.distributions import solver_report as solver_report
from bnode_nlme.dynamics import MLP as MLP
from bnode_nlme.dynamics import DeclarationError as DeclarationError
from bnode_nlme.dynamics import System as System
from bnode_nlme.engine import Solution as Solution
from bnode_nlme.engine import SolveStatus as SolveStatus
from bnode_nlme.engine import SundialsUnavailableError as SundialsUnavailableError
from bnode_nlme.engine import native_source as native_source
from bnode_nlme.engine import simulate as simulate
from bnode_nlme.engine import solve as solve
from bnode_nlme.inference import ApproximationWarning as ApproximationWarning
from bnode_nlme.inference import Fit as Fit
from bnode_nlme.inference import StartError as StartError
from bnode_nlme.inference import fit as fit
from bnode_nlme.inference import laplace_objective as laplace_objective
from bnode_nlme.inference import load_fit as load_fit
from bnode_nlme.nlme import NLME as NLME
from bnode_nlme.nlme import Categorical as Categorical
from bnode_nlme.nlme import CovariateNetwork as CovariateNetwork
from bnode_nlme.nlme import Exponential as Exponential
from bnode_nlme.nlme import HalfNormal as HalfNormal
from bnode_nlme.nlme import Individual as Individual
from bnode_nlme.nlme import Linear as Linear
from bnode_nlme.nlme import LogitNormal as LogitNormal
from bnode_nlme.nlme import LogNormal as LogNormal
from bnode_nlme.nlme import Normal as Normal
from bnode_nlme.nlme import Omega as Omega
from bnode_nlme.nlme import Power as Power
from bnode_nlme.nlme import PyMCPrior as PyMCPrior
from bnode_nlme.nlme import Uniform as Uniform
from bnode_nlme.plots import plot_covariates as plot_covariates
from bnode_nlme.plots import plot_goodness_of_fit as plot_goodness_of_fit
from bnode_nlme.plots import plot_individual_fits as plot_individual_fits
from bnode_nlme.plots import plot_npde as plot_npde
from bnode_nlme.plots import plot_prior_posterior as plot_prior_posterior
from bnode_nlme.plots import plot_random_effects as plot_random_effects
from bnode_nlme.plots import plot_vpc as plot_vpc
from bnode_nlme.results import Individualisation as Individualisation
from bnode_nlme.results import individualise as individualise
from bnode_nlme.results import predict as predict
from bnode_nlme.study import Regimen as Regimen
from bnode_nlme.study import Study as Study
from bnode_nlme.study import TableError as TableError
from bnode_nlme.study import read_nonmem as read_nonmem
from bnode_nlme.version import __version__ as __version__
