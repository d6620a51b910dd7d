"""The model of `bn_model.py` in Stan, and how to sample it; knows nothing of the package.

    python -m benchmarks.theophylline.stan_model INPUT.json OUTPUT.npz

Run in a process of its own: the SUNDIALS that the package loads is not Stan's.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

PROGRAM = """
functions {
  vector derivative(real t, vector y, real ka, real k) {
    real absorbed = ka * y[1];
    return [-absorbed, absorbed - k * y[2]]';
  }
}
data {
  int solver;                  // 0 ode_rk45, 1 ode_bdf
  int centred;
  real rtol; real atol;
  int S; int N;
  vector[S] dose;
  array[S] int first; array[S] int last;
  array[N] real time;          // positive; before the dose is absorbed nothing is predicted
  vector[N] observed;
  int Z;
  vector[Z] observed_at_zero;
  vector[3] prior_mean;
}
parameters {
  vector[3] log_typical;       // ka, CL, V
  vector<lower=0>[3] eta_sd;
  matrix[3, S] raw;
  real<lower=0> sigma;
}
transformed parameters {
  matrix[3, S] eta = centred ? raw : diag_pre_multiply(eta_sd, raw);
}
model {
  log_typical ~ normal(prior_mean, 1);
  eta_sd ~ normal(0, 1);
  sigma ~ normal(0, 2);
  if (centred) for (s in 1:S) raw[, s] ~ normal(0, eta_sd);
  else to_vector(raw) ~ std_normal();
  vector[N] predicted;
  for (s in 1:S) {
    vector[3] p = exp(log_typical + eta[, s]);
    int n = last[s] - first[s] + 1;
    array[n] vector[2] y;
    if (solver == 0)
      y = ode_rk45_tol(derivative, [dose[s], 0]', 0, time[first[s]:last[s]],
                       rtol, atol, 100000, p[1], p[2] / p[3]);
    else
      y = ode_bdf_tol(derivative, [dose[s], 0]', 0, time[first[s]:last[s]],
                      rtol, atol, 100000, p[1], p[2] / p[3]);
    for (i in 1:n) predicted[first[s] + i - 1] = y[i, 2] / p[3];
  }
  observed ~ normal(predicted, sigma);
  observed_at_zero ~ normal(0, sigma);
}
"""

PARAMETERS = ("log_typical", "eta_sd", "eta", "sigma")


def sample(
    data: dict[str, Any], *, tune: int, draws: int, target_accept: float, seed: int
) -> dict[str, Any]:
    """Two chains, each in a process; arrays (chains, draws, ...) and seconds."""
    import stan

    start = time.perf_counter()
    model = stan.build(PROGRAM, data=data, random_seed=seed)
    compiled = time.perf_counter() - start
    start = time.perf_counter()
    # From where the prior expects them, as the package's chains begin.
    begin = {
        "log_typical": data["prior_mean"],
        "eta_sd": [0.5] * 3,
        "raw": np.zeros((3, data["S"])).tolist(),
        "sigma": 1.0,
    }
    fit = model.sample(
        num_chains=2,
        num_warmup=tune,
        num_samples=draws,
        delta=target_accept,
        init=[begin, begin],
    )
    seconds = time.perf_counter() - start
    # pystan's last axis runs over draws and, fastest, over chains.
    arrays = {
        name: np.moveaxis(fit[name].reshape(*fit[name].shape[:-1], draws, 2), (-1, -2), (0, 1))
        for name in PARAMETERS
    }
    arrays["sigma"] = arrays["sigma"][..., 0]
    return {
        **arrays,
        "eta": np.swapaxes(arrays["eta"], -1, -2),  # subject, effect
        "divergences": int(fit["divergent__"].sum()),
        "gradients": int(fit["n_leapfrog__"].sum()),
        "seconds": seconds,
        "compile_seconds": compiled,
    }


if __name__ == "__main__":
    given = json.loads(Path(sys.argv[1]).read_text())
    np.savez(sys.argv[2], **sample(given["data"], **given["settings"]))
