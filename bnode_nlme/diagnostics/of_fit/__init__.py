"""The diagnostics of a fit: one function for each question, numbers as answers."""

from bnode_nlme.diagnostics.of_fit.function_convergence import (
    function_convergence as function_convergence,
)
from bnode_nlme.diagnostics.of_fit.goodness_of_fit import goodness_of_fit as goodness_of_fit
from bnode_nlme.diagnostics.of_fit.individual_fits import individual_fits as individual_fits
from bnode_nlme.diagnostics.of_fit.loo import loo as loo
from bnode_nlme.diagnostics.of_fit.npde import npde as npde
from bnode_nlme.diagnostics.of_fit.parameter_table import parameter_table as parameter_table
from bnode_nlme.diagnostics.of_fit.prior_posterior import prior_draws as prior_draws
from bnode_nlme.diagnostics.of_fit.prior_posterior import prior_posterior as prior_posterior
from bnode_nlme.diagnostics.of_fit.random_effects import random_effects as random_effects
from bnode_nlme.diagnostics.of_fit.shrinkage import shrinkage as shrinkage
from bnode_nlme.diagnostics.of_fit.vpc import vpc as vpc
