// Threads that wait for work.
#pragma once
#include "platform/compiler.h"
#include "platform/denormals.h"
#include "platform/memory.h"
#include "platform/spin.h"

namespace mlg {
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
}  // namespace mlg
