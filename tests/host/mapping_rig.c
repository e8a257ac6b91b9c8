#include "mapping_rig.h"

#include <fcntl.h>
#include <setjmp.h>
#include <ucontext.h>

#include <platform/traps.h>
#include <platform/vcpu.h>
#include <runtime/shutdown.h>

#include "files/fd.h"

#define RIG_CS_MASKED (1ull << 32) /* of a frame: upcalls were masked */

struct rig_file rig;
void (*rig_at_exit)(void);

static void (*rig_body)(void);
static trap_handler_t rig_handler;
static sigjmp_buf rig_back;
static volatile bool rig_touching;
static volatile int rig_signal;

/* ---- the file ---- */

static ssize_t rig_op_read(struct inode *inode, const struct iovec *iov, int n, off_t offset)
{
    size_t size = (size_t)inode->size, at = (size_t)offset, len = (size_t)iov_length(iov, n);

    CHECK(inode->data.word != 0);
    rig.reads++;
    if (rig.read_takes_ns != 0)
        thread_sleep_until(fakexen_now() + rig.read_takes_ns);
    if (rig.read_error < 0)
        return rig.read_error;
    if (at >= size)
        return 0;
    len = len < size - at ? len : size - at;
    rig.read_pages += (unsigned)((len + PAGE - 1) / PAGE);
    return (ssize_t)iov_put(iov, n, 0, rig.bytes + at, len);
}

static ssize_t rig_op_write(struct inode *inode, const struct iovec *iov, int n, off_t offset)
{
    size_t len = (size_t)iov_length(iov, n);

    CHECK(inode->data.word != 0);
    CHECK((size_t)offset + len <= rig.room);
    if (rig.write_error < 0 && rig.writes_left-- == 0) {
        rig.writes_left = 0;
        return rig.write_error;
    }
    rig.writes++;
    rig.written_pages += (unsigned)((len + PAGE - 1) / PAGE);
    iov_take(iov, n, 0, rig.bytes + offset, len);
    if (rig.on_write != NULL)
        rig.on_write();
    if (offset + (off_t)len > inode->size)
        inode->size = offset + (off_t)len;
    return (ssize_t)len;
}

static int rig_op_allocate(struct inode *inode, off_t offset, off_t len)
{
    CHECK(inode->data.word != 0);
    CHECK(offset + len <= inode->size);
    rig.allocations++;
    return rig.allocate_error;
}

static int rig_op_sync(struct inode *inode, bool data_only)
{
    CHECK(inode->data.word == 0 && !data_only);
    rig.syncs++;
    return 0;
}

static void rig_op_release(struct inode *inode)
{
    fakexen_fail(__FILE__, __LINE__, "inode %d was given back too often", (int)inode->ino);
}

static const struct inode_ops rig_ops = {
    .read = rig_op_read,
    .write = rig_op_write,
    .allocate = rig_op_allocate,
    .sync = rig_op_sync,
    .release = rig_op_release,
};

static struct inode rig_root = { .ops = &rig_ops, .refs = 1 };
static struct fs rig_fs = { .root = &rig_root };
static const struct file_ops rig_file_ops = { .kind = "file" };
static struct file rig_open_file;

struct file *fd_get(int fd)
{
    return fd == RIG_FD ? file_ref(&rig_open_file) : NULL;
}

void rig_read(void *data, size_t len, off_t offset)
{
    struct iovec iov = { .iov_base = data, .iov_len = len };

    mutex_lock(&rig.inode.data);
    CHECK_EQ(rig.inode.ops->read(&rig.inode, &iov, 1, offset), len);
    if (rig.inode.mapped != NULL)
        mapping_pages_read(&rig.inode, &iov, 1, offset, len);
    mutex_unlock(&rig.inode.data);
}

void rig_write(const void *data, size_t len, off_t offset)
{
    struct iovec iov = { .iov_base = (void *)(uintptr_t)data, .iov_len = len };

    mutex_lock(&rig.inode.data);
    CHECK_EQ(rig.inode.ops->write(&rig.inode, &iov, 1, offset), len);
    if (rig.inode.mapped != NULL)
        mapping_pages_wrote(&rig.inode, &iov, 1, offset, len);
    mutex_unlock(&rig.inode.data);
}

void rig_truncate(size_t size)
{
    CHECK(size <= rig.room);
    mutex_lock(&rig.inode.data);
    if (rig.inode.mapped != NULL)
        mapping_pages_truncate(&rig.inode, (off_t)size);
    if (size < (size_t)rig.inode.size)
        memset(rig.bytes + size, 0, (size_t)rig.inode.size - size);
    rig.inode.size = (off_t)size;
    mutex_unlock(&rig.inode.data);
}

/* ---- faults ---- */

void traps_set_page_fault_handler(trap_handler_t handler)
{
    rig_handler = handler;
}

static void rig_on_fault(int signal, siginfo_t *info, void *context)
{
    const ucontext_t *user = context;
    struct trap_frame frame = { .error_code = (uint64_t)user->uc_mcontext.gregs[REG_ERR] };
    bool was_masked = vcpu_mask_upcalls(), brought;

    frame.cs = was_masked ? RIG_CS_MASKED : 0;
    brought = rig_handler != NULL && rig_handler(&frame, (uintptr_t)info->si_addr);
    CHECK(vcpu_upcalls_masked());
    vcpu_restore_upcalls(was_masked);
    if (brought)
        return;
    rig_signal = (frame.error_code & TRAP_PF_NO_CONTENT) != 0 ? SIGBUS : SIGSEGV;
    if (!rig_touching)
        fakexen_fail(__FILE__, __LINE__, "an access to %p gets signal %d", info->si_addr,
                     rig_signal);
    (void)signal;
    siglongjmp(rig_back, 1);
}

int rig_touch(const volatile uint8_t *at, bool write)
{
    rig_signal = 0;
    rig_touching = true;
    if (sigsetjmp(rig_back, 1) == 0) {
        uint8_t byte = *at;

        if (write)
            *(volatile uint8_t *)(uintptr_t)at = byte;
    }
    rig_touching = false;
    return rig_signal;
}

/* ---- both ---- */

void shutdown_add_hook(struct shutdown_hook *hook)
{
    CHECK(rig_at_exit == NULL);
    rig_at_exit = hook->fn;
}

uint8_t *rig_map(size_t first, size_t pages, int prot, int flags)
{
    uint8_t *at = mmap(NULL, pages * PAGE, prot, flags, RIG_FD, (off_t)(first * PAGE));

    CHECK(at != MAP_FAILED);
    return at;
}

bool rig_all(const uint8_t *at, size_t len, int value)
{
    for (size_t i = 0; i < len; i++) {
        if (at[i] != value)
            return false;
    }
    return true;
}

static void rig_main(void)
{
    rig_body();
    CHECK(list_empty(&mapping.areas) && list_empty(&mapping.sets));
    CHECK_EQ(mapping.n_pages + mapping.n_dirty + mapping.n_idle, 0);
    CHECK(rig.inode.mapped == NULL);
    CHECK_EQ(rig.inode.refs, 1);
    CHECK_EQ(rig_root.refs, 1);
}

void rig_run(size_t size, void (*body)(void))
{
    struct sigaction action = { .sa_sigaction = rig_on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER };

    rig.room = size + 64 * PAGE;
    rig.bytes = calloc(1, rig.room);
    CHECK(rig.bytes != NULL);
    rig.inode.ops = &rig_ops;
    rig.inode.fs = &rig_fs;
    rig.inode.ino = 12;
    rig.inode.kind = S_IFREG;
    rig.inode.refs = 1;
    rig.inode.size = (off_t)size;
    file_init(&rig_open_file, &rig_file_ops, O_RDWR);
    rig_open_file.inode = &rig.inode;
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    rig_body = body;
    run_threads(rig_main);
    free(rig.bytes);
}
