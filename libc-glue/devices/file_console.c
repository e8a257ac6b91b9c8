#include "file_console.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <drivers/console.h>
#include <platform/clock.h>

#include "device.h"
#include "key_signal.h"
#include "terminal.h"

#define FILE_CONSOLE_PIECE 256u         /* bytes moved under the lock at a time */
#define FILE_CONSOLE_TENTH 100000000ull /* VTIME's unit in ns */

static struct spinlock file_console_lock = SPINLOCK_INIT("terminal");
static struct mutex file_console_output = MUTEX_INIT;
static struct terminal file_console_terminal; /* protected by file_console_lock */
static struct poll_source file_console_source = POLL_SOURCE_INIT(file_console_source);
static struct file file_console_first; /* descriptors 0, 1 and 2 at boot */

static void file_console_echo(const char *text, size_t len)
{
    console_write(text, len);
}

/* ---- input, from the driver to the terminal ---- */

static void file_console_raise(uint32_t signals)
{
    for (int s = 1; signals >> s != 0; s++) {
        if (!(signals >> s & 1))
            continue;
        if (signal_from_terminal != NULL)
            signal_from_terminal(s);
        else
            key_signal_raise(s);
    }
}

/* Take what was typed, as far as there is room. Any context. */
static void file_console_pull(void)
{
    char bytes[64];
    bool was_masked = spin_lock(&file_console_lock);
    struct terminal *terminal = &file_console_terminal;
    uint32_t signals;
    bool readable;

    for (;;) {
        size_t room = terminal_room(terminal);
        size_t n = console_read(bytes, room < sizeof(bytes) ? room : sizeof(bytes));

        if (n == 0)
            break;
        terminal_type(terminal, bytes, n);
    }
    signals = terminal->signals;
    terminal->signals = 0;
    /* Less than poll() waits for may be what a read lacks: VMIN bytes in several steps. */
    readable = terminal->complete != terminal->taken;
    spin_unlock(&file_console_lock, was_masked);

    if (signals != 0)
        file_console_raise(signals);
    if (readable)
        poll_source_notify(&file_console_source, POLLIN);
}

static bool file_console_can_write(void)
{
    return (console_ready() & CONSOLE_WRITABLE) &&
           !__atomic_load_n(&file_console_terminal.stopped, __ATOMIC_RELAXED);
}

static void file_console_changed(void *arg)
{
    (void)arg;
    file_console_pull();
    if (file_console_can_write())
        poll_source_notify(&file_console_source, POLLOUT);
}

static unsigned file_console_ready(struct file *file)
{
    unsigned events;
    bool was_masked = spin_lock(&file_console_lock);

    (void)file;
    events = terminal_has_input(&file_console_terminal) ? POLLIN | POLLRDNORM : 0;
    spin_unlock(&file_console_lock, was_masked);
    return events | (file_console_can_write() ? POLLOUT | POLLWRNORM : 0);
}

/* ---- read ---- */

/*
 * Move what is there into iov, skip bytes in. In canonical mode at most one line, and *line_done
 * tells that it ended. Returns a count or -EAGAIN.
 */
static ssize_t file_console_take(const struct iovec *iov, int n, size_t skip, size_t len,
                                 bool *line_done)
{
    char piece[FILE_CONSOLE_PIECE];
    size_t done = 0;
    ssize_t got;

    do {
        size_t want = len - done < sizeof(piece) ? len - done : sizeof(piece);
        bool was_masked = spin_lock(&file_console_lock);

        got = terminal_take(&file_console_terminal, piece, want, line_done);
        spin_unlock(&file_console_lock, was_masked);
        if (got > 0) {
            iov_put(iov, n, skip + done, piece, (size_t)got);
            done += (size_t)got;
        }
    } while (got > 0 && !*line_done && done < len);
    if (done > 0 || got == 0) {
        file_console_pull(); /* there may be room for what waits in the ring */
        return (ssize_t)done;
    }
    return got;
}

static ssize_t file_console_read(struct file *file, const struct iovec *iov, int n, off_t *offset)
{
    size_t len = (size_t)iov_length(iov, n), done = 0;
    struct file_wait wait;
    ssize_t got = 0;

    (void)offset;
    if (len == 0)
        return 0;
    file_wait_begin(&wait, file, POLLIN, CLOCK_NEVER);
    for (;;) {
        bool line_done, canonical = file_console_terminal.settings.c_lflag & ICANON;
        cc_t least = file_console_terminal.settings.c_cc[VMIN];
        cc_t tenths = file_console_terminal.settings.c_cc[VTIME];

        got = file_console_take(iov, n, done, len - done, &line_done);
        if (got >= 0) {
            done += (size_t)got;
            if (canonical || done >= least || done == len)
                break;
        } else if (!canonical && least == 0 && tenths == 0) {
            break;
        }
        if (!canonical && tenths != 0 && (got > 0 || (least == 0 && !wait.registered)))
            wait.deadline_ns = clock_monotonic_ns() + tenths * FILE_CONSOLE_TENTH;
        got = file_wait_next(&wait, "terminal input");
        if (got < 0)
            break;
    }
    file_wait_end(&wait);
    if (done > 0 || got == -ETIMEDOUT)
        return (ssize_t)done;
    if (got == -EAGAIN && !(file_flags(file) & O_NONBLOCK))
        return 0; /* VMIN and VTIME are 0 */
    return got;
}

/* ---- write ---- */

static ssize_t file_console_put(struct file_wait *wait, const char *text, size_t len)
{
    size_t done = 0;

    while (done < len) {
        size_t taken = 0;
        int error;

        if (!__atomic_load_n(&file_console_terminal.stopped, __ATOMIC_RELAXED))
            taken = console_write(text + done, len - done);
        done += taken;
        if (taken > 0)
            continue;
        error = file_wait_next(wait, "terminal output");
        if (error < 0)
            return done > 0 ? (ssize_t)done : error;
    }
    return (ssize_t)done;
}

static ssize_t file_console_write(struct file *file, const struct iovec *iov, int n, off_t *offset)
{
    struct file_wait wait;
    ssize_t done = 0;

    (void)offset;
    if (file_flags(file) & O_NONBLOCK) {
        if (!mutex_try_lock(&file_console_output))
            return -EAGAIN;
    } else {
        mutex_lock(&file_console_output);
    }
    file_wait_begin(&wait, file, POLLOUT, CLOCK_NEVER);
    for (int i = 0; i < n; i++) {
        ssize_t put = file_console_put(&wait, iov[i].iov_base, iov[i].iov_len);

        if (put < 0) {
            done = done > 0 ? done : put;
            break;
        }
        done += put;
        if ((size_t)put < iov[i].iov_len)
            break;
    }
    file_wait_end(&wait);
    mutex_unlock(&file_console_output);
    return done;
}

/* ---- the rest ---- */

static int file_console_stat(struct file *file, struct stat *out)
{
    (void)file;
    out->st_mode = S_IFCHR | 0620;
    out->st_nlink = 1;
    out->st_rdev = DEVICE_CONSOLE;
    out->st_ino = 3;
    out->st_blksize = 1024;
    return 0;
}

/* Change the settings; flush: forget typed input first. */
static void file_console_set(const struct termios *settings, bool flush)
{
    bool was_masked = spin_lock(&file_console_lock);

    if (flush)
        terminal_flush_input(&file_console_terminal);
    terminal_set(&file_console_terminal, settings);
    spin_unlock(&file_console_lock, was_masked);
    file_console_changed(NULL);
}

static void file_console_stop(bool stop)
{
    __atomic_store_n(&file_console_terminal.stopped, stop, __ATOMIC_RELAXED);
    file_console_changed(NULL);
}

static int file_console_flush(int which)
{
    bool was_masked = spin_lock(&file_console_lock);

    if (which == TCIFLUSH || which == TCIOFLUSH)
        terminal_flush_input(&file_console_terminal);
    spin_unlock(&file_console_lock, was_masked);
    return which >= TCIFLUSH && which <= TCIOFLUSH ? 0 : -EINVAL;
}

static int file_console_flow(int action)
{
    if (action == TCOOFF || action == TCOON)
        file_console_stop(action == TCOOFF);
    else if (action != TCIOFF && action != TCION)
        return -EINVAL;
    return 0;
}

static int file_console_ioctl(struct file *file, unsigned long request, void *arg)
{
    struct terminal *terminal = &file_console_terminal;

    (void)file;
    switch (request) {
    case TCGETS:
        *(struct termios *)arg = terminal->settings;
        return 0;
    case TCSETS:
    case TCSETSW:
    case TCSETSF:
        file_console_set(arg, request == TCSETSF);
        return 0;
    case TIOCGWINSZ:
        *(struct winsize *)arg = terminal->size;
        return 0;
    case TIOCSWINSZ:
        if (memcmp(&terminal->size, arg, sizeof(terminal->size)) != 0) {
            terminal->size = *(const struct winsize *)arg;
            file_console_raise(1u << SIGWINCH);
        }
        return 0;
    case FIONREAD:
        *(int *)arg = (int)terminal_readable(terminal);
        return 0;
    case TIOCOUTQ:
        *(int *)arg = 0;
        return 0;
    case TCFLSH:
        return file_console_flush((int)(intptr_t)arg);
    case TCXONC:
        return file_console_flow((int)(intptr_t)arg);
    case TCSBRK:
        return 0; /* a break means nothing here, and output is at the back end soon */
    case TIOCGPGRP:
    case TIOCGSID:
        *(pid_t *)arg = 1;
        return 0;
    case TIOCSPGRP:
    case TIOCSCTTY:
        return 0; /* there is one process, and this is its terminal */
    default:
        return -ENOTTY;
    }
}

static void file_console_close(struct file *file)
{
    if (file != &file_console_first)
        free(file);
}

static const struct file_ops file_console_ops = {
    .kind = "terminal",
    .read = file_console_read,
    .write = file_console_write,
    .stat = file_console_stat,
    .ioctl = file_console_ioctl,
    .ready = file_console_ready,
    .close = file_console_close,
};

struct file *file_console_start(void)
{
    terminal_init(&file_console_terminal, file_console_echo);
    file_init(&file_console_first, &file_console_ops, O_RDWR);
    file_console_first.source = &file_console_source;
    if (signal_from_terminal == NULL)
        key_signal_start();
    console_set_listener(file_console_changed, NULL);
    file_console_pull(); /* what was typed during boot */
    return &file_console_first;
}

int file_console_open(int flags, struct file **out)
{
    struct file *file = malloc(sizeof(*file));

    if (file == NULL)
        return -ENOMEM;
    file_init(file, &file_console_ops, flags);
    file->source = &file_console_source;
    *out = file;
    return 0;
}
