// Thread pool.
#pragma once
#include "platform/compiler.h"
#include "platform/denormals.h"
#include "platform/memory.h"
#include "platform/spin.h"

namespace mlg {
// Pool that runs a function on all its threads; the calling thread is thread 0.
struct ThreadPool {
  typedef void (*Task)(void *argument, int thread);
  struct Worker {
    ThreadPool *pool;
    int thread;
  };
  int size = 1;
  pthread_t *threads = nullptr;
  Worker *workers = nullptr;
  pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t wake = PTHREAD_COND_INITIALIZER, done = PTHREAD_COND_INITIALIZER;
  Task task = nullptr;
  void *argument = nullptr;
  unsigned round = 0;  // number of tasks so far
  int pending = 0;     // workers that run the current task
  bool stop = false;

  // Starts threads 1 .. n - 1; returns false if that fails.
  MLG_COLD bool start(int n) {
    threads = allocate<pthread_t>(n);
    workers = allocate<Worker>(n);
    if (!threads || !workers) return false;
    for (int i = 1; i < n; ++i) {
      workers[i] = {this, i};
      if (pthread_create(&threads[i], nullptr, &ThreadPool::entry, &workers[i])) return false;
      size = i + 1;
    }
    return true;
  }
  static void *entry(void *argument) {
    const Worker *worker = static_cast<Worker *>(argument);
    worker->pool->work(worker->thread);
    return nullptr;
  }
  // Runs tasks until the pool is destroyed.
  MLG_COLD void work(int thread) {
    FlushDenormals flush;
    unsigned last_round = 0;
    for (;;) {
      spin_until([&] { return __atomic_load_n(&round, __ATOMIC_ACQUIRE) != last_round; });
      pthread_mutex_lock(&lock);
      while (round == last_round && !stop) pthread_cond_wait(&wake, &lock);
      if (stop) {
        pthread_mutex_unlock(&lock);
        return;
      }
      last_round = round;
      const Task current = task;
      void *const current_argument = argument;
      pthread_mutex_unlock(&lock);
      current(current_argument, thread);
      pthread_mutex_lock(&lock);
      __atomic_store_n(&pending, pending - 1, __ATOMIC_RELEASE);
      if (pending == 0) pthread_cond_signal(&done);
      pthread_mutex_unlock(&lock);
    }
  }
  // Runs a task on all threads and waits for them.
  MLG_COLD void run(Task new_task, void *new_argument) {
    if (size > 1) {
      pthread_mutex_lock(&lock);
      task = new_task;
      argument = new_argument;
      pending = size - 1;
      __atomic_store_n(&round, round + 1, __ATOMIC_RELEASE);
      pthread_cond_broadcast(&wake);
      pthread_mutex_unlock(&lock);
    }
    {
      FlushDenormals flush;
      new_task(new_argument, 0);
    }
    if (size > 1) {
      spin_until([&] { return __atomic_load_n(&pending, __ATOMIC_ACQUIRE) == 0; });
      pthread_mutex_lock(&lock);
      while (pending) pthread_cond_wait(&done, &lock);
      pthread_mutex_unlock(&lock);
    }
  }
  MLG_COLD ~ThreadPool() {
    pthread_mutex_lock(&lock);
    stop = true;
    pthread_cond_broadcast(&wake);
    pthread_mutex_unlock(&lock);
    for (int i = 1; i < size; ++i) pthread_join(threads[i], nullptr);
    free(threads);
    free(workers);
  }
};
}  // namespace mlg
