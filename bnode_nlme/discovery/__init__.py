"""From a learned function to statements that can be tested."""

from bnode_nlme.discovery.candidate import Candidate as Candidate
from bnode_nlme.discovery.candidate import Constant as Constant
from bnode_nlme.discovery.discover import discover as discover
from bnode_nlme.discovery.discovery import Discovery as Discovery
from bnode_nlme.discovery.dosing import AUC as AUC
from bnode_nlme.discovery.dosing import DoseChoice as DoseChoice
from bnode_nlme.discovery.dosing import Peak as Peak
from bnode_nlme.discovery.dosing import Response as Response
from bnode_nlme.discovery.dosing import Target as Target
from bnode_nlme.discovery.dosing import TimeAbove as TimeAbove
from bnode_nlme.discovery.dosing import Trough as Trough
from bnode_nlme.discovery.dosing import optimise_dose as optimise_dose
from bnode_nlme.discovery.forms import Form as Form
from bnode_nlme.discovery.forms import library as library
from bnode_nlme.discovery.learned_function import LearnedFunction as LearnedFunction
from bnode_nlme.discovery.learned_function import learned_function as learned_function
from bnode_nlme.discovery.modes import LearnedModes as LearnedModes
from bnode_nlme.discovery.modes import learned_modes as learned_modes
from bnode_nlme.discovery.ranking import stacking_weights as stacking_weights
from bnode_nlme.discovery.visited import Visited as Visited
