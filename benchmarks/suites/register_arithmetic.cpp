// Multiplications and additions in registers, by one thread and by two. Prints the speed-up by the
// second thread: the most that any program gains on this machine, since nothing is shared.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>
#include <vector>

// 128 independent sums: enough operations in flight that none waits for the one before.
constexpr int NUM_SUMS = 128;
// A measurement lasts at least so long, much longer than the start of a thread.
constexpr double SHORTEST_MS = 10;
constexpr int REPEATS = 41;

static double multiply_and_add(int rounds) {
  float x[NUM_SUMS];
  for (int k = 0; k < NUM_SUMS; ++k) x[k] = float(k);
  for (int round = 0; round < rounds; ++round)
    for (int k = 0; k < NUM_SUMS; ++k) x[k] = x[k] * 1.0000001f + 1e-9f;
  double sum = 0;
  for (float value : x) sum += value;
  return sum;
}

static double milliseconds(int num_threads, int rounds, double &sum) {
  using clock = std::chrono::steady_clock;
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const auto start = clock::now();
  std::vector<double> sums(num_threads);
  std::vector<std::thread> threads;
  for (int k = 1; k < num_threads; ++k)
    threads.emplace_back([&sums, k, rounds] { sums[k] = multiply_and_add(rounds); });
  sums[0] = multiply_and_add(rounds);
  for (std::thread &thread : threads) thread.join();
  const std::chrono::duration<double, std::milli> elapsed = clock::now() - start;
  for (double value : sums) sum += value;
  return elapsed.count();
}

int main() {
  double sum = 0;
  int rounds = 1000;
  while (milliseconds(1, rounds, sum) < SHORTEST_MS) rounds *= 2;
  std::vector<double> speed_ups;
  for (int k = 0; k < REPEATS; ++k)
    speed_ups.push_back(2 * milliseconds(1, rounds, sum) / milliseconds(2, rounds, sum));
  std::sort(speed_ups.begin(), speed_ups.end());
  std::printf("%.2f\n", speed_ups[REPEATS / 2]);
  return sum == 0;  // keeps the compiler from removing the arithmetic
}
