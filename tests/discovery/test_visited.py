"""Where data lie, of inputs that come round again."""

from __future__ import annotations

import numpy as np

from bnode_nlme.discovery.visited import Visited

DAYS = np.repeat(np.arange(10.0), 40)
HOURS = np.tile(np.linspace(20.0, 26.0, 40), 10)  # from 20:00 to 2:00 of the next day
TIMES = (24.0 * DAYS + HOURS)[:, None]


def test_a_time_of_day_is_near_the_same_time_of_another_day() -> None:
    visited = Visited(TIMES, (24.0,))
    points = np.array([[262.0], [23.9], [0.1], [24.1], [-1.0], [12.0], [252.0]])
    wanted = [False, False, False, False, False, True, True]
    np.testing.assert_array_equal(visited.extrapolated(points), wanted)
    assert Visited(TIMES).extrapolated(np.array([[300.0]])).all(), "control: on a line it is far"


def test_the_grid_is_one_period_and_the_density_goes_round() -> None:
    visited = Visited(TIMES, (24.0,))
    grid = visited.grid(0, 25)
    np.testing.assert_allclose(grid, np.arange(25.0))
    density = visited.density(0, grid)
    np.testing.assert_allclose(density[0], density[-1])
    assert density[0] > 10.0 * density[12]
    assert float(visited.ranges[0]) == 24.0


def test_other_inputs_are_as_before() -> None:
    rng = np.random.default_rng(1)
    level = rng.gamma(2.0, size=TIMES.size)
    both = Visited(np.column_stack([TIMES[:, 0], level]), (24.0, None))
    alone = Visited(level[:, None])
    np.testing.assert_array_equal(both.grid(1, 30), alone.grid(0, 30))
    np.testing.assert_array_equal(both.density(1, level[:5]), alone.density(0, level[:5]))
    np.testing.assert_array_equal(both.ends[:, 1], alone.ends[:, 0])
