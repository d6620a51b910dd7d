"""The only place that draws."""

from bnode_nlme.plots.covariate_discovery import (
    plot_covariate_discovery as plot_covariate_discovery,
)
from bnode_nlme.plots.covariates import plot_covariates as plot_covariates
from bnode_nlme.plots.discovery import plot_discovery as plot_discovery
from bnode_nlme.plots.discovery import plot_extrapolation as plot_extrapolation
from bnode_nlme.plots.dose_choice import plot_dose_choice as plot_dose_choice
from bnode_nlme.plots.function_band import plot_function_band as plot_function_band
from bnode_nlme.plots.function_convergence import (
    plot_function_convergence as plot_function_convergence,
)
from bnode_nlme.plots.goodness_of_fit import plot_goodness_of_fit as plot_goodness_of_fit
from bnode_nlme.plots.individual_fits import plot_individual_fits as plot_individual_fits
from bnode_nlme.plots.learned_function import plot_learned_function as plot_learned_function
from bnode_nlme.plots.learned_modes import plot_learned_modes as plot_learned_modes
from bnode_nlme.plots.loo import plot_loo as plot_loo
from bnode_nlme.plots.npde import plot_npde as plot_npde
from bnode_nlme.plots.parameter_table import plot_parameter_table as plot_parameter_table
from bnode_nlme.plots.prior_posterior import plot_prior_posterior as plot_prior_posterior
from bnode_nlme.plots.random_effects import plot_random_effects as plot_random_effects
from bnode_nlme.plots.rank_ecdf import plot_rank_ecdf as plot_rank_ecdf
from bnode_nlme.plots.shrinkage import plot_shrinkage as plot_shrinkage
from bnode_nlme.plots.verdict import plot_verdict as plot_verdict
from bnode_nlme.plots.vpc import plot_vpc as plot_vpc
