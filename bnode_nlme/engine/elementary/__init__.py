"""Elementary functions as LLVM IR over vectors of any width.

Calls of libm cannot be vectorised, and cost 10 to 50 ns each; these take about as long for four or
eight arguments as for one. Each is within 4 ulp of the true value for every double, denormal
results, signed zeros, infinities and NaN included; nothing raises. Only where an argument is out of
all proportion (a sine's beyond 1e12, a gamma function's below zero) is there a branch.

Two range reductions carry most of them, that of `exponentials` and that of `logarithms`.
`tools/elementary_coefficients.py` computes the coefficients. References for the rest: Muller 2016,
Elementary Functions, 3rd ed., doi:10.1007/978-1-4899-7983-4.
"""

from bnode_nlme.engine.elementary.registry import (
    ELEMENTARY as ELEMENTARY,
)
from bnode_nlme.engine.elementary.registry import (
    arity as arity,
)
from bnode_nlme.engine.elementary.registry import (
    definition as definition,
)
from bnode_nlme.engine.elementary.registry import (
    symbol as symbol,
)
