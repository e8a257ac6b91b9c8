/*
 * net_priv: what the files of the network share. All of it is protected by the mutex "network", but
 * where it says something else.
 *
 * net.c          the lock, the thread, the end
 * netif_xen.c    an interface: lwIP's struct netif over a netfront
 * net_config.c   how an interface gets its addresses, and the line about it
 * net_csum.c     checksums that are left to the interface
 * net_ip.c       the grammar of ip=
 * net_tcp.c, net_tcp_in.c, net_tcp_out.c, net_ip4.c, net_ip6.c, net_ip6_frag.c, net_nd6.c,
 * net_init.c, net_timers.c   lwIP's own files with something around them
 */
#ifndef LIBC_GLUE_NET_PRIV_H
#define LIBC_GLUE_NET_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lwip/err.h>
#include <lwip/netif.h>
#include <lwip/pbuf.h>

#include "net.h"
#include "net_ip.h"

struct netfront;

#define NET_VIF_IP 64u /* of the vif's ip=; longer ones are cut, and then do not parse */

enum net_if_state {
    NET_IF_FOUND, /* lwIP does not know of it yet */
    NET_IF_ADDED,
    NET_IF_LOST,
};

/* One interface; a page of its own. */
struct net_if {
    struct netif netif; /* netif.state points back here */
    struct netfront *nf;
    unsigned index;      /* of device/vif/INDEX: eth0, eth1, ... */
    char vif_ip[NET_VIF_IP];
    struct net_if *next; /* in net_ifs */
    enum net_if_state state;
    bool sent;           /* frames that the back end was not told of */
    bool full;           /* netfront had no room: TCP tries again when it has */
    struct pbuf *backlog_first, *backlog_last; /* what waits for room, but TCP */
    unsigned backlog;

    /* net_config.c */
    struct net_ip_setting setting;
    bool configured;     /* as far as net_use(NET_ANY) waits for it */
    ip4_addr_t told;     /* the address that the last line was about */
    uint8_t told6;       /* the same, by bits of addresses */

    /* Set in event handlers. */
    uint32_t link_up;
    uint32_t ready;
    uint32_t lost;
};

/* Every interface but lo, in the order of their index. */
extern struct net_if *net_ifs;

/* ---- netif_xen.c */

/* Look for interfaces. Returns 0 or a negative errno. */
int net_if_start(void);
/* Take up what events told, and receive: true when there is more to do at once. */
bool net_if_run(void);
/* Let go of what the back ends have sent. */
void net_if_finish(void);
/* Tell the back ends of what was sent. */
void net_if_flush(void);
struct net_if *net_if_of(const struct netif *netif); /* NULL for lo */

/*
 * The most payload of one TCP segment that this interface cuts into pieces on its way; 0: it does
 * not.
 */
size_t net_gso_max(const struct netif *netif, bool ip6);

/* What a frame of one large segment may weigh: IP's 16 bits of length, and the slots of a ring. */
#define NET_GSO_PAYLOAD_MAX 60000u

/* ---- net_config.c */

/* Boot: read ip= and say what is wrong with it. */
void net_config_start(void);
/* Seconds that net_use() waits at most. */
unsigned net_config_wait(void);
/* A new interface, known to lwIP; and its link came up for the first time. */
void net_config_added(struct net_if *nif);
void net_config_link_up(struct net_if *nif);
void net_config_lost(struct net_if *nif);
/* Look at all of them, and say what there is to say. elapsed_ms: since boot. */
void net_config_look(uint64_t elapsed_ms);
/*
 * After that: true when net_use() has to wait for none of them. Else *again_ms becomes less if time alone
 * may change that; lwIP's own timers make the network's thread look, too.
 */
bool net_config_done(enum net_need need, uint64_t elapsed_ms, uint64_t *again_ms);

/* ---- net_timers.c: start those of lwIP's periodic functions that have come to have work. */
void net_timers_look(void);
/*
 * Remember when lwIP's first timer is due; and is one due before that by now? Without a look at the
 * clock: every call on a socket asks.
 */
void net_timers_note(void);
bool net_timers_sooner(void);

/* ---- net_tcp_wait.c: free the oldest connections in TIME-WAIT beyond a number. */
void net_tcp_limit_waiting(void);

/*
 * ---- net_tcp_half.c: how many connections to one listening socket may be half open; and where that
 * is used up, or they are many, forget the older ones.
 */
unsigned net_tcp_half_open_max(void);
void net_tcp_limit_half_open(void);

/* ---- net_tcp_window.c, boot: the windows, by the guest's memory */
void net_tcp_start(void);

#endif
