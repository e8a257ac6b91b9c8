/*
 * net: lwIP in this guest: its lock, its thread, its interfaces.
 *
 * Owns everything of lwIP that is not a protocol: the mutex "network", the thread "network"
 * (timers, received frames, sent frames that are done), the interfaces lo and eth0, eth1, ..., and
 * their configuration (ip= of the command line, the vif's ip=, DHCP, IPv6 by router
 * advertisements). Linked, and so started before main, in programs that reference it; it never
 * keeps main waiting.
 *
 * lwIP runs with NO_SYS: the raw API (tcp_*, udp_*, raw_*, dns_*), nothing of its sockets. Every
 * call into lwIP, and every look at its structures, is made between net_lock() and net_unlock().
 * lwIP's callbacks run on whatever thread works for lwIP at that moment, with the lock held: they
 * neither lock nor wait. Not for event handlers.
 */
#ifndef LIBC_GLUE_NET_H
#define LIBC_GLUE_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <runtime/list.h>

struct netif;
struct tcp_pcb;

/*
 * net_unlock() also does what the calls in between left to do: it delivers what was sent over the
 * loopback, pushes queued frames out with one notification, and has the network thread see a timer
 * that is due earlier than it thought. So nobody has to flush.
 */
void net_lock(void);
void net_unlock(void);

/*
 * What a call needs. An address by IPv6 comes a second or two after IPv4's: its uniqueness is looked
 * into, and before that a router has to say of which network it is.
 */
enum net_need { NET_ANY, NET_IP6, NET_NEEDS };

/*
 * Wait until the interfaces that there were at boot have their configuration (an address, or given
 * up), at most as long as ip= allows (10 s); for IPv6, where no router answers, until four seconds
 * after boot. For calls that need an address of ours or a way out: datagrams to other than the
 * loopback, bind() to an address that is not there (yet), name look-ups, lists of addresses. Not for
 * socket() or listen() on any address: a server begins at once. Returns 0, also after the bound has
 * passed, and then always at once; -EINTR by a signal. Without the lock.
 */
int net_use(enum net_need need);

/* True when net_use() would not wait. Any context. */
bool net_ready(enum net_need need);

/*
 * For calls that may not wait: `ready` runs once, on the network's thread and with the lock held,
 * as soon as net_use() would not wait. Called with the lock held, and only while !net_ready(need);
 * list_remove() of the link takes it back.
 */
struct net_waiter {
    struct list link;
    void (*ready)(struct net_waiter *waiter);
};
void net_when_ready(struct net_waiter *waiter, enum net_need need);

/* Have the network thread look at everything soon. Any context, event handlers too. */
void net_kick(void);

/*
 * tcp_write() in large: queues as many of the len bytes as there is room for in the send buffer,
 * and returns how many; 0 when there is none or no memory (tcp_sent's callback comes when it
 * changed). It makes segments of up to 64 KiB where the interface cuts them (GSO). flags as for
 * tcp_write(): TCP_WRITE_FLAG_COPY, or the memory must stay as it is until acknowledged;
 * TCP_WRITE_FLAG_MORE. A negative err_t (ERR_CONN...) when the connection is in no state to send.
 * Call tcp_output() after.
 */
long net_tcp_write(struct tcp_pcb *pcb, const void *data, size_t len, uint8_t flags);

/*
 * Names as programs know them: "lo", "eth0". index as if_nametoindex() gives it: netif_get_index().
 * net_if_name() fills name[NET_IF_NAME] (also IFNAMSIZ); net_if_find() is NULL for an unknown name.
 */
#define NET_IF_NAME 16
void net_if_name(const struct netif *netif, char *name);
struct netif *net_if_find(const char *name);

/*
 * What this machine can give to one connection, by the guest's memory: the largest receive window
 * and send buffer in bytes. lwIP's TCP_WND and TCP_SND_BUF are these.
 */
extern uint32_t net_tcp_window, net_tcp_send_buffer;

#endif
