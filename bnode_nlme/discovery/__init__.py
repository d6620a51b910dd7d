"""From a learned function to statements that can be tested."""

from bnode_nlme.discovery.candidate import Candidate as Candidate
from bnode_nlme.discovery.candidate import Constant as Constant
from bnode_nlme.discovery.discover import discover as discover
from bnode_nlme.discovery.discovery import Discovery as Discovery
from bnode_nlme.discovery.forms import Form as Form
from bnode_nlme.discovery.forms import library as library
from bnode_nlme.discovery.learned_function import LearnedFunction as LearnedFunction
from bnode_nlme.discovery.learned_function import learned_function as learned_function
from bnode_nlme.discovery.ranking import stacking_weights as stacking_weights
from bnode_nlme.discovery.visited import Visited as Visited
