// Backward pass of convolutions, for all source neurons at once.
#pragma once
#include "c_headers.h"
#include "platform/simd.h"

namespace mlg {
// to[k][c] = weight[c][k] for C channels with K weights each; rows of `to` are padded.
template <int C, int K>
static inline void transpose(const float *__restrict weight, float *__restrict to) {
  for (int c = 0; c < C; ++c)
    for (int k = 0; k < K; ++k) to[k * padded(C) + c] = weight[size_t(c) * K + k];
}

// to[pixel][c] += sum over the pixel's patch of weight[k][c] * grad[target].
// The source has H rows of W pixels with C channels, the target OW pixels in a row with F filters,
// the kernel KW columns. Weights are transposed, so the channels of a pixel are one vector.
// rows, columns: for each row and column of the source, the first target, the kernel's place of
// that target, and the number of targets.
template <int C, int H, int W, int OW, int KW, int F>
static inline void convolution_backward(float *to, const float *weight, const float *grad,
                                        const int32_t *rows, const int32_t *columns) {
  constexpr int P = padded(C), V = P / LANES;
  for (int y = 0; y < H; ++y) {
    const int32_t *row_reach = rows + 3 * y;
    for (int x = 0; x < W; ++x) {
      const int32_t *column_reach = columns + 3 * x;
      const int count = column_reach[2] * F;
      vec sum[2][V] = {};  // of even and odd targets, to hide the latency of an addition
      for (int r = 0; r < row_reach[2]; ++r) {
        const float *b = grad + (int64_t(row_reach[0] + r) * OW + column_reach[0]) * F;
        const int64_t place = int64_t(row_reach[1] + r) * KW + column_reach[1];
        const vec *w = reinterpret_cast<const vec *>(weight + place * F * P);
        int e = 0;
        for (; e + 2 <= count; e += 2)
          for (int k = 0; k < 2; ++k)
            for (int v = 0; v < V; ++v) sum[k][v] += w[(e + k) * V + v] * b[e + k];
        for (; e < count; ++e)
          for (int v = 0; v < V; ++v) sum[0][v] += w[e * V + v] * b[e];
      }
      float *pixel = to + (y * W + x) * C;
      for (int c = 0; c < C; ++c) pixel[c] += (sum[0][c / LANES] + sum[1][c / LANES])[c % LANES];
    }
  }
}
}  // namespace mlg
