"""From a learned function to statements that can be tested."""

from bnode_nlme.discovery.learned_function import LearnedFunction as LearnedFunction
from bnode_nlme.discovery.learned_function import learned_function as learned_function
