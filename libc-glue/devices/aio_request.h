/*
 * aio_request: the inside of asynchronous requests, shared by aio.c, aio_thread.c and aio_list.c.
 *
 * Owns what a struct aiocb says of its progress. All of it is protected by the lock "aio"; requests
 * end in event handlers or threads of their own.
 */
#ifndef LIBC_GLUE_AIO_REQUEST_H
#define LIBC_GLUE_AIO_REQUEST_H

#include <aio.h>
#include <stdbool.h>

#include <drivers/block.h>
#include <platform/spinlock.h>
#include <runtime/list.h>
#include <runtime/sync.h>

#include "files/file.h"

enum aio_op { AIO_READ, AIO_WRITE, AIO_SYNC, AIO_DATA_SYNC };

/* Those that lio_listio() was given together. */
struct aio_group {
    unsigned left; /* requests, and lio_listio() itself while it begins them */
    struct sigevent event;
    bool is_waited;         /* LIO_WAIT: it lies on the caller's stack; else aio_reap() frees it */
    struct aio_group *next; /* those to be freed */
};

struct aio_request {
    int error;       /* EINPROGRESS, 0 or another errno */
    ssize_t result;  /* as read() would have returned it */
    enum aio_op op;
    bool in_thread;
    struct file *file; /* a reference, until the end */
    struct list link;  /* among those in progress */
    struct aio_group *group;
    struct block_request block;
    struct block_piece piece;
};
_Static_assert(sizeof(struct aio_request) <= sizeof(((struct aiocb *)0)->__aio_private),
               "it lies in the aiocb");

static inline struct aio_request *aio_request_of(const struct aiocb *cb)
{
    return (struct aio_request *)(uintptr_t)cb->__aio_private;
}

static inline struct aiocb *aio_cb_of(struct aio_request *request)
{
    return (struct aiocb *)((char *)request - offsetof(struct aiocb, __aio_private));
}

struct aio_state {
    struct spinlock lock;
    struct list in_progress; /* oldest first */
    struct wait_queue waiting;
    /* For aio_reap(): what ended where nothing can be closed or freed. */
    struct file *dead; /* block devices, chained by their unused source */
    struct aio_group *over;
};
extern struct aio_state aio_state;

/*
 * Begin; group may be NULL. 0 or a negative errno, and then nothing was begun. May not wait long.
 */
int aio_begin(struct aiocb *cb, enum aio_op op, struct aio_group *group);

/* It has ended, with a count or a negative errno. Any context. */
void aio_end(struct aio_request *request, ssize_t result);

/*
 * One of the group less to wait for; tells the program after the last. Lock not held. Any context.
 */
void aio_group_end(struct aio_group *group);

/* Do it with a thread of its own. 0 or -EAGAIN. */
int aio_thread_begin(struct aio_request *request);

/* Tell the program. Any context; SIGEV_THREAD is not for here. */
void aio_notify(const struct sigevent *event);

/* Close and free what is left of requests that ended. Threads only. */
void aio_reap(void);

#endif
