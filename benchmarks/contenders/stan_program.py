"""The Stan program of a problem: its own functions, and the same loop over segments for all."""

from __future__ import annotations

PROGRAM = """
functions {{
{functions}
}}
data {{
  int solver;  // 0 ode_rk45, 1 ode_bdf, 2 ode_adjoint; 3 solves nothing: what a call costs besides
  real rtol;
  real atol;
  int S; int K; int N; int P; int W; int n; int O;
  array[S, K] real begin;
  array[S, K, n] real jump;
  array[S, K] int count;             // times of a segment, its end among them
  array[S, K] int first;             // where they begin in `time`
  int T;
  array[T] real time;
  array[S] int before;               // times of earlier subjects
  array[S] int own;                  // and this subject's
  array[N] int place;                // of a row in `time`; -k for the beginning of segment k
  array[S] int row_first; array[S] int row_last;
  array[N] int output;
  vector[N] observed; vector[N] sigma;
}}
parameters {{
  array[S] vector[P] p;
  vector[W] w;
}}
model {{
  for (s in 1:S) {{
    matrix[n, own[s]] state_at;
    array[K] vector[n] state_after;  // each jump
    vector[n] y = initial(p[s]);
    for (k in 1:K) {{
      y += to_vector(jump[s, k]);
      state_after[k] = y;
      if (count[s, k] > 0) {{
        int a = first[s, k];
        int b = a + count[s, k] - 1;
        array[count[s, k]] vector[n] ys;
        if (solver == 0)
          ys = ode_rk45_tol(derivative, y, begin[s, k], time[a:b], rtol, atol, 100000, p[s], w);
        else if (solver == 1)
          ys = ode_bdf_tol(derivative, y, begin[s, k], time[a:b], rtol, atol, 100000, p[s], w);
        else if (solver == 2)
          ys = ode_adjoint_tol_ctl(
            derivative, y, begin[s, k], time[a:b],
            rtol, rep_vector(atol, n), rtol, rep_vector(atol, n), rtol, atol,
            100000, 150, 1, 2, 2, p[s], w);
        else
          ys = rep_array(y, count[s, k]);
        for (i in 1:count[s, k]) state_at[, a + i - 1 - before[s]] = ys[i];
        y = ys[count[s, k]];
      }}
    }}
    for (row in row_first[s]:row_last[s]) {{
      vector[n] z = place[row] > 0 ? state_at[, place[row] - before[s]] : state_after[-place[row]];
      target += -0.5 * square((observed[row] - readout(z, p[s])[output[row]]) / sigma[row]);
    }}
  }}
}}
"""


def program(functions: str) -> str:
    """The program around a problem's own functions."""
    return PROGRAM.format(functions=functions)
