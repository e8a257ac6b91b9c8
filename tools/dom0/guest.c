#include "guest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define GUEST_MEMORY_KIB_MAX (INT64_C(1) << 34)  /* 16 TiB: more than a PV guest can have */
#define GUEST_UPTIME_MS_MAX (INT64_C(1) << 43)   /* 278 years */
#define GUEST_THREADS_MAX 1000000

void guest_path(int domid, const char *key, char path[STORE_PATH_MAX])
{
    snprintf(path, STORE_PATH_MAX, "/local/domain/%d/data/xenolith/%s", domid, key);
}

static int64_t guest_number(int domid, const char *key, int64_t max)
{
    char path[STORE_PATH_MAX];

    guest_path(domid, key, path);
    return store_read_number(path, max);
}

static bool guest_word(int domid, const char *key, char *word, size_t size)
{
    char path[STORE_PATH_MAX];

    guest_path(domid, key, path);
    if (store_read_word(path, word, size))
        return true;
    word[0] = '\0';
    return false;
}

enum guest_end guest_read_end(int domid, int *status)
{
    char word[8];
    int64_t number = guest_number(domid, "exit-status", 255);

    if (number >= 0) {
        *status = (int)number;
        return GUEST_EXITED;
    }
    if (guest_word(domid, "exit-status", word, sizeof(word)) && strcmp(word, "crash") == 0)
        return GUEST_CRASHED;
    return GUEST_RUNS;
}

void guest_read(int domid, struct guest *guest)
{
    *guest = (struct guest){ .domid = domid };
    domain_name(domid, guest->name);
    guest->is_xenolith = guest_word(domid, "version", guest->version, sizeof(guest->version));
    guest_word(domid, "stage", guest->stage, sizeof(guest->stage));
    guest->uptime_ms = guest_number(domid, "uptime-ms", GUEST_UPTIME_MS_MAX);
    guest->memory_kib = guest_number(domid, "memory-kib", GUEST_MEMORY_KIB_MAX);
    guest->used_kib = guest_number(domid, "memory-used-kib", GUEST_MEMORY_KIB_MAX);
    guest->threads = guest_number(domid, "threads", GUEST_THREADS_MAX);
    guest->end = guest_read_end(domid, &guest->status);
}

void guest_ask(const struct guest *guests, size_t n, bool *answered, int64_t wait_ms)
{
    int64_t deadline_ms = cli_now_ms() + wait_ms;
    bool *asked = calloc(n + 1, sizeof(*asked));
    struct store_event event;
    char path[STORE_PATH_MAX], token[32];
    size_t waiting = 0;

    if (asked == NULL)
        cli_fail(CLI_FAILED, "out of memory");
    for (size_t i = 0; i < n; i++) {
        answered[i] = false;
        if (!guests[i].is_xenolith || guests[i].end != GUEST_RUNS)
            continue;
        snprintf(token, sizeof(token), "ask-%zu", i);
        guest_path(guests[i].domid, "uptime-ms", path);
        store_watch(path, token);
        waiting++;
    }
    while (waiting > 0 && store_next(deadline_ms, &event)) {
        size_t i;
        if (sscanf(event.token, "ask-%zu", &i) != 1 || i >= n || answered[i])
            continue;
        if (!asked[i]) { /* the watch's first event: it stands, so nothing will be missed */
            asked[i] = true;
            guest_path(guests[i].domid, "query", path);
            store_write(path, "1");
            continue;
        }
        answered[i] = true;
        waiting--;
    }
    free(asked);
}
