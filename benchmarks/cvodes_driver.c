/* Value and gradient of the system of pk_net.py, written by hand for CVODES's own adjoint module.
 *
 * This is what the package is raced against: integrators made once and kept, analytic Jacobians,
 * one smooth forward solve for each subject (CVodeF, one checkpoint), a restart of the adjoint at
 * every observation (CVodeB), quadratures under error control, tanh of the C library.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cvodes/cvodes.h>
#include <nvector/nvector_serial.h>
#include <sunlinsol/sunlinsol_dense.h>
#include <sunmatrix/sunmatrix_dense.h>

#define STATES 2
#define HIDDEN 8
#define PARAMETERS 3
#define WEIGHTS (3 * HIDDEN + 1)
#define LENGTH (PARAMETERS + WEIGHTS)

typedef struct {
  const double *p; /* ka, V, k */
  const double *w; /* W1 (8), b1 (8), W2 (8), b2 */
} Subject;

typedef struct {
  SUNContext context;
  void *forward;
  N_Vector y, adjoint, integral;
  SUNMatrix matrix, adjoint_matrix;
  SUNLinearSolver solver, adjoint_solver;
  int which;
  int with_adjoint;
  Subject subject;
} Driver;

/* The network at concentration c: value, slope, and what its gradient is made of. */
typedef struct {
  double value, slope, s, h[HIDDEN];
} Network;

static inline void network(const double *w, double c, Network *out) {
  double z = w[3 * HIDDEN], dz = 0.0;
  for (int j = 0; j < HIDDEN; j++) {
    double h = tanh(w[j] * c + w[HIDDEN + j]);
    out->h[j] = h;
    z += w[2 * HIDDEN + j] * h;
    dz += w[2 * HIDDEN + j] * (1.0 - h * h) * w[j];
  }
  double e = exp(-fabs(z));
  out->value = (z > 0.0 ? z : 0.0) + log1p(e);
  out->s = (z > 0.0 ? 1.0 : e) / (1.0 + e);
  out->slope = out->s * dz;
}

static inline double network_value(const double *w, double c) {
  double z = w[3 * HIDDEN];
  for (int j = 0; j < HIDDEN; j++) z += w[2 * HIDDEN + j] * tanh(w[j] * c + w[HIDDEN + j]);
  return (z > 0.0 ? z : 0.0) + log1p(exp(-fabs(z)));
}

static int rhs(sunrealtype t, N_Vector y_, N_Vector f_, void *data) {
  const Subject *s = data;
  const double *y = NV_DATA_S(y_);
  double *f = NV_DATA_S(f_);
  double ka = s->p[0], V = s->p[1], k = s->p[2];
  f[0] = -ka * y[0];
  f[1] = ka * y[0] - k * network_value(s->w, y[1] / V) * y[1];
  return 0;
}

static int jacobian(sunrealtype t, N_Vector y_, N_Vector f, SUNMatrix J, void *data, N_Vector a,
                    N_Vector b, N_Vector d) {
  const Subject *s = data;
  const double *y = NV_DATA_S(y_);
  double *j = SM_DATA_D(J), c = y[1] / s->p[1];
  Network n;
  network(s->w, c, &n);
  j[0] = -s->p[0];
  j[1] = s->p[0];
  j[2] = 0.0;
  j[3] = -s->p[2] * (n.value + c * n.slope);
  return 0;
}

static int adjoint_rhs(sunrealtype t, N_Vector y_, N_Vector a_, N_Vector f_, void *data) {
  const Subject *s = data;
  const double *y = NV_DATA_S(y_), *a = NV_DATA_S(a_);
  double *f = NV_DATA_S(f_), c = y[1] / s->p[1];
  Network n;
  network(s->w, c, &n);
  f[0] = s->p[0] * (a[0] - a[1]);
  f[1] = s->p[2] * (n.value + c * n.slope) * a[1];
  return 0;
}

static int adjoint_jacobian(sunrealtype t, N_Vector y_, N_Vector a_, N_Vector f, SUNMatrix J,
                            void *data, N_Vector u, N_Vector v, N_Vector w) {
  const Subject *s = data;
  const double *y = NV_DATA_S(y_);
  double *j = SM_DATA_D(J), c = y[1] / s->p[1];
  Network n;
  network(s->w, c, &n);
  j[0] = s->p[0];
  j[1] = 0.0;
  j[2] = -s->p[0];
  j[3] = s->p[2] * (n.value + c * n.slope);
  return 0;
}

static int quadrature(sunrealtype t, N_Vector y_, N_Vector a_, N_Vector q_, void *data) {
  const Subject *s = data;
  const double *y = NV_DATA_S(y_), *a = NV_DATA_S(a_), *w = s->w;
  double *q = NV_DATA_S(q_), V = s->p[1], k = s->p[2], c = y[1] / V;
  Network n;
  network(w, c, &n);
  q[0] = (a[0] - a[1]) * y[0];
  q[1] = -a[1] * k * y[1] * n.slope * c / V;
  q[2] = a[1] * n.value * y[1];
  double to_net = a[1] * k * y[1] * n.s;
  for (int j = 0; j < HIDDEN; j++) {
    double inner = to_net * w[2 * HIDDEN + j] * (1.0 - n.h[j] * n.h[j]);
    q[PARAMETERS + j] = inner * c;
    q[PARAMETERS + HIDDEN + j] = inner;
    q[PARAMETERS + 2 * HIDDEN + j] = to_net * n.h[j];
  }
  q[PARAMETERS + 3 * HIDDEN] = to_net;
  return 0;
}

/* with_adjoint: 0 for forward solves only (no trajectory is stored), 1 for gradients. */
Driver *driver_create(double rtol, double atol, int with_adjoint) {
  Driver *d = calloc(1, sizeof(Driver));
  if (SUNContext_Create(SUN_COMM_NULL, &d->context)) return NULL;
  d->with_adjoint = with_adjoint;
  d->y = N_VNew_Serial(STATES, d->context);
  d->matrix = SUNDenseMatrix(STATES, STATES, d->context);
  d->solver = SUNLinSol_Dense(d->y, d->matrix, d->context);
  d->forward = CVodeCreate(CV_BDF, d->context);
  N_VConst(0.0, d->y);
  int bad = CVodeInit(d->forward, rhs, 0.0, d->y);
  bad |= CVodeSStolerances(d->forward, rtol, atol);
  bad |= CVodeSetUserData(d->forward, &d->subject);
  bad |= CVodeSetLinearSolver(d->forward, d->solver, d->matrix);
  bad |= CVodeSetJacFn(d->forward, jacobian);
  bad |= CVodeSetMaxNumSteps(d->forward, 10000);
  if (with_adjoint) {
    d->adjoint = N_VNew_Serial(STATES, d->context);
    d->integral = N_VNew_Serial(LENGTH, d->context);
    d->adjoint_matrix = SUNDenseMatrix(STATES, STATES, d->context);
    d->adjoint_solver = SUNLinSol_Dense(d->adjoint, d->adjoint_matrix, d->context);
    N_VConst(0.0, d->adjoint);
    N_VConst(0.0, d->integral);
    bad |= CVodeAdjInit(d->forward, 10000, CV_HERMITE);
    bad |= CVodeCreateB(d->forward, CV_BDF, &d->which);
    bad |= CVodeInitB(d->forward, d->which, adjoint_rhs, 0.0, d->adjoint);
    bad |= CVodeSStolerancesB(d->forward, d->which, rtol, atol);
    bad |= CVodeSetUserDataB(d->forward, d->which, &d->subject);
    bad |= CVodeSetLinearSolverB(d->forward, d->which, d->adjoint_solver, d->adjoint_matrix);
    bad |= CVodeSetJacFnB(d->forward, d->which, adjoint_jacobian);
    bad |= CVodeQuadInitB(d->forward, d->which, quadrature, d->integral);
    bad |= CVodeQuadSStolerancesB(d->forward, d->which, rtol, atol);
    bad |= CVodeSetQuadErrConB(d->forward, d->which, SUNTRUE);
    bad |= CVodeSetMaxNumStepsB(d->forward, d->which, 10000);
  }
  return bad ? NULL : d;
}

void driver_free(Driver *d) {
  CVodeFree(&d->forward);
  SUNLinSolFree(d->solver);
  SUNMatDestroy(d->matrix);
  N_VDestroy(d->y);
  if (d->with_adjoint) {
    SUNLinSolFree(d->adjoint_solver);
    SUNMatDestroy(d->adjoint_matrix);
    N_VDestroy(d->adjoint);
    N_VDestroy(d->integral);
  }
  SUNContext_Free(&d->context);
  free(d);
}

/* Predicted concentrations, and with cotangents (not NULL) the gradient of their inner product.
 *
 * parameters (subjects, 3), weights (25), times (rows), cotangents and cp (subjects, rows),
 * to_parameters (subjects, 3) and to_weights (25) start at zero, steps (2): forward, adjoint.
 */
int driver_solve(Driver *d, long subjects, long rows, double dose, const double *parameters,
                 const double *weights, const double *times, const double *cotangents, double *cp,
                 double *to_parameters, double *to_weights, long *steps) {
  double reached, *seen = malloc(rows * sizeof(double));
  int checkpoints, bad = 0;
  long taken;
  steps[0] = steps[1] = 0;
  for (long i = 0; i < subjects && !bad; i++) {
    double *y = NV_DATA_S(d->y);
    double V = parameters[i * PARAMETERS + 1];
    d->subject.p = parameters + i * PARAMETERS;
    d->subject.w = weights;
    y[0] = dose;
    y[1] = 0.0;
    bad |= CVodeReInit(d->forward, 0.0, d->y);
    if (cotangents) bad |= CVodeAdjReInit(d->forward);
    for (long r = 0; r < rows; r++) {
      int flag = cotangents ? CVodeF(d->forward, times[r], d->y, &reached, CV_NORMAL, &checkpoints)
                            : CVode(d->forward, times[r], d->y, &reached, CV_NORMAL);
      bad |= flag < 0;
      seen[r] = y[1];
      cp[i * rows + r] = y[1] / V;
    }
    CVodeGetNumSteps(d->forward, &taken);
    steps[0] += taken;
    if (!cotangents || bad) continue;
    double *a = NV_DATA_S(d->adjoint), *q = NV_DATA_S(d->integral);
    memset(a, 0, STATES * sizeof(double));
    memset(q, 0, LENGTH * sizeof(double));
    for (long r = rows - 1; r >= 0 && !bad; r--) {
      double g = cotangents[i * rows + r];
      a[1] += g / V;
      q[1] -= g * seen[r] / (V * V);
      bad |= CVodeReInitB(d->forward, d->which, times[r], d->adjoint);
      bad |= CVodeQuadReInitB(d->forward, d->which, d->integral);
      bad |= CVodeB(d->forward, r ? times[r - 1] : 0.0, CV_NORMAL) < 0;
      bad |= CVodeGetB(d->forward, d->which, &reached, d->adjoint);
      bad |= CVodeGetQuadB(d->forward, d->which, &reached, d->integral);
      CVodeGetNumSteps(CVodeGetAdjCVodeBmem(d->forward, d->which), &taken);
      steps[1] += taken;
    }
    for (int j = 0; j < PARAMETERS; j++) to_parameters[i * PARAMETERS + j] = q[j];
    for (int j = 0; j < WEIGHTS; j++) to_weights[j] += q[PARAMETERS + j];
  }
  free(seen);
  return bad;
}
