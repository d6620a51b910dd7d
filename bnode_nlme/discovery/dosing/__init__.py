"""Precision dosing: which regimen most probably achieves what is wanted in one patient."""

from bnode_nlme.discovery.dosing.dose_choice import DoseChoice as DoseChoice
from bnode_nlme.discovery.dosing.optimise_dose import optimise_dose as optimise_dose
from bnode_nlme.discovery.dosing.target import AUC as AUC
from bnode_nlme.discovery.dosing.target import Peak as Peak
from bnode_nlme.discovery.dosing.target import Response as Response
from bnode_nlme.discovery.dosing.target import Target as Target
from bnode_nlme.discovery.dosing.target import TimeAbove as TimeAbove
from bnode_nlme.discovery.dosing.target import Trough as Trough
