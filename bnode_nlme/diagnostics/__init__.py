"""Whether a fit can be believed: numbers, from plain arrays and draws."""

from bnode_nlme.diagnostics.binning import Binning as Binning
from bnode_nlme.diagnostics.binning import bin_edges as bin_edges
from bnode_nlme.diagnostics.binning import bin_of as bin_of
from bnode_nlme.diagnostics.binning import nominal_edges as nominal_edges
from bnode_nlme.diagnostics.calibration import SBCResult as SBCResult
from bnode_nlme.diagnostics.calibration import sbc as sbc
from bnode_nlme.diagnostics.contraction import contraction as contraction
from bnode_nlme.diagnostics.contraction import overlap as overlap
from bnode_nlme.diagnostics.effects import covariate_correlations as covariate_correlations
from bnode_nlme.diagnostics.effects import effect_distributions as effect_distributions
from bnode_nlme.diagnostics.elpd import elpd_observations as elpd_observations
from bnode_nlme.diagnostics.elpd import elpd_subjects as elpd_subjects
from bnode_nlme.diagnostics.elpd import sum_by_subject as sum_by_subject
from bnode_nlme.diagnostics.function_convergence import (
    function_convergence as function_convergence,
)
from bnode_nlme.diagnostics.marginal_likelihood import (
    marginal_log_likelihood as marginal_log_likelihood,
)
from bnode_nlme.diagnostics.npde import npde as npde
from bnode_nlme.diagnostics.npde_tests import npde_tests as npde_tests
from bnode_nlme.diagnostics.parameter_table import EffectDistribution as EffectDistribution
from bnode_nlme.diagnostics.parameter_table import format_parameter_table as format_parameter_table
from bnode_nlme.diagnostics.parameter_table import parameter_table as parameter_table
from bnode_nlme.diagnostics.rank_statistics import rank_uniformity as rank_uniformity
from bnode_nlme.diagnostics.rank_statistics import ranks_of as ranks_of
from bnode_nlme.diagnostics.residuals import goodness_of_fit as goodness_of_fit
from bnode_nlme.diagnostics.residuals import weighted_residuals as weighted_residuals
from bnode_nlme.diagnostics.shrinkage import epsilon_shrinkage as epsilon_shrinkage
from bnode_nlme.diagnostics.shrinkage import eta_shrinkage as eta_shrinkage
from bnode_nlme.diagnostics.vpc import vpc as vpc
