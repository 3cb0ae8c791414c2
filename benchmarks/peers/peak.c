// The machine's multiply-add peak: sums that stay in registers, on every thread. Twelve of
// them keep two units busy that each take five cycles. Compiled where it is run.
#if defined(__AVX512F__)
#define BYTES 64
#elif defined(__AVX__)
#define BYTES 32
#else
#define BYTES 16
#endif
#define SUMS 12

typedef float Floats __attribute__((vector_size(BYTES)));

// Floating-point operations of each thread in multiply_add(rounds).
double flops(long rounds) { return 2.0 * rounds * SUMS * (BYTES / sizeof(float)); }

// The sum of what came out, which has to be used or nothing would be computed.
float multiply_add(long rounds, int threads) {
  float total = 0;
#pragma omp parallel for num_threads(threads) reduction(+ : total)
  for (int thread = 0; thread < threads; thread++) {
    Floats sum[SUMS], factor = {0.7f}, addend = {0.25f};
    for (int s = 0; s < SUMS; s++) sum[s] = addend * (s + 1.0f);  // equal ones would be made one
    for (long i = 0; i < rounds; i++)
      for (int s = 0; s < SUMS; s++) sum[s] = sum[s] * factor + addend;
    for (int s = 0; s < SUMS; s++) total += sum[s][0];
  }
  return total;
}
