"""The declarative model: an NLME declaration and a study make a PyMC model."""

from bnode_nlme.nlme.categorical_covariate import Categorical as Categorical
from bnode_nlme.nlme.continuous_covariates import Exponential as Exponential
from bnode_nlme.nlme.continuous_covariates import Linear as Linear
from bnode_nlme.nlme.continuous_covariates import Power as Power
from bnode_nlme.nlme.covariate_model import CovariateModel as CovariateModel
from bnode_nlme.nlme.covariate_network import CovariateNetwork as CovariateNetwork
from bnode_nlme.nlme.horseshoe import Horseshoe as Horseshoe
from bnode_nlme.nlme.individual import Individual as Individual
from bnode_nlme.nlme.nlme import NLME as NLME
from bnode_nlme.nlme.omega import Omega as Omega
from bnode_nlme.nlme.prior import HalfNormal as HalfNormal
from bnode_nlme.nlme.prior import LogitNormal as LogitNormal
from bnode_nlme.nlme.prior import LogNormal as LogNormal
from bnode_nlme.nlme.prior import Normal as Normal
from bnode_nlme.nlme.prior import Prior as Prior
from bnode_nlme.nlme.prior import Uniform as Uniform
from bnode_nlme.nlme.pymc_prior import PyMCPrior as PyMCPrior
from bnode_nlme.nlme.spline import Spline as Spline
