/*
 * Asynchronous requests on a disk: 32 in flight from the one thread there is, lists, notifications
 * by signal and by thread, and what the calls say of requests that fail or were never begun.
 */
#define _GNU_SOURCE
#include <aio.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "check.h"

#define DEPTH 32
#define BLOCK 4096

static unsigned char data[DEPTH][BLOCK];
static struct aiocb cb[DEPTH], *list[DEPTH];
static uint64_t size;
static int fd;

static void prepare(unsigned n, int op, unsigned seed)
{
    for (unsigned i = 0; i < n; i++) {
        memset(&cb[i], 0, sizeof(cb[i]));
        memset(data[i], op == LIO_WRITE ? (int)(seed + i) : 0, BLOCK);
        cb[i].aio_fildes = fd;
        cb[i].aio_lio_opcode = op;
        cb[i].aio_buf = data[i];
        cb[i].aio_nbytes = BLOCK;
        cb[i].aio_offset = (off_t)(i * 7 % DEPTH) * BLOCK;
        cb[i].aio_sigevent.sigev_notify = SIGEV_NONE;
        list[i] = &cb[i];
    }
}

static void wait_for(struct aiocb *one)
{
    const struct aiocb *const ones[] = { one };

    while (aio_error(one) == EINPROGRESS)
        CHECK_EQ(aio_suspend(ones, 1, NULL), 0);
}

static void test_single(void)
{
    prepare(1, LIO_WRITE, 7);
    CHECK_EQ(aio_write(&cb[0]), 0);
    wait_for(&cb[0]);
    CHECK_EQ(aio_error(&cb[0]), 0);
    CHECK_EQ(aio_return(&cb[0]), BLOCK);
    prepare(1, LIO_READ, 0);
    CHECK_EQ(aio_read(&cb[0]), 0);
    wait_for(&cb[0]);
    CHECK_EQ(aio_return(&cb[0]), BLOCK);
    CHECK(data[0][0] == 7 && data[0][BLOCK - 1] == 7);
    CHECK_EQ(aio_cancel(fd, NULL), AIO_ALLDONE);
}

static void test_depth(void)
{
    prepare(DEPTH, LIO_WRITE, 100);
    for (unsigned i = 0; i < DEPTH; i++)
        CHECK_EQ(aio_write(&cb[i]), 0);
    for (unsigned i = 0; i < DEPTH; i++) {
        wait_for(&cb[i]);
        CHECK_EQ(aio_return(&cb[i]), BLOCK);
    }
    prepare(DEPTH, LIO_READ, 0);
    for (unsigned i = 0; i < DEPTH; i++)
        CHECK_EQ(aio_read(&cb[i]), 0);
    for (unsigned i = 0; i < DEPTH; i++) {
        wait_for(&cb[i]);
        CHECK_EQ(aio_return(&cb[i]), BLOCK);
        CHECK(data[i][0] == 100 + i && data[i][BLOCK - 1] == 100 + i);
    }
}

static void test_list(void)
{
    prepare(DEPTH, LIO_WRITE, 50);
    list[3] = NULL;
    cb[4].aio_lio_opcode = LIO_NOP;
    CHECK_EQ(lio_listio(LIO_WAIT, list, DEPTH, NULL), 0);
    for (unsigned i = 0; i < DEPTH; i++) {
        if (i != 3 && i != 4)
            CHECK_EQ(aio_return(&cb[i]), BLOCK);
    }
    prepare(DEPTH, LIO_READ, 0);
    CHECK_EQ(lio_listio(LIO_NOWAIT, list, DEPTH, NULL), 0);
    for (unsigned i = 0; i < DEPTH; i++) {
        wait_for(&cb[i]);
        CHECK_EQ(aio_return(&cb[i]), BLOCK);
        CHECK_EQ(data[i][9], i == 3 ? 103 : i == 4 ? 104 : 50 + i); /* those as before */
    }
    CHECK_ERRNO(lio_listio(77, list, 1, NULL), EINVAL);
    CHECK_EQ(lio_listio(LIO_WAIT, list, 0, NULL), 0);
}

/* One of a list fails, and says so; the others are done. */
static void test_failure(void)
{
    prepare(3, LIO_WRITE, 1);
    cb[1].aio_offset = (off_t)size;
    CHECK_ERRNO(lio_listio(LIO_WAIT, list, 3, NULL), EIO);
    CHECK_EQ(aio_error(&cb[0]), 0);
    CHECK_EQ(aio_error(&cb[1]), ENOSPC);
    CHECK_ERRNO(aio_return(&cb[1]), ENOSPC);
    CHECK_EQ(aio_error(&cb[2]), 0);

    prepare(1, LIO_READ, 0);
    cb[0].aio_offset = (off_t)size;
    CHECK_EQ(aio_read(&cb[0]), 0);
    wait_for(&cb[0]);
    CHECK_EQ(aio_return(&cb[0]), 0);
    cb[0].aio_offset = -1;
    CHECK_ERRNO(aio_read(&cb[0]), EINVAL);
    cb[0].aio_fildes = 99;
    CHECK_ERRNO(aio_read(&cb[0]), EBADF);
}

/* Not at a sector's edge: a thread does it. */
static void test_unaligned(void)
{
    prepare(2, LIO_WRITE, 9);
    cb[0].aio_offset = 1000;
    cb[0].aio_nbytes = 100;
    CHECK_EQ(aio_write(&cb[0]), 0);
    wait_for(&cb[0]);
    CHECK_EQ(aio_return(&cb[0]), 100);
    cb[1].aio_offset = 999;
    cb[1].aio_nbytes = 102;
    CHECK_EQ(aio_read(&cb[1]), 0);
    wait_for(&cb[1]);
    CHECK_EQ(aio_return(&cb[1]), 102);
    CHECK(data[1][0] != 9 && data[1][1] == 9 && data[1][100] == 9 && data[1][101] != 9);
}

static void test_sync(void)
{
    struct aiocb sync = { .aio_fildes = fd, .aio_sigevent = { .sigev_notify = SIGEV_NONE } };

    prepare(DEPTH, LIO_WRITE, 20);
    CHECK_EQ(lio_listio(LIO_NOWAIT, list, DEPTH, NULL), 0);
    CHECK_EQ(aio_fsync(O_SYNC, &sync), 0);
    wait_for(&sync);
    CHECK_EQ(aio_return(&sync), 0);
    for (unsigned i = 0; i < DEPTH; i++)
        CHECK_EQ(aio_return(&cb[i]), BLOCK); /* fsync was for all of them */
    CHECK_ERRNO(aio_fsync(77, &sync), EINVAL);
}

static volatile sig_atomic_t signals;
static sem_t called;

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    signals += info->si_code == SI_ASYNCIO && info->si_value.sival_int == 77;
}

static void on_thread(union sigval value)
{
    CHECK_EQ(value.sival_int, 88);
    sem_post(&called);
}

static void test_notifications(void)
{
    struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART };
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN };

    CHECK_EQ(sigaction(SIGRTMIN, &action, NULL), 0);
    event.sigev_value.sival_int = 77;
    prepare(8, LIO_READ, 0);
    for (unsigned i = 0; i < 8; i++) {
        cb[i].aio_sigevent = event;
        CHECK_EQ(aio_read(&cb[i]), 0);
    }
    while (signals < 8)
        usleep(1000);
    prepare(8, LIO_READ, 0);
    CHECK_EQ(lio_listio(LIO_NOWAIT, list, 8, &event), 0);
    while (signals < 9)
        usleep(1000);
    for (unsigned i = 0; i < 8; i++)
        CHECK_EQ(aio_return(&cb[i]), BLOCK);

    CHECK_EQ(sem_init(&called, 0, 0), 0);
    prepare(1, LIO_READ, 0);
    cb[0].aio_sigevent.sigev_notify = SIGEV_THREAD;
    cb[0].aio_sigevent.sigev_notify_function = on_thread;
    cb[0].aio_sigevent.sigev_value.sival_int = 88;
    CHECK_EQ(aio_read(&cb[0]), 0);
    CHECK_EQ(sem_wait(&called), 0);
    CHECK_EQ(aio_return(&cb[0]), BLOCK);

    /* One call for a whole list, when all of it has ended; also of one that could not begin. */
    for (int round = 0; round < 2; round++) {
        prepare(DEPTH, LIO_READ, 0);
        event = cb[0].aio_sigevent;
        event.sigev_notify = SIGEV_THREAD;
        event.sigev_notify_function = on_thread;
        event.sigev_value.sival_int = 88;
        if (round == 1)
            cb[5].aio_fildes = -1;
        CHECK_EQ(lio_listio(LIO_NOWAIT, list, DEPTH, &event), round == 1 ? -1 : 0);
        CHECK_EQ(sem_wait(&called), 0);
        for (unsigned i = 0; i < DEPTH; i++)
            CHECK_EQ(aio_error(&cb[i]), round == 1 && i == 5 ? EBADF : 0);
    }
}

static void test_suspend(void)
{
    struct timespec soon = { .tv_nsec = 1000000 };
    int ends[2];
    char byte = 0;
    struct aiocb pipe_read = { .aio_buf = &byte,
                               .aio_nbytes = 1,
                               .aio_sigevent = { .sigev_notify = SIGEV_NONE } };
    const struct aiocb *const ones[] = { NULL, &pipe_read };

    CHECK_EQ(pipe(ends), 0);
    pipe_read.aio_fildes = ends[0];
    CHECK_EQ(aio_read(&pipe_read), 0);
    CHECK_ERRNO(aio_suspend(ones, 2, &soon), EAGAIN);
    CHECK_EQ(aio_error(&pipe_read), EINPROGRESS);
    CHECK_EQ(aio_cancel(ends[0], &pipe_read), AIO_NOTCANCELED);
    CHECK_EQ(write(ends[1], "x", 1), 1);
    wait_for(&pipe_read);
    CHECK_EQ(aio_return(&pipe_read), 1);
    CHECK_EQ(byte, 'x');
}

/* The descriptor may go while requests are under way: they end all the same. */
static void test_close(void)
{
    int other = open("/dev/xvda", O_RDWR);

    CHECK(other >= 0);
    prepare(DEPTH, LIO_READ, 0);
    for (unsigned i = 0; i < DEPTH; i++) {
        cb[i].aio_fildes = other;
        CHECK_EQ(aio_read(&cb[i]), 0);
    }
    CHECK_EQ(close(other), 0);
    for (unsigned i = 0; i < DEPTH; i++) {
        wait_for(&cb[i]);
        CHECK_EQ(aio_return(&cb[i]), BLOCK);
    }
}

int main(void)
{
    fd = open("/dev/xvda", O_RDWR | O_DIRECT);
    CHECK(fd >= 0);
    CHECK_EQ(ioctl(fd, BLKGETSIZE64, &size), 0);
    test_single();
    test_depth();
    test_list();
    test_failure();
    test_unaligned();
    test_sync();
    test_notifications();
    test_suspend();
    test_close();
    puts("PASS");
    return 0;
}
