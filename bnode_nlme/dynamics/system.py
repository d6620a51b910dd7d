"""A system of differential equations, declared by name and holding no data."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from bnode_nlme.dynamics.dosing import Dosing, check_dosing
from bnode_nlme.dynamics.errors import DeclarationError, UnusedNamesError, listed
from bnode_nlme.dynamics.graph import SystemGraph, build_graph
from bnode_nlme.dynamics.mlp import MLP
from bnode_nlme.dynamics.names import check_distinct, check_name, check_names
from bnode_nlme.dynamics.replaced_network import ReplacedNetwork

__all__ = ["System"]


@dataclass(frozen=True, eq=False, repr=False)
class System:
    """What changes in time: states, their right-hand side, and what is observed of them.

    The functions are called once, here, on symbolic PyTensor variables. Each receives ``t`` (the
    time, on the clock and in the units of the records), and by name ``y`` (states), ``p`` (individual parameters), ``nn`` (networks, to be called on scalars) and ``c``
    (covariates): ``y.depot`` and ``y["depot"]`` are the same scalar.

    Parameters
    ----------
    states : tuple of str
        Names of the states; their order is that of dosing compartments counted from 1.
    parameters : tuple of str
        Names of the individual parameters.
    rhs : callable (t, y, p, nn, c) -> dict
        The time derivative of each state: a scalar expression or a number by state name.
    networks : tuple of MLP
        Networks that the functions use as ``nn.<name>(...)``.
    outputs : mapping of str to callable (t, y, p, nn, c), optional
        What is observed: a scalar each. Without it, the states themselves.
    initial : mapping of str to callable (p, c), optional
        State before the first record, and after a reset, which takes parameters and covariates as
        they are then; 0 for states not in it.
    covariates : tuple of str
        Names of the covariates.
    dosing : mapping of str to Dosing, optional
        Lag, bioavailability, and modelled duration and rate of the doses into each state.

    Attributes
    ----------
    output_names : tuple of str
    weight_slices : mapping of str to slice
        Where each network's weights lie in the concatenation over `networks`.
    n_weights : int
        Length of that concatenation.
    graph : SystemGraph
        The checked symbolic graph.

    Raises
    ------
    DeclarationError
        When the declaration is faulty, naming what is at fault and the valid names.
    UnknownNameError
        A DeclarationError: a function asked for a name that was not declared.

    Examples
    --------
    >>> System(
    ...     states=("depot", "central"),
    ...     parameters=("ka", "CL", "V"),
    ...     rhs=lambda t, y, p, nn, c: {
    ...         "depot": -p.ka * y.depot,
    ...         "central": p.ka * y.depot - p.CL / p.V * y.central,
    ...     },
    ...     outputs={"cp": lambda t, y, p, nn, c: y.central / p.V},
    ... )
    System
      states      depot, central
      parameters  ka, CL, V
      outputs     cp
    """

    states: tuple[str, ...]
    parameters: tuple[str, ...]
    rhs: Callable[..., Mapping[str, Any]]
    _: dataclasses.KW_ONLY
    networks: tuple[MLP, ...] = ()
    outputs: Mapping[str, Callable[..., Any]] | None = None
    initial: Mapping[str, Callable[..., Any]] | None = None
    covariates: tuple[str, ...] = ()
    dosing: Mapping[str, Dosing] | None = None
    output_names: tuple[str, ...] = field(init=False)
    weight_slices: Mapping[str, slice] = field(init=False)
    n_weights: int = field(init=False)
    graph: SystemGraph = field(init=False)

    def __post_init__(self) -> None:
        states = check_names(self.states, "states")
        if not states:
            raise DeclarationError("states= is empty: a system needs at least one state.")
        parameters = check_names(self.parameters, "parameters")
        covariates = check_names(self.covariates, "covariates")
        networks = _check_networks(self.networks)
        outputs = _check_functions(self.outputs, "outputs")
        initial = _check_functions(self.initial, "initial")
        if outputs is not None and not outputs:
            raise DeclarationError(
                "outputs= is empty. Give one function or more by name, or leave outputs= out to "
                "observe the states themselves."
            )
        check_distinct(
            {
                "states": states,
                "parameters": parameters,
                "covariates": covariates,
                "networks": [network.name for network in networks],
                "outputs": outputs or (),
            }
        )
        unknown = [name for name in initial or () if name not in states]
        if unknown:
            raise DeclarationError(
                f"initial= has {listed(unknown)}, which the system does not have. "
                f"Declared states: {listed(states)}."
            )
        dosing = check_dosing(self.dosing, states)
        slices = {}
        n_weights = 0
        for network in networks:
            slices[network.name] = slice(n_weights, n_weights + network.size)
            n_weights += network.size
        self._set(
            states=states,
            parameters=parameters,
            covariates=covariates,
            networks=networks,
            outputs=None if outputs is None else MappingProxyType(outputs),
            initial=MappingProxyType(initial or {}),
            dosing=MappingProxyType(dosing),
            output_names=states if outputs is None else tuple(outputs),
            weight_slices=MappingProxyType(slices),
            n_weights=n_weights,
        )
        graph = build_graph(
            states=states,
            parameters=parameters,
            covariates=covariates,
            networks=networks,
            weight_slices=slices,
            rhs=self.rhs,
            outputs=outputs,
            initial=initial or {},
            dosing=dosing,
        )
        self._set(graph=graph)

    def replace(self, **changes: Any) -> "System":
        """Declare the system anew with some arguments changed; every check runs again.

        Raises
        ------
        DeclarationError
            When an argument is unknown, or the new declaration is faulty.
        """
        valid = [entry.name for entry in dataclasses.fields(self) if entry.init]
        unknown = [name for name in changes if name not in valid]
        if unknown:
            raise DeclarationError(
                f"replace: unknown argument {listed(unknown)}. Valid choices: {listed(valid)}."
            )
        return dataclasses.replace(self, **changes)

    def with_function(
        self,
        network: str,
        function: Callable[..., Any],
        parameters: Sequence[str] = (),
        *,
        drop_unused: bool = False,
    ) -> "System":
        """Declare the system anew with an expression in the place of a network.

        Parameters
        ----------
        network : str
            Name of the network; the right-hand side and outputs still read ``nn.<network>(...)``.
        function : callable (p, *inputs) -> scalar
            What stands in its place: an expression of the parameters by name, the new ones among
            them, and of the network's inputs. Of a network with several outputs, a sequence.
        parameters : sequence of str
            Names of new parameters, which follow those that the system has.
        drop_unused : bool
            Whether parameters and covariates that only the network's arguments were made of, and
            that the function does not use, are left out; otherwise they are an error.

        Returns
        -------
        System
            Without the network.

        Raises
        ------
        DeclarationError
            When the system has no such network, or the new declaration is faulty.

        Examples
        --------
        >>> elimination = MLP("elimination", inputs=1, output="positive")
        >>> system = System(
        ...     states=("central",),
        ...     parameters=("V",),
        ...     networks=(elimination,),
        ...     rhs=lambda t, y, p, nn, c: {"central": -nn.elimination(y.central / p.V) * p.V},
        ... )
        >>> system.with_function(
        ...     "elimination", lambda p, x: p.Vmax * x / (p.Km + x), parameters=("Vmax", "Km")
        ... )
        System
          states      central
          parameters  V, Vmax, Km
          outputs     central
        """
        found = [own for own in self.networks if own.name == network]
        if not found:
            raise DeclarationError(
                f"with_function: the system has no network {network!r}. Its networks: "
                f"{listed([own.name for own in self.networks])}."
            )
        new = check_names(parameters, "parameters")
        try:
            return self._replaced(found[0], function, new, ())
        except UnusedNamesError as error:
            if not drop_unused:
                raise
            unused = error
        dropped: tuple[str, ...] = ()
        while not set(unused.names) & {*new, *(own.name for own in self.networks)}:
            dropped += unused.names
            try:
                return self._replaced(found[0], function, new, dropped)
            except UnusedNamesError as error:
                unused = error
        raise unused

    def _replaced(
        self,
        network: MLP,
        function: Callable[..., Any],
        new: tuple[str, ...],
        dropped: tuple[str, ...],
    ) -> "System":
        outputs = self.outputs
        if outputs is not None:
            outputs = {
                name: ReplacedNetwork(output, network, function, dropped)
                for name, output in outputs.items()
            }
        return self.replace(
            rhs=ReplacedNetwork(self.rhs, network, function, dropped),
            outputs=outputs,
            networks=tuple(own for own in self.networks if own is not network),
            parameters=(*(name for name in self.parameters if name not in dropped), *new),
            covariates=tuple(name for name in self.covariates if name not in dropped),
        )

    def __repr__(self) -> str:
        entries = {
            "states": self.states,
            "parameters": self.parameters,
            "covariates": self.covariates,
            "networks": [_network_line(network) for network in self.networks],
            "outputs": self.output_names,
            "initial": tuple(self.initial or ()),
            "dosing": [
                f"{state} ({', '.join(dosing.given)})"
                for state, dosing in (self.dosing or {}).items()
            ],
        }
        lines = [f"  {key:<10}  {', '.join(value)}" for key, value in entries.items() if value]
        return "\n".join(["System", *lines])

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __getstate__(self) -> dict[str, Any]:
        # A mapping proxy can be neither pickled nor copied.
        return {
            name: dict(value) if isinstance(value, MappingProxyType) else value
            for name, value in self.__dict__.items()
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._set(
            **{
                name: MappingProxyType(value) if isinstance(value, dict) else value
                for name, value in state.items()
            }
        )


def _check_networks(networks: Any) -> tuple[MLP, ...]:
    if isinstance(networks, MLP):
        raise DeclarationError(
            f"networks= wants a tuple of networks, found the network {networks.name!r} itself. "
            "Write networks=(network,)."
        )
    found = tuple(networks) if isinstance(networks, Sequence) else (networks,)
    for network in found:
        if not isinstance(network, MLP):
            raise DeclarationError(
                f"networks= wants a tuple of MLP, found {network!r} of type "
                f"{type(network).__name__}."
            )
    return found


def _check_functions(functions: Any, argument: str) -> dict[str, Callable[..., Any]] | None:
    if functions is None:
        return None
    if not isinstance(functions, Mapping):
        raise DeclarationError(
            f"{argument}= wants a dict of functions by name, found {functions!r} of type "
            f"{type(functions).__name__}."
        )
    what = "output" if argument == "outputs" else "state"
    return {check_name(name, what): function for name, function in functions.items()}


def _network_line(network: MLP) -> str:
    widths = "-".join(map(str, (network.inputs, *network.hidden, network.outputs)))
    said: list[str] = [network.output]
    if network.lower is not None:
        said.append(f"above {network.lower:g}")
    if network.upper is not None:
        said.append(f"below {network.upper:g}")
    if network.anchor is not None:
        said.append("anchored")
    if network.period is not None:
        said.append("periodic")
    if network.logarithmic:
        said.append("logarithmic")
    return f"{network.name} ({widths} {network.activation}, {', '.join(said)})"
