// Multiplies and adds in registers, on one thread and on two in turn: the ratio of the times is
// what a second thread of this machine brings where nothing is shared.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>
#include <vector>

static double work(int rounds) {
  constexpr int LANES = 128;  // enough of them in flight that none is waited for
  float x[LANES];
  for (int k = 0; k < LANES; ++k) x[k] = float(k);
  for (int n = 0; n < rounds; ++n)
    for (int k = 0; k < LANES; ++k) x[k] = x[k] * 1.0000001f + 1e-9f;
  double sum = 0;
  for (float one : x) sum += one;
  return sum;
}

static double milliseconds(int threads, int rounds, double &sum) {
  using clock = std::chrono::steady_clock;
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const auto start = clock::now();
  std::vector<double> found(threads);
  std::vector<std::thread> others;
  for (int k = 1; k < threads; ++k)
    others.emplace_back([&found, k, rounds] { found[k] = work(rounds); });
  found[0] = work(rounds);
  for (std::thread &other : others) other.join();
  const std::chrono::duration<double, std::milli> taken = clock::now() - start;
  for (double one : found) sum += one;
  return taken.count();
}

int main() {
  constexpr int REPEATS = 41;
  double sum = 0;
  int rounds = 1000;
  while (milliseconds(1, rounds, sum) < 10) rounds *= 2;
  std::vector<double> ratios;
  for (int k = 0; k < REPEATS; ++k)
    ratios.push_back(2 * milliseconds(1, rounds, sum) / milliseconds(2, rounds, sum));
  std::sort(ratios.begin(), ratios.end());
  std::printf("%.2f\n", ratios[REPEATS / 2]);
  return sum == 0;  // or the work could be left out
}
