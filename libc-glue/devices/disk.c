#include "disk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <drivers/blkfront.h>
#include <drivers/xenbus.h>
#include <platform/clock.h>
#include <platform/spinlock.h>
#include <platform/vcpu.h>
#include <runtime/log.h>
#include <runtime/sync.h>
#include <runtime/thread.h>

#include "device.h"
#include "file_block.h"
#include "partition.h"

#define DISK_SETTLE_NS 60000000000u /* a busy dom0 takes seconds; Linux waits up to 300 */
#define DISK_MAJOR_OTHER 240u /* for what Linux's scheme has no number: its range for local use */

/* What disk_get() hands out: a whole disk or a partition, in front of the driver's device. */
struct disk {
    struct block_device block;
    struct block_device *lower; /* NULL: unplugged. Protected by the lock "disks" */
    uint64_t start;             /* sectors of lower before it */
    unsigned number;            /* of the partition; 0: the whole disk */
    unsigned refs;              /* atomic; the list has one */
    struct list link;           /* protected by the mutex */
    struct list device_link;    /* protected by the lock; gone with the last reference */
    struct device node;         /* in /dev */
};

static struct {
    struct spinlock lock;       /* protects lower of every disk, and the next two */
    struct block_device *fresh; /* found, and not looked at yet: linked by their owner fields */
    struct list devices;        /* every struct disk that somebody holds */
    bool stale;                 /* atomic: something was found or lost since disk_settle() looked */
    struct wait_queue waiting;  /* for the search, or for a transfer */

    struct mutex mutex; /* protects the rest */
    bool begun;
    struct thread *settling; /* who holds the mutex in disk_settle() */
    struct list list;
    unsigned others; /* numbers used of DISK_MAJOR_OTHER */
} disks = {
    .lock = SPINLOCK_INIT("disks"),
    .waiting = WAIT_QUEUE_INIT(disks.waiting),
    .devices = LIST_INIT(disks.devices),
    .list = LIST_INIT(disks.list),
};

static struct disk *disk_of(struct block_device *device)
{
    return (struct disk *)((char *)device - offsetof(struct disk, block));
}

/*
 * ---- in front of the driver's device ----------------------------------------------------------
 */

/* Does the request lie within the partition? */
static bool disk_holds(const struct disk *disk, const struct block_request *request)
{
    uint64_t bytes = 0, most = disk->block.sectors;

    if (request->op == BLOCK_FLUSH)
        return true;
    if (request->sector > most)
        return false;
    most -= request->sector;
    if (request->op == BLOCK_DISCARD)
        return request->sectors <= most;
    for (unsigned i = 0; i < request->n; i++) {
        if (request->pieces[i].len > most * BLOCK_SECTOR - bytes)
            return false;
        bytes += request->pieces[i].len;
    }
    return true;
}

static void disk_submit(struct block_device *device, struct block_request *request)
{
    struct disk *disk = disk_of(device);
    bool was_masked = spin_lock(&disks.lock);
    struct block_device *lower = disk->lower;

    spin_unlock(&disks.lock, true); /* still masked: it cannot be unplugged now */
    if (lower == NULL) {
        request->done(request, -EIO);
    } else if (disk->number != 0 && !disk_holds(disk, request)) {
        request->done(request, -EINVAL);
    } else {
        request->base += disk->start;
        lower->ops->submit(lower, request);
    }
    vcpu_restore_upcalls(was_masked);
}

static void disk_batch(struct block_device *device, bool begin)
{
    struct disk *disk = disk_of(device);
    bool was_masked = spin_lock(&disks.lock);
    struct block_device *lower = disk->lower;

    spin_unlock(&disks.lock, true);
    if (lower != NULL && begin)
        block_batch_begin(lower);
    else if (lower != NULL)
        block_batch_end(lower);
    vcpu_restore_upcalls(was_masked);
}

static void disk_batch_begin(struct block_device *device)
{
    disk_batch(device, true);
}

static void disk_batch_end(struct block_device *device)
{
    disk_batch(device, false);
}

static const struct block_ops disk_block_ops = {
    .submit = disk_submit,
    .batch_begin = disk_batch_begin,
    .batch_end = disk_batch_end,
};

/* As lower is now; false when nothing is different. With the lock held. */
static bool disk_copy(struct disk *disk)
{
    const struct block_device *lower = disk->lower;
    struct block_device old = disk->block, *block = &disk->block;

    if (disk->number == 0)
        block->sectors = lower->sectors;
    block->sector_size = lower->sector_size;
    block->max_request = lower->max_request;
    block->depth = lower->depth;
    block->read_only = lower->read_only;
    block->removable = lower->removable;
    block->can_flush = lower->can_flush;
    block->can_discard = lower->can_discard;
    block->gone = lower->gone;
    return old.sectors != block->sectors || old.read_only != block->read_only ||
           old.gone != block->gone;
}

/*
 * ---- what drivers tell, in event handlers -----------------------------------------------------
 */

static void disk_on_changed(struct block_device *lower)
{
    bool was_masked = spin_lock(&disks.lock);

    list_for_each(link, &disks.devices)
    {
        struct disk *disk = list_entry(link, struct disk, device_link);

        if (disk->lower == lower && disk_copy(disk) && disk->block.changed != NULL)
            disk->block.changed(&disk->block);
    }
    spin_unlock(&disks.lock, was_masked);
}

static void disk_on_found(struct block_device *lower)
{
    bool was_masked = spin_lock(&disks.lock);

    lower->owner = disks.fresh;
    disks.fresh = lower;
    disks.stale = true;
    spin_unlock(&disks.lock, was_masked);
    wait_queue_wake(&disks.waiting, WAKE_ALL);
}

/* Nothing of it is in flight any more, and nothing reaches it from here on. */
static void disk_on_lost(struct block_device *lower)
{
    bool was_masked = spin_lock(&disks.lock);
    struct block_device **at = &disks.fresh;

    while (*at != NULL && *at != lower)
        at = (struct block_device **)&(*at)->owner;
    if (*at != NULL)
        *at = lower->owner;
    list_for_each(link, &disks.devices)
    {
        struct disk *disk = list_entry(link, struct disk, device_link);

        if (disk->lower != lower)
            continue;
        disk->lower = NULL;
        disk->block.gone = true;
        disks.stale = true;
        if (disk->block.changed != NULL)
            disk->block.changed(&disk->block);
    }
    spin_unlock(&disks.lock, was_masked);
}

static const struct block_listener disk_listener = { .found = disk_on_found, .lost = disk_on_lost };

static void disk_on_progress(void)
{
    wait_queue_wake(&disks.waiting, WAKE_ALL);
}

/*
 * ---- references -------------------------------------------------------------------------------
 */

struct block_device *disk_ref(struct block_device *device)
{
    __atomic_fetch_add(&disk_of(device)->refs, 1, __ATOMIC_RELAXED);
    return device;
}

void disk_put(struct block_device *device)
{
    struct disk *disk = disk_of(device);
    bool was_masked;

    if (__atomic_sub_fetch(&disk->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    was_masked = spin_lock(&disks.lock);
    list_remove(&disk->device_link);
    spin_unlock(&disks.lock, was_masked);
    free(disk);
}

static int disk_open(const struct device *node, int flags, struct file **out)
{
    struct disk *disk = list_entry(node, struct disk, node);

    return file_block_open(&disk->block, flags, out);
}

/*
 * ---- the list, with the mutex held ------------------------------------------------------------
 */

static dev_t disk_number(const struct block_device *whole, unsigned number)
{
    unsigned span = whole->major == 3 || whole->major == 22 ? 64 : 16;

    if (whole->major != 0 && (number == 0 || (number < span && whole->minor % span == 0)))
        return DEVICE_NUMBER(whole->major, whole->minor + number);
    return DEVICE_NUMBER(DISK_MAJOR_OTHER, disks.others++ & 0xff);
}

/* The driver's device is there, or was until a moment ago (NULL). With the lock held as well. */
static void disk_attach(struct disk *disk, struct block_device *lower)
{
    list_append(&disks.devices, &disk->device_link);
    disk->lower = lower;
    disk->block.gone = true;
    if (lower != NULL)
        disk_copy(disk);
    else
        disks.stale = true;
}

static struct disk *disk_new(void)
{
    struct disk *disk = calloc(1, sizeof(*disk));

    if (disk != NULL) {
        disk->block.ops = &disk_block_ops;
        disk->refs = 1;
    }
    return disk;
}

/* Make it known under its name. */
static void disk_show(struct disk *disk, dev_t rdev)
{
    int error;

    disk->node = (struct device){
        .name = disk->block.name, .mode = S_IFBLK | 0660, .number = rdev, .open = disk_open
    };
    list_append(&disks.list, &disk->link);
    error = device_add(&disk->node);
    if (error < 0)
        log_line(LOG_ERROR, "%s: no node in /dev: error %d", disk->block.name, error);
}

/* A disk that was found since the last time, or NULL. */
static struct disk *disk_take_fresh(void)
{
    struct disk *disk = disks.fresh != NULL ? disk_new() : NULL;
    struct block_device *lower;
    bool was_masked;

    if (disk == NULL)
        return NULL;
    was_masked = spin_lock(&disks.lock);
    lower = disks.fresh;
    if (lower != NULL) {
        disks.fresh = lower->owner;
        lower->owner = NULL;
        lower->changed = disk_on_changed;
        memcpy(disk->block.name, lower->name, sizeof(disk->block.name));
        disk->block.major = lower->major;
        disk->block.minor = lower->minor;
        disk->block.is_partition = lower->is_partition;
        disk_attach(disk, lower);
    }
    spin_unlock(&disks.lock, was_masked);
    if (lower == NULL) {
        free(disk);
        disk = NULL;
    }
    return disk;
}

static void disk_add_partition(struct disk *whole, const struct partition *part)
{
    struct disk *disk = disk_new();
    size_t len = strlen(whole->block.name);
    bool was_masked;

    if (disk == NULL)
        return;
    log_format(disk->block.name, sizeof(disk->block.name),
               whole->block.name[len - 1] <= '9' ? "%sp%u" : "%s%u", whole->block.name,
               part->number);
    disk->number = part->number;
    disk->start = part->start;
    disk->block.sectors = part->sectors;
    disk->block.is_partition = true;
    was_masked = spin_lock(&disks.lock);
    disk_attach(disk, whole->lower);
    spin_unlock(&disks.lock, was_masked);
    disk_show(disk, disk_number(&whole->block, part->number));
}

static int disk_read(void *arg, uint64_t sector, void *buffer, size_t len)
{
    struct disk *whole = arg;

    return disk_transfer(&whole->block, BLOCK_READ, sector, buffer, len);
}

/* What the table says, in *parts, which the caller frees. How many, or a negative errno. */
static int disk_read_table(struct disk *whole, struct partition **parts)
{
    struct partition_disk disk = {
        .sectors = whole->block.sectors,
        .sector_size = whole->block.sector_size,
        .read = disk_read,
        .arg = whole,
    };

    *parts = calloc(PARTITION_MAX, sizeof(**parts));
    return *parts != NULL ? partition_read(&disk, *parts) : -ENOMEM;
}

static void disk_add_partitions(struct disk *whole)
{
    struct partition *parts;
    int n = disk_read_table(whole, &parts);

    if (n < 0)
        log_line(LOG_ERROR, "%s: partition table: error %d", whole->block.name, n);
    for (int i = 0; i < n; i++)
        disk_add_partition(whole, &parts[i]);
    free(parts);
}

static void disk_add_fresh(void)
{
    struct disk *disk;

    while ((disk = disk_take_fresh()) != NULL) {
        disk_show(disk, disk_number(&disk->block, 0));
        if (!disk->block.is_partition && !disk->block.gone)
            disk_add_partitions(disk);
    }
}

static void disk_hide(struct disk *disk)
{
    list_remove(&disk->link);
    device_remove(&disk->node);
    disk_put(&disk->block);
}

static void disk_remove_lost(void)
{
    struct list *next;

    for (struct list *link = disks.list.next; link != &disks.list; link = next) {
        struct disk *disk = list_entry(link, struct disk, link);

        next = link->next;
        if (disk->lower == NULL)
            disk_hide(disk);
    }
}

/* True when somebody uses a partition of that disk. Otherwise they reach nothing from here on. */
static bool disk_cut_partitions(const struct disk *whole)
{
    bool was_masked = spin_lock(&disks.lock);
    bool used = false;

    list_for_each(link, &disks.devices)
    {
        struct disk *disk = list_entry(link, struct disk, device_link);

        used |= disk->number != 0 && disk->lower == whole->lower &&
                __atomic_load_n(&disk->refs, __ATOMIC_RELAXED) > 1;
    }
    list_for_each(link, &disks.devices)
    {
        struct disk *disk = list_entry(link, struct disk, device_link);

        if (used || disk->number == 0 || disk->lower != whole->lower)
            continue;
        disk->lower = NULL;
        disk->block.gone = true;
    }
    spin_unlock(&disks.lock, was_masked);
    return used;
}

/*
 * ---- waiting ----------------------------------------------------------------------------------
 */

/* Until done says so, or the deadline. Also at boot, where the vCPU itself waits. */
static void disk_wait(struct wait_queue *queue, bool (*done)(void *arg), void *arg,
                      uint64_t deadline_ns)
{
    bool was_masked = spin_lock(&disks.lock);

    while (!done(arg) && (deadline_ns == CLOCK_NEVER || clock_monotonic_ns() < deadline_ns)) {
        if (thread_self()->id == 0) {
            spin_unlock(&disks.lock, true);
            vcpu_block(deadline_ns);
            vcpu_restore_upcalls(was_masked);
        } else {
            wait_queue_sleep(queue, &disks.lock, was_masked, deadline_ns, false, "disk");
        }
        was_masked = spin_lock(&disks.lock);
    }
    spin_unlock(&disks.lock, was_masked);
}

static bool disk_search_is_over(void *arg)
{
    (void)arg;
    return !blkfront_discovering();
}

void disk_settle(void)
{
    /* Making a node looks for its name in /dev, which leads here. */
    if (__atomic_load_n(&disks.settling, __ATOMIC_RELAXED) == thread_self())
        return;
    mutex_lock(&disks.mutex);
    __atomic_store_n(&disks.settling, thread_self(), __ATOMIC_RELAXED);
    if (!disks.begun) {
        disks.begun = true;
        xenbus_set_listener(disk_on_progress);
        block_listen(&disk_listener);
        int error = blkfront_start();
        if (error < 0 && error != -ENODEV) /* without xenstore there are no disks */
            log_line(LOG_ERROR, "disks: no search: error %d", error);
    }
    disk_wait(&disks.waiting, disk_search_is_over, NULL, clock_monotonic_ns() + DISK_SETTLE_NS);
    while (__atomic_exchange_n(&disks.stale, false, __ATOMIC_ACQ_REL)) {
        disk_remove_lost();
        disk_add_fresh();
    }
    __atomic_store_n(&disks.settling, NULL, __ATOMIC_RELAXED);
    mutex_unlock(&disks.mutex);
}

int disk_reread(struct block_device *device)
{
    struct disk *whole = disk_of(device);
    struct partition *parts = NULL;
    int n;

    if (whole->block.is_partition)
        return -EINVAL;
    mutex_lock(&disks.mutex);
    __atomic_store_n(&disks.settling, thread_self(), __ATOMIC_RELAXED);
    n = whole->block.gone ? -ENXIO : disk_read_table(whole, &parts);
    if (n >= 0 && disk_cut_partitions(whole))
        n = -EBUSY;
    if (n >= 0)
        disk_remove_lost();
    for (int i = 0; i < n; i++)
        disk_add_partition(whole, &parts[i]);
    free(parts);
    __atomic_store_n(&disks.settling, NULL, __ATOMIC_RELAXED);
    mutex_unlock(&disks.mutex);
    return n < 0 ? n : 0;
}

int disk_get(const char *name, struct block_device **out)
{
    int error = -ENXIO;

    if (strncmp(name, "/dev/", 5) == 0)
        name += 5;
    disk_settle();
    mutex_lock(&disks.mutex);
    list_for_each(link, &disks.list)
    {
        struct disk *disk = list_entry(link, struct disk, link);

        if (strcmp(disk->block.name, name) == 0 && !disk->block.gone) {
            *out = disk_ref(&disk->block);
            error = 0;
            break;
        }
    }
    mutex_unlock(&disks.mutex);
    return error;
}

/*
 * ---- transfers --------------------------------------------------------------------------------
 */

struct disk_run {
    struct wait_queue waiting;
    bool done; /* protected by the lock "disks" */
    int status;
};

static void disk_on_done(struct block_request *request, int status)
{
    struct disk_run *run = request->arg;
    bool was_masked = spin_lock(&disks.lock);

    run->status = status;
    run->done = true;
    wait_queue_wake(&run->waiting, 1);
    spin_unlock(&disks.lock, was_masked);
}

static bool disk_run_is_done(void *arg)
{
    return ((struct disk_run *)arg)->done;
}

int disk_run(struct block_device *device, struct block_request *request)
{
    struct disk_run run = { .done = false };

    wait_queue_init(&run.waiting);
    request->done = disk_on_done;
    request->arg = &run;
    block_submit(device, request);
    disk_wait(&run.waiting, disk_run_is_done, &run, CLOCK_NEVER);
    return run.status;
}

int disk_transfer(struct block_device *device, enum block_op op, uint64_t sector, void *data,
                  size_t len)
{
    struct block_piece piece = { .data = data, .len = len };
    struct block_request request = {
        .op = op,
        .sector = sector,
        .sectors = len / BLOCK_SECTOR,
        .pieces = &piece,
        .n = op <= BLOCK_WRITE && len > 0,
    };

    return disk_run(device, &request);
}
