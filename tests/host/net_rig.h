/*
 * net_rig: one guest with the real netfront and xenbus, its room above and its back end, for the
 * tests and the fuzzer of netfront.
 */
#ifndef TESTS_HOST_NET_RIG_H
#define TESTS_HOST_NET_RIG_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drivers/netfront.h>
#include <platform/clock.h>
#include <platform/gnttab.h>
#include <platform/vcpu.h>
#include <platform/xenstore.h>
#include <runtime/log.h>
#include <runtime/pages.h>
#include <runtime/timer.h>

#include "netback.h"

/* What the room above has seen. */
struct net_rig {
    struct netback back;
    struct netfront *nf;
    bool found, up, lost;
    bool refuse;  /* no interface is wanted */
    bool at_boot; /* the device is there before netfront_start(), else it is plugged in later */
    unsigned index, ups, downs, readies;
    char ip[64];
    /* The last frame received, put together. */
    struct netfront_offload offload;
    unsigned frames, pieces;
    size_t len;
    uint8_t data[65536];
    bool keep; /* received pages: kept in held[] */
    unsigned n_held;
    void *held[4096];
    unsigned done; /* sent frames that are finished */
};

extern struct net_rig rig;
extern char rig_log[65536]; /* what was logged */

/* A guest of so many pages (0: 2048); joins: the room above names its groups. */
void rig_start(size_t pages, bool joins);
/* The whole way to a link that is up. */
void rig_connect(void);
/* Poll until nothing comes; returns the frames received. */
unsigned rig_poll(void);
/* Send pieces of any memory; offload may be NULL. */
int rig_send(const void *data, size_t len, const struct netfront_offload *offload);
int rig_send_pieces(const struct netfront_tx_piece *pieces, unsigned n,
                    const struct netfront_offload *offload);
void rig_put_held(void);
/* n bytes that tell their place, from the page allocator, at an offset in the page. */
uint8_t *rig_bytes(size_t len, size_t offset);
void rig_free(uint8_t *bytes, size_t len);
void rig_fill(uint8_t *bytes, size_t len, unsigned seed);

#endif
