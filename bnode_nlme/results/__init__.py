"""What follows from a posterior: saving, loading, solutions at its draws."""

from bnode_nlme.results.storage import load as load
from bnode_nlme.results.storage import save as save
from bnode_nlme.results.trajectories import trajectories as trajectories
