// What instructions an x86 processor has.
#pragma once

#if defined(__x86_64__) || defined(_M_X64)

#ifdef _MSC_VER
#include <cpuid.h>

#include <cstdint>
#endif

namespace skconv {

#ifdef _MSC_VER
// clang-cl does not link the library that __builtin_cpu_supports needs. Beside the instructions
// themselves, the system must save the registers of both when it switches threads.
inline bool has(uint32_t leaf_7, uint64_t saved_registers) {
  uint32_t a, b, c, d, low, high;
  const uint32_t fma_avx_xsave = 1u << 12 | 1u << 27 | 1u << 28;
  if (!__get_cpuid(1, &a, &b, &c, &d) || (c & fma_avx_xsave) != fma_avx_xsave) return false;
  asm("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  if ((low & saved_registers) != saved_registers) return false;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & leaf_7) == leaf_7;
}

inline bool has_avx2() { return has(1u << 5, 0x06); }

inline bool has_avx512() {
  return has_avx2() && has(1u << 16 | 1u << 17 | 1u << 30 | 1u << 31, 0xe6);
}
#else
inline bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

inline bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}
#endif

}  // namespace skconv

#endif
