/*
 * aio_read, aio_write, aio_fsync, aio_error, aio_return, aio_suspend, aio_cancel: requests that a
 * block device takes end in its event handler; all others are aio_thread.c's.
 */
#define _GNU_SOURCE
#include <aio.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "aio_request.h"
#include "files/fd.h"
#include "file_block.h"
#include "signals/interrupt.h"
#include "memory/mapping_pages.h"
#include "process/result.h"
#include "signals/signal_core.h"
#include "files/sys_deadline.h"

extern __typeof__(signal_post) signal_post __attribute__((weak));

struct aio_state aio_state = {
    .lock = SPINLOCK_INIT("aio"),
    .in_progress = LIST_INIT(aio_state.in_progress),
    .waiting = WAIT_QUEUE_INIT(aio_state.waiting),
};

/*
 * ---- what ends in an event handler, and is closed and freed later -----------------------------
 */

/* Lock held. Closing may wait: the last reference is left to aio_reap(). */
static void aio_put_file(struct file *file)
{
    unsigned refs = __atomic_load_n(&file->refs, __ATOMIC_RELAXED);

    while (refs > 1) {
        if (__atomic_compare_exchange_n(&file->refs, &refs, refs - 1, true, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED))
            return;
    }
    file->source = (void *)aio_state.dead; /* nobody but us can reach it any more */
    aio_state.dead = file;
}

void aio_reap(void)
{
    bool was_masked = spin_lock(&aio_state.lock);
    struct aio_group *group = aio_state.over, *next_group;
    struct file *file = aio_state.dead, *next_file;

    aio_state.over = NULL;
    aio_state.dead = NULL;
    spin_unlock(&aio_state.lock, was_masked);
    for (; file != NULL; file = next_file) {
        next_file = (void *)file->source;
        file->source = NULL;
        file_put(file);
    }
    for (; group != NULL; group = next_group) {
        next_group = group->next;
        free(group);
    }
}

/* ---- the end of a request ------------------------------------------------------------------- */

void aio_notify(const struct sigevent *event)
{
    siginfo_t info = { .si_signo = event->sigev_signo, .si_code = SI_ASYNCIO };

    if (event->sigev_notify != SIGEV_SIGNAL || !signal_number_ok(event->sigev_signo))
        return;
    info.si_value = event->sigev_value;
    if (signal_post != NULL)
        signal_post(NULL, &info, NULL);
}

void aio_group_end(struct aio_group *group)
{
    struct sigevent event = { .sigev_notify = SIGEV_NONE };
    bool was_masked = spin_lock(&aio_state.lock);

    if (--group->left == 0) {
        if (group->is_waited) {
            wait_queue_wake(&aio_state.waiting, WAKE_ALL);
        } else {
            event = group->event;
            group->next = aio_state.over;
            aio_state.over = group;
        }
    }
    spin_unlock(&aio_state.lock, was_masked);
    aio_notify(&event);
}

void aio_end(struct aio_request *request, ssize_t result)
{
    struct sigevent event = aio_cb_of(request)->aio_sigevent;
    struct aio_group *group = request->group;
    bool was_masked = spin_lock(&aio_state.lock);

    list_remove(&request->link);
    if (!request->in_thread)
        aio_put_file(request->file);
    request->result = result < 0 ? -1 : result;
    /* From here on the program may use the aiocb for something else. */
    __atomic_store_n(&request->error, result < 0 ? (int)-result : 0, __ATOMIC_RELEASE);
    wait_queue_wake(&aio_state.waiting, WAKE_ALL);
    spin_unlock(&aio_state.lock, was_masked);
    aio_notify(&event);
    if (group != NULL)
        aio_group_end(group);
}

static void aio_on_done(struct block_request *block, int status)
{
    struct aio_request *request = block->arg;

    if (request->op == AIO_WRITE)
        file_block_write_end();

    aio_end(request, status < 0 ? status : (ssize_t)request->piece.len);
}

/* ---- the beginning -------------------------------------------------------------------------- */

/* To the device just so. False: not possible, do it otherwise. */
static bool aio_begin_block(struct aiocb *cb, struct aio_request *request)
{
    bool is_write = request->op == AIO_WRITE;
    struct block_device *device;
    ssize_t len;

    struct iovec iov = { .iov_base = (void *)(uintptr_t)cb->aio_buf, .iov_len = cb->aio_nbytes };

    if (mapping_pin_needed != NULL && mapping_pin_needed(&iov, 1))
        return false; /* the thread's transfer sees to it that the memory is there */
    if (file_block_async == NULL || request->op > AIO_WRITE ||
        cb->aio_sigevent.sigev_notify == SIGEV_THREAD ||
        (is_write && (file_flags(request->file) & O_SYNC) != 0))
        return false;
    device = file_block_async(request->file, cb->aio_offset, cb->aio_nbytes);
    if (device == NULL)
        return false;
    len = file_block_clip(device, cb->aio_offset, cb->aio_nbytes, is_write);
    if (len <= 0) {
        aio_end(request, len);
        return true;
    }
    request->piece =
        (struct block_piece){ .data = (void *)(uintptr_t)cb->aio_buf, .len = (size_t)len };
    request->block = (struct block_request){
        .op = is_write ? BLOCK_WRITE : BLOCK_READ,
        .sector = (uint64_t)cb->aio_offset / BLOCK_SECTOR,
        .pieces = &request->piece,
        .n = 1,
        .done = aio_on_done,
        .arg = request,
    };
    if (is_write && request->group != NULL) /* lio_listio() has begun one, and must not wait */
        file_block_write_more();
    else if (is_write)
        file_block_write_begin();
    block_submit(device, &request->block);
    return true;
}

static int aio_check(const struct aiocb *cb, enum aio_op op, const struct file *file)
{
    int mode = file_flags(file) & O_ACCMODE;

    if ((op == AIO_READ && mode == O_WRONLY) || (op == AIO_WRITE && mode == O_RDONLY))
        return -EBADF;
    if (op <= AIO_WRITE &&
        (cb->aio_nbytes > SSIZE_MAX || (file->ops->seek != NULL && cb->aio_offset < 0)))
        return -EINVAL;
    return 0;
}

int aio_begin(struct aiocb *cb, enum aio_op op, struct aio_group *group)
{
    struct aio_request *request = aio_request_of(cb);
    struct file *file = fd_get(cb->aio_fildes);
    bool was_masked;
    int error;

    if (file == NULL)
        return -EBADF;
    error = aio_check(cb, op, file);
    if (error < 0) {
        file_put(file);
        return error;
    }
    request->op = op;
    request->file = file;
    request->group = group;
    request->in_thread = false;
    request->error = EINPROGRESS;
    was_masked = spin_lock(&aio_state.lock);
    list_append(&aio_state.in_progress, &request->link);
    spin_unlock(&aio_state.lock, was_masked);
    if (aio_begin_block(cb, request))
        return 0;
    error = aio_thread_begin(request);
    if (error < 0) {
        was_masked = spin_lock(&aio_state.lock);
        list_remove(&request->link);
        request->error = -error;
        request->result = -1;
        spin_unlock(&aio_state.lock, was_masked);
        file_put(file);
    }
    return error;
}

static int aio_begin_one(struct aiocb *cb, enum aio_op op)
{
    aio_reap();
    return (int)result(aio_begin(cb, op, NULL));
}

int aio_read(struct aiocb *cb)
{
    return aio_begin_one(cb, AIO_READ);
}

int aio_write(struct aiocb *cb)
{
    return aio_begin_one(cb, AIO_WRITE);
}

int aio_fsync(int operation, struct aiocb *cb)
{
    if (operation != O_SYNC && operation != O_DSYNC)
        return (int)result(-EINVAL);
    return aio_begin_one(cb, operation == O_SYNC ? AIO_SYNC : AIO_DATA_SYNC);
}

/* ---- asking ---------------------------------------------------------------------------------- */

int aio_error(const struct aiocb *cb)
{
    return __atomic_load_n(&aio_request_of(cb)->error, __ATOMIC_ACQUIRE);
}

ssize_t aio_return(struct aiocb *cb)
{
    struct aio_request *request = aio_request_of(cb);
    int error = aio_error(cb);

    aio_reap();
    if (error == EINPROGRESS)
        return result(-EINVAL);
    return error != 0 ? result(-error) : request->result;
}

static bool aio_any_is_over(const struct aiocb *const list[], int n)
{
    bool listed = false;

    for (int i = 0; i < n; i++) {
        if (list[i] == NULL)
            continue;
        listed = true;
        if (aio_error(list[i]) != EINPROGRESS)
            return true;
    }
    return !listed;
}

int aio_suspend(const struct aiocb *const list[], int n, const struct timespec *timeout)
{
    uint64_t deadline_ns;
    int error = sys_deadline_timespec(timeout, &deadline_ns);

    interrupt_cancel_point();
    if (n < 0)
        error = -EINVAL;
    interrupt_hold();
    while (error == 0) {
        bool was_masked = spin_lock(&aio_state.lock);

        if (aio_any_is_over(list, n)) {
            spin_unlock(&aio_state.lock, was_masked);
            break;
        }
        error = wait_queue_sleep(&aio_state.waiting, &aio_state.lock, was_masked, deadline_ns, true,
                                 "aio_suspend");
        if (error == -ETIMEDOUT)
            error = aio_any_is_over(list, n) ? 0 : -EAGAIN;
    }
    interrupt_again(error); /* never begun again, whatever the handler says: POSIX wants EINTR */
    return (int)result(error);
}

/* What has begun is under way to the device or in a thread: it runs to its end. */
int aio_cancel(int fd, struct aiocb *cb)
{
    struct file *file = fd_get(fd);
    int answer = AIO_ALLDONE;
    bool was_masked;

    if (file == NULL)
        return (int)result(-EBADF);
    if (cb != NULL && cb->aio_fildes != fd) {
        file_put(file);
        return (int)result(-EINVAL);
    }
    was_masked = spin_lock(&aio_state.lock);
    list_for_each(link, &aio_state.in_progress)
    {
        struct aio_request *request = list_entry(link, struct aio_request, link);

        if (request->file == file && (cb == NULL || aio_cb_of(request) == cb))
            answer = AIO_NOTCANCELED;
    }
    spin_unlock(&aio_state.lock, was_masked);
    file_put(file);
    return answer;
}
