// What every generated CPU model needs: threads, spike tapes, rows of weights, random
// numbers, losses. The generated file defines `id_type` (the integer that holds a neuron's
// index) and includes this; it then defines the model and `mlg_run`.
#pragma once
// The C headers themselves: what libstdc++ puts around them takes longer to compile than we do.
#define _GLIBCXX_INCLUDE_NEXT_C_HEADERS
#include <math.h>
#include <new>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ml_genn_math.h"
#include "ml_genn_targets.h"

// What takes no part of a time step is compiled for size: that takes less than half as long.
// A block of code that calls such a function is taken to be no part of one, either.
#define MLG_COLD __attribute__((cold, noinline))
// What runs now and then is compiled once, not wherever it is called.
#define MLG_ONCE __attribute__((noinline))
#if defined(__clang__)
#define MLG_LOOP _Pragma("clang loop vectorize(assume_safety) interleave(enable)")
#else
#define MLG_LOOP _Pragma("GCC ivdep")
#endif
// A function that only asks for memory seems to do nothing, and GCC drops calls of it.
#define MLG_ASKS __attribute__((always_inline)) static inline

namespace mlg {

// ---------------------------------------------------------------- vectors
// One register in the compiler's own vector type: longer ones would live in memory. Rows of
// numbers are padded to 64 bytes on every processor.
#if defined(__AVX512F__)
constexpr int LANES = 16;  // floats in a register
constexpr int BLOCK = 16;  // registers that hold sums while rows are added
constexpr int TILE = 4;    // and, for each example, while rows are added for four at once
#elif defined(__AVX__)
constexpr int LANES = 8, BLOCK = 12, TILE = 2;
#elif defined(__aarch64__)
constexpr int LANES = 4, BLOCK = 16, TILE = 4;
#else
constexpr int LANES = 4, BLOCK = 12, TILE = 2;
#endif
constexpr int VECTOR_BYTES = LANES * sizeof(float);
typedef float vec __attribute__((vector_size(VECTOR_BYTES), aligned(VECTOR_BYTES), may_alias));

constexpr int ROW = 16;  // floats that rows are padded to
constexpr int padded(int n) { return (n + ROW - 1) / ROW * ROW; }
static inline int smaller(int a, int b) { return a < b ? a : b; }
static inline float larger(float a, float b) { return a > b ? a : b; }
static inline float lesser(float a, float b) { return a < b ? a : b; }

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
  FlushDenormals() : before(__builtin_ia32_stmxcsr()) { __builtin_ia32_ldmxcsr(before | 0x8040); }
  ~FlushDenormals() { __builtin_ia32_ldmxcsr(before); }
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
static inline void relax() {
#if defined(__SSE__) || defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// Waits for something without falling asleep, for as long as there may be between two batches
// of training. A thread that slept takes from 0.1 ms to some milliseconds to come back.
constexpr int64_t AWAKE = 2000000;  // nanoseconds
static inline int64_t nanoseconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * int64_t(1000000000) + now.tv_nsec;
}
template <class Over>
static inline void stay_awake(Over over) {
  const int64_t end = nanoseconds() + AWAKE;
  do {
    for (int k = 0; k < 64; ++k) {
      if (over()) return;
      relax();
    }
    sched_yield();  // there may be others who have something to do
  } while (nanoseconds() < end);
}

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

  MLG_COLD bool start(int n) {
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
  MLG_COLD void serve(int index) {
    FlushDenormals flush;
    unsigned seen = 0;
    for (;;) {
      stay_awake([&] { return __atomic_load_n(&round, __ATOMIC_ACQUIRE) != seen; });
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
      __atomic_store_n(&pending, pending - 1, __ATOMIC_RELEASE);
      if (pending == 0) pthread_cond_signal(&done);
      pthread_mutex_unlock(&lock);
    }
  }
  MLG_COLD void run(Task t, void *what) {
    if (size > 1) {
      pthread_mutex_lock(&lock);
      task = t;
      argument = what;
      pending = size - 1;
      __atomic_store_n(&round, round + 1, __ATOMIC_RELEASE);
      pthread_cond_broadcast(&wake);
      pthread_mutex_unlock(&lock);
    }
    {
      FlushDenormals flush;
      t(what, 0);
    }
    if (size > 1) {
      stay_awake([&] { return __atomic_load_n(&pending, __ATOMIC_ACQUIRE) == 0; });
      pthread_mutex_lock(&lock);
      while (pending) pthread_cond_wait(&done, &lock);
      pthread_mutex_unlock(&lock);
    }
  }
  MLG_COLD ~Pool() {
    pthread_mutex_lock(&lock);
    stop = true;
    pthread_cond_broadcast(&wake);
    pthread_mutex_unlock(&lock);
    for (int i = 1; i < size; ++i) pthread_join(threads[i], nullptr);
    free(threads);
    free(seats);
  }
};

// Waits for what another thread is about to do; after a while, it lets others run.
template <class Over>
static inline void wait_until(Over over) {
  constexpr int SPINS = 2000;
  for (int k = 0; !over(); ++k) {
    if (k < SPINS) relax();
    else sched_yield();
  }
}

// A place where all threads of a pool wait for each other, often and not long.
struct Barrier {
  int waiting = 0;
  unsigned round = 0;

  void wait(int threads) {
    const unsigned mine = __atomic_load_n(&round, __ATOMIC_RELAXED);
    if (__atomic_add_fetch(&waiting, 1, __ATOMIC_ACQ_REL) == threads) {
      __atomic_store_n(&waiting, 0, __ATOMIC_RELAXED);
      __atomic_store_n(&round, mine + 1, __ATOMIC_RELEASE);
      return;
    }
    wait_until([&] { return __atomic_load_n(&round, __ATOMIC_ACQUIRE) != mine; });
  }
};

// ---------------------------------------------------------------- spike tapes
// Of 64 neurons, so many are listed whether they spiked or not, since asking takes longer.
constexpr int UNASKED = 4;

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
  MLG_COLD bool keep_tail(int64_t wanted, int64_t num_steps) {
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
  MLG_COLD void drop_tail() {
    free(tail);
    free(tail_offset);
    tail = nullptr;
    tail_offset = nullptr;
    tail_steps = 0;
  }
  MLG_COLD bool begin(size_t num_steps) {
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
  // Room for n more spikes, each with k numbers, and for what collect writes behind them.
  bool reserve(size_t used, size_t n, size_t k) {
    numbers = k;
    n += UNASKED;
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
  MLG_COLD void forget(int64_t from, int64_t now) {
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
  MLG_COLD void release() {
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

// 64 flags, bytes 0 or 1, as bits; no compiler makes them of a loop.
#if defined(__AVX2__)
typedef char Bytes __attribute__((vector_size(32)));
static inline uint64_t bits(const uint8_t *flag) {
  Bytes half[2];
  memcpy(half, flag, 64);
  const uint32_t low = __builtin_ia32_pmovmskb256(-half[0]);
  const uint32_t high = __builtin_ia32_pmovmskb256(-half[1]);
  return uint64_t(high) << 32 | low;
}
#else
static inline uint64_t bits(const uint8_t *flag) {
  uint64_t set = 0;
  for (int k = 0; k < 8; ++k) {
    uint64_t bytes;  // the lowest bits of eight bytes become those of one
    memcpy(&bytes, flag + 8 * k, 8);
    set |= (bytes * 0x0102040810204080u >> 56) << 8 * k;
  }
  return set;
}
#endif
// The same of the flags from j on, of n.
static inline uint64_t bits(const uint8_t *flag, int j, int n) {
  const uint64_t known = n - j < 64 ? (uint64_t(1) << (n - j)) - 1 : ~uint64_t(0);
  return bits(flag + j) & known;
}

// Neurons whose flag is set, in order; 63 more flags may be read behind theirs, and UNASKED
// more neurons written.
static inline uint32_t collect(const uint8_t *flag, int n, id_type *out) {
  uint32_t found = 0;
  for (int j = 0; j < n; j += 64) {
    uint64_t set = bits(flag, j, n);
    const int count = __builtin_popcountll(set);
    id_type *to = out + found;
#pragma GCC unroll 4
    for (int k = 0; k < UNASKED; ++k, set &= set - 1)
      to[k] = static_cast<id_type>(j + __builtin_ctzll(set | uint64_t(1) << 63));
    for (int k = UNASKED; k < count; ++k, set &= set - 1)
      to[k] = static_cast<id_type>(j + __builtin_ctzll(set));
    found += count;
  }
  return found;
}

// As collect; where half of them or more are set, n, and none is listed.
static inline uint32_t collect_unless_most(const uint8_t *flag, int n, id_type *out) {
  int found = 0;
  for (int j = 0; j < n; j += 64) found += __builtin_popcountll(bits(flag, j, n));
  return 2 * found >= n ? n : collect(flag, n, out);
}

// ---------------------------------------------------------------- data
// The numbers of N neurons in a frame; the last frame stays.
template <int N>
static inline void show_frame(float *to, const float *values, int64_t frame, int64_t count) {
  const int64_t shown = frame < count ? frame : count - 1;
  memcpy(to, values + shown * N, N * sizeof(float));
}

// ---------------------------------------------------------------- rows of weights
// to += the rows that are listed, V vectors of each.
template <int V, class Index>
static inline void add_block(float *__restrict to, const float *__restrict rows, int stride,
                             const Index *list, uint32_t n) {
  vec sum[V];
  vec *target = reinterpret_cast<vec *>(to);
#pragma GCC unroll 16
  for (int v = 0; v < V; ++v) sum[v] = target[v];
  for (uint32_t k = 0; k < n; ++k) {
    const vec *row = reinterpret_cast<const vec *>(rows + size_t(list[k]) * stride);
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) sum[v] += row[v];
  }
#pragma GCC unroll 16
  for (int v = 0; v < V; ++v) target[v] = sum[v];
}

// A team's share of P neurons (padded): first <= j < last, in whole blocks.
struct Share {
  int first, last;
};
template <int P>
static inline Share share(int member, int members) {
  constexpr int WIDTH = BLOCK * LANES, BLOCKS = (P + WIDTH - 1) / WIDTH;
  const int last = BLOCKS * (member + 1) / members * WIDTH;
  return {BLOCKS * member / members * WIDTH, last < P ? last : P};
}

// to[j] += sum over spikes of weight[spike][j], for a share of P targets (padded).
template <int P>
static inline void add_rows(float *__restrict to, const float *__restrict weight, Spikes s,
                            Share of) {
  if (!s.n) return;
  constexpr int REST = P / LANES % BLOCK;
  int j = of.first;
  for (; j + BLOCK * LANES <= of.last; j += BLOCK * LANES)
    add_block<BLOCK>(to + j, weight + j, P, s.id, s.n);
  if constexpr (REST > 0)
    if (j < of.last) add_block<REST>(to + j, weight + j, P, s.id, s.n);
}

static inline void clear(float *row, size_t n) { memset(row, 0, n * sizeof(float)); }

// Asks for a row that is soon written to as a whole.
template <int P>
MLG_ASKS void claim(float *row) {
  for (int j = 0; j < P; j += 16) __builtin_prefetch(row + j, 1);
}

template <int P>
static inline void add_row(float *__restrict to, const float *__restrict row) {
  vec *t = reinterpret_cast<vec *>(to);
  const vec *r = reinterpret_cast<const vec *>(row);
  for (int v = 0; v < P / LANES; ++v) t[v] += r[v];
}

// The sum of a register's floats, four at once: a loop would add one after the other.
static inline float total(vec v) {
  typedef float four __attribute__((vector_size(16)));
  four part[LANES / 4];
  memcpy(part, &v, sizeof v);
  for (int apart = LANES / 8; apart; apart /= 2)
    for (int k = 0; k < apart; ++k) part[k] += part[k + apart];
  return (part[0][0] + part[0][2]) + (part[0][1] + part[0][3]);
}
static inline float total(float v) { return v; }

template <int P>
static inline float dot(const float *__restrict a, const float *__restrict b) {
  const vec *x = reinterpret_cast<const vec *>(a), *y = reinterpret_cast<const vec *>(b);
  vec even = {}, odd = {};
  int v = 0;
#pragma GCC unroll 8
  for (; v + 1 < P / LANES; v += 2) {
    even += x[v] * y[v];
    odd += x[v + 1] * y[v + 1];
  }
  if (v < P / LANES) even += x[v] * y[v];
  return total(even + odd);
}

// The entries of a list that one of several teams has.
struct Entries {
  uint32_t first, last;
  static constexpr uint32_t step = 1;
  Entries(uint32_t n, int team, int teams)
      : first(uint64_t(n) * team / teams), last(uint64_t(n) * (team + 1) / teams) {}
};

// to[k] (+)= the row of listed neuron k times b; b is read once for four of them.
template <int P, bool ADD, class Index>
static inline void dots(float *__restrict to, const float *__restrict rows, const Index *list,
                        Entries of, const float *__restrict b) {
  const vec *y = reinterpret_cast<const vec *>(b);
  uint32_t k = of.first;
  for (; k + 4 <= of.last; k += 4) {
    const vec *x[4];
#pragma GCC unroll 4
    for (int m = 0; m < 4; ++m)
      x[m] = reinterpret_cast<const vec *>(rows + size_t(list[k + m]) * P);
    vec sum[4] = {};
#pragma GCC unroll 16
    for (int v = 0; v < P / LANES; ++v)
#pragma GCC unroll 4
      for (int m = 0; m < 4; ++m) sum[m] += x[m][v] * y[v];
#pragma GCC unroll 4
    for (int m = 0; m < 4; ++m) to[k + m] = (ADD ? to[k + m] : 0.0f) + total(sum[m]);
  }
  for (; k < of.last; ++k) to[k] = (ADD ? to[k] : 0.0f) + dot<P>(rows + size_t(list[k]) * P, b);
}

// Narrows a row of listed synapses, sorted by target, to those that lead to a share.
static inline void within(Share of, const id_type *target, int64_t &first, int64_t &last) {
  const int64_t ends[] = {first, last};
  int64_t *found[] = {&first, &last};
  const int64_t wanted[] = {of.first, of.last};
  for (int k = 0; k < 2; ++k) {
    int64_t low = ends[0], high = ends[1];
    while (low < high) {
      const int64_t middle = low + (high - low) / 2;
      if (int64_t(target[middle]) < wanted[k]) low = middle + 1;
      else high = middle;
    }
    *found[k] = low;
  }
}

// Asks for what neuron j's first 64 listed synapses have, to be there in time.
template <class T>
MLG_ASKS void fetch(const T *list, const int64_t *offset, size_t j) {
  constexpr int LINE = 64 / sizeof(T);
  const T *first = list + offset[j];
  for (int line = 0; line < int(sizeof(T)); ++line) __builtin_prefetch(first + line * LINE);
}

template <class T>
static inline T load(const void *from) {
  T found;
  memcpy(&found, from, sizeof found);
  return found;
}

// Rows of listed synapses, each with its target; a row has a target once. Lists are longer by
// a vector than what is in them.
#if defined(__AVX512F__) && !defined(__znver4__) && !defined(__znver5__)
// Sixteen synapses at once. Of loops, compilers make no stores to listed places; AMD's Zen
// does them in microcode, so there it is one by one.
#if defined(__clang__)
#define MLG_PICK(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define MLG_PICK(a, b, ...) __builtin_shuffle(a, b, places{__VA_ARGS__})
#endif
struct Targets {
  static constexpr int64_t SYNAPSES = 16;
  typedef float numbers __attribute__((vector_size(64)));
  typedef int32_t places __attribute__((vector_size(64)));
  const id_type *target;
  uint16_t lanes;  // those of them that are in the row
  Targets(const id_type *first, int64_t left)
      : target(first), lanes((1u << (left < 16 ? left : 16)) - 1) {}
  places at() const {
    typedef id_type ids __attribute__((vector_size(16 * sizeof(id_type))));
    return __builtin_convertvector(load<ids>(target), places);
  }
  numbers operator()(const float *row) const {
    return __builtin_ia32_gathersiv16sf(numbers{}, row, at(), lanes, 4);
  }
  void add(float *row, numbers more) const {
    __builtin_ia32_scattersiv16sf(row, lanes, at(), (*this)(row) + more, 4);
  }
  Both<numbers> both(const float *pairs) const {
    const numbers low = eight(pairs, 0), high = eight(pairs, 8);
    return {MLG_PICK(low, high, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30),
            MLG_PICK(low, high, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)};
  }
  // Eight of the pairs, each looked up as one number.
  numbers eight(const float *pairs, int first) const {
    typedef id_type ids __attribute__((vector_size(8 * sizeof(id_type))));
    typedef int32_t half __attribute__((vector_size(32)));
    typedef double wide __attribute__((vector_size(64)));
    const half at = __builtin_convertvector(load<ids>(target + first), half);
    return (numbers)__builtin_ia32_gathersiv8df(wide{}, pairs, at, uint8_t(lanes >> first), 8);
  }
};
#else
typedef One Targets;
#endif

// to[target] += SIGN * weight
template <int SIGN>
static inline void add_listed(float *__restrict to, const float *__restrict weight,
                              const id_type *__restrict target, int64_t first, int64_t last) {
  for (int64_t e = first; e < last; e += Targets::SYNAPSES)
    Targets(target + e, last - e).add(to, float(SIGN) * load<Targets::numbers>(weight + e));
}

// Of a row that learns: gradient += SIGN * slope of the target. Of one that asks: the sum of
// weight * what flows back from the target.
template <int SIGN, bool LEARN, bool ASK, class See>
static inline float visit_listed(float *__restrict gradient, const float *__restrict weight,
                                 const id_type *__restrict target, int64_t first, int64_t last,
                                 const See &see) {
  typedef Targets::numbers Numbers;
  Numbers back = {};
  MLG_LOOP
  for (int64_t e = first; e < last; e += Targets::SYNAPSES) {
    const auto seen = see(Targets(target + e, last - e));
    if (ASK) back += load<Numbers>(weight + e) * seen.back;
    if (LEARN) {
      const Numbers sum = load<Numbers>(gradient + e) + float(SIGN) * seen.slope;
      memcpy(gradient + e, &sum, sizeof sum);
    }
  }
  return ASK ? total(back) : 0.0f;
}

// ---------------------------------------------------------------- gradients of rows
// The spikes of a stretch of steps, neuron by neuron.
struct Sorted {
  uint32_t *end = nullptr;  // of the list of each neuron, which starts where the last one ends
  uint32_t *row = nullptr;  // of each spike
  size_t neurons = 0, capacity = 0;

  bool reserve(size_t n, size_t spikes) {
    if (n > neurons) {
      free(end);
      end = allocate<uint32_t>(n);
      neurons = end ? n : 0;
    }
    if (spikes > capacity) {
      free(row);
      row = allocate<uint32_t>(spikes);
      capacity = row ? spikes : 0;
    }
    return neurons >= n && capacity >= spikes;
  }
  // Row k of a ring of rows belongs to the spikes of step first + k, counted from `start`.
  MLG_ONCE bool sort(const Tape &tape, int64_t first, int64_t last, int n, int64_t start,
                     int64_t length) {
    const uint32_t *offset = tape.offset + (first - tape.base);
    if (!reserve(n, offset[last - first] - offset[0])) return false;
    memset(end, 0, n * sizeof(uint32_t));
    for (uint32_t k = offset[0]; k < offset[last - first]; ++k) ++end[tape.id[k]];
    uint32_t sum = 0;
    for (int j = 0; j < n; ++j) {
      const uint32_t count = end[j];
      end[j] = sum;
      sum += count;
    }
    for (int64_t t = 0; t < last - first; ++t) {
      for (uint32_t k = offset[t]; k < offset[t + 1]; ++k) row[end[tape.id[k]]++] = start;
      if (++start == length) start = 0;
    }
    return true;
  }
  void release() {
    free(end);
    free(row);
  }
};

// gradient[j] += the slopes of the steps in which the spikes of neuron j arrive, for spikes
// emitted in first <= t < last. A gradient row is read and written once for all of them. Each of
// several teams takes a share of the neurons.
template <int P>
MLG_ONCE static bool gather(float *gradient, int n, const float *slopes, int64_t length,
                            const Tape &tape, int64_t first, int64_t last, int64_t wait,
                            Sorted &sorted, int team, int teams) {
  if (first >= last) return true;
  const uint32_t *offset = tape.offset + (first - tape.base);
  int64_t start = (first + wait) % length;
  const bool few = offset[last - first] - offset[0] < uint32_t(n) / 4;
  if (few) {  // not worth a look at every neuron
    if (team) return true;
    for (int64_t t = 0; t < last - first; ++t) {
      for (uint32_t k = offset[t]; k < offset[t + 1]; ++k)
        add_row<P>(gradient + size_t(tape.id[k]) * P, slopes + start * P);
      if (++start == length) start = 0;
    }
    return true;
  }
  if (!sorted.sort(tape, first, last, n, start, length)) return false;
  constexpr int ALL = P / LANES, REST = ALL % BLOCK;
  const Entries of(n, team, teams);
  for (int v = 0; v < ALL; v += BLOCK) {
    uint32_t begin = of.first ? sorted.end[of.first - 1] : 0;
    for (uint32_t j = of.first; j < of.last; ++j) {
      const uint32_t *rows = sorted.row + begin, count = sorted.end[j] - begin;
      begin = sorted.end[j];
      if (!count) continue;
      float *to = gradient + size_t(j) * P + v * LANES;
      if (v + BLOCK <= ALL)
        add_block<BLOCK>(to, slopes + v * LANES, P, rows, count);
      else if constexpr (REST > 0)
        add_block<REST>(to, slopes + v * LANES, P, rows, count);
    }
  }
  return true;
}

// ---------------------------------------------------------------- weights by target
// Where many neurons ask what their targets send back, weights are kept with the sources in
// vectors: tiles of TILE vectors of sources, and in a tile one row for each target.
constexpr int TILE_WIDTH = TILE * LANES;
constexpr int64_t packed(int64_t sources, int64_t targets) {
  return (sources + TILE_WIDTH - 1) / TILE_WIDTH * TILE_WIDTH * targets;
}

// Weights of N sources to K targets, in rows of P; each thread packs its tiles.
template <int N, int P, int K>
static inline void pack(const float *__restrict weight, float *__restrict to, int thread,
                        int threads) {
  constexpr int TILES = (N + TILE_WIDTH - 1) / TILE_WIDTH;
  for (int tile = thread; tile < TILES; tile += threads)
    for (int l = 0; l < TILE_WIDTH; ++l) {
      const int j = tile * TILE_WIDTH + l;
      float *column = to + size_t(tile) * K * TILE_WIDTH + l;
      for (int k = 0; k < K; ++k)
        column[size_t(k) * TILE_WIDTH] = j < N ? weight[size_t(j) * P + k] : 0.0f;
    }
}

// to[m][j] += sum over k < K of weight[j][k] * factor[m][k], for V vectors of j and M examples.
template <int K, int M, int V>
static inline void add_tile(float *const *to, int first, const float *__restrict weight,
                            const float *const *factor) {
  vec sum[M][V];
#pragma GCC unroll 8
  for (int m = 0; m < M; ++m)
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) sum[m][v] = reinterpret_cast<const vec *>(to[m] + first)[v];
  for (int k = 0; k < K; ++k) {
    const vec *row = reinterpret_cast<const vec *>(weight + size_t(k) * TILE_WIDTH);
#pragma GCC unroll 8
    for (int m = 0; m < M; ++m)
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) sum[m][v] += row[v] * factor[m][k];
  }
#pragma GCC unroll 8
  for (int m = 0; m < M; ++m)
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) reinterpret_cast<vec *>(to[m] + first)[v] = sum[m][v];
}

// The neurons of n (padded) that one of several teams has: first <= j < last, in whole tiles.
struct Tiles {
  int first, last;
  Tiles(int n, int team, int teams) {
    const int tiles = (n + TILE_WIDTH - 1) / TILE_WIDTH;
    first = tiles * team / teams * TILE_WIDTH;
    last = smaller(tiles * (team + 1) / teams * TILE_WIDTH, n);
  }
};

template <int N, int K, int M>
static inline void add_tiles(float *const *to, const float *weight, const float *const *factor,
                             Tiles of) {
  constexpr int REST = padded(N) / LANES % TILE;
  int j = of.first;
  for (; j + TILE_WIDTH <= of.last; j += TILE_WIDTH)
    add_tile<K, M, TILE>(to, j, weight + size_t(j) * K, factor);
  if constexpr (REST > 0)
    if (j < of.last) add_tile<K, M, REST>(to, j, weight + size_t(j) * K, factor);
}

// The same for n examples, so that weights are read once for several of them.
template <int N, int K>
static inline void add_together(float *const *to, const float *weight,
                                const float *const *factor, int n, Tiles of) {
  int m = 0;
  for (; m + 4 <= n; m += 4) add_tiles<N, K, 4>(to + m, weight, factor + m, of);
  for (; m + 2 <= n; m += 2) add_tiles<N, K, 2>(to + m, weight, factor + m, of);
  for (; m < n; ++m) add_tiles<N, K, 1>(to + m, weight, factor + m, of);
}

// ---------------------------------------------------------------- the seam to Python
enum Phase { BEGIN = 1, FORWARD = 2, END = 4, BACKWARD = 8, REDUCE = 16, UPDATE = 32, OWN_SLOTS = 64, KEEP_STATE = 128,
             ONLINE = 256, FORGET = 512 };
enum Status { FINE = 0, NO_MEMORY = 1, NOT_FINITE = 2, NO_SUM = 3 };

// A stretch of an example's state, copied out after every step.
struct Recording {
  int64_t offset, size;  // in floats
  int32_t backward;      // whether it is copied in the backward pass
  int32_t apart;         // floats from one number to the next
  float *to;  // (examples, steps, size)
};

struct Call {
  int64_t num_steps, batch, first, last;  // first <= t < last are the steps to run
  int64_t phases, example;                // example: number of the first one, for random numbers
  uint64_t seed;
  float dt, scale;               // scale: 1 / examples in the batch, of all processes
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
  const float *weights;          // of each example's loss, (batch, output groups)
  float *losses;                 // (batch, output groups)
  const float *loss_scalars;
  const float *optimiser_scalars;
  float *const *slots;           // of each optimiser update, the numbers it keeps
  float *const *gradients;       // of each learned array, where REDUCE puts its sum
  int64_t carried;               // steps whose spikes a batch carries over from the last
  int64_t block;                 // steps that run between taking gradients and forgetting
  int64_t gather;                // steps whose slopes are kept until gradients take them
  const int64_t *rings;          // (offset, length, row) of delay rings, in floats
  int64_t num_rings;
  int64_t num_recordings;
  const Recording *recordings;
  // Begins to sum numbers over all processes, in place; null where there is one process.
  void (*begin_sum)(float *, int64_t);
  void (*advance_sums)();  // lets those that were begun go on
  int (*end_sums)();       // waits for them; whether none has failed
};
}  // namespace mlg
