/*
 * unix: sockets within the guest (AF_UNIX): streams, datagrams, packets over a connection.
 *
 * What is sent lies in the receiver's queue as a row of messages, each one allocation; a stream's
 * small pieces are put together. unix.c owns life and connections, unix_transfer.c what is sent,
 * unix_name.c the names.
 *
 * Protected by one mutex, "unix": everything here but what is in struct socket. Nothing is freed,
 * and no reference to a file given back, while it is held (the last one may close a socket of
 * ours); such work is done after it.
 */
#ifndef LIBC_GLUE_UNIX_H
#define LIBC_GLUE_UNIX_H

#include <runtime/list.h>
#include <runtime/sync.h>

#include "rights.h"
#include "socket.h"
#include "unix_name.h"

extern struct mutex unix_mutex;

struct unix_message {
    struct list link;
    struct rights *rights; /* NULL: none */
    size_t len, at;        /* bytes, and how many of a stream's were read */
    size_t room;
    uint64_t time_ns;   /* realtime, when it was sent */
    socklen_t from_len; /* the sender's name; 0: none */
    struct sockaddr_un from;
    char data[];
};

enum unix_state { UNIX_FREE, UNIX_LISTENING, UNIX_CONNECTED, UNIX_ENDED };

struct unix_socket {
    struct socket socket;
    enum unix_state state;
    struct unix_name name;
    struct unix_socket *peer; /* to whom we send; NULL: nobody (any more) */
    struct list senders;      /* those whose peer we are */
    struct list sender_link;
    socklen_t peer_name_len; /* of a connection: its other end's name, also when that is gone */
    struct sockaddr_un peer_name;

    struct list messages; /* received */
    size_t used;          /* bytes in them, with a share for each message */
    bool no_more;         /* nothing will come any more: the peer's end, or shutdown() */
    bool no_send;         /* shutdown() */

    struct list waiting; /* LISTENING: connections to accept(), by pending_link */
    struct list pending_link;
    int pending, backlog;
};

static inline struct unix_socket *unix_of(struct socket *socket)
{
    return (struct unix_socket *)socket;
}

static inline bool unix_is_connected_type(const struct unix_socket *unix_socket)
{
    return unix_socket->socket.type != SOCK_DGRAM;
}

/* What poll() is to see, from the state; news as for socket_set_ready(). */
void unix_update(struct unix_socket *unix_socket, unsigned news);
/* There is more room in it: tell those who send to it. */
void unix_room(struct unix_socket *unix_socket);
bool unix_has_room(const struct unix_socket *to);

/* The socket that a name stands for, with a reference. Waits; without the mutex. */
int unix_find(const struct sockaddr *address, socklen_t len, struct unix_socket **out);

ssize_t unix_send(struct socket *socket, struct socket_message *message);
ssize_t unix_receive(struct socket *socket, struct socket_message *message);
int unix_ioctl(struct socket *socket, unsigned long request, void *arg);

/* Move all messages out of a socket to a list of the caller's; and free such a list, unlocked. */
void unix_empty(struct unix_socket *unix_socket, struct list *garbage);
void unix_free_messages(struct list *garbage);

#endif
