"""Whether a fit can be believed."""

from bnode_nlme.diagnostics.function_convergence import (
    function_convergence as function_convergence,
)
