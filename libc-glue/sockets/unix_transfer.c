#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <platform/clock.h>

#include "unix.h"

#define UNIX_PIECE 65536u    /* the most of a stream in one message */
#define UNIX_PIECE_MIN 1024u /* room for more, where little is sent at once */

#define UNIX_IN (POLLIN | POLLRDNORM)
#define UNIX_OUT (POLLOUT | POLLWRNORM)

/* What a message takes of the receiver's buffer. */
static size_t unix_share(const struct unix_message *message)
{
    return sizeof(*message) + message->len;
}

/* ---- sending, with the mutex held ---- */

static struct unix_message *unix_message_new(size_t len, size_t room)
{
    struct unix_message *message = malloc(sizeof(*message) + room);

    if (message == NULL)
        return NULL;
    memset(message, 0, sizeof(*message));
    message->len = len;
    message->room = room;
    return message;
}

static void unix_queue(struct unix_socket *to, struct unix_message *message)
{
    list_append(&to->messages, &message->link);
    to->used += unix_share(message);
    unix_update(to, UNIX_IN);
}

/* What fits behind the last message, when that is a stream's and has room. */
static size_t unix_append(struct unix_socket *to, const struct socket_message *from, size_t skip)
{
    struct unix_message *last;
    size_t len;

    if (list_empty(&to->messages))
        return 0;
    last = list_entry(to->messages.prev, struct unix_message, link);
    if (last->rights != NULL)
        return 0;
    len = last->room - last->len;
    len = iov_take(from->iov, from->n, skip, last->data + last->len,
                   from->len - skip < len ? from->len - skip : len);
    last->len += len;
    to->used += len;
    if (len > 0)
        unix_update(to, UNIX_IN);
    return len;
}

/* Why nothing can be sent to the peer: 0 or a negative errno. */
static int unix_no_peer(const struct unix_socket *at)
{
    if (at->no_send)
        return -EPIPE;
    if (at->state == UNIX_FREE || at->state == UNIX_LISTENING)
        return -ENOTCONN;
    return at->peer == NULL ? -EPIPE : 0;
}

/* Some of a stream. The rights go with its first piece. */
static ssize_t unix_put_stream(struct unix_socket *at, const struct socket_message *from,
                               size_t skip, struct rights **rights)
{
    size_t rest = from->len - skip, done = 0, room;
    struct unix_message *message;
    int error = unix_no_peer(at);

    if (error < 0)
        return error;
    if (!unix_has_room(at->peer))
        return -EAGAIN;
    room = (size_t)at->peer->socket.receive_buffer - at->peer->used;
    if (rest > room)
        rest = room;
    if (*rights == NULL)
        done = unix_append(at->peer, from, skip);
    if (done >= rest)
        return (ssize_t)done;
    rest = rest - done < UNIX_PIECE ? rest - done : UNIX_PIECE;
    message = unix_message_new(rest, rest < UNIX_PIECE_MIN ? UNIX_PIECE_MIN : rest);
    if (message == NULL)
        return done > 0 ? (ssize_t)done : -ENOMEM;
    iov_take(from->iov, from->n, skip + done, message->data, rest);
    message->rights = *rights;
    *rights = NULL;
    unix_queue(at->peer, message);
    unix_update(at, 0);
    return (ssize_t)(done + rest);
}

/* One packet, to the peer (to NULL) or to another. */
static ssize_t unix_put_packet(struct unix_socket *at, struct unix_socket *to,
                               const struct socket_message *from, struct rights **rights)
{
    struct unix_message *message;
    int error = socket_take_error(&at->socket);

    if (error == 0 && to == NULL) {
        error = unix_no_peer(at);
        to = at->peer;
    }
    if (error < 0 || to == NULL)
        return error < 0 ? error : -ENOTCONN;
    if (to->socket.type != at->socket.type)
        return -EPROTOTYPE;
    if (at->no_send || to->no_more)
        return -EPIPE;
    if (to->state == UNIX_ENDED)
        return -ECONNREFUSED;
    if (at->socket.type == SOCK_DGRAM && to->peer != NULL && to->peer != at)
        return -EPERM;
    if (!unix_has_room(to))
        return -EAGAIN;
    message = unix_message_new(from->len, from->len);
    if (message == NULL)
        return -ENOMEM;
    iov_take(from->iov, from->n, 0, message->data, from->len);
    message->time_ns = clock_realtime_ns();
    if (at->name.len > offsetof(struct sockaddr_un, sun_path)) {
        message->from = at->name.address;
        message->from_len = at->name.len;
    }
    message->rights = *rights;
    *rights = NULL;
    unix_queue(to, message);
    if (!unix_has_room(to))
        list_for_each (link, &to->senders)
            unix_update(list_entry(link, struct unix_socket, sender_link), 0);
    return (ssize_t)from->len;
}

/* ---- sending ---- */

static ssize_t unix_send_stream(struct unix_socket *at, const struct socket_message *message,
                                struct rights **rights)
{
    struct socket_wait wait;
    size_t sent = 0;
    ssize_t done;

    if (message->name != NULL)
        return at->state == UNIX_CONNECTED ? -EISCONN : -EOPNOTSUPP;
    if (message->len == 0)
        return 0;
    socket_wait_begin(&wait, &at->socket, POLLOUT, message->flags);
    do {
        mutex_lock(&unix_mutex);
        done = unix_put_stream(at, message, sent, rights);
        mutex_unlock(&unix_mutex);
        if (done > 0) {
            sent += (size_t)done;
            done = 0;
        } else if (done == -EAGAIN) {
            done = socket_wait_next(&wait, "socket, for room");
        }
    } while (done == 0 && sent < message->len);
    socket_wait_end(&wait);
    return sent > 0 ? (ssize_t)sent : done;
}

static ssize_t unix_send_packet(struct unix_socket *at, struct unix_socket *to,
                                const struct socket_message *message, struct rights **rights)
{
    struct socket_wait wait;
    ssize_t done;

    if (message->len > (size_t)at->socket.send_buffer)
        return -EMSGSIZE;
    socket_wait_begin(&wait, &at->socket, POLLOUT, message->flags);
    if (to != NULL) {
        wait.on = &to->socket;
        wait.events = POLLWRBAND; /* unix_room() tells it */
    }
    do {
        mutex_lock(&unix_mutex);
        done = unix_put_packet(at, to, message, rights);
        mutex_unlock(&unix_mutex);
    } while (done == -EAGAIN && (done = socket_wait_next(&wait, "socket, for room")) == 0);
    socket_wait_end(&wait);
    return done;
}

ssize_t unix_send(struct socket *socket, struct socket_message *message)
{
    struct unix_socket *at = unix_of(socket), *to = NULL;
    struct rights *rights = NULL;
    ssize_t done = 0;

    if (message->control_len > 0)
        done = rights_take(message, &rights);
    if (done == 0 && message->name != NULL && socket->type == SOCK_DGRAM)
        done = unix_find(message->name, message->name_len, &to);
    if (done == 0)
        done = socket->type == SOCK_STREAM ? unix_send_stream(at, message, &rights)
                                           : unix_send_packet(at, to, message, &rights);
    if (to != NULL)
        socket_put(&to->socket);
    rights_free(rights);
    return done;
}

/* ---- receiving ---- */

/* What comes beside the bytes of the first message that a call reads. */
static void unix_take_rest(const struct unix_socket *at, struct unix_message *from,
                           struct socket_message *message)
{
    struct ucred one = { .pid = 1 };

    if (from->rights != NULL)
        rights_give(from->rights, message);
    if (at->socket.pass_credentials)
        socket_message_control(message, SOL_SOCKET, SCM_CREDENTIALS, &one, sizeof(one));
    if (from->time_ns != 0)
        socket_message_time(&at->socket, message, from->time_ns);
}

static void unix_consumed(struct unix_socket *at, struct unix_message *message,
                          struct list *garbage)
{
    list_remove(&message->link);
    at->used -= unix_share(message);
    list_append(garbage, &message->link);
}

/* What there is of a stream, from skip of the receiver's pieces on. */
static ssize_t unix_take_stream(struct unix_socket *at, struct socket_message *message, size_t skip,
                                struct list *garbage)
{
    bool peek = (message->flags & MSG_PEEK) != 0, first = skip == 0, stop = false;
    struct list *link = at->messages.next;
    size_t done = 0;

    while (link != &at->messages && skip + done < message->len && !stop) {
        struct unix_message *from = list_entry(link, struct unix_message, link);
        size_t len = from->len - from->at, want = message->len - skip - done;

        link = link->next;
        if (from->rights != NULL && !first)
            break; /* they belong to the bytes that follow: another call */
        if (first)
            unix_take_rest(at, from, message);
        first = false;
        stop = from->rights != NULL;
        if (len > want)
            len = want;
        iov_put(message->iov, message->n, skip + done, from->data + from->at, len);
        done += len;
        if (peek)
            continue;
        from->at += len;
        if (from->rights != NULL) { /* given: the rest of the message has none */
            struct unix_message *shell = unix_message_new(0, 0);

            if (shell != NULL) {
                shell->rights = from->rights;
                from->rights = NULL;
                list_append(garbage, &shell->link);
            }
        }
        if (from->at == from->len)
            unix_consumed(at, from, garbage);
    }
    if (done == 0) {
        int error = socket_take_error(&at->socket);

        if (error < 0)
            unix_update(at, 0);
        if (error < 0)
            return error;
        if (at->no_more)
            return 0;
        return at->state == UNIX_CONNECTED ? -EAGAIN : -EINVAL;
    }
    if (stop)
        message->flags &= ~MSG_WAITALL;
    return (ssize_t)done;
}

static ssize_t unix_take_packet(struct unix_socket *at, struct socket_message *message,
                                struct list *garbage)
{
    struct unix_message *from;
    size_t done;
    int error;

    if (list_empty(&at->messages)) {
        error = socket_take_error(&at->socket);
        if (error < 0)
            unix_update(at, 0);
        if (error < 0)
            return error;
        if (at->no_more)
            return 0;
        if (unix_is_connected_type(at) && at->state == UNIX_FREE)
            return -ENOTCONN;
        return -EAGAIN;
    }
    from = list_entry(at->messages.next, struct unix_message, link);
    done = iov_put(message->iov, message->n, 0, from->data,
                   from->len < message->len ? from->len : message->len);
    unix_take_rest(at, from, message);
    socket_message_name(message, &from->from, from->from_len);
    if (done < from->len) {
        message->out_flags |= MSG_TRUNC;
        if (message->flags & MSG_TRUNC)
            done = from->len;
    }
    if (!(message->flags & MSG_PEEK))
        unix_consumed(at, from, garbage);
    return (ssize_t)done;
}

static ssize_t unix_try_receive(struct unix_socket *at, struct socket_message *message, size_t skip)
{
    struct list garbage = LIST_INIT(garbage);
    ssize_t done;

    mutex_lock(&unix_mutex);
    done = at->socket.type == SOCK_STREAM ? unix_take_stream(at, message, skip, &garbage)
                                          : unix_take_packet(at, message, &garbage);
    if (done >= 0 && !(message->flags & MSG_PEEK)) {
        unix_update(at, 0);
        unix_room(at);
    }
    mutex_unlock(&unix_mutex);
    unix_free_messages(&garbage);
    return done;
}

ssize_t unix_receive(struct socket *socket, struct socket_message *message)
{
    struct unix_socket *at = unix_of(socket);
    bool stream = socket->type == SOCK_STREAM;
    struct socket_wait wait;
    size_t received = 0;
    ssize_t done;

    if (stream)
        message->name_len = 0;
    if (stream && message->len == 0)
        return 0;
    socket_wait_begin(&wait, socket, POLLIN, message->flags);
    do {
        done = unix_try_receive(at, message, received);
        if (done > 0)
            received += (size_t)done;
        if (done > 0 && stream && (message->flags & (MSG_WAITALL | MSG_PEEK)) == MSG_WAITALL &&
            received < message->len)
            done = -EAGAIN;
    } while (done == -EAGAIN && (done = socket_wait_next(&wait, "socket, for bytes")) == 0);
    socket_wait_end(&wait);
    return received > 0 ? (ssize_t)received : done;
}

int unix_ioctl(struct socket *socket, unsigned long request, void *arg)
{
    struct unix_socket *at = unix_of(socket);
    size_t n = 0;

    if (request != FIONREAD && request != TIOCOUTQ)
        return -ENOTTY;
    mutex_lock(&unix_mutex);
    if (request == TIOCOUTQ) {
        n = at->peer != NULL ? at->peer->used : 0;
    } else {
        list_for_each (link, &at->messages) {
            struct unix_message *message = list_entry(link, struct unix_message, link);

            n += message->len - message->at;
            if (socket->type != SOCK_STREAM)
                break;
        }
    }
    mutex_unlock(&unix_mutex);
    *(int *)arg = (int)n;
    return 0;
}
