// Losses and their gradients, the same on every engine.
#pragma once
#include "c_headers.h"

namespace mlg {
// Softmax cross-entropy; slope[k] = scale * dL/dy[k]. Returns the loss.
static inline float cross_entropy(const float *y, int n, int label, float temperature, float scale,
                                  float *slope) {
  float top = y[0], sum = 0;
  for (int k = 1; k < n; ++k) top = y[k] > top ? y[k] : top;
  for (int k = 0; k < n; ++k) {
    slope[k] = expf((y[k] - top) / temperature);
    sum += slope[k];
  }
  for (int k = 0; k < n; ++k)
    slope[k] = scale / temperature * (slope[k] / sum - (k == label ? 1.0f : 0.0f));
  return logf(sum) - (y[label] - top) / temperature;
}

// The same against shares of the classes.
static inline float soft_cross_entropy(const float *y, int n, const float *share, float temperature,
                                       float scale, float *slope) {
  float top = y[0], sum = 0, total = 0, loss = 0;
  for (int k = 1; k < n; ++k) top = y[k] > top ? y[k] : top;
  for (int k = 0; k < n; ++k) {
    slope[k] = expf((y[k] - top) / temperature);
    sum += slope[k];
    total += share[k];
  }
  for (int k = 0; k < n; ++k) {
    loss += share[k] * (logf(sum) - (y[k] - top) / temperature);
    slope[k] = scale / temperature * (total * slope[k] / sum - share[k]);
  }
  return loss;
}

// Mean over n of the squared error, times a factor; slope[k] = scale * dL/dy[k].
static inline float squared_error(const float *y, int n, const float *target, float factor,
                                  float scale, float *slope) {
  float sum = 0;
  for (int k = 0; k < n; ++k) {
    const float error = y[k] - target[k];
    sum += error * error;
    slope[k] = scale * factor * 2.0f * error / n;
  }
  return factor * sum / n;
}

// Mean over n of the size of the error, times a factor; slope[k] = scale * dL/dy[k].
static inline float absolute_error(const float *y, int n, const float *target, float factor,
                                   float scale, float *slope) {
  float sum = 0;
  for (int k = 0; k < n; ++k) {
    const float error = y[k] - target[k];
    sum += fabsf(error);
    slope[k] = scale * factor * float((error > 0) - (error < 0)) / n;
  }
  return factor * sum / n;
}

// Of times t = -y: half the sum of squares of t[k] - t[label] - lead over the others.
static inline float relative_squared_error(const float *y, int n, int label, float lead,
                                           float scale, float *slope) {
  float sum = 0, errors = 0;
  for (int k = 0; k < n; ++k) {
    const float error = k == label ? 0.0f : y[label] - y[k] - lead;
    sum += error * error;
    errors += error;
    slope[k] = -scale * error;
  }
  slope[label] = scale * errors;
  return 0.5f * sum;
}
}  // namespace mlg
