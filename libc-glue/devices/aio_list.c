/*
 * lio_listio: many asynchronous requests with one notification to the disk, and one to the program.
 * One that is to be a call has a thread from the beginning, which waits for the others' end.
 */
#define _GNU_SOURCE
#include <aio.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "aio_request.h"
#include "files/fd.h"
#include "file_block.h"
#include "signals/interrupt.h"
#include "process/result.h"

#define AIO_LIST_MAX 65536

/*
 * The device behind the first request, or NULL: its notifications are held while the list is begun.
 */
static struct block_device *aio_list_device(struct aiocb *const list[], int n, struct file **out)
{
    *out = NULL;
    for (int i = 0; i < n && *out == NULL; i++) {
        if (list[i] != NULL && list[i]->aio_lio_opcode != LIO_NOP)
            *out = fd_get(list[i]->aio_fildes);
        else
            continue;
        break;
    }
    return *out != NULL && file_block_async != NULL ? file_block_async(*out, 0, 0) : NULL;
}

static void aio_group_add(struct aio_group *group)
{
    bool was_masked = spin_lock(&aio_state.lock);

    group->left++;
    spin_unlock(&aio_state.lock, was_masked);
}

/* False when at least one could not be begun: its aiocb says why. */
static bool aio_list_begin(struct aiocb *const list[], int n, struct aio_group *group)
{
    struct file *file;
    struct block_device *device = aio_list_device(list, n, &file);
    bool all = true;

    /* Nothing of a batch goes out before its end, so nothing within it may wait. */
    if (file_block_write_begin != NULL)
        file_block_write_begin();
    if (device != NULL)
        block_batch_begin(device);
    for (int i = 0; i < n; i++) {
        struct aiocb *cb = list[i];
        int error;

        if (cb == NULL || cb->aio_lio_opcode == LIO_NOP)
            continue;
        aio_group_add(group);
        error = cb->aio_lio_opcode > LIO_WRITE || cb->aio_lio_opcode < LIO_READ
                    ? -EINVAL
                    : aio_begin(cb, cb->aio_lio_opcode == LIO_READ ? AIO_READ : AIO_WRITE, group);
        if (error < 0) {
            aio_request_of(cb)->error = -error;
            aio_request_of(cb)->result = -1;
            aio_group_end(group);
            all = false;
        }
    }
    if (device != NULL)
        block_batch_end(device);
    if (file_block_write_end != NULL)
        file_block_write_end();
    if (file != NULL)
        file_put(file);
    return all;
}

/* 0, or -EINTR with requests still under way, which then belong to nobody's group. */
static int aio_list_wait(struct aio_group *group, struct aiocb *const list[], int n)
{
    int error = 0;
    bool was_masked = spin_lock(&aio_state.lock);

    while (group->left > 0 && error == 0) {
        error = wait_queue_sleep(&aio_state.waiting, &aio_state.lock, was_masked, CLOCK_NEVER, true,
                                 "lio_listio");
        was_masked = spin_lock(&aio_state.lock);
    }
    for (int i = 0; i < n && group->left > 0; i++) {
        if (list[i] != NULL && aio_request_of(list[i])->group == group)
            aio_request_of(list[i])->group = NULL;
    }
    if (group->left == 0)
        error = 0;
    spin_unlock(&aio_state.lock, was_masked);
    return error;
}

static int aio_list_failed(struct aiocb *const list[], int n)
{
    for (int i = 0; i < n; i++) {
        if (list[i] != NULL && list[i]->aio_lio_opcode != LIO_NOP && aio_error(list[i]) != 0)
            return -EIO;
    }
    return 0;
}

static int aio_list_run(struct aiocb *const list[], int n)
{
    struct aio_group group = { .left = 1, .is_waited = true };
    int error;

    interrupt_hold();
    aio_list_begin(list, n, &group);
    aio_group_end(&group);
    error = aio_list_wait(&group, list, n);
    interrupt_again(error); /* POSIX wants EINTR, whatever the handler says */
    return error == 0 ? aio_list_failed(list, n) : error;
}

static int aio_list_start(struct aiocb *const list[], int n, const struct sigevent *event)
{
    struct aio_group *group = calloc(1, sizeof(*group));
    bool all;

    if (group == NULL)
        return -EAGAIN;
    group->left = 1;
    group->event.sigev_notify = SIGEV_NONE;
    if (event != NULL)
        group->event = *event;
    all = aio_list_begin(list, n, group);
    aio_group_end(group);
    return all ? 0 : -EIO;
}

struct aio_list_call {
    struct aio_group group;
    struct sigevent event;
};

static void *aio_list_call_entry(void *arg)
{
    struct aio_list_call *call = arg;
    struct sigevent event = call->event;
    bool was_masked = spin_lock(&aio_state.lock);

    while (call->group.left > 0) {
        wait_queue_sleep(&aio_state.waiting, &aio_state.lock, was_masked, CLOCK_NEVER, false,
                         "lio_listio");
        was_masked = spin_lock(&aio_state.lock);
    }
    spin_unlock(&aio_state.lock, was_masked);
    free(call);
    if (event.sigev_notify_function != NULL)
        event.sigev_notify_function(event.sigev_value);
    return NULL;
}

/* LIO_NOWAIT with SIGEV_THREAD. */
static int aio_list_start_call(struct aiocb *const list[], int n, const struct sigevent *event)
{
    const pthread_attr_t *attr = event->sigev_notify_attributes;
    struct aio_list_call *call = calloc(1, sizeof(*call));
    sigset_t all, saved;
    pthread_t thread;
    bool begun;
    int error;

    if (call == NULL)
        return -EAGAIN;
    call->group = (struct aio_group){ .left = 1, .is_waited = true };
    call->event = *event;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &saved); /* signals are for the program's own threads */
    error = pthread_create(&thread, attr, aio_list_call_entry, call);
    pthread_sigmask(SIG_SETMASK, &saved, NULL);
    if (error != 0) {
        free(call);
        return -EAGAIN;
    }
    if (attr == NULL || attr->__detachstate != PTHREAD_CREATE_DETACHED)
        pthread_detach(thread);
    begun = aio_list_begin(list, n, &call->group);
    aio_group_end(&call->group); /* the last that touches it */
    return begun ? 0 : -EIO;
}

int lio_listio(int mode, struct aiocb *const list[restrict], int n, struct sigevent *restrict event)
{
    if ((mode != LIO_WAIT && mode != LIO_NOWAIT) || n < 0 || n > AIO_LIST_MAX)
        return (int)result(-EINVAL);
    aio_reap();
    if (mode == LIO_WAIT)
        return (int)result(aio_list_run(list, n));
    if (event != NULL && event->sigev_notify == SIGEV_THREAD)
        return (int)result(aio_list_start_call(list, n, event));
    return (int)result(aio_list_start(list, n, event));
}
