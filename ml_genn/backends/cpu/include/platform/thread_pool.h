// Thread pool.
#pragma once
#include "platform/compiler.h"
#include "platform/denormals.h"
#include "platform/fork.h"
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
  int forks = 0;  // value of num_forks in the process that has the threads

  // Starts threads 1 .. n - 1; returns false, without threads, if that fails.
  MLG_COLD bool start(int n) {
    forks = num_forks;
    threads = allocate<pthread_t>(n);
    workers = allocate<Worker>(n);
    if (!threads || !workers) return false;
    for (int i = 1; i < n; ++i) {
      workers[i] = {this, i};
      if (pthread_create(&threads[i], nullptr, &ThreadPool::entry, &workers[i])) {
        end_threads();
        return false;
      }
      size = i + 1;
    }
    return true;
  }
  // Returns true in a forked process, whose copy of the pool has no threads.
  bool is_forked() const { return forks != num_forks; }
  // Starts as many threads as before the fork; returns false if that fails, and can be called
  // again then. The locks of the copy may be held by threads that do not exist.
  MLG_COLD bool start_after_fork() {
    const int n = size;
    free(threads);
    free(workers);
    pthread_mutex_init(&lock, nullptr);
    pthread_cond_init(&wake, nullptr);
    pthread_cond_init(&done, nullptr);
    round = 0;
    size = 1;
    if (start(n)) return true;
    size = n;
    forks = num_forks - 1;
    stop = false;
    return false;
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
  MLG_COLD void end_threads() {
    pthread_mutex_lock(&lock);
    stop = true;
    pthread_cond_broadcast(&wake);
    pthread_mutex_unlock(&lock);
    for (int i = 1; i < size; ++i) pthread_join(threads[i], nullptr);
  }
  MLG_COLD ~ThreadPool() {
    if (!is_forked()) end_threads();
    free(threads);
    free(workers);
  }
};
}  // namespace mlg
