/* Interest lists: level and edge triggered, one-shot, nested, closing of what is watched. */
#include "glue_test.h"

#include <fcntl.h>
#include <sys/epoll.h>

#include "files/epoll.h"
#include "files/eventfd.h"
#include "files/fd.h"

static struct file *epoll, *event;
static struct epoll_event got[64];

static void make(uint64_t initial)
{
    CHECK_EQ(epoll_make(&epoll), 0);
    CHECK_EQ(eventfd_make(initial, false, O_NONBLOCK, &event), 0);
}

static void done(void)
{
    file_put(event);
    file_put(epoll);
}

static int change(int op, int fd, struct file *target, uint32_t events, uint64_t data)
{
    struct epoll_event request = { .events = events, .data.u64 = data };

    return epoll_change(epoll, op, fd, target, &request);
}

static int collect(void)
{
    memset(got, 0, sizeof(got));
    return epoll_collect(epoll, got, 64, 0);
}

static void add_to(struct file *file, uint64_t value)
{
    struct iovec iov = { &value, sizeof(value) };

    CHECK_EQ(file_write(file, &iov, 1, NULL), 8);
}

static void add(void)
{
    add_to(event, 1);
}

static void take(void)
{
    uint64_t value;
    struct iovec iov = { &value, sizeof(value) };

    CHECK_EQ(file_read(event, &iov, 1, NULL), 8);
}

TEST(level_triggered_repeats_while_ready)
{
    make(0);
    CHECK_EQ(change(EPOLL_CTL_ADD, 7, event, EPOLLIN, 42), 0);
    CHECK_EQ(change(EPOLL_CTL_ADD, 7, event, EPOLLIN, 42), -EEXIST);
    CHECK_EQ(collect(), 0);
    add();
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(collect(), 1);
        CHECK_EQ(got[0].events, EPOLLIN);
        CHECK_EQ(got[0].data.u64, 42);
    }
    take();
    CHECK_EQ(collect(), 0);
    done();
}

TEST(edge_triggered_reports_changes)
{
    make(1);
    CHECK_EQ(change(EPOLL_CTL_ADD, 7, event, EPOLLIN | EPOLLET, 0), 0);
    CHECK_EQ(collect(), 1); /* ready when added */
    CHECK_EQ(collect(), 0);
    add();
    CHECK_EQ(collect(), 1); /* more came, although the rest is still there */
    CHECK_EQ(collect(), 0);
    take();
    CHECK_EQ(collect(), 0);
    CHECK_EQ(change(EPOLL_CTL_MOD, 7, event, EPOLLIN | EPOLLOUT | EPOLLET, 0), 0);
    CHECK_EQ(collect(), 1);
    CHECK_EQ(got[0].events, EPOLLOUT);
    CHECK_EQ(collect(), 0);
    done();
}

TEST(one_shot_reports_once_until_armed_again)
{
    make(1);
    CHECK_EQ(change(EPOLL_CTL_ADD, 7, event, EPOLLIN | EPOLLONESHOT, 1), 0);
    CHECK_EQ(collect(), 1);
    CHECK_EQ(collect(), 0);
    add();
    CHECK_EQ(collect(), 0);
    CHECK_EQ(change(EPOLL_CTL_MOD, 7, event, EPOLLIN | EPOLLONESHOT, 2), 0);
    CHECK_EQ(collect(), 1);
    CHECK_EQ(got[0].data.u64, 2);
    done();
}

TEST(modify_and_delete)
{
    make(1);
    CHECK_EQ(change(EPOLL_CTL_MOD, 7, event, EPOLLIN, 0), -ENOENT);
    CHECK_EQ(change(EPOLL_CTL_DEL, 7, event, 0, 0), -ENOENT);
    CHECK_EQ(change(EPOLL_CTL_ADD, 7, event, EPOLLIN, 0), 0);
    CHECK_EQ(change(EPOLL_CTL_MOD, 7, event, EPOLLPRI, 0), 0);
    CHECK_EQ(collect(), 0);
    CHECK_EQ(change(EPOLL_CTL_MOD, 7, event, EPOLLIN, 0), 0);
    CHECK_EQ(collect(), 1);
    CHECK_EQ(change(EPOLL_CTL_DEL, 7, event, 0, 0), 0);
    CHECK_EQ(collect(), 0);
    add();
    CHECK_EQ(collect(), 0);
    CHECK_EQ(change(99, 7, event, EPOLLIN, 0), -EINVAL);
    CHECK_EQ(change(EPOLL_CTL_ADD, 7, epoll, EPOLLIN, 0), -EINVAL);
    CHECK_EQ(epoll_collect(event, got, 64, 0), -EINVAL);
    CHECK_EQ(epoll_collect(epoll, got, 0, 0), -EINVAL);
    done();
}

static const struct file_ops plain_ops = { .kind = "plain" };

TEST(what_never_changes_is_refused)
{
    struct file plain;

    make(0);
    file_init(&plain, &plain_ops, O_RDWR);
    CHECK_EQ(change(EPOLL_CTL_ADD, 7, &plain, EPOLLIN, 0), -EPERM);
    done();
}

/* Closing the last reference takes a file off every list; a duplicate keeps it on. */
TEST(closing_takes_off_the_list)
{
    int one, two;

    make(1);
    one = fd_install(event, false);
    two = fd_dup(one, 0, false);
    CHECK_EQ(change(EPOLL_CTL_ADD, one, event, EPOLLIN, 1), 0);
    CHECK_EQ(fd_close(one), 0);
    CHECK_EQ(collect(), 1);
    CHECK_EQ(fd_close(two), 0);
    CHECK_EQ(collect(), 0);

    /* The number's next file is another one. */
    CHECK_EQ(eventfd_make(1, false, O_NONBLOCK, &event), 0);
    CHECK_EQ(change(EPOLL_CTL_ADD, one, event, EPOLLIN, 2), 0);
    CHECK_EQ(collect(), 1);
    CHECK_EQ(got[0].data.u64, 2);
    done();
}

TEST(waiting)
{
    uint64_t before;

    make(0);
    CHECK_EQ(change(EPOLL_CTL_ADD, 7, event, EPOLLIN, 5), 0);
    glue_on_sleep = add;
    CHECK_EQ(epoll_collect(epoll, got, 64, UINT64_MAX), 1);
    CHECK_EQ(got[0].data.u64, 5);
    glue_on_sleep = take;
    before = glue_monotonic_ns;
    CHECK_EQ(change(EPOLL_CTL_MOD, 7, event, EPOLLIN | EPOLLET, 5), 0);
    CHECK_EQ(collect(), 1);
    CHECK_EQ(epoll_collect(epoll, got, 64, before + 500), 0);
    CHECK_EQ(glue_monotonic_ns, before + 500);
    done();
}

/* More ready files than places: everybody gets a turn. */
TEST(turns_are_fair)
{
    enum { N = 100 };
    static struct file *events[N];
    unsigned seen[N] = { 0 };

    CHECK_EQ(epoll_make(&epoll), 0);
    for (int i = 0; i < N; i++) {
        CHECK_EQ(eventfd_make(1, false, 0, &events[i]), 0);
        CHECK_EQ(change(EPOLL_CTL_ADD, i * 16, events[i], EPOLLIN, (uint64_t)i), 0);
    }
    for (int round = 0; round < 50; round++) {
        CHECK_EQ(epoll_collect(epoll, got, 10, 0), 10);
        for (int i = 0; i < 10; i++)
            seen[got[i].data.u64]++;
    }
    for (int i = 0; i < N; i++)
        CHECK_EQ(seen[i], 5);
    for (int i = 0; i < N; i += 2)
        file_put(events[i]);
    CHECK_EQ(epoll_collect(epoll, got, 64, 0), 50);
    file_put(epoll); /* before what it watches */
    for (int i = 1; i < N; i += 2)
        file_put(events[i]);
}

TEST(lists_in_lists)
{
    struct file *inner = NULL, *chain[8];
    struct epoll_event in = { .events = EPOLLIN };

    make(0);
    CHECK_EQ(epoll_make(&inner), 0);
    CHECK_EQ(epoll_change(inner, EPOLL_CTL_ADD, 3, event, &in), 0);
    CHECK_EQ(change(EPOLL_CTL_ADD, 4, inner, EPOLLIN, 9), 0);
    CHECK_EQ(collect(), 0);
    add();
    CHECK_EQ(collect(), 1);
    CHECK_EQ(got[0].data.u64, 9);
    CHECK_EQ(epoll_collect(inner, got, 64, 0), 1);
    take();
    CHECK_EQ(epoll_collect(inner, got, 64, 0), 0);
    CHECK_EQ(collect(), 0);

    /* No loops, and not too deep. */
    CHECK_EQ(epoll_change(inner, EPOLL_CTL_ADD, 5, epoll, &in), -ELOOP);
    for (int i = 0; i < 8; i++) {
        CHECK_EQ(epoll_make(&chain[i]), 0);
        if (i > 0)
            CHECK_EQ(epoll_change(chain[i], EPOLL_CTL_ADD, 6, chain[i - 1], &in),
                     i < 5 ? 0 : i == 5 ? -ELOOP : 0);
    }
    for (int i = 0; i < 8; i++)
        file_put(chain[i]);
    file_put(inner);
    done();
}
