#include "unix.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define UNIX_NO_NAME ((socklen_t)offsetof(struct sockaddr_un, sun_path))

struct mutex unix_mutex = MUTEX_INIT;

static const struct socket_ops unix_ops;

/* ---- what poll() sees ---- */

bool unix_has_room(const struct unix_socket *to)
{
    return to->used < (size_t)to->socket.receive_buffer;
}

static unsigned unix_ready_connected(const struct unix_socket *at)
{
    unsigned ready = 0;

    if (at->no_more)
        ready |= POLLIN | POLLRDNORM | POLLRDHUP;
    if (at->no_more && at->no_send)
        ready |= POLLHUP;
    if (at->state == UNIX_ENDED || (at->state == UNIX_FREE && unix_is_connected_type(at)))
        ready |= POLLHUP;
    if (at->state == UNIX_ENDED || at->no_send ||
        (at->state == UNIX_CONNECTED && at->peer != NULL &&
         2 * at->peer->used <= (size_t)at->peer->socket.receive_buffer))
        ready |= POLLOUT | POLLWRNORM;
    return ready;
}

void unix_update(struct unix_socket *at, unsigned news)
{
    unsigned ready = 0;

    if (at->state == UNIX_LISTENING) {
        ready = at->pending > 0 ? POLLIN | POLLRDNORM : 0;
    } else {
        if (!list_empty(&at->messages))
            ready |= POLLIN | POLLRDNORM;
        if (unix_is_connected_type(at))
            ready |= unix_ready_connected(at);
        else if (at->peer == NULL || unix_has_room(at->peer))
            ready |= POLLOUT | POLLWRNORM;
        if (at->no_more)
            ready |= POLLIN | POLLRDNORM | POLLRDHUP;
        if (__atomic_load_n(&at->socket.error, __ATOMIC_RELAXED) != 0)
            ready |= POLLERR;
    }
    socket_set_ready(&at->socket, ready, news);
}

void unix_room(struct unix_socket *at)
{
    list_for_each (link, &at->senders)
        unix_update(list_entry(link, struct unix_socket, sender_link), POLLOUT | POLLWRNORM);
    poll_source_notify(&at->socket.source, POLLWRBAND); /* who sends to it without a connection */
}

/* ---- life ---- */

static int unix_check(int type, int protocol)
{
    if (protocol != 0 && protocol != AF_UNIX)
        return -EPROTONOSUPPORT;
    return type == SOCK_STREAM || type == SOCK_DGRAM || type == SOCK_SEQPACKET ? 0
                                                                               : -ESOCKTNOSUPPORT;
}

static struct unix_socket *unix_new(int type, int flags)
{
    struct unix_socket *made = calloc(1, sizeof(*made));

    if (made == NULL)
        return NULL;
    socket_init(&made->socket, &unix_ops, AF_UNIX, type, 0, flags);
    list_init(&made->senders);
    list_init(&made->sender_link);
    list_init(&made->messages);
    list_init(&made->waiting);
    list_init(&made->pending_link);
    list_init(&made->name.link);
    made->name.len = UNIX_NO_NAME;
    made->name.address.sun_family = AF_UNIX;
    made->peer_name_len = UNIX_NO_NAME;
    made->peer_name.sun_family = AF_UNIX;
    return made;
}

int unix_make(int type, int protocol, int flags, struct socket **out)
{
    int error = unix_check(type, protocol);
    struct unix_socket *made;

    if (error < 0)
        return error;
    made = unix_new(type, flags);
    if (made == NULL)
        return -ENOMEM;
    unix_update(made, 0);
    *out = &made->socket;
    return 0;
}

/* From one to the other: what one sends, the other receives. */
static void unix_set_peer(struct unix_socket *from, struct unix_socket *to)
{
    list_remove(&from->sender_link);
    from->peer = to;
    if (to != NULL)
        list_append(&to->senders, &from->sender_link);
}

static void unix_join(struct unix_socket *one, struct unix_socket *other)
{
    unix_set_peer(one, other);
    unix_set_peer(other, one);
    one->state = other->state = UNIX_CONNECTED;
    one->peer_name = other->name.address;
    one->peer_name_len = other->name.len;
    other->peer_name = one->name.address;
    other->peer_name_len = one->name.len;
}

int unix_make_pair(int type, int protocol, int flags, struct socket *out[2])
{
    int error = unix_check(type, protocol);
    struct unix_socket *one, *other;

    if (error < 0)
        return error;
    one = unix_new(type, flags);
    other = unix_new(type, flags);
    if (one == NULL || other == NULL) {
        free(one);
        free(other);
        return -ENOMEM;
    }
    mutex_lock(&unix_mutex);
    unix_join(one, other);
    unix_update(one, 0);
    unix_update(other, 0);
    mutex_unlock(&unix_mutex);
    out[0] = &one->socket;
    out[1] = &other->socket;
    return 0;
}

void unix_empty(struct unix_socket *at, struct list *garbage)
{
    while (!list_empty(&at->messages)) {
        struct list *link = at->messages.next;

        list_remove(link);
        list_append(garbage, link);
    }
    at->used = 0;
}

void unix_free_messages(struct list *garbage)
{
    while (!list_empty(garbage)) {
        struct unix_message *message = list_entry(garbage->next, struct unix_message, link);

        list_remove(&message->link);
        rights_free(message->rights);
        free(message);
    }
}

/* The other side is gone for those who send to us. */
static void unix_leave_senders(struct unix_socket *at, bool unread)
{
    while (!list_empty(&at->senders)) {
        struct unix_socket *sender = list_entry(at->senders.next, struct unix_socket, sender_link);

        unix_set_peer(sender, NULL);
        if (unix_is_connected_type(sender)) {
            sender->state = UNIX_ENDED;
            sender->no_more = true;
            if (unread)
                socket_set_error(&sender->socket, ECONNRESET);
        } else {
            sender->state = UNIX_FREE;
            socket_set_error(&sender->socket, ECONNREFUSED);
        }
        unix_update(sender, POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP);
    }
}

/* With the mutex held: out of every list, its messages into garbage. */
static void unix_unlink(struct unix_socket *at, struct list *garbage)
{
    bool unread = !list_empty(&at->messages);

    unix_name_unbind(&at->name);
    unix_empty(at, garbage);
    unix_leave_senders(at, unread);
    if (at->peer != NULL)
        unix_set_peer(at, NULL);
    at->state = UNIX_ENDED;
}

static void unix_close(struct socket *socket)
{
    struct unix_socket *at = unix_of(socket);
    struct list garbage = LIST_INIT(garbage), orphans = LIST_INIT(orphans);

    mutex_lock(&unix_mutex);
    while (!list_empty(&at->waiting)) { /* connections that nobody accepted */
        struct unix_socket *orphan = list_entry(at->waiting.next, struct unix_socket, pending_link);

        list_remove(&orphan->pending_link);
        unix_unlink(orphan, &garbage);
        list_append(&orphans, &orphan->pending_link);
    }
    unix_unlink(at, &garbage);
    mutex_unlock(&unix_mutex);
    unix_free_messages(&garbage);
    while (!list_empty(&orphans)) {
        struct unix_socket *orphan = list_entry(orphans.next, struct unix_socket, pending_link);

        list_remove(&orphan->pending_link);
        free(orphan);
    }
    unix_name_forget(&at->name);
    free(at);
}

/* ---- names ---- */

/* A free abstract name of five digits, as Linux gives it to those who bind to none. */
static int unix_bind_any(struct unix_name *name)
{
    static const char digits[16] = "0123456789abcdef";
    static uint32_t last; /* protected by the mutex */

    name->len = UNIX_NO_NAME + 6;
    for (uint32_t tries = 0; tries < 1u << 20; tries++) {
        uint32_t number = last++;

        name->address.sun_path[0] = '\0';
        for (int i = 5; i > 0; i--, number >>= 4)
            name->address.sun_path[i] = digits[number & 15];
        if (unix_name_bind(name) == 0)
            return 0;
    }
    name->len = UNIX_NO_NAME;
    return -ENOSPC;
}

static int unix_bind_named(struct unix_socket *at, const struct unix_name *name)
{
    int error = 0;

    mutex_lock(&unix_mutex);
    if (at->name.len > UNIX_NO_NAME)
        error = -EINVAL;
    else if (name->len <= UNIX_NO_NAME)
        error = unix_bind_any(&at->name);
    else if (name->inode == NULL && unix_name_find(name) != NULL)
        error = -EADDRINUSE;
    if (error == 0 && name->len > UNIX_NO_NAME) {
        at->name = *name;
        list_init(&at->name.link);
        unix_name_bind(&at->name);
    }
    mutex_unlock(&unix_mutex);
    return error;
}

static int unix_bind(struct socket *socket, const struct sockaddr *address, socklen_t len)
{
    struct unix_socket *at = unix_of(socket);
    struct unix_name name;
    int error = unix_name_parse(&name, address, len);

    if (error < 0)
        return error;
    if (at->name.len > UNIX_NO_NAME)
        return -EINVAL;
    if (unix_name_is_path(&name))
        error = unix_name_node(&name, true);
    if (error == 0)
        error = unix_bind_named(at, &name);
    if (error < 0)
        unix_name_forget(&name);
    return error;
}

static int unix_name(struct socket *socket, bool peer, struct socket_name *out)
{
    struct unix_socket *at = unix_of(socket);
    int error = 0;

    mutex_lock(&unix_mutex);
    if (!peer) {
        out->len = at->name.len;
        memcpy(&out->address, &at->name.address, at->name.len);
    } else if (unix_is_connected_type(at) ? at->state == UNIX_CONNECTED || at->state == UNIX_ENDED
                                          : at->peer != NULL) {
        out->len = at->peer_name_len;
        memcpy(&out->address, &at->peer_name, at->peer_name_len);
    } else {
        error = -ENOTCONN;
    }
    mutex_unlock(&unix_mutex);
    return error;
}

int unix_find(const struct sockaddr *address, socklen_t len, struct unix_socket **out)
{
    struct unix_name name, *found;
    int error = unix_name_parse(&name, address, len);

    if (error == 0 && name.len <= UNIX_NO_NAME)
        error = -EINVAL;
    if (error == 0 && unix_name_is_path(&name))
        error = unix_name_node(&name, false);
    if (error < 0)
        return error;
    mutex_lock(&unix_mutex);
    found = unix_name_find(&name);
    if (found != NULL) {
        *out = list_entry(found, struct unix_socket, name);
        if (!socket_try_ref(&(*out)->socket))
            found = NULL;
    }
    mutex_unlock(&unix_mutex);
    unix_name_forget(&name);
    return found != NULL ? 0 : -ECONNREFUSED;
}

/* ---- connections ---- */

static int unix_listen(struct socket *socket, int backlog)
{
    struct unix_socket *at = unix_of(socket);
    int error = 0;

    mutex_lock(&unix_mutex);
    if (!unix_is_connected_type(at))
        error = -EOPNOTSUPP;
    else if (at->name.len <= UNIX_NO_NAME ||
             (at->state != UNIX_FREE && at->state != UNIX_LISTENING))
        error = -EINVAL;
    if (error == 0) {
        at->state = UNIX_LISTENING;
        at->backlog = backlog < 0 || backlog > SOMAXCONN ? SOMAXCONN : backlog;
        socket->listening = true;
        unix_update(at, 0);
        poll_source_notify(&socket->source, POLLWRBAND); /* the backlog may be longer now */
    }
    mutex_unlock(&unix_mutex);
    return error;
}

/* With the mutex held: make the listener's end `made` of a connection, and queue it. */
static int unix_try_connect(struct unix_socket *from, struct unix_socket *to,
                            struct unix_socket *made)
{
    if (from->state == UNIX_CONNECTED || from->state == UNIX_ENDED)
        return -EISCONN;
    if (from->state == UNIX_LISTENING)
        return -EINVAL;
    if (to->socket.type != from->socket.type)
        return -EPROTOTYPE;
    if (to->state != UNIX_LISTENING || to->no_more)
        return -ECONNREFUSED;
    if (to->pending > to->backlog)
        return -EAGAIN;
    made->name.address = to->name.address; /* a name to show; only the listener is found by it */
    made->name.len = to->name.len;
    made->socket.receive_buffer = to->socket.receive_buffer;
    made->socket.pass_credentials = to->socket.pass_credentials;
    unix_join(from, made);
    list_append(&to->waiting, &made->pending_link);
    to->pending++;
    unix_update(made, 0);
    unix_update(from, POLLOUT);
    unix_update(to, POLLIN | POLLRDNORM);
    return 0;
}

static int unix_connect_stream(struct unix_socket *from, struct unix_socket *to)
{
    struct unix_socket *made = unix_new(from->socket.type, 0);
    struct socket_wait wait;
    int error;

    if (made == NULL)
        return -ENOMEM;
    socket_wait_begin(&wait, &from->socket, POLLOUT, 0);
    wait.on = &to->socket;
    wait.events = POLLWRBAND; /* the listener's queue is shorter */
    do {
        mutex_lock(&unix_mutex);
        error = unix_try_connect(from, to, made);
        mutex_unlock(&unix_mutex);
    } while (error == -EAGAIN &&
             (error = socket_wait_next(&wait, "connection to be accepted")) == 0);
    socket_wait_end(&wait);
    if (error < 0)
        free(made);
    return error;
}

static int unix_connect_datagram(struct unix_socket *from, struct unix_socket *to)
{
    int error = 0;

    mutex_lock(&unix_mutex);
    if (to != NULL && to->socket.type != SOCK_DGRAM)
        error = -EPROTOTYPE;
    else if (to != NULL && to->state == UNIX_CONNECTED && to->peer != from)
        error = -EPERM; /* it hears its own peer only */
    if (error == 0) {
        unix_set_peer(from, to);
        from->state = to != NULL ? UNIX_CONNECTED : UNIX_FREE;
        if (to != NULL) {
            from->peer_name = to->name.address;
            from->peer_name_len = to->name.len;
        }
        unix_update(from, 0);
    }
    mutex_unlock(&unix_mutex);
    return error;
}

static int unix_connect(struct socket *socket, const struct sockaddr *address, socklen_t len)
{
    struct unix_socket *from = unix_of(socket), *to;
    int error;

    if (len < sizeof(sa_family_t))
        return -EINVAL;
    if (address->sa_family == AF_UNSPEC && !unix_is_connected_type(from))
        return unix_connect_datagram(from, NULL);
    error = unix_find(address, len, &to);
    if (error < 0)
        return error;
    error = unix_is_connected_type(from) ? unix_connect_stream(from, to)
                                         : unix_connect_datagram(from, to);
    socket_put(&to->socket);
    return error;
}

static int unix_try_accept(struct unix_socket *at, struct unix_socket **out)
{
    int error = 0;

    mutex_lock(&unix_mutex);
    if (at->state != UNIX_LISTENING) {
        error = -EINVAL;
    } else if (list_empty(&at->waiting)) {
        error = at->no_more ? -EINVAL : -EAGAIN;
    } else {
        *out = list_entry(at->waiting.next, struct unix_socket, pending_link);
        list_remove(&(*out)->pending_link);
        at->pending--;
        unix_update(at, 0);
        poll_source_notify(&at->socket.source, POLLWRBAND);
    }
    mutex_unlock(&unix_mutex);
    return error;
}

static int unix_accept(struct socket *socket, int flags, struct socket **out,
                       struct socket_name *name)
{
    struct unix_socket *at = unix_of(socket), *made = NULL;
    struct socket_wait wait;
    int error;

    if (!unix_is_connected_type(at))
        return -EOPNOTSUPP;
    socket_wait_begin(&wait, socket, POLLIN, 0);
    do
        error = unix_try_accept(at, &made);
    while (error == -EAGAIN && (error = socket_wait_next(&wait, "accept")) == 0);
    socket_wait_end(&wait);
    if (error < 0)
        return error;
    file_set_flags(&made->socket.file, flags);
    name->len = made->peer_name_len;
    memcpy(&name->address, &made->peer_name, made->peer_name_len);
    *out = &made->socket;
    return 0;
}

static int unix_shutdown(struct socket *socket, int how)
{
    struct unix_socket *at = unix_of(socket);
    bool reading = how != SHUT_WR, writing = how != SHUT_RD;
    int error = 0;

    mutex_lock(&unix_mutex);
    if (unix_is_connected_type(at) && at->state == UNIX_FREE)
        error = -ENOTCONN;
    if (error == 0) {
        at->no_more = at->no_more || reading;
        at->no_send = at->no_send || writing;
        if (at->peer != NULL && unix_is_connected_type(at)) {
            at->peer->no_more = at->peer->no_more || writing;
            at->peer->no_send = at->peer->no_send || reading;
            unix_update(at->peer, POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
        }
        unix_update(at, POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
        poll_source_notify(&socket->source, POLLWRBAND);
    }
    mutex_unlock(&unix_mutex);
    return error;
}

static const struct socket_ops unix_ops = {
    .bind = unix_bind,
    .listen = unix_listen,
    .accept = unix_accept,
    .connect = unix_connect,
    .shutdown = unix_shutdown,
    .name = unix_name,
    .send = unix_send,
    .receive = unix_receive,
    .ioctl = unix_ioctl,
    .close = unix_close,
};
