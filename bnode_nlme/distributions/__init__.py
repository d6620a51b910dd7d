"""How a system becomes a probability: PyMC distributions over its outputs, effects and weights."""

from bnode_nlme.distributions.bounded import Beta as Beta
from bnode_nlme.distributions.categories import Bernoulli as Bernoulli
from bnode_nlme.distributions.categories import Ordinal as Ordinal
from bnode_nlme.distributions.counts import NegativeBinomial as NegativeBinomial
from bnode_nlme.distributions.counts import Poisson as Poisson
from bnode_nlme.distributions.error_model import ResidualErrorModel as ResidualErrorModel
from bnode_nlme.distributions.network_weights import NetworkWeights as NetworkWeights
from bnode_nlme.distributions.neural_ode import NeuralODE as NeuralODE
from bnode_nlme.distributions.random_effects import RandomEffects as RandomEffects
from bnode_nlme.distributions.residual_error import Additive as Additive
from bnode_nlme.distributions.residual_error import Combined as Combined
from bnode_nlme.distributions.residual_error import LogNormalError as LogNormalError
from bnode_nlme.distributions.residual_error import Proportional as Proportional
from bnode_nlme.distributions.residual_error import StudentT as StudentT
from bnode_nlme.distributions.solver_report import SolverReport as SolverReport
from bnode_nlme.distributions.solver_report import solver_report as solver_report
