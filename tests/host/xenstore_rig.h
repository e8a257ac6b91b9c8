/*
 * xenstore_rig: a guest with the real client of xenstore against fakexen's server, requests with room
 * for their answers, and watches that count.
 */
#ifndef TESTS_HOST_XENSTORE_RIG_H
#define TESTS_HOST_XENSTORE_RIG_H

#include <stdint.h>

#include <platform/xenstore.h>

#define DOMAIN "/local/domain/7/"

/* What the client said of a broken ring, and how often. */
extern const char *broken_why;
extern unsigned broken_times;

void rig_start(void);
void rig_start_at(uint32_t index); /* the ring's indices begin there */

/* A request of its own, with room for any answer. */
struct asked {
    struct xenstore_req req;
    unsigned done;
    char reply[XENSTORE_PAYLOAD_MAX + 1];
};

void ask(struct asked *asked, uint32_t type, const char *path);
void ask_wait(struct asked *asked);
void ask_done(struct xenstore_req *req);

struct watching {
    struct xenstore_watch watch;
    struct asked asked;
    unsigned fired;
    char last[200];
};

void watch_fired(struct xenstore_watch *watch, const char *path);

#endif
