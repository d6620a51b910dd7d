"""The population parameters of a posterior as a table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from bnode_nlme.inference.chain_agreement import chain_agreement
from bnode_nlme.study.dimensions import OCCASION, SUBJECT


def population_variables(posterior: xr.Dataset) -> list[str]:
    """Variables that are not of single subjects, occasions, measurements or network weights.

    Weights are not identified, so their means and R-hats say nothing; their functions do.
    """
    left_out = {SUBJECT, OCCASION, *(f"{name}_weight" for name in weight_variables(posterior))}
    return [
        str(name)
        for name, values in posterior.data_vars.items()
        if not left_out & set(values.dims)
        and not any(str(dim).endswith("observation") for dim in values.dims)
        and not any(part.startswith("cholesky") for part in str(name).split("_"))
        # The logarithm or logit of a parameter that is there itself.
        and not any(
            str(name).endswith(ending) and str(name).removesuffix(ending) in posterior
            for ending in ("_log", "_logit")
        )
    ]


def weight_variables(posterior: xr.Dataset) -> list[str]:
    """Variables that are the weights of a network, as `NetworkWeights` names them."""
    return [
        str(name) for name, values in posterior.data_vars.items() if f"{name}_weight" in values.dims
    ]


def parameter_summary(posterior: xr.Dataset) -> pd.DataFrame:
    """Mean, standard deviation and 5, 50 and 95 % quantiles of the population parameters.

    With several chains also ``r_hat``, ``ess_bulk`` and ``ess_tail``, as `chain_agreement` gives
    them.

    Returns
    -------
    pandas.DataFrame
        One row a number, labelled ``name[label]``; of a symmetric matrix each pair once, in the
        order of its labels.
    """
    several = posterior.sizes["chain"] > 1 and posterior.sizes["draw"] > 3
    rows: dict[str, dict[str, float]] = {}
    for name in population_variables(posterior):
        values = posterior[name]
        agreement = chain_agreement(values) if several else xr.Dataset()
        stacked = values.stack(sample=("chain", "draw"), create_index=False)
        array = stacked.transpose("sample", ...).to_numpy()
        symmetric = array.ndim == 3 and np.array_equal(array, array.swapaxes(1, 2))
        for index in np.ndindex(*array.shape[1:]):
            if symmetric and index[0] > index[1]:
                continue
            column = array[(slice(None), *index)]
            row = {
                "mean": column.mean(),
                "sd": column.std(ddof=1) if column.size > 1 else np.nan,
                **dict(
                    zip(("5%", "50%", "95%"), np.quantile(column, (0.05, 0.5, 0.95)), strict=True)
                ),
            }
            row |= {str(n): float(of_all.to_numpy()[index]) for n, of_all in agreement.items()}
            rows[_label(values, index)] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def _label(values: xr.DataArray, index: tuple[int, ...]) -> str:
    if not index:
        return str(values.name)
    dims = [dim for dim in values.dims if dim not in ("chain", "draw")]
    parts = [
        str(values[dim].to_numpy()[place]) if dim in values.coords else str(place)
        for dim, place in zip(dims, index, strict=True)
    ]
    return f"{values.name}[{', '.join(parts)}]"
