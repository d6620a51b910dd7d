"""Random effects integrated out by their modes and curvatures."""

from bnode_nlme.inference.laplace.laplace import laplace as laplace
from bnode_nlme.inference.laplace.objective import ObjectiveValue as ObjectiveValue
from bnode_nlme.inference.laplace.objective import objective as objective
from bnode_nlme.inference.laplace.settings import LaplaceSettings as LaplaceSettings
