"""What changes in time: systems of differential equations and networks, holding no data."""

from bnode_nlme.dynamics.activation import ACTIVATIONS as ACTIVATIONS
from bnode_nlme.dynamics.dosing import Dosing as Dosing
from bnode_nlme.dynamics.errors import DeclarationError as DeclarationError
from bnode_nlme.dynamics.errors import UnknownNameError as UnknownNameError
from bnode_nlme.dynamics.graph import SystemGraph as SystemGraph
from bnode_nlme.dynamics.layer import Layer as Layer
from bnode_nlme.dynamics.mlp import MLP as MLP
from bnode_nlme.dynamics.system import System as System
