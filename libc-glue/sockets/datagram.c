#include "datagram.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include <runtime/list.h>

/* One message that is kept until there is an address. */
struct datagram_kept {
    struct list link;
    struct pbuf *p;
    struct inet_send how;
    ip_addr_t ip;
    uint16_t port;
};

struct datagram_early {
    struct net_waiter waiter[NET_NEEDS];
    struct datagram_socket *dg;
    struct list kept;
    size_t used; /* bytes of memory */
    bool connects;
    ip_addr_t ip; /* to whom */
    uint16_t port;
};

void datagram_init(struct datagram_socket *dg, const struct datagram_kind *kind,
                   const struct socket_ops *ops, int family, int type, int protocol, int flags)
{
    inet_init(&dg->inet, ops, family, type, protocol, flags);
    dg->kind = kind;
}

/* ---- with the lock held ---- */

static bool datagram_is_full(const struct datagram_socket *dg)
{
    return dg->early != NULL && dg->early->used >= (size_t)dg->inet.socket.send_buffer;
}

void datagram_update(struct datagram_socket *dg, unsigned news)
{
    unsigned ready = datagram_is_full(dg) ? 0 : POLLOUT | POLLWRNORM;

    if (dg->queue.n > 0 || dg->read_shut)
        ready |= POLLIN | POLLRDNORM;
    if (dg->read_shut)
        ready |= POLLRDHUP;
    if (dg->read_shut && dg->write_shut)
        ready |= POLLHUP;
    if (__atomic_load_n(&dg->inet.socket.error, __ATOMIC_RELAXED) != 0)
        ready |= POLLERR;
    socket_set_ready(&dg->inet.socket, ready, news);
}

void datagram_received(struct datagram_socket *dg, struct pbuf *p, const ip_addr_t *from,
                       uint16_t port)
{
    if (dg->read_shut)
        pbuf_free(p);
    else if (inet_queue_put(&dg->queue, &dg->inet, p, from, port))
        datagram_update(dg, POLLIN | POLLRDNORM);
}

void datagram_failed(struct datagram_socket *dg, int error)
{
    socket_set_error(&dg->inet.socket, error);
    datagram_update(dg, POLLERR);
}

/* ---- before there is an address ---- */

static void datagram_forget_kept(struct datagram_kept *kept)
{
    list_remove(&kept->link);
    pbuf_free(kept->p);
    free(kept);
}

static void datagram_forget_early(struct datagram_socket *dg)
{
    struct datagram_early *early = dg->early;

    if (early == NULL)
        return;
    dg->early = NULL;
    for (unsigned need = 0; need < NET_NEEDS; need++)
        list_remove(&early->waiter[need].link);
    while (!list_empty(&early->kept))
        datagram_forget_kept(list_entry(early->kept.next, struct datagram_kept, link));
    free(early);
}

static void datagram_send_kept(struct datagram_socket *dg, struct datagram_kept *kept, int *error)
{
    int failed = dg->kind->send(dg, &kept->how, kept->p, &kept->ip, kept->port);

    if (*error == 0)
        *error = failed;
    dg->early->used -= kept->p->tot_len + sizeof(*kept);
    datagram_forget_kept(kept);
}

/* One kind of address is there: what waits for the other one goes on waiting. */
static void datagram_has_address(struct datagram_early *early)
{
    struct datagram_socket *dg = early->dg;
    int error = 0;

    if (early->connects && !inet_address_is_early(&early->ip)) {
        error = dg->kind->connect(dg, &early->ip, early->port, false);
        early->connects = false;
    }
    for (struct list *at = early->kept.next, *next; at != &early->kept; at = next) {
        struct datagram_kept *kept = list_entry(at, struct datagram_kept, link);

        next = at->next;
        if (!inet_address_is_early(&kept->ip))
            datagram_send_kept(dg, kept, &error);
    }
    if (!early->connects && list_empty(&early->kept))
        datagram_forget_early(dg);
    datagram_update(dg, POLLOUT | POLLWRNORM);
    if (error < 0)
        datagram_failed(dg, error);
}

static void datagram_has_any(struct net_waiter *waiter)
{
    datagram_has_address(list_entry(waiter, struct datagram_early, waiter[NET_ANY]));
}

static void datagram_has_ip6(struct net_waiter *waiter)
{
    datagram_has_address(list_entry(waiter, struct datagram_early, waiter[NET_IP6]));
}

static struct datagram_early *datagram_need_early(struct datagram_socket *dg)
{
    struct datagram_early *early = dg->early;

    if (early != NULL)
        return early;
    early = calloc(1, sizeof(*early));
    if (early == NULL)
        return NULL;
    early->dg = dg;
    early->waiter[NET_ANY].ready = datagram_has_any;
    early->waiter[NET_IP6].ready = datagram_has_ip6;
    list_init(&early->kept);
    for (enum net_need need = NET_ANY; need < NET_NEEDS; need++) {
        list_init(&early->waiter[need].link);
        if (!net_ready(need))
            net_when_ready(&early->waiter[need], need);
    }
    return dg->early = early;
}

static int datagram_keep(struct datagram_socket *dg, const struct inet_send *how, struct pbuf *p,
                         const ip_addr_t *ip, uint16_t port)
{
    struct datagram_early *early = datagram_need_early(dg);
    struct datagram_kept *kept;

    if (early == NULL)
        return -ENOBUFS;
    if (datagram_is_full(dg))
        return -EAGAIN;
    kept = malloc(sizeof(*kept));
    if (kept == NULL)
        return -ENOBUFS;
    *kept = (struct datagram_kept){ .p = p, .how = *how, .ip = *ip, .port = port };
    pbuf_ref(p);
    list_append(&early->kept, &kept->link);
    early->used += p->tot_len + sizeof(*kept);
    datagram_update(dg, 0);
    return 0;
}

static int datagram_connect_early(struct datagram_socket *dg, const ip_addr_t *ip, uint16_t port)
{
    struct datagram_early *early = datagram_need_early(dg);
    int error = early != NULL ? dg->kind->connect(dg, ip, port, true) : -ENOBUFS;

    if (error == 0) {
        early->connects = true;
        early->ip = *ip;
        early->port = port;
    }
    return error;
}

/* Without the lock: wait, if that is allowed. */
static int datagram_wait(struct socket *socket, const ip_addr_t *ip, int flags)
{
    if ((flags & MSG_DONTWAIT) || (file_flags(&socket->file) & O_NONBLOCK))
        return 0;
    return inet_address_wait(ip, false);
}

void datagram_end(struct datagram_socket *dg)
{
    datagram_forget_early(dg);
    inet_queue_empty(&dg->queue);
    inet_group_leave_all(&dg->inet);
}

/* ---- bind, connect ---- */

int datagram_bind(struct socket *socket, const struct sockaddr *address, socklen_t len)
{
    struct datagram_socket *dg = datagram_of(socket);
    uint16_t port;
    ip_addr_t ip;
    int error = inet_address_in(&dg->inet, address, len, &ip, &port);

    if (error == 0)
        error = inet_address_wait(&ip, true);
    if (error < 0)
        return error;
    net_lock();
    error = inet_address_is_ours(&ip) ? dg->kind->bind(dg, &ip, port) : -EADDRNOTAVAIL;
    net_unlock();
    return error;
}

int datagram_connect(struct socket *socket, const struct sockaddr *address, socklen_t len)
{
    struct datagram_socket *dg = datagram_of(socket);
    bool ends = len >= sizeof(sa_family_t) && address->sa_family == AF_UNSPEC;
    uint16_t port;
    ip_addr_t ip;
    int error = ends ? 0 : inet_address_in(&dg->inet, address, len, &ip, &port);

    if (error == 0 && !ends) {
        inet_address_target(&ip);
        error = datagram_wait(socket, &ip, 0);
    }
    if (error < 0)
        return error;
    net_lock();
    if (dg->early != NULL)
        dg->early->connects = false;
    if (ends)
        dg->kind->disconnect(dg);
    else if (inet_address_is_early(&ip))
        error = datagram_connect_early(dg, &ip, port);
    else
        error = dg->kind->connect(dg, &ip, port, false);
    net_unlock();
    return error;
}

/* ---- transfers ---- */

/* To the name, or to the peer. */
static int datagram_target(struct datagram_socket *dg, const struct socket_message *message,
                           ip_addr_t *ip, uint16_t *port)
{
    int error;

    if (message->name == NULL)
        return dg->kind->peer(dg, ip, port);
    error = inet_address_in(&dg->inet, message->name, message->name_len, ip, port);
    if (error == 0)
        inet_address_target(ip);
    return error == 0 && dg->kind->has_ports && *port == 0 ? -EINVAL : error;
}

static int datagram_send_locked(struct datagram_socket *dg, struct socket_message *message,
                                const struct inet_send *how, const ip_addr_t *ip, uint16_t port)
{
    int error = socket_take_error(&dg->inet.socket);
    struct pbuf *p;

    if (error != 0)
        datagram_update(dg, 0);
    else if (dg->kind->prepare != NULL)
        error = dg->kind->prepare(dg);
    if (error != 0)
        return error;
    p = inet_send_pbuf(message);
    if (p == NULL)
        return -ENOBUFS;
    error = inet_address_is_early(ip) ? datagram_keep(dg, how, p, ip, port)
                                      : dg->kind->send(dg, how, p, ip, port);
    pbuf_free(p);
    return error;
}

ssize_t datagram_send(struct socket *socket, struct socket_message *message)
{
    struct datagram_socket *dg = datagram_of(socket);
    struct inet_send how;
    uint16_t port = 0;
    ip_addr_t ip;
    int error = dg->kind->allows(dg, message->len);

    if (error == 0)
        error = datagram_target(dg, message, &ip, &port);
    if (error == 0)
        error = inet_send_control(&dg->inet, message, &how);
    if (error == 0)
        error = datagram_wait(socket, &ip, message->flags);
    if (error < 0)
        return error;
    net_lock();
    error = datagram_send_locked(dg, message, &how, &ip, port);
    net_unlock();
    return error < 0 ? error : (ssize_t)message->len;
}

static ssize_t datagram_try_receive(struct datagram_socket *dg, struct socket_message *message)
{
    ssize_t done;

    if (!(socket_ready(&dg->inet.socket) & (POLLIN | POLLERR)))
        return -EAGAIN;
    net_lock();
    done = inet_queue_take(&dg->queue, &dg->inet, message);
    if (done == -EAGAIN) {
        done = socket_take_error(&dg->inet.socket);
        if (done == 0)
            done = dg->read_shut ? 0 : -EAGAIN;
    }
    if (dg->queue.n == 0)
        datagram_update(dg, 0);
    net_unlock();
    return done;
}

ssize_t datagram_receive(struct socket *socket, struct socket_message *message)
{
    struct datagram_socket *dg = datagram_of(socket);
    struct socket_wait wait;
    ssize_t done;

    socket_wait_begin(&wait, socket, POLLIN, message->flags);
    do
        done = datagram_try_receive(dg, message);
    while (done == -EAGAIN && (done = socket_wait_next(&wait, dg->kind->waiting)) == 0);
    socket_wait_end(&wait);
    return done;
}

int datagram_ioctl(struct socket *socket, unsigned long request, void *arg)
{
    struct datagram_socket *dg = datagram_of(socket);

    if (request != FIONREAD && request != TIOCOUTQ)
        return inet_ioctl(socket, request, arg);
    net_lock();
    if (request == FIONREAD)
        *(int *)arg = (int)inet_queue_first(&dg->queue);
    else
        *(int *)arg = dg->early != NULL ? (int)dg->early->used : 0;
    net_unlock();
    return 0;
}
