"""Sample the classical theophylline model by the package and by Stan, one after the other.

    python -m benchmarks.theophylline [--draws 1000] [--tune 500] [--json FILE]

Two chains on two cores each; same priors, tolerances, warm-up and target of acceptance. Prints
effective draws per second (the smallest bulk ESS of all parameters and random effects over the
seconds of warm-up and draws, compilation apart) and how far the posterior means lie apart.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import arviz as az
import numpy as np

import bnode_nlme as bn
from benchmarks.theophylline import bn_model

RTOL, ATOL = 1e-6, 1e-6  # Stan's own defaults
NAMES = ("log_typical", "eta_sd", "eta", "sigma")


def _stan_data(study: bn.Study) -> dict[str, Any]:
    records, rows = study.records, study.observations
    later = rows[records.time[rows] > 0.0]
    subject = records.subject[later]
    amounts = np.bincount(records.subject, records.amount, minlength=study.n_subjects)
    at_zero = rows[records.time[rows] <= 0.0]
    return {
        "rtol": RTOL,
        "atol": ATOL,
        "S": study.n_subjects,
        "N": len(later),
        "dose": amounts.tolist(),
        "first": (np.searchsorted(subject, np.arange(study.n_subjects)) + 1).tolist(),
        "last": np.searchsorted(subject, np.arange(study.n_subjects), side="right").tolist(),
        "time": records.time[later].tolist(),
        "observed": records.value[later].tolist(),
        "Z": len(at_zero),
        "observed_at_zero": records.value[at_zero].tolist(),
        "prior_mean": list(bn_model.PRIOR_MEAN),
    }


def _by_stan(data: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        given, found = Path(folder, "given.json"), Path(folder, "found.npz")
        given.write_text(json.dumps({"data": data, "settings": settings}))
        module = "benchmarks.theophylline.stan_model"
        command = [sys.executable, "-m", module, str(given), str(found)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return {"failure": done.stderr.strip().splitlines()[-1]}
        with np.load(found) as arrays:
            return {name: arrays[name] for name in arrays.files}


def _draws(found: dict[str, Any]) -> np.ndarray:
    """All parameters and random effects, (chains, draws, n)."""
    parts = [np.asarray(found[name]) for name in NAMES]
    return np.concatenate([part.reshape(*part.shape[:2], -1) for part in parts], axis=-1)


def _summary(found: dict[str, Any]) -> dict[str, Any]:
    if "failure" in found:
        return found
    draws = _draws(found)
    ess = np.array([az.ess(draws[..., i]) for i in range(draws.shape[-1])], float)
    seconds = float(found["seconds"])
    return {
        "seconds": seconds,
        "compile_seconds": float(found["compile_seconds"]),
        "ess": float(ess.min()),
        "ess_per_second": float(ess.min()) / seconds,
        "gradients": int(found["gradients"]),
        "divergences": int(found["divergences"]),
        "mean": draws.mean((0, 1)),
        "error": draws.std((0, 1)) / np.sqrt(ess),
    }


def _distance(one: dict[str, Any], other: dict[str, Any]) -> float:
    """Largest difference of posterior means in their common Monte Carlo standard error."""
    return float(
        np.max(np.abs(one["mean"] - other["mean"]) / np.hypot(one["error"], other["error"]))
    )


def main() -> None:
    """Sample, compare and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.theophylline")
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--tune", type=int, default=500)
    parser.add_argument("--target-accept", type=float, default=0.9)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--methods", default="auto", help="of the package, with commas")
    parser.add_argument("--solvers", default="ode_rk45,ode_bdf", help="of Stan, with commas")
    parser.add_argument(
        "--stan-parameterisations", default="centred", help="or non-centred, or both"
    )
    parser.add_argument("--json", type=Path, help="write the table there")
    given = parser.parse_args()
    settings = {
        "tune": given.tune,
        "draws": given.draws,
        "target_accept": given.target_accept,
        "seed": given.seed,
    }
    study = bn.datasets.theophylline()
    rows: dict[str, dict[str, Any]] = {}
    print(
        "by                          seconds  compile   ESS  ESS/s  gradients  divergences",
        flush=True,
    )

    def add(name: str, found: dict[str, Any]) -> None:
        row = rows[name] = _summary(found)
        if "failure" in row:
            print(f"{name:26}  {row['failure']}", flush=True)
            return
        print(
            f"{name:26}{row['seconds']:9.1f}{row['compile_seconds']:9.1f}{row['ess']:6.0f}"
            f"{row['ess_per_second']:7.2f}{row['gradients']:11d}{row['divergences']:13d}",
            flush=True,
        )

    for method in given.methods.split(","):
        solver = {"method": method, "rtol": RTOL, "atol": ATOL}
        add(f"bn {method}", bn_model.sample(study, centred=True, **settings, **solver))
    if importlib.util.find_spec("stan") is None:
        print("Stan: pystan is not installed; see make benchmark-peers")
    else:
        for index, solver_name in enumerate(("ode_rk45", "ode_bdf")):
            for kind in given.stan_parameterisations.split(","):
                if solver_name in given.solvers.split(","):
                    which = {"solver": index, "centred": int(kind == "centred")}
                    found = _by_stan(_stan_data(study) | which, settings)
                    add(f"Stan {solver_name} {kind}", found)
    ours = next(iter(rows))
    for name, row in rows.items():
        if name != ours and "failure" not in row:
            row["distance"] = _distance(rows[ours], row)
            row["ratio"] = rows[ours]["ess_per_second"] / row["ess_per_second"]
            print(
                f"{ours}: {row['ratio']:.1f} times the effective draws per second of {name}; "
                f"means at most {row['distance']:.1f} Monte Carlo standard errors apart"
            )
    if given.json is not None:
        kept = {
            name: {key: value for key, value in row.items() if not isinstance(value, np.ndarray)}
            for name, row in rows.items()
        }
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps({"settings": settings, "rows": kept}, indent=1) + "\n")


if __name__ == "__main__":
    main()
