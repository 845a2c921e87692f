// What every generated CPU model needs: threads, spike tapes, rows of weights, random
// numbers, losses. The generated file defines `id_type` (the integer that holds a neuron's
// index) and includes this; it then defines the model and `mlg_run`.
#pragma once
#include <math.h>
#include <new>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__SSE__) || defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace mlg {

// ---------------------------------------------------------------- vectors
// 64 bytes in the compiler's own vector type: one register with AVX-512, several otherwise.
typedef float vec __attribute__((vector_size(64), aligned(64), may_alias));
constexpr int LANES = 16;
#if defined(__AVX512F__)
constexpr int BLOCK = 16;  // vectors kept in registers while rows are added
#elif defined(__AVX__)
constexpr int BLOCK = 6;
#elif defined(__aarch64__)
constexpr int BLOCK = 6;
#else
constexpr int BLOCK = 3;
#endif

constexpr int padded(int n) { return (n + LANES - 1) / LANES * LANES; }
static inline int smaller(int a, int b) { return a < b ? a : b; }

template <class T>
static T *allocate(size_t n) {
  void *p = nullptr;
  if (posix_memalign(&p, 64, (n ? n : 1) * sizeof(T))) return nullptr;
  return static_cast<T *>(p);
}

// ---------------------------------------------------------------- denormal numbers
// They would make decaying traces a hundred times slower; flushed to zero while we run.
struct FlushDenormals {
#if defined(__SSE__) || defined(__x86_64__)
  unsigned before;
  FlushDenormals() : before(_mm_getcsr()) { _mm_setcsr(before | 0x8040); }
  ~FlushDenormals() { _mm_setcsr(before); }
#elif defined(__aarch64__)
  uint64_t before;
  FlushDenormals() {
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("msr fpcr, %0" ::"r"(before | (1ull << 24)));
  }
  ~FlushDenormals() { __asm__ volatile("msr fpcr, %0" ::"r"(before)); }
#endif
};

// ---------------------------------------------------------------- threads
// A pool that runs one function on all its threads; the caller is thread 0.
struct Pool {
  typedef void (*Task)(void *, int);
  int size = 1;
  pthread_t *threads = nullptr;
  pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t wake = PTHREAD_COND_INITIALIZER, done = PTHREAD_COND_INITIALIZER;
  Task task = nullptr;
  void *argument = nullptr;
  unsigned round = 0;
  int pending = 0;
  bool stop = false;
  struct Seat {
    Pool *pool;
    int index;
  } *seats = nullptr;

  bool start(int n) {
    threads = allocate<pthread_t>(n);
    seats = allocate<Seat>(n);
    if (!threads || !seats) return false;
    for (int i = 1; i < n; ++i) {
      seats[i] = {this, i};
      if (pthread_create(&threads[i], nullptr, &Pool::entry, &seats[i])) return false;
      size = i + 1;
    }
    return true;
  }
  static void *entry(void *seat) {
    static_cast<Seat *>(seat)->pool->serve(static_cast<Seat *>(seat)->index);
    return nullptr;
  }
  void serve(int index) {
    FlushDenormals flush;
    unsigned seen = 0;
    for (;;) {
      pthread_mutex_lock(&lock);
      while (round == seen && !stop) pthread_cond_wait(&wake, &lock);
      if (stop) {
        pthread_mutex_unlock(&lock);
        return;
      }
      seen = round;
      Task run = task;
      void *what = argument;
      pthread_mutex_unlock(&lock);
      run(what, index);
      pthread_mutex_lock(&lock);
      if (--pending == 0) pthread_cond_signal(&done);
      pthread_mutex_unlock(&lock);
    }
  }
  void run(Task t, void *what) {
    if (size > 1) {
      pthread_mutex_lock(&lock);
      task = t;
      argument = what;
      pending = size - 1;
      ++round;
      pthread_cond_broadcast(&wake);
      pthread_mutex_unlock(&lock);
    }
    {
      FlushDenormals flush;
      t(what, 0);
    }
    if (size > 1) {
      pthread_mutex_lock(&lock);
      while (pending) pthread_cond_wait(&done, &lock);
      pthread_mutex_unlock(&lock);
    }
  }
  ~Pool() {
    pthread_mutex_lock(&lock);
    stop = true;
    pthread_cond_broadcast(&wake);
    pthread_mutex_unlock(&lock);
    for (int i = 1; i < size; ++i) pthread_join(threads[i], nullptr);
    free(threads);
    free(seats);
  }
};

// ---------------------------------------------------------------- spike tapes
// The spikes of one group in one example, as lists of neurons, one list a step.
struct Tape {
  const id_type *id = nullptr;  // neurons, step after step
  uint32_t *offset = nullptr;   // list of step base + k: id[offset[k]] .. id[offset[k + 1] - 1]
  int64_t base = 0;             // the first step whose list is kept
  float *record = nullptr;      // numbers kept with each spike
  id_type *own = nullptr;       // where id points, unless the spikes came with the data
  size_t capacity = 0, steps = 0, numbers = 0;  // numbers: of each spike in record
  // The last lists of the batch before, where a batch carries on from it.
  id_type *tail = nullptr;
  uint32_t *tail_offset = nullptr;
  int64_t tail_steps = 0;

  // Keeps the lists of the last `wanted` of `num_steps` steps.
  bool keep_tail(int64_t wanted, int64_t num_steps) {
    const int64_t held = num_steps - base, kept = wanted < held ? wanted : held;
    const uint32_t first = offset[held - kept], last = offset[held];
    id_type *ids = allocate<id_type>(last - first);
    uint32_t *offsets = allocate<uint32_t>(kept + 1);
    if (!ids || !offsets) return false;
    if (last > first) memcpy(ids, id + first, (last - first) * sizeof(id_type));
    for (int64_t k = 0; k <= kept; ++k) offsets[k] = offset[held - kept + k] - first;
    drop_tail();
    tail = ids;
    tail_offset = offsets;
    tail_steps = kept;
    return true;
  }
  void drop_tail() {
    free(tail);
    free(tail_offset);
    tail = nullptr;
    tail_offset = nullptr;
    tail_steps = 0;
  }
  bool begin(size_t num_steps) {
    if (num_steps > steps || !offset) {
      free(offset);
      offset = allocate<uint32_t>(num_steps + 2);
      steps = num_steps;
    }
    if (!offset) return false;
    offset[0] = 0;
    base = 0;
    id = own;
    return true;
  }
  // Room for n more spikes, each with k numbers.
  bool reserve(size_t used, size_t n, size_t k) {
    numbers = k;
    if (used + n <= capacity) return true;
    size_t larger = capacity * 2 > used + n ? capacity * 2 : used + n;
    id_type *ids = static_cast<id_type *>(realloc(own, larger * sizeof(id_type)));
    if (!ids) return false;
    own = ids;
    id = ids;
    if (k) {
      float *numbers = static_cast<float *>(realloc(record, larger * k * sizeof(float)));
      if (!numbers) return false;
      record = numbers;
    }
    capacity = larger;
    return true;
  }
  // Lists of steps first <= t < last of a group whose spikes come with the data, sorted
  // by step; those of the steps before are there.
  void play(const int32_t *step, const id_type *ids, int64_t n, int64_t first, int64_t last) {
    id = ids;
    int64_t k = offset[first - base];
    for (int64_t t = first; t < last; ++t) {
      while (k < n && step[k] == t) ++k;
      offset[t + 1 - base] = static_cast<uint32_t>(k);
    }
  }
  // Drops the lists of steps before `from`; those before step `now` are there.
  void forget(int64_t from, int64_t now) {
    if (from <= base) return;
    const int64_t gone = from - base;
    const uint32_t first = id == own ? offset[gone] : 0, last = offset[now - base];
    if (first < last && first) {
      memmove(own, own + first, (last - first) * sizeof(id_type));
      if (numbers)
        memmove(record, record + first * numbers, (last - first) * numbers * sizeof(float));
    }
    for (int64_t k = 0; k <= now - from; ++k) offset[k] = offset[k + gone] - first;
    base = from;
  }
  void release() {
    drop_tail();
    free(offset);
    free(own);
    free(record);
  }
};

struct Spikes {
  const id_type *id;
  uint32_t n;
};
static inline Spikes spikes_at(const Tape &tape, int64_t t) {
  if (t < 0) {
    if (-t > tape.tail_steps) return {nullptr, 0};
    const uint32_t *at = tape.tail_offset + tape.tail_steps + t;
    return {tape.tail + at[0], at[1] - at[0]};
  }
  const uint32_t *at = tape.offset + (t - tape.base);
  return {tape.id + at[0], at[1] - at[0]};
}

// Neurons whose flag is set, in order; the flags of a step are bytes 0 or 1.
static inline uint32_t collect(const uint8_t *flag, int n, id_type *out) {
  uint32_t found = 0;
  int j = 0;
  for (; j + 8 <= n; j += 8) {
    uint64_t word;
    memcpy(&word, flag + j, 8);
    while (word) {
      int lane = __builtin_ctzll(word) >> 3;
      out[found++] = static_cast<id_type>(j + lane);
      word &= word - 1;
    }
  }
  for (; j < n; ++j)
    if (flag[j]) out[found++] = static_cast<id_type>(j);
  return found;
}

// ---------------------------------------------------------------- data
// The numbers of N neurons in a frame; the last frame stays.
template <int N>
static inline void show_frame(float *to, const float *values, int64_t frame, int64_t count) {
  const int64_t shown = frame < count ? frame : count - 1;
  memcpy(to, values + shown * N, N * sizeof(float));
}

// ---------------------------------------------------------------- rows of weights
template <int V>
static inline void add_block(float *__restrict to, const float *__restrict weight,
                             int stride, Spikes s) {
  vec sum[V];
  vec *target = reinterpret_cast<vec *>(to);
#pragma GCC unroll 16
  for (int v = 0; v < V; ++v) sum[v] = target[v];
  for (uint32_t k = 0; k < s.n; ++k) {
    const vec *row = reinterpret_cast<const vec *>(weight + size_t(s.id[k]) * stride);
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) sum[v] += row[v];
  }
#pragma GCC unroll 16
  for (int v = 0; v < V; ++v) target[v] = sum[v];
}

// to[j] += sum over spikes of weight[spike][j], P targets (padded).
template <int P>
static inline void add_rows(float *__restrict to, const float *__restrict weight, Spikes s) {
  if (!s.n) return;
  constexpr int ALL = P / LANES, WHOLE = ALL / BLOCK, REST = ALL % BLOCK;
  for (int b = 0; b < WHOLE; ++b)
    add_block<BLOCK>(to + b * BLOCK * LANES, weight + b * BLOCK * LANES, P, s);
  if constexpr (REST > 0)
    add_block<REST>(to + WHOLE * BLOCK * LANES, weight + WHOLE * BLOCK * LANES, P, s);
}

template <int P>
static inline void add_row(float *__restrict to, const float *__restrict row) {
  vec *t = reinterpret_cast<vec *>(to);
  const vec *r = reinterpret_cast<const vec *>(row);
  for (int v = 0; v < P / LANES; ++v) t[v] += r[v];
}

static inline float total(vec v) {
  float sum = 0;
  for (int l = 0; l < LANES; ++l) sum += v[l];
  return sum;
}

template <int P>
static inline float dot(const float *__restrict a, const float *__restrict b) {
  const vec *x = reinterpret_cast<const vec *>(a), *y = reinterpret_cast<const vec *>(b);
  vec sum = {};
  for (int v = 0; v < P / LANES; ++v) sum += x[v] * y[v];
  return total(sum);
}

// The same for the synapses of neuron j that are listed, each with where it leads.
static inline float dot_listed(const float *weight, const int64_t *offset, const id_type *target,
                               size_t j, const float *b) {
  float sum = 0;
  for (int64_t e = offset[j]; e < offset[j + 1]; ++e) sum += weight[e] * b[target[e]];
  return sum;
}

// One pass over a weight row and its gradient row: gradient += slope, returns weight . back.
template <int P>
static inline float add_row_and_dot(float *__restrict gradient, const float *__restrict slope,
                                    const float *__restrict weight,
                                    const float *__restrict back) {
  vec *g = reinterpret_cast<vec *>(gradient);
  const vec *s = reinterpret_cast<const vec *>(slope);
  const vec *w = reinterpret_cast<const vec *>(weight);
  const vec *b = reinterpret_cast<const vec *>(back);
  vec sum[2] = {};
  constexpr int ALL = P / LANES;
#pragma GCC unroll 8
  for (int v = 0; v < ALL; ++v) {
    g[v] += s[v];
    sum[v & 1] += w[v] * b[v];
  }
  return total(sum[0] + sum[1]);
}

// to[k][j] = weight[j][k] for N rows of P numbers, of which K count; rows of `to` are padded.
template <int N, int P, int K>
static inline void transpose(const float *__restrict weight, float *__restrict to) {
  for (int j = 0; j < N; ++j)
    for (int k = 0; k < K; ++k) to[k * padded(N) + j] = weight[size_t(j) * P + k];
}

// to[j] += sum over k < K of row[k][j] * factor[k], N targets (padded).
template <int N, int K>
static inline void add_weighted_rows(float *__restrict to, const float *__restrict row,
                                     const float *__restrict factor) {
  for (int first = 0; first < N; first += BLOCK * LANES) {
    const int count = smaller(BLOCK, (N - first) / LANES);
    vec sum[BLOCK];
    vec *target = reinterpret_cast<vec *>(to + first);
    for (int v = 0; v < count; ++v) sum[v] = target[v];
    for (int k = 0; k < K; ++k) {
      const vec *r = reinterpret_cast<const vec *>(row + k * N + first);
      for (int v = 0; v < count; ++v) sum[v] += r[v] * factor[k];
    }
    for (int v = 0; v < count; ++v) target[v] = sum[v];
  }
}

// ---------------------------------------------------------------- random numbers
// Philox 4x32-10 (Salmon et al. 2011): the numbers depend on seed, example, step, neuron and
// the index of the draw, never on threads.
struct Random {
  uint32_t key[2], counter[4];
  Random(uint64_t seed, uint64_t example, uint32_t step, uint32_t neuron, uint32_t first)
      : key{uint32_t(seed), uint32_t(seed >> 32) ^ uint32_t(example >> 32)},
        counter{first, uint32_t(example), step, neuron} {}
  static void round(uint32_t *c, const uint32_t *k) {
    uint64_t a = uint64_t(0xD2511F53u) * c[0], b = uint64_t(0xCD9E8D57u) * c[2];
    uint32_t next[4] = {uint32_t(b >> 32) ^ c[1] ^ k[0], uint32_t(b),
                        uint32_t(a >> 32) ^ c[3] ^ k[1], uint32_t(a)};
    memcpy(c, next, sizeof next);
  }
  uint32_t bits() {
    uint32_t c[4] = {counter[0]++, counter[1], counter[2], counter[3]};
    uint32_t k[2] = {key[0], key[1]};
    for (int i = 0; i < 10; ++i) {
      round(c, k);
      k[0] += 0x9E3779B9u;
      k[1] += 0xBB67AE85u;
    }
    return c[0];
  }
  float uniform() { return float(bits() >> 8) * (1.0f / 16777216.0f); }
  float exponential() { return -logf(1.0f - uniform()); }
  float normal() {
    float r = sqrtf(2.0f * exponential()), a = 6.28318530718f * uniform();
    return r * cosf(a);
  }
};

// ---------------------------------------------------------------- losses
// Softmax cross-entropy; slope[k] = scale * dL/dy[k]. Returns the loss.
static inline float cross_entropy(const float *y, int n, int label, float temperature,
                                  float scale, float *slope) {
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

// Mean over n of the squared error; slope[k] = scale * dL/dy[k]. Returns the loss.
static inline float squared_error(const float *y, int n, const float *target, float scale,
                                  float *slope) {
  float sum = 0;
  for (int k = 0; k < n; ++k) {
    const float error = y[k] - target[k];
    sum += error * error;
    slope[k] = scale * 2.0f * error / n;
  }
  return sum / n;
}

// ---------------------------------------------------------------- the seam to Python
enum Phase { BEGIN = 1, FORWARD = 2, END = 4, BACKWARD = 8, REDUCE = 16, UPDATE = 32, OWN_SLOTS = 64, KEEP_STATE = 128,
             ONLINE = 256, FORGET = 512 };
enum Status { FINE = 0, NO_MEMORY = 1, NOT_FINITE = 2 };

// A stretch of an example's state, copied out after every step.
struct Recording {
  int64_t offset, size;  // in floats
  int32_t backward;      // whether it is copied in the backward pass
  int32_t reserved;
  float *to;  // (examples, steps, size)
};

struct Call {
  int64_t num_steps, batch, first, last;  // first <= t < last are the steps to run
  int64_t phases, example;                // example: number of the first one, for random numbers
  uint64_t seed;
  float dt, scale;               // scale: 1 / batch
  const float *scalars;          // constants of groups, one after the other
  float *const *arrays;          // constants that neurons have of their own, delays, weights
  const int64_t *integers;       // constant delays, rings
  const float *initial;          // state block at the start of an example
  const int32_t *const *event_steps;
  const id_type *const *event_ids;
  const int64_t *event_counts;   // of each input group, for each example
  const float *const *values;    // of each group given numbers, for each example: (frames, neurons)
  const void *const *targets;    // of each output group
  float *const *results;         // of each output group: (batch, neurons)
  float *losses;                 // (batch, output groups)
  const float *loss_scalars;
  const float *optimiser_scalars;
  float *const *slots;           // of each optimiser update, the numbers it keeps
  float *const *gradients;       // of each learned array, where REDUCE puts its sum
  int64_t carried;               // steps whose spikes a batch carries over from the last
  int64_t block;                 // steps that run between taking gradients and forgetting
  const int64_t *rings;          // (offset, length, row) of delay rings, in floats
  int64_t num_rings;
  int64_t num_recordings;
  const Recording *recordings;
};
}  // namespace mlg
