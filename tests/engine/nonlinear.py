"""Classical nonlinear and stiff test problems, as systems."""

from bnode_nlme.dynamics import System

lotka_volterra = System(
    states=("prey", "predator"),
    parameters=("a", "b", "c", "d", "x", "y"),
    rhs=lambda t, y, p, nn, c: {
        "prey": p.a * y.prey - p.b * y.prey * y.predator,
        "predator": -p.c * y.predator + p.d * y.prey * y.predator,
    },
    initial={"prey": lambda p, c: p.x, "predator": lambda p, c: p.y},
)

van_der_pol = System(
    states=("x", "v"),
    parameters=("mu", "start"),
    rhs=lambda t, y, p, nn, c: {"x": y.v, "v": p.mu * (1 - y.x**2) * y.v - y.x},
    initial={"x": lambda p, c: p.start},
)

robertson = System(
    states=("A", "B", "C"),
    parameters=("slow", "fast", "middle"),
    rhs=lambda t, y, p, nn, c: {
        "A": -p.slow * y.A + p.middle * y.B * y.C,
        "B": p.slow * y.A - p.middle * y.B * y.C - p.fast * y.B**2,
        "C": p.fast * y.B**2,
    },
    initial={"A": lambda p, c: 1.0},
)

target_mediated = System(
    states=("L", "R", "LR"),
    parameters=("kel", "kon", "koff", "ksyn", "kdeg", "kint"),
    rhs=lambda t, y, p, nn, c: {
        "L": -p.kel * y.L - p.kon * y.L * y.R + p.koff * y.LR,
        "R": p.ksyn - p.kdeg * y.R - p.kon * y.L * y.R + p.koff * y.LR,
        "LR": p.kon * y.L * y.R - (p.koff + p.kint) * y.LR,
    },
    initial={"R": lambda p, c: p.ksyn / p.kdeg},
)
TARGET_MEDIATED = {
    "kel": 0.02,
    "kon": 90.0,
    "koff": 0.9,
    "ksyn": 1.1,
    "kdeg": 0.11,
    "kint": 0.05,
}
