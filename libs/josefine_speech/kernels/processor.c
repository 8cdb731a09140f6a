/* Which of the compiled instruction sets the processor has. Linked into the one that every processor has. */
#if defined(__x86_64__)
#include <cpuid.h>

/* What the system saves of a thread's registers (Intel's manual, volume 1, 13.3). */
static unsigned saved_registers(void) {
    unsigned low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

/* Returns the level of the x86-64 psABI: 1, 3 or 4. */
static int level(void) {
    const unsigned first3 = bit_FMA | bit_MOVBE | bit_OSXSAVE | bit_AVX | bit_F16C;
    const unsigned seventh3 = bit_BMI | bit_AVX2 | bit_BMI2, extended3 = bit_LZCNT;
    const unsigned seventh4 = bit_AVX512F | bit_AVX512BW | bit_AVX512CD | bit_AVX512DQ | bit_AVX512VL;
    const unsigned saved3 = 0x06, saved4 = 0xe6;
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & first3) != first3) return 1;
    if (!__get_cpuid(0x80000001, &a, &b, &c, &d) || (c & extended3) != extended3) return 1;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (b & seventh3) != seventh3) return 1;
    unsigned saved = saved_registers();
    if ((saved & saved3) != saved3) return 1;
    return (b & seventh4) == seventh4 && (saved & saved4) == saved4 ? 4 : 3;
}
#else
static int level(void) { return 1; }
#endif

__attribute__((visibility("default"))) int josefine_level(void) { return level(); }
