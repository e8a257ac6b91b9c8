/* Pipes, eventfds and poll() over them, with the other side played by what runs during a wait. */
#include "glue_test.h"

#include <fcntl.h>
#include <sys/ioctl.h>

#include "files/eventfd.h"
#include "files/fd.h"
#include "files/fifo.h"
#include "signals/interrupt.h"
#include "files/pipe.h"
#include "files/poll_many.h"
#include "files/ramfs.h"
#include "files/vfs.h"

const char rootfs_is_linked = 1;

static unsigned broken;

void interrupt_broken_pipe(void)
{
    broken++;
}

static struct file *ends[2];
static char buffer[200000];

static void make(int flags)
{
    broken = 0;
    CHECK_EQ(pipe_make(flags, ends), 0);
}

static ssize_t put(const char *text, size_t len)
{
    struct iovec iov = { (void *)text, len };

    return file_write(ends[1], &iov, 1, NULL);
}

static ssize_t get(size_t len)
{
    struct iovec iov = { buffer, len };

    return file_read(ends[0], &iov, 1, NULL);
}

static void done(void)
{
    for (int i = 0; i < 2; i++)
        if (ends[i] != NULL)
            file_put(ends[i]);
    ends[0] = ends[1] = NULL;
    CHECK_EQ(glue_pages_used, 0);
}

TEST(bytes_come_out_in_order)
{
    int n = 0;

    make(O_NONBLOCK);
    CHECK_EQ(get(10), -EAGAIN);
    CHECK_EQ(put("hello ", 6), 6);
    CHECK_EQ(put("world", 5), 5);
    CHECK_EQ(file_ioctl(ends[0], FIONREAD, &n), 0);
    CHECK_EQ(n, 11);
    CHECK_EQ(get(4), 4);
    CHECK_EQ(memcmp(buffer, "hell", 4), 0);
    CHECK_EQ(get(100), 7);
    CHECK_EQ(memcmp(buffer, "o world", 7), 0);
    CHECK_EQ(get(100), -EAGAIN);
    CHECK_EQ(put("", 0), 0);
    CHECK_EQ(get(0), 0);
    CHECK_EQ(file_read(ends[1], NULL, 0, NULL), -EBADF);
    CHECK_EQ(file_write(ends[0], NULL, 0, NULL), -EBADF);
    CHECK_EQ(file_seek(ends[0], 0, SEEK_SET), -ESPIPE);
    done();
}

/* Through the 64 KiB ring many times, in odd pieces: the stream is what was written. */
TEST(a_long_stream_is_intact)
{
    static char text[7001];
    unsigned long written = 0, read = 0;

    make(O_NONBLOCK);
    while (read < 3000000) {
        ssize_t n;

        for (size_t i = 0; i < sizeof(text); i++)
            text[i] = (char)((written + i) % 251);
        n = put(text, written % 3 == 0 ? 7001 : written % 4096 + 1);
        if (n > 0)
            written += (unsigned long)n;
        else
            CHECK_EQ(n, -EAGAIN);
        n = get(written % 5000 + 1);
        for (ssize_t i = 0; i < n; i++)
            CHECK_EQ((unsigned char)buffer[i], (read + (unsigned long)i) % 251);
        if (n > 0)
            read += (unsigned long)n;
    }
    done();
}

TEST(a_full_pipe_takes_small_writes_whole_or_not_at_all)
{
    make(O_NONBLOCK);
    CHECK_EQ(put(buffer, 100000), 65536);
    CHECK_EQ(put("x", 1), -EAGAIN);
    CHECK_EQ(file_ready(ends[1]) & POLLOUT, 0);
    CHECK_EQ(get(4000), 4000);
    CHECK_EQ(put(buffer, 4096), -EAGAIN);
    CHECK_EQ(file_ready(ends[1]) & POLLOUT, 0);
    CHECK_EQ(put(buffer, 4000), 4000);
    CHECK_EQ(get(5000), 5000);
    CHECK(file_ready(ends[1]) & POLLOUT);
    CHECK_EQ(put(buffer, 6000), 5000);
    done();
}

TEST(memory_running_out_is_an_error)
{
    make(O_NONBLOCK);
    glue_pages_limit = 1;
    CHECK_EQ(put(buffer, 3000), 3000);
    CHECK_EQ(put(buffer, 3000), -ENOMEM); /* in one piece or not at all */
    CHECK_EQ(put(buffer, 5000), 1096);
    CHECK_EQ(put(buffer, 5000), -ENOMEM);
    CHECK_EQ(get(5000), 4096);
    done();
}

static void drain(void)
{
    CHECK(get(30000) > 0);
}

static void feed(void)
{
    CHECK_EQ(put("fed", 3), 3);
}

TEST(blocking_calls_wait)
{
    make(0);
    glue_on_sleep = feed;
    CHECK_EQ(get(100), 3);
    glue_on_sleep = drain;
    CHECK_EQ(put(buffer, 200000), 200000);
    done();
}

static void close_writer(void)
{
    file_put(ends[1]);
    ends[1] = NULL;
}

static void close_reader(void)
{
    file_put(ends[0]);
    ends[0] = NULL;
}

TEST(the_other_end_closes)
{
    make(0);
    CHECK_EQ(put("last", 4), 4);
    close_writer();
    CHECK_EQ(file_ready(ends[0]), POLLIN | POLLRDNORM | POLLHUP);
    CHECK_EQ(get(100), 4);
    CHECK_EQ(file_ready(ends[0]), POLLHUP);
    CHECK_EQ(get(100), 0);
    done();

    make(0); /* while the reader sleeps */
    glue_on_sleep = close_writer;
    CHECK_EQ(get(100), 0);
    done();

    make(0); /* while the writer sleeps: what was written counts */
    glue_on_sleep = close_reader;
    CHECK_EQ(put(buffer, 100000), 65536);
    CHECK_EQ(broken, 1);
    CHECK_EQ(file_ready(ends[1]) & POLLERR, POLLERR);
    CHECK_EQ(put("x", 1), -EPIPE);
    CHECK_EQ(broken, 2);
    done();
}

/* ---- eventfd ---- */

static struct file *event;

static ssize_t event_add(uint64_t value)
{
    struct iovec iov = { &value, sizeof(value) };

    return file_write(event, &iov, 1, NULL);
}

static ssize_t event_take(uint64_t *value)
{
    struct iovec iov = { value, sizeof(*value) };

    return file_read(event, &iov, 1, NULL);
}

static void event_add_5(void)
{
    CHECK_EQ(event_add(5), 8);
}

TEST(eventfds_count)
{
    uint64_t value = 77;
    struct iovec small = { &value, 7 };

    CHECK_EQ(eventfd_make(3, false, O_NONBLOCK, &event), 0);
    CHECK_EQ(event_add(4), 8);
    CHECK_EQ(event_take(&value), 8);
    CHECK_EQ(value, 7);
    CHECK_EQ(event_take(&value), -EAGAIN);
    CHECK_EQ(file_ready(event), POLLOUT | POLLWRNORM);
    CHECK_EQ(event_add(UINT64_MAX), -EINVAL);
    CHECK_EQ(event_add(UINT64_MAX - 1), 8);
    CHECK_EQ(file_ready(event), POLLIN | POLLRDNORM);
    CHECK_EQ(event_add(1), -EAGAIN);
    CHECK_EQ(file_read(event, &small, 1, NULL), -EINVAL);
    file_put(event);

    CHECK_EQ(eventfd_make(2, true, 0, &event), 0);
    CHECK_EQ(event_take(&value), 8);
    CHECK_EQ(value, 1);
    CHECK_EQ(event_take(&value), 8);
    glue_on_sleep = event_add_5;
    CHECK_EQ(event_take(&value), 8);
    CHECK_EQ(value, 1);
    file_put(event);
}

/* ---- poll ---- */

TEST(poll_reports_what_is_ready)
{
    struct pollfd fds[4] = { { .events = POLLIN }, { .events = POLLOUT }, { -1, POLLIN, 99 },
                             { 4000, POLLIN, 0 } };
    uint64_t before = glue_monotonic_ns;

    make(0);
    fds[0].fd = fd_install(file_ref(ends[0]), false);
    fds[1].fd = fd_install(file_ref(ends[1]), false);
    CHECK_EQ(poll_many(fds, 3, 0), 1);
    CHECK_EQ(fds[0].revents, 0);
    CHECK_EQ(fds[1].revents, POLLOUT);
    CHECK_EQ(fds[2].revents, 0);
    CHECK_EQ(poll_many(fds, 4, 0), 2);
    CHECK_EQ(fds[3].revents, POLLNVAL);

    CHECK_EQ(poll_many(fds, 1, before + 1000), 0); /* the time passes */
    CHECK_EQ(glue_monotonic_ns, before + 1000);
    glue_on_sleep = feed;
    CHECK_EQ(poll_many(fds, 1, UINT64_MAX), 1);
    CHECK_EQ(fds[0].revents, POLLIN);
    CHECK_EQ(fd_close(fds[1].fd), 0);
    close_writer();
    CHECK_EQ(poll_many(fds, 1, UINT64_MAX), 1);
    CHECK_EQ(fds[0].revents, POLLIN | POLLHUP);
    CHECK_EQ(fd_close(fds[0].fd), 0);
    done();
}

static int poll_fd;

static void close_it(void)
{
    CHECK_EQ(fd_close(poll_fd), 0);
    feed();
}

/* A descriptor closed while polled: the poll goes on with its file. */
TEST(many_files_and_one_closed_meanwhile)
{
    enum { N = 100 };
    static struct pollfd fds[N];

    make(0);
    for (int i = 0; i < N; i++)
        fds[i] = (struct pollfd){ fd_install(file_ref(ends[0]), false), POLLIN, 0 };
    poll_fd = fds[50].fd;
    glue_on_sleep = close_it;
    CHECK_EQ(poll_many(fds, N, UINT64_MAX), N);
    for (int i = 0; i < N; i++)
        if (i != 50)
            CHECK_EQ(fd_close(fds[i].fd), 0);
    done();
}

/* ---- named pipes ---- */

static struct file *fifo_other;

static void open_other(void)
{
    if (fifo_other == NULL)
        CHECK_EQ(vfs_open(NULL, "/fifo", O_WRONLY | O_NONBLOCK, 0, &fifo_other), 0);
}

TEST(named_pipes)
{
    struct inode_new what = { .mode = S_IFIFO | 0600 };
    struct file *file, *both;
    struct fs *root;
    struct stat out;

    CHECK_EQ(ramfs_new(&root), 0);
    CHECK_EQ(vfs_mount(root, NULL), 0);
    CHECK_EQ(vfs_create(NULL, "/fifo", &what, NULL), 0);
    CHECK_EQ(vfs_open(NULL, "/fifo", O_WRONLY | O_NONBLOCK, 0, &file), -ENXIO);
    glue_on_sleep = open_other; /* a reader waits for a writer */
    CHECK_EQ(vfs_open(NULL, "/fifo", O_RDONLY, 0, &file), 0);
    CHECK(fifo_other != NULL);
    ends[0] = file;
    ends[1] = fifo_other;
    CHECK_EQ(put("named", 5), 5);
    CHECK_EQ(get(100), 5);
    CHECK_EQ(file_stat(file, &out), 0);
    CHECK(S_ISFIFO(out.st_mode));
    CHECK_EQ(vfs_unlink(NULL, "/fifo"), 0); /* it goes on without its name */
    close_writer();
    CHECK_EQ(get(100), 0);
    done();

    CHECK_EQ(vfs_create(NULL, "/fifo", &what, NULL), 0);
    CHECK_EQ(vfs_open(NULL, "/fifo", O_RDWR, 0, &both), 0);
    CHECK_EQ(file_ready(both), POLLOUT | POLLWRNORM);
    file_put(both);
    CHECK_EQ(vfs_unlink(NULL, "/fifo"), 0);
}
