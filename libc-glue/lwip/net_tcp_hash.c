#include "net_tcp_hash.h"

#include <stddef.h>
#include <stdint.h>

#include "net_heap.h"

#define NET_HASH_FEW  16u
#define NET_HASH_LOAD 2u /* connections to a bucket before there are more buckets */

static struct {
    struct tcp_pcb **table;
    size_t n_buckets; /* a power of two */
    size_t n;
    uint64_t secret;
    struct tcp_pcb *few[NET_HASH_FEW]; /* the first table: there need not be memory */
} net_hash = { .table = net_hash.few, .n_buckets = NET_HASH_FEW };

/*
 * In what lwIP leaves to extensions stand the next one of the bucket, and the hash: lwIP forgets
 * the ports before it frees.
 */
static struct tcp_pcb *net_hash_next(const struct tcp_pcb *pcb)
{
    return pcb->ext_args[0].data;
}

static uint64_t net_hash_of(const ip_addr_t *remote_ip, u16_t remote_port, u16_t local_port)
{
    uint64_t mix = net_hash.secret ^ ((uint64_t)remote_port << 16 | local_port);

    if (net_hash.secret == 0)
        mix ^= net_hash.secret = (uint64_t)net_random() << 32 | net_random() | 1;
    if (IP_IS_V6(remote_ip)) {
        for (unsigned i = 0; i < 4; i++)
            mix = (mix ^ ip_2_ip6(remote_ip)->addr[i]) * 0x9e3779b97f4a7c15;
    } else {
        mix = (mix ^ (uint64_t)ip_2_ip4(remote_ip)->addr << 32) * 0x9e3779b97f4a7c15;
    }
    mix ^= mix >> 29;
    mix *= 0xbf58476d1ce4e5b9;
    return mix >> 32;
}

static struct tcp_pcb **net_hash_head(const struct tcp_pcb *pcb)
{
    return &net_hash.table[(uintptr_t)pcb->ext_args[1].data & (net_hash.n_buckets - 1)];
}

static void net_hash_insert(struct tcp_pcb *pcb)
{
    struct tcp_pcb **head = net_hash_head(pcb);

    pcb->ext_args[0].data = *head;
    *head = pcb;
}

/* Without memory it stays as it is, only slower. */
static void net_hash_grow(void)
{
    size_t n_old = net_hash.n_buckets;
    struct tcp_pcb **old = net_hash.table;
    struct tcp_pcb **table = net_heap_get_zeroed(4 * n_old, sizeof(*table));

    if (table == NULL)
        return;
    net_hash.table = table;
    net_hash.n_buckets = 4 * n_old;
    for (size_t i = 0; i < n_old; i++) {
        for (struct tcp_pcb *pcb = old[i], *next; pcb != NULL; pcb = next) {
            next = net_hash_next(pcb);
            net_hash_insert(pcb);
        }
    }
    if (old != net_hash.few)
        net_heap_put(old);
}

void net_tcp_hash_add(struct tcp_pcb *pcb)
{
    if (net_hash.n >= net_hash.n_buckets * NET_HASH_LOAD)
        net_hash_grow();
    pcb->ext_args[1].data =
        (void *)(uintptr_t)net_hash_of(&pcb->remote_ip, pcb->remote_port, pcb->local_port);
    net_hash_insert(pcb);
    net_hash.n++;
}

void net_tcp_hash_remove(struct tcp_pcb *pcb)
{
    struct tcp_pcb **head = net_hash_head(pcb);
    struct tcp_pcb *before = NULL;

    for (struct tcp_pcb *at = *head; at != NULL; before = at, at = net_hash_next(at)) {
        if (at != pcb)
            continue;
        if (before == NULL)
            *head = net_hash_next(pcb);
        else
            before->ext_args[0].data = net_hash_next(pcb);
        net_hash.n--;
        return;
    }
}

struct tcp_pcb *net_tcp_hash_find(bool waiting, const ip_addr_t *local_ip, u16_t local_port,
                                  const ip_addr_t *remote_ip, u16_t remote_port)
{
    uint64_t hash = net_hash_of(remote_ip, remote_port, local_port);
    struct tcp_pcb *pcb = net_hash.table[hash & (net_hash.n_buckets - 1)];

    for (; pcb != NULL; pcb = net_hash_next(pcb)) {
        if (pcb->remote_port == remote_port && pcb->local_port == local_port &&
            (pcb->state == TIME_WAIT) == waiting && ip_addr_eq(&pcb->remote_ip, remote_ip) &&
            ip_addr_eq(&pcb->local_ip, local_ip))
            return pcb;
    }
    return NULL;
}
