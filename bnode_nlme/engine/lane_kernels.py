"""LLVM IR of a Runge-Kutta step of a group of lanes, and of its adjoint.

With ``h`` the step as a fraction of the interval, ``d`` the interval's length in each lane and
``f`` the slopes, a step is ``y_j = y + h d sum_l a_jl f_l``, ``f_j = f(t + (s + c_j h) d, y_j)``.
The adjoint walks through the stages backwards (Hairer, Norsett and Wanner 1993, II.6; Sandu 2006,
doi:10.1007/11758549_80): it is the exact derivative of the numbers that the step computes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bnode_nlme.engine.elementary import ELEMENTARY, definition, symbol
from bnode_nlme.engine.lane_programs import LanePrograms
from bnode_nlme.engine.llvm import constant, declarations, expression
from bnode_nlme.engine.program import Program
from bnode_nlme.engine.tableau import DENSE, ERROR, MATRIX, NODES, STAGES
from bnode_nlme.engine.tape import FULL, doubles_of_step
from bnode_nlme.engine.vector_writer import double, type_of
from bnode_nlme.engine.workspace import LANES, Workspace

_VECTOR = type_of(LANES)
_ALIGN = "align 64"
# A row of the tape may stand anywhere.
_ANYWHERE = "align 8"


class _Function:
    """The body of one function while it is written."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._next = 0

    def register(self) -> str:
        self._next += 1
        return f"%r{self._next}"

    def line(self, text: str) -> str:
        register = self.register()
        self.lines.append(f"{register} = {text}")
        return register

    def address(self, base: str, row: int) -> str:
        return self.line(f"getelementptr {_VECTOR}, ptr {base}, i64 {row}")

    def load(self, base: str, row: int, align: str = _ALIGN) -> str:
        return self.line(f"load {_VECTOR}, ptr {self.address(base, row)}, {align}")

    def store(self, value: str, base: str, row: int, align: str = _ALIGN) -> None:
        self.lines.append(f"store {_VECTOR} {value}, ptr {self.address(base, row)}, {align}")

    def fetch(self, base: str, row: int) -> None:
        """Ask for a row that is to be read soon; one that does not exist does no harm."""
        where = self.address(base, row)
        self.lines.append(f"call void @llvm.prefetch.p0(ptr {where}, i32 0, i32 3, i32 1)")

    def broadcast(self, scalar: str) -> str:
        single = self.line(f"insertelement {_VECTOR} poison, double {scalar}, i64 0")
        return self.line(
            f"shufflevector {_VECTOR} {single}, {_VECTOR} poison, <{LANES} x i32> zeroinitializer"
        )

    def operation(self, name: str, *operands: str) -> str:
        register = self.register()
        self.lines.extend(expression(name, operands, register, LANES))
        return register

    def multiply_add(self, a: str, b: str, c: str) -> str:
        return self.operation("add", self.operation("mul", a, b), c)

    def combination(self, terms: Sequence[tuple[float, str]]) -> str:
        """A linear combination of registers."""
        total = ""
        for factor, register in terms:
            product = self.operation("mul", constant(factor, LANES), register)
            total = self.operation("add", total, product) if total else product
        return total

    def text(self, head: str, tail: Sequence[str] = ("ret void",)) -> str:
        lines = "\n".join(f"  {line}" for line in [*self.lines, *tail])
        return f"define {head} nounwind {{\nentry:\n{lines}\n}}"


def _program_body(
    f: _Function,
    program: Program,
    labels: dict[tuple[str, int], str],
    needed: set[str],
) -> dict[int, str]:
    """Write a program's instructions; returns the register of each."""
    registers: dict[int, str] = {}
    for number in program.live():
        operation, operands, payload = program.instructions[number]
        given = [registers[operand] for operand in operands]
        result = f"%v{number}"
        if operation == "const" and isinstance(payload, float):
            result = constant(payload, LANES)
        elif operation == "input" and isinstance(payload, tuple):
            array, index = payload
            if array == "weights":
                pointer = f.line(f"getelementptr double, ptr %weights, i64 {index}")
                result = f.broadcast(f.line(f"load double, ptr {pointer}, align 8"))
            else:
                pointer = f.address(f"%{array}", index)
                result = f'%"{labels.get(payload, f"{array}.{index}")}"'
                align = _ANYWHERE if array == "kept" else _ALIGN
                f.lines.append(f"{result} = load {_VECTOR}, ptr {pointer}, {align}")
        elif operation in ELEMENTARY:
            arguments = ", ".join(f"{_VECTOR} {operand}" for operand in given)
            f.lines.append(f"{result} = call {_VECTOR} @{symbol(operation, LANES)}({arguments})")
            body, others = definition(operation, LANES)
            needed |= {body, *others}
        else:
            f.lines.extend(expression(operation, given, result, LANES))
        registers[number] = result
    return registers


def _head(name: str, arrays: Sequence[str], outputs: Sequence[str]) -> str:
    read = [f"ptr noalias readonly %{array}" for array in arrays]
    written = [f"ptr noalias %{array}" for array in outputs]
    return f"internal void @{name}({', '.join([*read, *written])})"


def _prepare(programs: LanePrograms, labels: dict[tuple[str, int], str], needed: set[str]) -> str:
    f = _Function()
    registers = _program_body(f, programs.prepare, labels, needed)
    for index, number in enumerate(programs.prepare.outputs):
        f.store(registers[number], "%output", index)
    return f.text(_head("prepare_lanes", ("parameters", "weights", "covariates"), ("output",)))


_VALUE = ("time", "state", "parameters", "weights", "covariates", "fixed")
_ADJOINT = (*_VALUE, "kept", "seed")


def _value(
    programs: LanePrograms,
    states: int,
    labels: dict[tuple[str, int], str],
    needed: set[str],
) -> str:
    f = _Function()
    registers = _program_body(f, programs.value, labels, needed)
    for index, number in enumerate(programs.value.outputs):
        if index < states:
            f.store(registers[number], "%slope", index)
        else:
            f.store(registers[number], "%kept", index - states, _ANYWHERE)
    return f.text(_head("value_of_lanes", _VALUE, ("slope", "kept")))


def _adjoint(
    programs: LanePrograms,
    states: int,
    labels: dict[tuple[str, int], str],
    needed: set[str],
) -> str:
    """The cotangents of states and time are stored, those of the rest added to what is there."""
    f = _Function()
    program = programs.adjoint
    registers = _program_body(f, program, labels, needed)
    for index, number in enumerate(program.outputs):
        if index < states:
            f.store(registers[number], "%answer", index)
        elif index == len(program.outputs) - 1:
            f.store(registers[number], "%time_answer", 0)
        elif program.value_of(number) != 0.0:
            total = f.operation("add", f.load("%gradient", index - states), registers[number])
            f.store(total, "%gradient", index - states)
    return f.text(_head("adjoint_of_lanes", _ADJOINT, ("answer", "gradient", "time_answer")))


class _Step:
    """Writes the functions over the whole workspace."""

    def __init__(self, space: Workspace, states: int, kept: int, programs: LanePrograms) -> None:
        self.space, self.states, self.kept = space, states, kept
        last = programs.adjoint.outputs[-1]
        self.uses_time = any(
            program.instructions[number].payload == ("time", 0)
            for program in (programs.value, programs.adjoint)
            for number in program.live()
        )
        self.depends_on_time = self.uses_time and programs.adjoint.value_of(last) != 0.0

    def pointers(self, f: _Function, names: Sequence[str]) -> list[str]:
        return [f.address("%w", getattr(self.space, name)) for name in names]

    def stage_time(self, f: _Function, node: float) -> str:
        """Fraction of the interval at which a stage stands; its time goes to the workspace."""
        if not self.uses_time:
            return ""
        scalar = f.line(f"fmul double %h, {double(node)}")
        fraction = f.broadcast(f.line(f"fadd double %s, {scalar}"))
        start, length = f.load("%w", self.space.start), f.load("%w", self.space.length)
        f.store(f.multiply_add(fraction, length, start), "%w", self.space.time)
        return fraction

    def evaluate(self, f: _Function, stage: int, kept: str) -> None:
        """Slope of a stage from its state, infusions included."""
        space, states = self.space, self.states
        slope = space.slopes + stage * states
        given = self.pointers(f, ["time"])
        given.append(f.address("%w", space.states + stage * states))
        given += self.pointers(f, ["parameters"])
        given.append("%weights")
        given += self.pointers(f, ["covariates", "fixed"])
        given.append(f.address("%w", slope))
        given.append(kept)
        arguments = ", ".join(f"ptr {pointer}" for pointer in given)
        f.lines.append(f"call void @value_of_lanes({arguments})")
        for i in range(states):
            total = f.operation("add", f.load("%w", slope + i), f.load("%w", space.rates + i))
            f.store(total, "%w", slope + i)

    def stage_states(self, f: _Function, stage: int, scale: str) -> None:
        space, states = self.space, self.states
        for i in range(states):
            slopes = [
                (factor, f.load("%w", space.slopes + earlier * states + i))
                for earlier, factor in enumerate(MATRIX[stage])
            ]
            state = f.multiply_add(scale, f.combination(slopes), f.load("%w", space.states + i))
            f.store(state, "%w", space.states + stage * states + i)

    def kept_in_workspace(self, f: _Function, stage: int) -> str:
        return f.address("%w", self.space.kept + stage * self.kept)

    def scale(self, f: _Function) -> str:
        """The step in time, in each lane."""
        return f.operation("mul", f.broadcast("%h"), f.load("%w", self.space.length))

    def first(self) -> str:
        """Slope at the state at which an interval begins or, backwards, ends."""
        f = _Function()
        self.stage_time(f, 0.0)
        self.evaluate(f, 0, self.kept_in_workspace(f, 0))
        return f.text("void @first_slope(ptr %w, ptr %weights, double %s, double %h)")

    def forward(self) -> str:
        """One step: states and slopes of all stages after the first, and the error.

        What the stages keep for their adjoints goes to `%kept`.
        """
        f = _Function()
        space, states = self.space, self.states
        scale = self.scale(f)
        for stage in range(1, STAGES):
            self.stage_states(f, stage, scale)
            self.stage_time(f, NODES[stage])
            self.evaluate(f, stage, f.address("%kept", (stage - 1) * self.kept))
        rtol, atol = f.broadcast("%rtol"), f.broadcast("%atol")
        total = ""
        end = space.states + (STAGES - 1) * states
        for i in range(states):
            slopes = [
                (factor, f.load("%w", space.slopes + stage * states + i))
                for stage, factor in enumerate(ERROR)
            ]
            error = f.operation("mul", scale, f.combination(slopes))
            before = f.operation("abs", f.load("%w", space.states + i))
            after = f.operation("abs", f.load("%w", end + i))
            size = f.multiply_add(rtol, f.operation("maximum", before, after), atol)
            ratio = f.operation("div", error, size)
            square = f.operation("mul", ratio, ratio)
            total = f.operation("add", total, square) if total else square
        mean = f.operation("mul", total, constant(1.0 / states, LANES))
        f.store(mean, "%w", space.error)
        worst = f.line(f"call double @llvm.vector.reduce.fmaximum.v{LANES}f64({_VECTOR} {mean})")
        return f.text(
            "double @forward_step(ptr %w, ptr %weights, ptr %kept, double %s, double %h, "
            "double %rtol, double %atol)",
            [f"ret double {worst}"],
        )

    def pull_back(self, f: _Function, stage: int, fraction: str, kept: str) -> None:
        """Adjoint of a stage's slope; its answer goes to the workspace."""
        space, states = self.space, self.states
        given = self.pointers(f, ["time"])
        given.append(f.address("%w", space.states + stage * states))
        given += self.pointers(f, ["parameters"])
        given.append("%weights")
        given += self.pointers(f, ["covariates", "fixed"])
        given.append(kept)
        given.append(f.address("%w", space.seeds + stage * states))
        given += self.pointers(f, ["answer", "parameter_gradient", "error"])
        arguments = ", ".join(f"ptr {pointer}" for pointer in given)
        f.lines.append(f"call void @adjoint_of_lanes({arguments})")
        if self.depends_on_time:
            by_time = f.load("%w", space.error)
            total = f.operation("add", f.load("%w", space.start_gradient), by_time)
            f.store(total, "%w", space.start_gradient)
            total = f.multiply_add(fraction, by_time, f.load("%w", space.length_gradient))
            f.store(total, "%w", space.length_gradient)
        total = f.load("%w", space.slope_gradient)
        for i in range(states):
            seed = f.load("%w", space.seeds + stage * states + i)
            total = f.multiply_add(seed, f.load("%w", space.slopes + stage * states + i), total)
            rate = f.operation("add", f.load("%w", space.rate_gradient + i), seed)
            f.store(rate, "%w", space.rate_gradient + i)
        f.store(total, "%w", space.slope_gradient)

    def step_before(self, f: _Function) -> str:
        """Where a full tape holds the step before: memory that no cache may hold any more."""
        doubles = doubles_of_step.py_func(self.states, self.kept, FULL)
        return f.line(f"getelementptr double, ptr %tape, i64 {-doubles}")

    def backward(self, *, full: bool) -> str:
        """Adjoint of one step.

        On entry the first stage holds what the step after it began with, `adjoint` the cotangents
        of the state at this step's end, `passed` those of the slope there, `seeds` and `direct`
        what observations within the step add, and `%tape` the state at this step's beginning. On
        exit the same holds for the step before. A full tape goes on with the slopes of the stages
        but the last, and with what the stages but the first kept; else all is computed once more.
        """
        f = _Function()
        space, states = self.space, self.states
        last = STAGES - 1
        moved = [(space.states, states), (space.slopes, states)]
        for first, length in moved if full else [*moved, (space.kept, self.kept)]:
            for i in range(length):
                f.store(f.load("%w", first + i), "%w", first + last * length + i)
        for i in range(states):
            f.store(f.load("%tape", i, _ANYWHERE), "%w", space.states + i)
        scale = self.scale(f)
        before = self.step_before(f) if full else None
        if before is not None:
            for i in range(STAGES * states):
                f.fetch(before, i)
            for i in range(last * states):
                f.store(f.load("%tape", states + i, _ANYWHERE), "%w", space.slopes + i)
            for stage in range(1, last):
                self.stage_states(f, stage, scale)
        else:
            for stage in range(last):
                if stage:
                    self.stage_states(f, stage, scale)
                self.stage_time(f, NODES[stage])
                self.evaluate(f, stage, self.kept_in_workspace(f, stage))
        for i in range(states):
            seed = f.load("%w", space.seeds + last * states + i)
            total = f.operation("add", seed, f.load("%w", space.passed + i))
            f.store(total, "%w", space.seeds + last * states + i)
        for stage in range(last, 0, -1):
            fraction = self.stage_time(f, NODES[stage])
            place = STAGES * states + (stage - 1) * self.kept
            kept = f.address("%tape", place) if full else self.kept_in_workspace(f, stage)
            if before is not None:
                for i in range(self.kept):
                    f.fetch(before, place + i)
            self.pull_back(f, stage, fraction, kept)
            for i in range(states):
                answer = f.load("%w", space.answer + i)
                total = f.operation("add", f.load("%w", space.adjoint + i), answer)
                f.store(total, "%w", space.adjoint + i)
                # The state of the last stage is that at the step's end.
                given = f.operation("mul", scale, total if stage == last else answer)
                for earlier, factor in enumerate(MATRIX[stage]):
                    place = space.seeds + earlier * states + i
                    term = constant(factor, LANES)
                    f.store(f.multiply_add(term, given, f.load("%w", place)), "%w", place)
        zero = constant(0.0, LANES)
        for i in range(states):
            f.store(f.load("%w", space.seeds + i), "%w", space.passed + i)
            total = f.operation("add", f.load("%w", space.adjoint + i),
                                f.load("%w", space.direct + i))  # fmt: skip
            f.store(total, "%w", space.adjoint + i)
            f.store(zero, "%w", space.direct + i)
        for i in range(STAGES * states):
            f.store(zero, "%w", space.seeds + i)
        name = "backward_step_full" if full else "backward_step"
        return f.text(f"void @{name}(ptr %w, ptr %weights, ptr %tape, double %s, double %h)")

    def last(self) -> str:
        """Adjoint of the slope at which an interval begins."""
        f = _Function()
        space, states = self.space, self.states
        zero = constant(0.0, LANES)
        for i in range(states):
            f.store(f.load("%w", space.passed + i), "%w", space.seeds + i)
            f.store(zero, "%w", space.passed + i)
        self.pull_back(f, 0, self.stage_time(f, 0.0), self.kept_in_workspace(f, 0))
        for i in range(states):
            total = f.operation("add", f.load("%w", space.adjoint + i),
                                f.load("%w", space.answer + i))  # fmt: skip
            f.store(total, "%w", space.adjoint + i)
            f.store(zero, "%w", space.seeds + i)
        return f.text("void @first_slope_adjoint(ptr %w, ptr %weights, double %s, double %h)")

    def keep(self) -> str:
        """Copy the first state and the slopes of all stages but the last to the tape."""
        f = _Function()
        for i in range(self.states):
            f.store(f.load("%w", self.space.states + i), "%tape", i, _ANYWHERE)
        for i in range((STAGES - 1) * self.states):
            slope = f.load("%w", self.space.slopes + i)
            f.store(slope, "%tape", self.states + i, _ANYWHERE)
        return f.text("void @keep_step(ptr noalias %w, ptr noalias %tape)")

    def advance(self) -> str:
        """The end of a step becomes the beginning of the next, its last slope the first."""
        f = _Function()
        for first in (self.space.states, self.space.slopes):
            for i in range(self.states):
                f.store(f.load("%w", first + (STAGES - 1) * self.states + i), "%w", first + i)
        # One signature serves both: there is no tape here.
        return f.text("void @advance_step(ptr noalias %w, ptr noalias %tape)")

    def prepare(self) -> str:
        """Fixed values, once parameters and covariates are in the workspace."""
        f = _Function()
        given = self.pointers(f, ["parameters"])
        given.append("%weights")
        given += self.pointers(f, ["covariates", "fixed"])
        arguments = ", ".join(f"ptr {pointer}" for pointer in given)
        f.lines.append(f"call void @prepare_lanes({arguments})")
        return f.text("void @prepare_group(ptr %w, ptr %weights)")


class _Observation:
    """Writes what reads one lane off a step, at a fraction of it, and the adjoint of that.

    `%scale` is the step in the lane's time.
    """

    def __init__(self, space: Workspace, states: int) -> None:
        self.space, self.states = space, states

    def weights(self, f: _Function) -> list[str]:
        """Weight of each slope, times the scale."""
        weights = []
        for coefficients in DENSE:
            total = double(coefficients[-1])
            for coefficient in reversed(coefficients[:-1]):
                product = f.line(f"fmul contract double {total}, %u")
                total = f.line(f"fadd contract double {product}, {double(coefficient)}")
            weight = f.line(f"fmul double {total}, %u")
            weights.append(f.line(f"fmul double {weight}, %scale"))
        return weights

    def address(self, f: _Function, row: int) -> str:
        start = f.address("%w", row)
        return f.line(f"getelementptr double, ptr {start}, i64 %lane")

    def value(self) -> str:
        """The state, written to `%state`."""
        f = _Function()
        weights = self.weights(f)
        for i in range(self.states):
            total = f.line(f"load double, ptr {self.address(f, self.space.states + i)}")
            for stage, weight in enumerate(weights):
                place = self.address(f, self.space.slopes + stage * self.states + i)
                slope = f.line(f"load double, ptr {place}")
                product = f.line(f"fmul contract double {weight}, {slope}")
                total = f.line(f"fadd contract double {total}, {product}")
            target = f.line(f"getelementptr double, ptr %state, i64 {i}")
            f.lines.append(f"store double {total}, ptr {target}")
        return f.text(
            "void @observe_lane(ptr noalias %w, ptr noalias %state, i64 %lane, double %u, "
            "double %scale)"
        )

    def adjoint(self) -> str:
        """The cotangents of the state at `%state`, added to those of the step."""
        f = _Function()
        weights = self.weights(f)
        for i in range(self.states):
            source = f.line(f"getelementptr double, ptr %state, i64 {i}")
            cotangent = f.line(f"load double, ptr {source}")
            terms = [(self.space.direct + i, cotangent)]
            terms += [
                (
                    self.space.seeds + stage * self.states + i,
                    f.line(f"fmul double {weight}, {cotangent}"),
                )
                for stage, weight in enumerate(weights)
            ]
            for row, term in terms:
                place = self.address(f, row)
                before = f.line(f"load double, ptr {place}")
                total = f.line(f"fadd double {before}, {term}")
                f.lines.append(f"store double {total}, ptr {place}")
        return f.text(
            "void @observe_lane_adjoint(ptr noalias %w, ptr noalias %state, i64 %lane, "
            "double %u, double %scale)"
        )


SYMBOLS = (
    "prepare_group",
    "first_slope",
    "forward_step",
    "backward_step",
    "backward_step_full",
    "first_slope_adjoint",
    "keep_step",
    "advance_step",
    "observe_lane",
    "observe_lane_adjoint",
)
"""The functions that a solver calls."""


def emit_lanes(
    programs: LanePrograms,
    space: Workspace,
    states: int,
    labels: dict[tuple[str, int], str],
) -> tuple[list[str], frozenset[str]]:
    """LLVM IR of a group's step and adjoint step.

    Parameters
    ----------
    programs
        The system's programs.
    space
        The layout of the workspace, to which ``%w`` points.
    states
        Number of states.
    labels
        Readable names of input elements, kept as names of registers.

    Returns
    -------
    bodies : list of str
        The definitions; those named in `SYMBOLS` are for others to call.
    needed : frozenset of str
        The declarations and private definitions that the module must hold, once each.
    """
    needed: set[str] = set()
    step = _Step(space, states, programs.kept, programs)
    observation = _Observation(space, states)
    writers: list[Callable[[], str]] = [
        step.prepare,
        step.first,
        step.forward,
        lambda: step.backward(full=False),
        lambda: step.backward(full=True),
        step.last,
        step.keep,
        step.advance,
        observation.value,
        observation.adjoint,
    ]
    bodies = [
        _prepare(programs, labels, needed),
        _value(programs, states, labels, needed),
        _adjoint(programs, states, labels, needed),
        *[write() for write in writers],
    ]
    for body in bodies:
        needed |= declarations(body)
    return bodies, frozenset(needed)
