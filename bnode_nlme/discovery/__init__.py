"""What a fit discovered: learned functions, their modes, and the doses that follow."""

from bnode_nlme.discovery.dosing import AUC as AUC
from bnode_nlme.discovery.dosing import DoseChoice as DoseChoice
from bnode_nlme.discovery.dosing import Peak as Peak
from bnode_nlme.discovery.dosing import Response as Response
from bnode_nlme.discovery.dosing import Target as Target
from bnode_nlme.discovery.dosing import TimeAbove as TimeAbove
from bnode_nlme.discovery.dosing import Trough as Trough
from bnode_nlme.discovery.dosing import optimise_dose as optimise_dose
from bnode_nlme.discovery.modes import LearnedModes as LearnedModes
from bnode_nlme.discovery.modes import learned_modes as learned_modes
