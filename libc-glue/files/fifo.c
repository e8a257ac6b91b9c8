#include "fifo.h"

#include <errno.h>
#include <fcntl.h>

#include <platform/clock.h>

#include "pipe.h"

const char fifo_is_linked = 1;

/*
 * inode->fifo is the pipe while any end is open. The mutex "fifo" protects the pointer of every inode,
 * and makes finding a pipe and adding an end to it one step.
 */
static struct mutex fifo_mutex = MUTEX_INIT;

static void fifo_gone(void *arg)
{
    struct inode *inode = arg;

    inode->fifo = NULL;
    inode_put(inode);
}

static int fifo_attach(struct inode *inode, int flags, struct file **out)
{
    struct pipe *pipe = inode->fifo;
    bool fresh = pipe == NULL;
    int error = 0;

    if (fresh)
        error = pipe_new(&pipe);
    if (error < 0)
        return error;
    error = pipe_open_end(pipe, flags, out);
    if (error < 0 && fresh) {
        pipe_free(pipe);
    } else if (fresh) {
        pipe_set_owner(pipe, &fifo_mutex, fifo_gone, inode);
        inode_ref(inode)->fifo = pipe; /* until fifo_gone() */
    }
    return error;
}

/*
 * Wait until the other side was opened at least once since we came, or is open. The counts were taken
 * before our own end was added.
 */
static int fifo_wait(struct file *file, struct pipe *pipe, struct pipe_counts before)
{
    bool reads = (file_flags(file) & O_ACCMODE) == O_RDONLY;
    struct file_wait wait;
    int error = 0;

    file_wait_begin(&wait, file, reads ? POLLIN : POLLOUT, CLOCK_NEVER);
    do {
        struct pipe_counts now = pipe_count(pipe);

        if (reads ? now.writers > 0 || now.writers_so_far != before.writers_so_far
                  : now.readers > 0 || now.readers_so_far != before.readers_so_far)
            break;
        error = file_wait_next(&wait, "open of a named pipe");
    } while (error == 0);
    file_wait_end(&wait);
    return error;
}

int fifo_open(struct inode *inode, int flags, struct file **out)
{
    struct pipe_counts before = { 0 };
    struct file *file;
    struct pipe *pipe;
    int error;

    mutex_lock(&fifo_mutex);
    if (inode->fifo != NULL)
        before = pipe_count(inode->fifo);
    if ((flags & O_ACCMODE) == O_WRONLY && (flags & O_NONBLOCK) && before.readers == 0)
        error = -ENXIO;
    else
        error = fifo_attach(inode, flags, &file);
    pipe = inode->fifo;
    mutex_unlock(&fifo_mutex);
    if (error < 0)
        return error;
    file->inode = inode_hold(inode);
    if ((flags & O_ACCMODE) != O_RDWR && !(flags & O_NONBLOCK))
        error = fifo_wait(file, pipe, before);
    if (error < 0)
        file_put(file);
    else
        *out = file;
    return error;
}
