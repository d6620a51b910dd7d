"""Whether a posterior of learned functions has several modes."""

from bnode_nlme.discovery.modes.learned_modes import LearnedModes as LearnedModes
from bnode_nlme.discovery.modes.learned_modes import learned_modes as learned_modes
