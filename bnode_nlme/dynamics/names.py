"""Which names a declaration may give, and that none is given twice."""

import keyword
from collections.abc import Iterable, Mapping, Sequence

from bnode_nlme.dynamics.errors import DeclarationError

__all__ = ["check_distinct", "check_name", "check_names"]


def check_name(name: object, what: str) -> str:
    """Return `name` if ``y.<name>`` can be written in Python, else refuse it.

    Parameters
    ----------
    name : object
        The name as declared.
    what : str
        What it names, for the message: ``"state"``, ``"network"``, ...

    Raises
    ------
    DeclarationError
        When it is not a string, not an identifier, a Python keyword, or begins with an underscore.
    """
    if not isinstance(name, str):
        raise DeclarationError(
            f"A {what}'s name must be a string, found {name!r} of type {type(name).__name__}."
        )
    if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
        raise DeclarationError(
            f"{what} {name!r}: a name must be a Python identifier that is not a keyword and does "
            "not begin with an underscore, because right-hand sides read it as an attribute. "
            "Use letters, digits and underscores, a letter first."
        )
    return name


def check_names(names: object, argument: str) -> tuple[str, ...]:
    """Return the names given to ``argument=`` as a tuple, each checked by `check_name`.

    Raises
    ------
    DeclarationError
        When `names` is one string, is not a sequence, or holds an unusable name.
    """
    what = argument[:-1]
    if isinstance(names, str):
        raise DeclarationError(
            f"{argument}= wants a tuple of names, found the string {names!r}. "
            f"Write {argument}=({names!r},)."
        )
    if not isinstance(names, Sequence):
        raise DeclarationError(
            f"{argument}= wants a tuple of names, because their order counts; found {names!r} of "
            f"type {type(names).__name__}."
        )
    return tuple(check_name(name, what) for name in names)


def check_distinct(groups: Mapping[str, Iterable[str]]) -> None:
    """Refuse a name that is declared twice, within a group or in two of them.

    Parameters
    ----------
    groups : mapping of str to iterable of str
        The declared names by argument: ``{"states": (...), "parameters": (...), ...}``.

    Raises
    ------
    DeclarationError
        Naming the name and both places.
    """
    places: dict[str, str] = {}
    for group, names in groups.items():
        for name in names:
            if name not in places:
                places[name] = group
                continue
            where = (
                f"twice in {group}="
                if places[name] == group
                else f"in {places[name]}= and again in {group}="
            )
            raise DeclarationError(
                f"The name {name!r} is declared {where}. Every name is used once across states, "
                "parameters, covariates, networks and outputs, so that each stands for one thing "
                "in models and results. Rename one of the two."
            )
