/*
 * guest: what a Xenolith guest publishes below data/xenolith in its xenstore directory.
 *
 * A guest writes its version and stage once, and its exit status at the end. Memory, threads and
 * uptime it writes when somebody writes `query`; uptime-ms is the last of them, so whoever asks
 * waits for that one. Everything here is the guest's own word, checked for form and not for truth.
 */
#ifndef DOM0_GUEST_H
#define DOM0_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "domain.h"
#include "store.h"

enum guest_end { GUEST_RUNS, GUEST_EXITED, GUEST_CRASHED };

struct guest {
    int domid;
    char name[DOMAIN_NAME_MAX];
    bool is_xenolith; /* it has published a version */
    char version[32], stage[24]; /* "" without */
    /* -1 without; of the last time somebody asked. */
    int64_t uptime_ms, memory_kib, used_kib, threads;
    enum guest_end end;
    int status; /* 0..255 when it has exited */
};

/* The path of one of the guest's keys. */
void guest_path(int domid, const char *key, char path[STORE_PATH_MAX]);

void guest_read(int domid, struct guest *guest);

/* Only how it ended. */
enum guest_end guest_read_end(int domid, int *status);

/*
 * Have the guests publish fresh figures: ask all of them, wait for each but not beyond wait_ms in
 * all. answered[i] tells whether guest i did. Guests that are not Xenolith's or have ended are not
 * asked.
 */
void guest_ask(const struct guest *guests, size_t n, bool *answered, int64_t wait_ms);

#endif
