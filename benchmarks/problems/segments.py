"""A population's records as stretches between jumps: what peers without doses integrate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.problems.problem import Problem


@dataclass(frozen=True, eq=False)
class Segments:
    """Stretches of time for each subject, the same number for all.

    Attributes
    ----------
    begin, end : (subjects, segments)
    jump : (subjects, segments, states)
        Added to the state where a segment begins.
    times : (subjects, segments, width)
        Sorted times within the segment at which the state is wanted, padded with its end.
    place : (rows,)
        Index of each observation row into the flattened (subjects, segments, width).
    """

    begin: NDArray[np.float64]
    end: NDArray[np.float64]
    jump: NDArray[np.float64]
    times: NDArray[np.float64]
    place: NDArray[np.int64]

    @property
    def normalised(self) -> NDArray[np.float64]:
        """`times` as fractions of their segment; 1 where a segment has no length."""
        length = (self.end - self.begin)[..., None]
        fraction = (self.times - self.begin[..., None]) / np.where(length > 0.0, length, 1.0)
        return np.where(length > 0.0, fraction, 1.0)

    @property
    def has_common_fractions(self) -> bool:
        """Whether all subjects are observed at the same fractions of a segment."""
        fractions = self.normalised
        return bool(np.allclose(fractions, fractions[:1], rtol=0.0, atol=1e-12))


def segments(problem: Problem, *, cut_at_observations: bool = False) -> Segments:
    """Cut each subject's records at its doses, or also at every observation time."""
    records = problem.study.records
    states = list(problem.system.states)
    observations = set(problem.study.observations.tolist())
    n_subjects = problem.study.n_subjects
    # Of each subject: [begin, jump, times]; and of each row: (subject, segment, index of time).
    cuts: list[list[tuple[float, NDArray[np.float64], list[float]]]] = []
    places: list[tuple[int, int, int]] = []
    for subject in range(n_subjects):
        own = [(problem.start, np.zeros(len(states)), [])]
        for line in np.flatnonzero(records.subject == subject):
            time = float(records.time[line])
            if line in observations:
                if not own[-1][2] or own[-1][2][-1] != time:
                    if cut_at_observations and own[-1][2]:
                        own.append((own[-1][2][-1], np.zeros(len(states)), []))
                    own[-1][2].append(time)
                places.append((subject, len(own) - 1, len(own[-1][2]) - 1))
            else:
                label = str(records.compartment[line])
                index = states.index(label) if label in states else int(label or 1) - 1
                jump = np.zeros(len(states))
                jump[index] = records.amount[line]
                own.append((time, jump, []))
        cuts.append(own)
    # A first segment in which nobody is observed and no time passes is none.
    if all(own[1:] and own[1][0] == problem.start and not own[0][2] for own in cuts):
        cuts = [own[1:] for own in cuts]
        places = [(subject, segment - 1, index) for subject, segment, index in places]
    count = max(map(len, cuts))
    width = max(len(times) for own in cuts for _, _, times in own)
    begin, end = np.zeros((n_subjects, count)), np.zeros((n_subjects, count))
    jumps = np.zeros((n_subjects, count, len(states)))
    wanted = np.zeros((n_subjects, count, width))
    for subject, own in enumerate(cuts):
        last = max([own[-1][0], *own[-1][2]])
        for segment in range(count):
            if segment < len(own):
                begin[subject, segment], jumps[subject, segment], times = own[segment]
                end[subject, segment] = own[segment + 1][0] if segment + 1 < len(own) else last
            else:  # a subject with fewer segments ends with segments of no length
                begin[subject, segment] = end[subject, segment] = last
                times = []
            wanted[subject, segment] = end[subject, segment]
            wanted[subject, segment, : len(times)] = times
    place = np.ravel_multi_index(np.array(places).T, wanted.shape)
    return Segments(begin, end, jumps, wanted, place)
