"""The only place that draws."""

from bnode_nlme.plots.individual_fits import plot_individual_fits as plot_individual_fits
from bnode_nlme.plots.learned_function import plot_learned_function as plot_learned_function
from bnode_nlme.plots.predictive_check import plot_predictive_check as plot_predictive_check
