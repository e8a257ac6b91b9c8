/*
 * boot: the order in which everything starts, as one list of calls; and the time each stage took.
 */
#ifndef RUNTIME_BOOT_H
#define RUNTIME_BOOT_H

#include <stdint.h>

/* Print one stage line with the microseconds since entry: "[   412 us] what". */
void boot_stage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Microseconds since entry. */
uint64_t boot_elapsed_us(void);

/*
 * Parts that a program pulls in by using them (devices, file systems) are started before main
 * through this table: BOOT_PART(60, netfront_start) in the part's own file. Lower orders first; those
 * below BOOT_ORDER_DIAGNOSTICS run before anything is printed and before threads exist. start returns
 * 0 or a negative errno, which is logged; the guest goes on without the part.
 */
#define BOOT_ORDER_DIAGNOSTICS 50

struct boot_part {
    int (*start)(void);
    const char *name;
    long order;
};
#define BOOT_PART(order_, fn)                                                                      \
    static const struct boot_part boot_part_##fn                                                   \
        __attribute__((used, section(".boot_parts." #order_), aligned(8))) = {                     \
            .start = (fn), .name = #fn, .order = (order_)                                          \
        }

#endif
