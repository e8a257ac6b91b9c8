#include "socket_rig.h"

#include <lwip/init.h>
#include <lwip/priv/memp_priv.h>
#include <lwip/timeouts.h>
#include <platform/memory.h>

#include "signals/interrupt.h"
#include "net.h"
#include "net_heap.h"
#include "net_priv.h"

/* ---- chance and memory ---- */

static bool locked;
unsigned broken, random_state = 1, out_of_memory;
struct wire wire;

unsigned dice(unsigned of)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % of;
}

void *net_heap_get(size_t size)
{
    return out_of_memory != 0 && dice(out_of_memory) == 0 ? NULL : malloc(size);
}

void *net_heap_get_zeroed(size_t n, size_t size)
{
    return out_of_memory != 0 && dice(out_of_memory) == 0 ? NULL : calloc(n, size);
}

bool net_heap_is_too_low(void)
{
    return out_of_memory != 0 && dice(out_of_memory) == 0;
}

void *net_page_get(void)
{
    return out_of_memory != 0 && dice(out_of_memory) == 0 ? NULL : aligned_alloc(4096, 4096);
}

size_t memory_pages(void)
{
    return 16384;
}

/* ---- the wire ---- */

#define UNDERWAY 4096u

static struct packet {
    struct pbuf *p;
    uint64_t at_ns;
} underway[UNDERWAY];
static unsigned n_underway;

/* The loopback's next packet: its queue is one chain. */
static struct pbuf *wire_take(struct netif *netif)
{
    struct pbuf *first = netif->loop_first, *last = first;

    while (last->len != last->tot_len)
        last = last->next;
    netif->loop_first = last->next;
    if (last->next == NULL)
        netif->loop_last = NULL;
    last->next = NULL;
    return first;
}

static void wire_send(struct pbuf *p)
{
    CHECK(n_underway < UNDERWAY);
    underway[n_underway++] =
        (struct packet){ p, glue_monotonic_ns + wire.delay_ms * UINT64_C(1000000) };
    if (n_underway > 1 && wire.swap != 0 && dice(wire.swap) == 0) {
        struct pbuf *before = underway[n_underway - 2].p;

        underway[n_underway - 2].p = p;
        underway[n_underway - 1].p = before;
    }
}

static void wire_spoil(struct pbuf *p)
{
    if (wire.lose != 0 && dice(wire.lose) == 0) {
        pbuf_free(p);
        return;
    }
    if (wire.twice != 0 && dice(wire.twice) == 0) {
        struct pbuf *again = pbuf_clone(PBUF_RAW, PBUF_RAM, p);

        if (again != NULL)
            wire_send(again);
    }
    wire_send(p);
}

/* Until nothing is left that would come now. */
static void deliver(void)
{
    struct netif *netif, *lo = netif_find("lo0");

    for (;;) {
        NETIF_FOREACH(netif)
        while (netif->loop_first != NULL)
            wire_spoil(wire_take(netif));
        if (n_underway == 0 || underway[0].at_ns > glue_monotonic_ns)
            return;
        struct pbuf *p = underway[0].p;
        n_underway--;
        memmove(underway, underway + 1, n_underway * sizeof(underway[0]));
        if (ip_input(p, lo) != ERR_OK)
            pbuf_free(p);
    }
}

/* ---- what else a guest has below ---- */

void net_lock(void)
{
    CHECK(!locked);
    locked = true;
}

void net_unlock(void)
{
    CHECK(locked);
    deliver();
    locked = false;
}

int net_use(enum net_need need)
{
    (void)need;
    return 0;
}

bool no_address, no_address6;
static struct list waiters[NET_NEEDS] = { LIST_INIT(waiters[0]), LIST_INIT(waiters[1]) };

bool net_ready(enum net_need need)
{
    return need == NET_ANY ? !no_address : !no_address6;
}

void net_when_ready(struct net_waiter *waiter, enum net_need need)
{
    CHECK(locked && !net_ready(need));
    list_append(&waiters[need], &waiter->link);
}

static void ready_for(bool *no, enum net_need need)
{
    net_lock();
    *no = false;
    while (!list_empty(&waiters[need])) {
        struct net_waiter *waiter = list_entry(waiters[need].next, struct net_waiter, link);

        list_remove(&waiter->link);
        waiter->ready(waiter);
    }
    net_unlock();
}

void have_address(void)
{
    ready_for(&no_address, NET_ANY);
}

void have_address6(void)
{
    ready_for(&no_address6, NET_IP6);
}

void net_if_name(const struct netif *netif, char *name)
{
    (void)netif;
    strcpy(name, "lo");
}

struct netif *net_if_find(const char *name)
{
    return strcmp(name, "lo") == 0 ? netif_list : NULL;
}

void interrupt_broken_pipe(void)
{
    broken++;
}

void pass_time(unsigned ms)
{
    unsigned step = wire.delay_ms != 0 && wire.delay_ms < 20 ? wire.delay_ms : 20;

    for (unsigned i = 0; i < ms; i += step) {
        glue_monotonic_ns += step * UINT64_C(1000000);
        net_lock();
        deliver(); /* what comes in time, before a timer misses it */
        sys_check_timeouts();
        net_unlock();
    }
}

void a_moment(void)
{
    pass_time(300);
}

void begin(void)
{
    static bool ready;

    if (!ready) {
        lwip_init();
        ready = true;
    }
    wire = (struct wire){ 0 };
    netif_list->mtu = netif_list->mtu6 = 0; /* no bound */
    out_of_memory = 0;
    broken = 0;
}

/* After the longest that TCP remembers any. */
void end(void)
{
    out_of_memory = 0;
    wire = (struct wire){ 0 };
    pass_time(200000);
    CHECK(tcp_active_pcbs == NULL);
    CHECK(tcp_tw_pcbs == NULL);
    CHECK(tcp_bound_pcbs == NULL);
    CHECK(tcp_listen_pcbs.pcbs == NULL);
    CHECK(netif_list->loop_first == NULL && n_underway == 0);
}

/* ---- sockets ---- */

char buffer[1 << 20];

struct socket *make(int family, int type, int flags)
{
    struct socket *made = NULL;

    CHECK_EQ(inet_make(family, type, 0, flags, &made), 0);
    return made;
}

struct socket_name loopback(int family, int port)
{
    struct socket_name name = { .len = sizeof(struct sockaddr_in) };
    struct sockaddr_in *in = (struct sockaddr_in *)&name.address;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&name.address;

    if (family == AF_INET) {
        in->sin_family = AF_INET;
        in->sin_port = htons(port);
        in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    } else {
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(port);
        in6->sin6_addr.s6_addr[15] = 1;
        name.len = sizeof(*in6);
    }
    return name;
}

struct socket *listening(int family, int backlog, struct socket_name *at)
{
    struct socket *server = make(family, SOCK_STREAM, O_NONBLOCK);

    *at = loopback(family, 0);
    CHECK_EQ(server->ops->bind(server, ADDRESS(*at)), 0);
    CHECK_EQ(server->ops->listen(server, backlog), 0);
    CHECK_EQ(server->ops->name(server, false, at), 0);
    return server;
}

void make_pair(int family, struct socket *pair[2])
{
    struct socket_name at, from;
    struct socket *server = listening(family, 5, &at);

    glue_on_sleep = a_moment;
    pair[0] = make(family, SOCK_STREAM, 0);
    CHECK_EQ(pair[0]->ops->connect(pair[0], ADDRESS(at)), 0);
    CHECK_EQ(server->ops->accept(server, O_NONBLOCK, &pair[1], &from), 0);
    file_set_flags(&pair[0]->file, O_NONBLOCK);
    socket_put(server);
}

ssize_t send_to(struct socket *to, const void *bytes, size_t len, int flags)
{
    struct iovec iov = { (void *)(uintptr_t)bytes, len };
    struct socket_message message = { .iov = &iov, .n = 1, .len = len, .flags = flags };

    return socket_send(to, &message);
}

ssize_t receive_from(struct socket *from, size_t len, int flags)
{
    struct iovec iov = { buffer, len };
    struct socket_message message = { .iov = &iov, .n = 1, .len = len, .flags = flags };

    return socket_receive(from, &message);
}

unsigned ready(const struct socket *socket)
{
    return socket_ready(socket) & (POLLIN | POLLOUT | POLLHUP | POLLERR);
}
