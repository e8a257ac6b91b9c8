/*
 * memory: memcpy, memmove, memset, memcmp with general registers only, so that code which runs in event
 * handlers may call them without a thought for the FPU's state.
 *
 * Short blocks go through a few possibly overlapping words, long ones through `rep movsq`/`stosq`,
 * which every CPU of the last decade does a cache line at a time. Words are read and written at any
 * address: x86 does not care, and the types below tell the compiler.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint64_t __attribute__((aligned(1), may_alias)) word64;
typedef uint32_t __attribute__((aligned(1), may_alias)) word32;
typedef uint16_t __attribute__((aligned(1), may_alias)) word16;

/* From here on the string instructions win over a loop of words. */
#define MEMORY_STRING_BYTES 128

static inline uint64_t memory_get64(const unsigned char *p)
{
    return *(const word64 *)p;
}

static inline void memory_put64(unsigned char *p, uint64_t value)
{
    *(word64 *)p = value;
}

/* At most 16 bytes: all reads come before the first write, so the blocks may overlap. */
static inline void memory_move_short(unsigned char *to, const unsigned char *from, size_t n)
{
    if (n >= 8) {
        uint64_t first = memory_get64(from), last = memory_get64(from + n - 8);
        memory_put64(to, first);
        memory_put64(to + n - 8, last);
    } else if (n >= 4) {
        uint32_t first = *(const word32 *)from, last = *(const word32 *)(from + n - 4);
        *(word32 *)to = first;
        *(word32 *)(to + n - 4) = last;
    } else if (n >= 2) {
        uint16_t first = *(const word16 *)from, last = *(const word16 *)(from + n - 2);
        *(word16 *)to = first;
        *(word16 *)(to + n - 2) = last;
    } else if (n == 1) {
        *to = *from;
    }
}

/* More than 16 bytes, from the lowest address up: right for blocks with to <= from, too. */
static inline void memory_move_up(unsigned char *to, const unsigned char *from, size_t n)
{
    /* The last word is read first: moving up may overwrite it. */
    uint64_t tail = memory_get64(from + n - 8);
    unsigned char *end = to + n;
    size_t words = (n - 1) / 8; /* the last 1 to 8 bytes are the tail's */

    if (n >= MEMORY_STRING_BYTES) {
        __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
    } else {
        do {
            memory_put64(to, memory_get64(from));
            to += 8;
            from += 8;
        } while (--words > 0);
    }
    memory_put64(end - 8, tail);
}

/* More than 16 bytes, from the highest address down: for blocks with to > from. */
static inline void memory_move_down(unsigned char *to, const unsigned char *from, size_t n)
{
    uint64_t head = memory_get64(from);
    size_t left = n;

    while (left > 32) {
        left -= 32;
        uint64_t a = memory_get64(from + left), b = memory_get64(from + left + 8);
        uint64_t c = memory_get64(from + left + 16), d = memory_get64(from + left + 24);
        memory_put64(to + left, a);
        memory_put64(to + left + 8, b);
        memory_put64(to + left + 16, c);
        memory_put64(to + left + 24, d);
    }
    while (left > 8) {
        left -= 8;
        memory_put64(to + left, memory_get64(from + left));
    }
    memory_put64(to, head);
}

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    if (n <= 16)
        memory_move_short(to, from, n);
    else
        memory_move_up(to, from, n);
    return to;
}

void *memmove(void *to, const void *from, size_t n)
{
    if (n <= 16)
        memory_move_short(to, from, n);
    else if ((uintptr_t)to - (uintptr_t)from >= n) /* to < from wraps round to a large number */
        memory_move_up(to, from, n);
    else
        memory_move_down(to, from, n);
    return to;
}

void *memset(void *to, int byte, size_t n)
{
    unsigned char *p = to;
    uint64_t word = (unsigned char)byte * 0x0101010101010101u;

    if (n >= 8) {
        size_t words = (n - 1) / 8;
        unsigned char *at = p;

        if (n >= MEMORY_STRING_BYTES) {
            __asm__ volatile("rep stosq" : "+D"(at), "+c"(words) : "a"(word) : "memory");
        } else {
            while (words-- > 0) {
                memory_put64(at, word);
                at += 8;
            }
        }
        memory_put64(p + n - 8, word);
    } else if (n >= 4) {
        *(word32 *)p = (uint32_t)word;
        *(word32 *)(p + n - 4) = (uint32_t)word;
    } else if (n > 0) {
        p[0] = p[n / 2] = p[n - 1] = (unsigned char)byte;
    }
    return to;
}

static inline int memory_compare_word(const unsigned char *a, const unsigned char *b)
{
    /* The first byte is the most significant one once the bytes are swapped. */
    uint64_t x = __builtin_bswap64(memory_get64(a)), y = __builtin_bswap64(memory_get64(b));
    return (x > y) - (x < y);
}

int memcmp(const void *one, const void *two, size_t n)
{
    const unsigned char *a = one, *b = two;

    for (; n >= 8; a += 8, b += 8, n -= 8) {
        if (memory_get64(a) != memory_get64(b))
            return memory_compare_word(a, b);
    }
    for (; n > 0; a++, b++, n--) {
        if (*a != *b)
            return *a - *b;
    }
    return 0;
}
