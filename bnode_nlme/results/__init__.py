"""What follows from a fit: predictions, new patients, saving and loading."""

from bnode_nlme.results.individualisation import Individualisation as Individualisation
from bnode_nlme.results.individualise import individualise as individualise
from bnode_nlme.results.predict import predict as predict
from bnode_nlme.results.storage import load as load
from bnode_nlme.results.storage import save as save
from bnode_nlme.results.trajectories import trajectories as trajectories
