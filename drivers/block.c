/* The list of block devices, and who hears of them. */
#include <drivers/block.h>

#include <platform/spinlock.h>

static struct {
    struct spinlock lock; /* protects the list; the callbacks run without it, upcalls masked */
    struct block_device *first;
    const struct block_listener *listener;
} block = { .lock = SPINLOCK_INIT("block") };

void block_listen(const struct block_listener *listener)
{
    bool was_masked = spin_lock(&block.lock);
    struct block_device *device = block.first;

    block.listener = listener;
    spin_unlock(&block.lock, true);
    for (; device != NULL && listener != NULL; device = device->next)
        listener->found(device); /* masked: the list stays as it is */
    vcpu_restore_upcalls(was_masked);
}

void block_device_add(struct block_device *device)
{
    bool was_masked = spin_lock(&block.lock);
    struct block_device **at = &block.first;
    const struct block_listener *listener = block.listener;

    while (*at != NULL)
        at = &(*at)->next;
    device->next = NULL;
    *at = device;
    spin_unlock(&block.lock, true);
    if (listener != NULL)
        listener->found(device);
    vcpu_restore_upcalls(was_masked);
}

void block_device_remove(struct block_device *device)
{
    bool was_masked = spin_lock(&block.lock);
    struct block_device **at = &block.first;
    const struct block_listener *listener = block.listener;
    bool known;

    while (*at != NULL && *at != device)
        at = &(*at)->next;
    known = *at != NULL;
    if (known)
        *at = device->next;
    spin_unlock(&block.lock, true);
    if (known && listener != NULL)
        listener->lost(device);
    vcpu_restore_upcalls(was_masked);
}
