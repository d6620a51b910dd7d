"""From a model and a study to a posterior."""

from bnode_nlme.inference.advi import ADVISettings as ADVISettings
from bnode_nlme.inference.convergence import ConvergenceWarning as ConvergenceWarning
from bnode_nlme.inference.fit import fit as fit
from bnode_nlme.inference.fit_result import Fit as Fit
from bnode_nlme.inference.fit_result import load_fit as load_fit
from bnode_nlme.inference.laplace import LaplaceSettings as LaplaceSettings
from bnode_nlme.inference.laplace import ObjectiveValue as ObjectiveValue
from bnode_nlme.inference.laplace import objective as laplace_objective
from bnode_nlme.inference.mode import ModeSettings as ModeSettings
from bnode_nlme.inference.nuts import NUTSSettings as NUTSSettings
from bnode_nlme.inference.parameter_summary import parameter_summary as parameter_summary
from bnode_nlme.inference.pathfinder import PathfinderSettings as PathfinderSettings
from bnode_nlme.inference.starting_values import StartError as StartError
from bnode_nlme.inference.variational_check import ApproximationWarning as ApproximationWarning

__all__ = [
    "ADVISettings",
    "ApproximationWarning",
    "ConvergenceWarning",
    "Fit",
    "LaplaceSettings",
    "ModeSettings",
    "NUTSSettings",
    "ObjectiveValue",
    "PathfinderSettings",
    "StartError",
    "fit",
    "laplace_objective",
    "load_fit",
    "parameter_summary",
]
