"""`Fit`: what every method of inference returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pymc as pm
import xarray as xr

from bnode_nlme.inference.fit_summary import fit_text
from bnode_nlme.inference.run_folder import RunFolder
from bnode_nlme.inference.study_storage import study_from_dataset, study_to_dataset
from bnode_nlme.inference.tree_storage import read_tree, write_tree
from bnode_nlme.study.study import Study

_STUDY = "study"


class Buildable(Protocol):
    """What `bn.NLME` is to `fit`: a declaration that becomes a model of a study."""

    def build(self, study: Study) -> pm.Model:
        """Join the declaration to a study."""


@dataclass(frozen=True, eq=False, repr=False)
class Fit:
    """A posterior, with what it was made from. `print` shows a summary.

    Whatever the method, results are draws: one draw for ``"map"``, draws of the normal
    approximation for ``"laplace"``, so that everything that takes a fit takes each.

    Attributes
    ----------
    data : xarray.DataTree
        Groups ``posterior`` (chain, draw, ...), ``unconstrained_posterior``, ``sample_stats``,
        ``observed_data``, ``constant_data`` and, if asked for, ``log_likelihood``; some methods
        add their own. Its attributes: method, seed, seconds, versions, solver report and what the
        method has to say.
    study : Study or None
        None where a plain model was fitted without one.
    nlme : NLME or None
        The declaration; None where a plain model was fitted, and after `load` without it, because
        functions of the user cannot be stored.
    model : pymc.Model or None
        The model; None after `load` unless it can be built again.
    """

    data: xr.DataTree
    study: Study | None = None
    nlme: Any = None
    model: pm.Model | None = None

    @property
    def method(self) -> str:
        """``"nuts"``, ``"pathfinder"``, ``"advi"``, ``"map"`` or ``"laplace"``."""
        return str(self.attrs["method"])

    @property
    def attrs(self) -> Mapping[Any, Any]:
        """Attributes of the whole."""
        return self.data.attrs

    @property
    def posterior(self) -> xr.Dataset:
        """Draws of every free variable and Deterministic."""
        return self._group("posterior")

    @property
    def sample_stats(self) -> xr.Dataset:
        """What the sampler noted at each draw."""
        return self._group("sample_stats")

    @property
    def log_likelihood(self) -> xr.Dataset:
        """Log-likelihood of each measurement at each draw.

        Raises
        ------
        KeyError
            Where it was not asked for.
        """
        return self._group("log_likelihood")

    def _group(self, name: str) -> xr.Dataset:
        if name not in self.data.children:
            cure = " Write fit(..., log_likelihood=True)." if name == "log_likelihood" else ""
            raise KeyError(
                f"This fit has no {name}; it has {', '.join(map(repr, self.data.children))}.{cure}"
            )
        return self.data[name].to_dataset()

    def save(self, path: str | Path) -> Path:
        """Write the fit and its study, as zarr where the name ends in ``.zarr``, else as netCDF.

        Parameters
        ----------
        path
            An existing file is replaced, an existing folder is not.

        Returns
        -------
        Path

        Raises
        ------
        FileExistsError
            When there is a folder at `path`.
        """
        path = Path(path)
        tree = self.data.copy()
        if self.study is not None:
            tree[_STUDY] = xr.DataTree(study_to_dataset(self.study))
        write_tree(tree, path)
        return path

    @classmethod
    def load(cls, path: str | Path, model: Buildable | pm.Model | None = None) -> Fit:
        """Read a fit that `save` wrote, or that ``fit(..., path=...)`` finished.

        Parameters
        ----------
        path
            Of the file or folder.
        model
            The declaration or model that was fitted, for what needs it, such as predictions.

        Returns
        -------
        Fit

        Raises
        ------
        FileNotFoundError
            When there is nothing at `path`.
        ValueError
            When it is no fit, or that of a declaration with other parameters.
        """
        if RunFolder.is_unfinished(Path(path)):
            raise ValueError(
                f"At {path} is an unfinished run. Go on with fit(..., path=..., resume=True)."
            )
        tree = read_tree(Path(path))
        if "method" not in tree.attrs:
            raise ValueError(f"At {path} is no fit; xarray.open_datatree reads any other tree.")
        study = None
        if _STUDY in tree.children:
            study = study_from_dataset(tree[_STUDY].to_dataset())
            tree = tree.filter(lambda node: node.name != _STUDY)
        if isinstance(model, pm.Model):
            return cls(tree, study, None, model)
        built = model.build(study) if model is not None and study is not None else None
        if built is not None:
            _check_same_variables(Path(path), tree, built)
        return cls(tree, study, model, built)

    def __repr__(self) -> str:
        return fit_text(self.data)


def _check_same_variables(path: Path, tree: xr.DataTree, model: pm.Model) -> None:
    """Refuse a declaration whose free variables, or their lengths, are not those of the draws."""
    if "unconstrained_posterior" not in tree.children:
        return
    posterior = tree["posterior"].to_dataset()
    declared = {own.name for own in model.free_RVs}
    labels = tree["unconstrained_posterior"]["unconstrained"].to_numpy().tolist()
    drawn = {str(label).partition("[")[0] for label in labels}
    lengths = {
        name: f"{len(labels)} by the declaration, {posterior.sizes[name]} in the fit"
        for name, labels in model.coords.items()
        if labels is not None and name in posterior.sizes and len(labels) != posterior.sizes[name]
    }
    found = [
        f"{what} {', '.join(map(repr, sorted(names)))}"
        for what, names in (
            ("only the declaration has", declared - drawn),
            ("only the fit has", drawn - declared),
        )
        if names
    ] + [f"{name!r} has the length {text}" for name, text in lengths.items()]
    if found:
        raise ValueError(
            f"load_fit: the fit at {path} is of another declaration: {'; '.join(found)}. Give the "
            "declaration that was fitted."
        )


def load_fit(path: str | Path, model: Buildable | pm.Model | None = None) -> Fit:
    """Read a fit, see `Fit.load`."""
    return Fit.load(path, model)
