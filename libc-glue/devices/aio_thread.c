/* Asynchronous requests that wait: each in a thread of its own. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "aio_request.h"

/*
 * Is there an older request on the same file? fsync is for what was asked for before it. Lock held.
 */
static bool aio_is_behind(const struct aio_request *request)
{
    list_for_each(link, &aio_state.in_progress)
    {
        const struct aio_request *other = list_entry(link, struct aio_request, link);

        if (other == request)
            break;
        if (other->file == request->file)
            return true;
    }
    return false;
}

static ssize_t aio_sync(struct aio_request *request)
{
    const struct file_ops *ops = request->file->ops;
    bool was_masked = spin_lock(&aio_state.lock);

    while (aio_is_behind(request)) {
        wait_queue_sleep(&aio_state.waiting, &aio_state.lock, was_masked, CLOCK_NEVER, false,
                         "aio_fsync");
        was_masked = spin_lock(&aio_state.lock);
    }
    spin_unlock(&aio_state.lock, was_masked);
    return ops->sync != NULL ? ops->sync(request->file, request->op == AIO_DATA_SYNC) : -EINVAL;
}

static ssize_t aio_transfer(struct aio_request *request)
{
    const struct aiocb *cb = aio_cb_of(request);
    struct file *file = request->file;
    struct iovec iov = { .iov_base = (void *)(uintptr_t)cb->aio_buf, .iov_len = cb->aio_nbytes };
    const off_t *offset = file->ops->seek != NULL ? &cb->aio_offset : NULL;

    if (request->op == AIO_READ)
        return file_read(file, &iov, 1, offset);
    return file_write(file, &iov, 1, offset);
}

static void *aio_thread_entry(void *arg)
{
    struct aio_request *request = arg;
    struct sigevent event = aio_cb_of(request)->aio_sigevent;
    struct file *file = request->file;

    aio_end(request, request->op >= AIO_SYNC ? aio_sync(request) : aio_transfer(request));
    file_put(file);
    if (event.sigev_notify == SIGEV_THREAD && event.sigev_notify_function != NULL)
        event.sigev_notify_function(event.sigev_value);
    return NULL;
}

int aio_thread_begin(struct aio_request *request)
{
    const struct sigevent *event = &aio_cb_of(request)->aio_sigevent;
    const pthread_attr_t *attr =
        event->sigev_notify == SIGEV_THREAD ? event->sigev_notify_attributes : NULL;
    sigset_t all, saved;
    pthread_t thread;
    int error;

    request->in_thread = true;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &saved); /* signals are for the program's own threads */
    error = pthread_create(&thread, attr, aio_thread_entry, request);
    pthread_sigmask(SIG_SETMASK, &saved, NULL);
    if (error == 0 && (attr == NULL || attr->__detachstate != PTHREAD_CREATE_DETACHED))
        pthread_detach(thread);
    return error == 0 ? 0 : -EAGAIN;
}
