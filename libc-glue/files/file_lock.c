#include "file_lock.h"

#include <errno.h>
#include <fcntl.h>
#ifndef LOCK_SH
#include <sys/file.h>
#endif

#include <platform/clock.h>
#include <platform/spinlock.h>

#include "inode.h"

static struct spinlock file_lock_lock = SPINLOCK_INIT("flock"); /* all flock_* of inodes, file->flock */
static struct wait_queue file_lock_queue = WAIT_QUEUE_INIT(file_lock_queue);

/* With the lock held. */
static void file_lock_drop(struct file *file)
{
    if (file->flock == LOCK_SH)
        file->inode->flock_shared--;
    else if (file->flock == LOCK_EX)
        file->inode->flock_owner = NULL;
    file->flock = 0;
}

static bool file_lock_try(struct file *file, int kind)
{
    struct inode *inode = file->inode;

    if (inode->flock_owner != NULL || (kind == LOCK_EX && inode->flock_shared > 0))
        return false;
    if (kind == LOCK_EX)
        inode->flock_owner = file;
    else
        inode->flock_shared++;
    file->flock = kind;
    return true;
}

int file_lock(struct file *file, int operation)
{
    int kind = operation & ~LOCK_NB;
    int error = 0;
    bool was_masked;

    if (kind != LOCK_SH && kind != LOCK_EX && kind != LOCK_UN)
        return -EINVAL;
    if (file->inode == NULL)
        return kind == LOCK_UN ? 0 : -EINVAL; /* a pipe or socket: nobody else can open it */

    was_masked = spin_lock(&file_lock_lock);
    if (file->flock != kind) {
        /* As on Linux, a change of kind gives the old lock back first. */
        file_lock_drop(file);
        wait_queue_wake(&file_lock_queue, WAKE_ALL);
        while (kind != LOCK_UN && error == 0 && !file_lock_try(file, kind)) {
            if (operation & LOCK_NB) {
                error = -EWOULDBLOCK;
                break;
            }
            error = wait_queue_sleep(&file_lock_queue, &file_lock_lock, was_masked, CLOCK_NEVER,
                                     true, "flock");
            was_masked = spin_lock(&file_lock_lock);
        }
    }
    spin_unlock(&file_lock_lock, was_masked);
    return error;
}

void file_lock_closed(struct file *file)
{
    bool was_masked = spin_lock(&file_lock_lock);

    file_lock_drop(file);
    wait_queue_wake(&file_lock_queue, WAKE_ALL);
    spin_unlock(&file_lock_lock, was_masked);
}
