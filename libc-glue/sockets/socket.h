/*
 * socket: what every kind of socket has in common.
 *
 * A kind (unix.c, socket_tcp.c, socket_udp.c, socket_raw.c) embeds struct socket in its own
 * structure and fills socket_ops; the POSIX names are in sys_socket.c, sys_sockopt.c and
 * sys_sendmsg.c, and read(), write(), poll() come through file_socket.c.
 *
 * A kind keeps the word `ready` as poll() is to see it, by socket_set_ready() under its own lock;
 * so that looking at a socket takes no lock at all.
 */
#ifndef LIBC_GLUE_SOCKET_H
#define LIBC_GLUE_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "files/file.h"

struct socket;

/* One transfer, with its pieces checked: at most SSIZE_MAX bytes. */
struct socket_message {
    const struct iovec *iov;
    int n;
    size_t len; /* of all pieces */
    int flags;  /* MSG_* of the call */

    /* Sending: where to, NULL for the peer. Receiving: where the sender's address goes, or NULL. */
    void *name;
    socklen_t name_len; /* receiving: room, then the address's own length, 0 when there is none */

    /* Sending: control data. Receiving: room for it, and how much of that is used. */
    void *control;
    size_t control_len;
    size_t control_used;
    int out_flags; /* receiving: MSG_TRUNC, MSG_CTRUNC, MSG_EOR */
};

struct socket_name {
    struct sockaddr_storage address;
    socklen_t len;
};

/*
 * NULL: EOPNOTSUPP. 0, a count or a negative errno. Those that wait do so by socket_wait, and
 * return -EINTR when a signal came.
 */
struct socket_ops {
    int (*bind)(struct socket *socket, const struct sockaddr *address, socklen_t len);
    int (*listen)(struct socket *socket, int backlog);
    /* A connection with one reference. name: the peer's address. */
    int (*accept)(struct socket *socket, int flags, struct socket **out, struct socket_name *name);
    int (*connect)(struct socket *socket, const struct sockaddr *address, socklen_t len);
    int (*shutdown)(struct socket *socket, int how);
    int (*name)(struct socket *socket, bool peer, struct socket_name *out);
    ssize_t (*send)(struct socket *socket, struct socket_message *message);
    ssize_t (*receive)(struct socket *socket, struct socket_message *message);
    /* Levels other than SOL_SOCKET. -ENOPROTOOPT for what is not known. */
    int (*set_option)(struct socket *socket, int level, int option, const void *value,
                      socklen_t len);
    int (*get_option)(struct socket *socket, int level, int option, void *value, socklen_t *len);
    /* An option of SOL_SOCKET has changed. May be NULL. */
    void (*option_changed)(struct socket *socket, int option);
    int (*ioctl)(struct socket *socket, unsigned long request, void *arg);
    void (*close)(struct socket *socket);
};

struct socket {
    struct file file;
    const struct socket_ops *ops;
    struct poll_source source;
    uint32_t ready; /* atomic: POLLIN | POLLOUT | ... */
    int error;      /* atomic: SO_ERROR, an errno */
    int family, type, protocol;
    ino_t ino;

    /* Options of SOL_SOCKET, each read and written in one piece. */
    int send_buffer, receive_buffer;              /* bytes */
    bool receive_buffer_set;                      /* by the program, not ours by default */
    uint64_t send_timeout_ns, receive_timeout_ns; /* 0: none */
    struct linger linger;
    int low_water;
    int priority, mark;
    bool reuse_address, reuse_port, keep_alive, broadcast, oob_inline, pass_credentials, timestamp,
        timestamp_ns, dont_route, debug, listening;
};

#define SOCKET_BUFFER 212992 /* bytes each way, as on Linux */

/* The rest of the structure is the kind's. */
void socket_init(struct socket *socket, const struct socket_ops *ops, int family, int type,
                 int protocol, int flags);

/* The socket behind fd with a reference for the caller, or NULL and *error -EBADF or -ENOTSOCK. */
struct socket *socket_get(int fd, int *error);
/* NULL when file is none. */
struct socket *socket_of(struct file *file);

static inline struct socket *socket_ref(struct socket *socket)
{
    file_ref(&socket->file);
    return socket;
}

/* For whoever finds a socket in a list of its own: false when it is being closed. */
static inline bool socket_try_ref(struct socket *socket)
{
    unsigned refs = __atomic_load_n(&socket->file.refs, __ATOMIC_RELAXED);

    while (refs != 0)
        if (__atomic_compare_exchange_n(&socket->file.refs, &refs, refs + 1, true, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
            return true;
    return false;
}

static inline void socket_put(struct socket *socket)
{
    file_put(&socket->file);
}

static inline unsigned socket_ready(const struct socket *socket)
{
    return __atomic_load_n(&socket->ready, __ATOMIC_ACQUIRE);
}

/* What poll() is to see now; `news` are events to tell again although they were there already. */
void socket_set_ready(struct socket *socket, unsigned ready, unsigned news);

/* SO_ERROR and forget it: 0 or a negative errno. */
int socket_take_error(struct socket *socket);
static inline void socket_set_error(struct socket *socket, int error)
{
    __atomic_store_n(&socket->error, error < 0 ? -error : error, __ATOMIC_RELAXED);
}

/*
 * The loop of a waiting call, as file_wait's: begin; try; next returns 0 to try again, -EAGAIN (not
 * allowed to wait, or the socket's time-out is over) or -EINTR; end. `on` is whose events are
 * waited for, nearly always the socket itself; it must stay until the end.
 */
struct socket_wait {
    struct poll_wait wait;
    struct poll_waiter waiter;
    struct socket *on;
    unsigned events;
    uint64_t deadline_ns;
    bool may_wait, registered;
};
void socket_wait_begin(struct socket_wait *wait, struct socket *socket, unsigned events, int flags);
int socket_wait_next(struct socket_wait *wait, const char *reason);
void socket_wait_end(struct socket_wait *wait);

/* Send or receive through any socket, with what all have in common: SIGPIPE, the end of reading. */
ssize_t socket_send(struct socket *socket, struct socket_message *message);
ssize_t socket_receive(struct socket *socket, struct socket_message *message);

/* The sender's address into the receiver's room, as far as it fits. */
void socket_message_name(struct socket_message *message, const void *address, socklen_t len);
/* One piece of control data; MSG_CTRUNC when it does not fit. */
bool socket_message_control(struct socket_message *message, int level, int type, const void *data,
                            size_t len);
/* SO_TIMESTAMP, SO_TIMESTAMPNS of what came at realtime_ns. */
void socket_message_time(const struct socket *socket, struct socket_message *message,
                         uint64_t realtime_ns);

/* For get_option: a value as far as it fits. */
int socket_option_out(void *value, socklen_t *len, const void *from, size_t size);
int socket_option_int(void *value, socklen_t *len, int number);
/* For set_option: an int, or -EINVAL. One byte does for those options that may be bytes. */
int socket_option_in(const void *value, socklen_t len, int *number);
int socket_option_byte(const void *value, socklen_t len, int *number);

int socket_set_option(struct socket *socket, int option, const void *value, socklen_t len);
int socket_get_option(struct socket *socket, int option, void *value, socklen_t *len);

/* The makers: a new socket with one reference. flags: O_NONBLOCK. */
int unix_make(int type, int protocol, int flags, struct socket **out);
int unix_make_pair(int type, int protocol, int flags, struct socket *out[2]);
int inet_make(int family, int type, int protocol, int flags, struct socket **out);

#endif
