/* Files mapped into memory: what is shared, what reaches the file and when, and what happens if it cannot. */
#include "mapping_rig.h"

#include <runtime/pages.h>

#define FILE_TEST(name, size)                      \
    static void name##_body(void);                 \
    TEST(name)                                     \
    {                                              \
        rig_run((size), name##_body);              \
    }                                              \
    static void name##_body(void)

#define CHECK_FAILS(call, error) CHECK((long)(call) == -1 && errno == (error))

static struct pages_stats stats(void)
{
    struct pages_stats now;

    pages_get_stats(&now);
    return now;
}

/* ---- who sees what? ---- */

FILE_TEST(all_who_share_a_page_see_one_content, 6 * PAGE)
{
    uint8_t buffer[3 * PAGE];

    memset(rig.bytes, 1, 6 * PAGE);
    uint8_t *one = rig_map(0, 6, RW, MAP_SHARED), *two = rig_map(2, 4, RW, MAP_SHARED);
    uint8_t *view = rig_map(0, 6, PROT_READ, MAP_PRIVATE);

    CHECK(rig_all(one, 6 * PAGE, 1));
    memset(one + 2 * PAGE, 2, PAGE);
    CHECK(rig_all(two, PAGE, 2) && rig_all(view + 2 * PAGE, PAGE, 2));
    CHECK_EQ(mapping.n_pages, 6);

    /* read() sees what was written to memory, and memory what write() wrote. */
    rig_read(buffer, sizeof(buffer), (off_t)PAGE + 10);
    CHECK(rig_all(buffer, PAGE - 10, 1) && rig_all(buffer + PAGE - 10, PAGE, 2));
    CHECK_EQ(buffer[2 * PAGE - 10], 1);
    memset(buffer, 3, sizeof(buffer));
    rig_write(buffer, PAGE + 5, (off_t)(2 * PAGE) - 5);
    CHECK(one[2 * PAGE - 6] == 1 && rig_all(one + 2 * PAGE - 5, PAGE + 5, 3) && one[3 * PAGE] == 1);
    CHECK(rig_all(two, PAGE, 3) && rig_all(view + 2 * PAGE, PAGE, 3));
    CHECK_EQ(munmap(one, 6 * PAGE), 0);
    CHECK_EQ(munmap(two, 4 * PAGE), 0);
    CHECK_EQ(munmap(view, 6 * PAGE), 0);
    CHECK(rig_all(rig.bytes + 2 * PAGE, PAGE, 3) && rig_all(rig.bytes + 3 * PAGE, 3 * PAGE, 1));
}

FILE_TEST(a_private_copy_is_nobody_elses, 4 * PAGE)
{
    memset(rig.bytes, 1, 4 * PAGE);
    uint8_t *mine = rig_map(0, 4, RW, MAP_PRIVATE), *shared = rig_map(0, 4, RW, MAP_SHARED);

    mine[PAGE] = 7;
    shared[PAGE + 1] = 8;
    CHECK(shared[PAGE] == 1 && mine[PAGE] == 7 && mine[PAGE + 1] == 1);
    shared[0] = 9; /* of this page there is no copy yet */
    CHECK_EQ(mine[0], 9);
    CHECK_EQ(mprotect(mine, 4 * PAGE, PROT_READ), 0);
    CHECK(rig_touch(mine + PAGE, true) == SIGSEGV && rig_touch(mine, true) == SIGSEGV);
    CHECK_EQ(mprotect(mine, 4 * PAGE, RW), 0);
    CHECK(mine[PAGE] == 7 && rig_touch(mine + PAGE, true) == 0 && rig_touch(mine, true) == 0);
    CHECK_EQ(madvise(mine, 4 * PAGE, MADV_DONTNEED), 0);
    CHECK(mine[PAGE] == 1 && mine[PAGE + 1] == 8);
    mine[2 * PAGE] = 5;
    uint8_t *moved = mremap(mine + 2 * PAGE, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE);
    CHECK(moved != MAP_FAILED && moved[0] == 5 && moved[1] == 1 && moved[PAGE] == 1);
    CHECK_EQ(rig_touch(moved + 2 * PAGE, false), SIGBUS);
    CHECK_EQ(munmap(moved, 3 * PAGE), 0);
    CHECK_EQ(munmap(mine, 2 * PAGE), 0);
    CHECK_EQ(munmap(shared, 4 * PAGE), 0);
    CHECK(rig.bytes[0] == 9 && rig.bytes[PAGE] == 1 && rig.bytes[PAGE + 1] == 8);
    CHECK_EQ(rig.bytes[2 * PAGE], 1);
}

FILE_TEST(a_mapping_in_pieces, 8 * PAGE)
{
    uint8_t *at = rig_map(0, 8, RW, MAP_SHARED);

    for (size_t i = 0; i < 8; i++)
        at[i * PAGE] = (uint8_t)(i + 1);
    CHECK_EQ(munmap(at + 3 * PAGE, 2 * PAGE), 0);
    CHECK(rig_touch(at + 3 * PAGE, false) == SIGSEGV && at[2 * PAGE] == 3 && at[5 * PAGE] == 6);
    CHECK(mmap(at + 3 * PAGE, PAGE, RW, MAP_SHARED | MAP_FIXED, RIG_FD, 0) == at + 3 * PAGE);
    CHECK_EQ(at[3 * PAGE], 1);
    at[3 * PAGE + 1] = 77;
    CHECK_EQ(at[1], 77);
    CHECK_EQ(mprotect(at + 2 * PAGE, 2 * PAGE, PROT_READ), 0);
    CHECK(rig_touch(at + 2 * PAGE, true) == SIGSEGV && rig_touch(at + 3 * PAGE, true) == SIGSEGV);
    CHECK(rig_touch(at + PAGE, true) == 0 && rig_touch(at + 5 * PAGE, true) == 0);
    CHECK_FAILS(msync(at, 8 * PAGE, MS_SYNC), ENOMEM); /* with a hole in it */
    CHECK_EQ(munmap(at, 8 * PAGE), 0);
    CHECK_EQ(rig.bytes[4 * PAGE], 5);
}

/* ---- what reaches the file, and when? ---- */

FILE_TEST(msync_writes_what_was_written_and_once, 10 * PAGE)
{
    uint8_t *at = rig_map(0, 10, RW, MAP_SHARED);

    at[2 * PAGE] = 1;
    at[3 * PAGE] = 2;
    at[7 * PAGE] = 3;
    CHECK_EQ(rig_touch(at + 5 * PAGE, false), 0);
    CHECK(rig.writes == 0 && rig.bytes[2 * PAGE] == 0);
    CHECK_EQ(msync(at + 2 * PAGE, PAGE, MS_SYNC), 0);
    CHECK_EQ(rig.syncs, 1);
    CHECK(rig.bytes[2 * PAGE] == 1 && rig.written_pages <= 3);
    CHECK_EQ(msync(at, 10 * PAGE, MS_SYNC), 0);
    CHECK(rig.bytes[3 * PAGE] == 2 && rig.bytes[7 * PAGE] == 3);
    CHECK_EQ(rig.written_pages, 3);
    CHECK_EQ(rig.syncs, 2);
    CHECK_EQ(mapping.n_dirty, 0);

    /* Clean pages are read-only: who writes is noticed. */
    CHECK(!fakexen_faults((uintptr_t)at + 2 * PAGE, false));
    CHECK(fakexen_faults((uintptr_t)at + 2 * PAGE, true));
    at[3 * PAGE] = 4;
    CHECK_EQ(msync(at, 10 * PAGE, MS_ASYNC), 0);
    CHECK(rig.bytes[3 * PAGE] == 4 && rig.written_pages == 4 && rig.syncs == 2);
    CHECK_EQ(msync(at, 10 * PAGE, MS_SYNC), 0);
    CHECK(rig.written_pages == 4 && rig.syncs == 3);

    at[9 * PAGE] = 5;
    CHECK_EQ(munmap(at, 10 * PAGE), 0);
    CHECK(rig.bytes[9 * PAGE] == 5 && rig.written_pages == 5 && rig.syncs == 3);
}

FILE_TEST(msync_refuses_what_it_cannot_mean, 2 * PAGE)
{
    uint8_t *at = rig_map(0, 2, RW, MAP_SHARED);

    CHECK_FAILS(msync(at + 1, PAGE, MS_SYNC), EINVAL);
    CHECK_FAILS(msync(at, PAGE, MS_SYNC | MS_ASYNC), EINVAL);
    CHECK_FAILS(msync(at, PAGE, 1 << 20), EINVAL);
    CHECK_FAILS(msync(at, 3 * PAGE, MS_SYNC), ENOMEM);
    CHECK_EQ(msync(at, 0, MS_SYNC), 0);
    CHECK_EQ(munmap(at, 2 * PAGE), 0);
}

/* The file's end lies in a page: what is behind it is memory, and never a part of the file. */
FILE_TEST(nothing_behind_the_end_is_written, PAGE + 100)
{
    uint8_t *at = rig_map(0, 3, RW, MAP_SHARED);

    memset(at, 'x', 2 * PAGE);
    CHECK_EQ(rig_touch(at + 2 * PAGE, true), SIGBUS);
    CHECK_EQ(msync(at, 2 * PAGE, MS_SYNC), 0);
    CHECK(rig_all(rig.bytes, PAGE + 100, 'x') && rig.bytes[PAGE + 100] == 0);
    CHECK_EQ(rig.inode.size, PAGE + 100);
    CHECK_EQ(munmap(at, 3 * PAGE), 0);
}

static uint8_t *written_meanwhile;

static void write_meanwhile(void)
{
    rig.on_write = NULL;
    *written_meanwhile = 2;
}

FILE_TEST(what_is_written_during_a_write_back_is_written_later, 2 * PAGE)
{
    uint8_t *at = written_meanwhile = rig_map(0, 2, RW, MAP_SHARED);

    *at = 1;
    rig.on_write = write_meanwhile;
    CHECK_EQ(msync(at, PAGE, MS_SYNC), 0);
    CHECK_EQ(rig.bytes[0], 1);
    CHECK_EQ(mapping.n_dirty, 1);
    CHECK_EQ(msync(at, PAGE, MS_SYNC), 0);
    CHECK_EQ(rig.bytes[0], 2);
    CHECK_EQ(munmap(at, 2 * PAGE), 0);
}

FILE_TEST(an_orderly_end_writes_everything, 2 * PAGE)
{
    uint8_t *at = rig_map(0, 2, RW, MAP_SHARED);

    at[PAGE] = 3;
    CHECK(rig_at_exit != NULL);
    rig_at_exit();
    CHECK_EQ(rig.bytes[PAGE], 3);
    CHECK_EQ(munmap(at, 2 * PAGE), 0);
}

/* ---- what if the file is cut? ---- */

FILE_TEST(a_file_that_is_cut_takes_its_pages_along, 4 * PAGE)
{
    uint8_t *at = rig_map(0, 8, RW, MAP_SHARED), *mine = rig_map(0, 8, RW, MAP_PRIVATE);

    memset(at, 5, 4 * PAGE);
    memset(mine, 6, 4 * PAGE);
    rig_truncate(2 * PAGE + 100);
    CHECK(rig_touch(at + 3 * PAGE, false) == SIGBUS && rig_touch(mine + 3 * PAGE, true) == SIGBUS);
    CHECK(rig_all(at, 2 * PAGE + 100, 5) && rig_all(at + 2 * PAGE + 100, PAGE - 100, 0));
    CHECK(rig_all(mine, 2 * PAGE + 100, 6));
    CHECK_EQ(msync(at, 8 * PAGE, MS_SYNC), 0);
    CHECK_EQ(rig.written_pages, 3); /* what is gone is not written */

    rig_truncate(8 * PAGE);
    CHECK(rig_all(at + 2 * PAGE + 100, 6 * PAGE - 100, 0) && mine[7 * PAGE] == 0);
    at[7 * PAGE + 5] = 8;
    CHECK_EQ(mine[7 * PAGE + 5], 8);
    rig_truncate(0);
    CHECK(rig_touch(at, false) == SIGBUS && rig_touch(at + 7 * PAGE, false) == SIGBUS);
    CHECK_EQ(mapping.n_pages, 0);
    CHECK_EQ(munmap(at, 8 * PAGE), 0);
    CHECK_EQ(munmap(mine, 8 * PAGE), 0);
    CHECK(rig_all(rig.bytes, 8 * PAGE, 0));
}

static ssize_t cut_under_a_transfer(void *arg, const struct iovec *iov, int n)
{
    size_t *calls = arg;

    CHECK_EQ(n, 1);
    if ((*calls)++ == 0)
        rig_truncate(PAGE);
    /* A device is about to write here: the page is nobody's any more, but it is there. */
    CHECK(!fakexen_faults((uintptr_t)iov->iov_base, true));
    memset(iov->iov_base, 9, iov->iov_len);
    return (ssize_t)iov->iov_len;
}

FILE_TEST(a_transfer_outlives_the_page_it_goes_to, 4 * PAGE)
{
    uint8_t *at = rig_map(0, 4, RW, MAP_SHARED);
    struct iovec iov = { .iov_base = at + 2 * PAGE, .iov_len = PAGE };
    size_t calls = 0;

    CHECK_EQ(mapping_pinned(&iov, 1, true, cut_under_a_transfer, &calls), PAGE);
    CHECK_EQ(calls, 1);
    CHECK_EQ(msync(at, PAGE, MS_SYNC), 0);
    CHECK_EQ(rig.inode.size, PAGE);
    CHECK_EQ(munmap(at, 4 * PAGE), 0);
    CHECK(rig_all(rig.bytes, 4 * PAGE, 0));
}

/* ---- what if memory is short? ---- */

#define LARGE 6000u /* pages: three times what the domain has */

FILE_TEST(a_file_larger_than_memory, LARGE * PAGE)
{
    uint8_t *at = rig_map(0, LARGE, RW, MAP_SHARED);

    for (size_t i = 0; i < LARGE; i++) {
        size_t page = i * 1871 % LARGE; /* each once, all over the place */

        memcpy(at + page * PAGE + 8 * (i % 500), &page, sizeof(page));
        CHECK(mapping.n_dirty <= stats().total / 4);
    }
    CHECK(stats().free > 60); /* the rest of the program has some */
    CHECK(rig.written_pages > LARGE / 2);
    for (size_t i = 0; i < LARGE; i++) {
        size_t page = i * 1871 % LARGE, found;

        memcpy(&found, at + page * PAGE + 8 * (i % 500), sizeof(found));
        CHECK_EQ(found, page);
    }
    CHECK_EQ(munmap(at, LARGE * PAGE), 0);
    for (size_t i = 0; i < LARGE; i++) {
        size_t page = i * 1871 % LARGE, found;

        memcpy(&found, rig.bytes + page * PAGE + 8 * (i % 500), sizeof(found));
        CHECK_EQ(found, page);
    }
}

static void *hoard;

static void take_all_pages(void)
{
    void **page;

    while ((page = pages_get()) != NULL) {
        *page = hoard;
        hoard = page;
    }
}

static void give_pages_back(void)
{
    while (hoard != NULL) {
        void **page = hoard;

        hoard = *page;
        pages_put(page);
    }
}

FILE_TEST(the_rest_of_the_program_gets_clean_pages_and_no_others, 600 * PAGE)
{
    uint8_t *at = rig_map(0, 600, RW, MAP_SHARED), *mine = rig_map(0, 4, RW, MAP_PRIVATE);

    memset(rig.bytes, 1, 600 * PAGE);
    for (size_t i = 0; i < 600; i++)
        CHECK_EQ(at[i * PAGE], 1);
    memset(at, 2, 20 * PAGE);
    mine[0] = 3;
    CHECK_EQ(mapping.n_pages, 600);
    take_all_pages();
    CHECK_EQ(mapping.n_pages, 20);
    CHECK(rig_all(at, 20 * PAGE, 2) && mine[0] == 3);
    CHECK_EQ(rig.writes, 0);

    /* While these cannot be written nothing more can be brought, and nothing of what is here is hurt. */
    rig.write_error = -EIO;
    CHECK_EQ(rig_touch(at + 300 * PAGE, false), SIGBUS);
    CHECK_EQ(rig_touch(mine + PAGE, true), SIGBUS);
    CHECK(rig_all(at, 20 * PAGE, 2) && mine[0] == 3);
    rig.write_error = 0;
    CHECK_EQ(at[300 * PAGE], 1);
    CHECK(mapping.n_pages < 20 && rig.written_pages == 20);
    give_pages_back();
    mine[PAGE] = 4;
    CHECK(mine[PAGE + 1] == 2 && at[PAGE] == 2);
    CHECK_EQ(munmap(at, 600 * PAGE), 0);
    CHECK_EQ(munmap(mine, 4 * PAGE), 0);
    CHECK(rig_all(rig.bytes, 20 * PAGE, 2) && rig_all(rig.bytes + 20 * PAGE, 580 * PAGE, 1));
}

/* ---- what if the device fails? ---- */

FILE_TEST(what_cannot_be_written_stays_and_is_written_later, 10 * PAGE)
{
    uint8_t *at = rig_map(0, 10, RW, MAP_SHARED);

    at[0] = 1;
    at[4 * PAGE] = 2;
    at[8 * PAGE] = 3;
    rig.write_error = -EIO;
    rig.writes_left = 1;
    CHECK_FAILS(msync(at, 10 * PAGE, MS_SYNC), EIO);
    CHECK_EQ(rig.writes, 1);
    CHECK_EQ(rig.syncs, 0);
    CHECK_EQ(mapping.n_dirty, 2);
    CHECK_FAILS(msync(at, 10 * PAGE, MS_SYNC), EIO);
    CHECK(at[0] == 1 && at[4 * PAGE] == 2 && at[8 * PAGE] == 3);
    at[4 * PAGE] = 4;

    rig.write_error = 0;
    CHECK_EQ(msync(at, 10 * PAGE, MS_SYNC), 0);
    CHECK(rig.bytes[0] == 1 && rig.bytes[4 * PAGE] == 4 && rig.bytes[8 * PAGE] == 3);
    CHECK_EQ(rig.writes, 3);
    CHECK_EQ(mapping.n_dirty, 0);
    CHECK_EQ(munmap(at, 10 * PAGE), 0);
}

/* It is never asked for: what was not written when the last mapping goes is lost, and said to be. */
FILE_TEST(unmapping_ends_also_when_the_device_fails, 10 * PAGE)
{
    uint8_t *at = rig_map(0, 10, RW, MAP_SHARED);

    memset(at, 1, 10 * PAGE);
    rig.write_error = -EIO;
    CHECK_EQ(munmap(at, 10 * PAGE), 0);
    CHECK(rig_all(rig.bytes, 10 * PAGE, 0));
}

FILE_TEST(a_failing_device_and_a_file_larger_than_memory, LARGE * PAGE)
{
    uint8_t *at = rig_map(0, LARGE, RW, MAP_SHARED);
    size_t written = 0;

    rig.write_error = -EIO;
    while (written < LARGE && rig_touch(at + written * PAGE, true) == 0)
        at[written++ * PAGE] = 1;
    CHECK(written > 500 && written < LARGE); /* SIGBUS, when no more fits */
    rig.write_error = 0;
    for (size_t i = 0; i < LARGE; i++)
        at[i * PAGE + 1] = 2;
    CHECK_EQ(munmap(at, LARGE * PAGE), 0);
    for (size_t i = 0; i < LARGE; i++)
        CHECK(rig.bytes[i * PAGE] == (i < written) && rig.bytes[i * PAGE + 1] == 2);
}

FILE_TEST(a_full_device_is_told_of_at_the_first_write, 4 * PAGE)
{
    uint8_t *at = rig_map(0, 4, RW, MAP_SHARED);

    at[0] = 1;
    CHECK_EQ(rig.allocations, 1);
    rig.allocate_error = -ENOSPC;
    CHECK_EQ(rig_touch(at + PAGE, false), 0);
    CHECK_EQ(rig_touch(at + PAGE, true), SIGBUS);
    at[1] = 1; /* this page has its space */
    CHECK_EQ(msync(at, 4 * PAGE, MS_SYNC), 0);
    at[2] = 1;
    rig.allocate_error = 0;
    at[PAGE] = 2;
    CHECK_EQ(munmap(at, 4 * PAGE), 0);
    CHECK(rig.bytes[2] == 1 && rig.bytes[PAGE] == 2);
}

FILE_TEST(a_page_that_cannot_be_read_is_asked_for_again, 4 * PAGE)
{
    uint8_t *at = rig_map(0, 4, RW, MAP_SHARED);

    rig.read_error = -EIO;
    CHECK(rig_touch(at, false) == SIGBUS && rig_touch(at, true) == SIGBUS);
    CHECK_EQ(mapping.n_pages, 0);
    rig.read_error = 0;
    rig.bytes[0] = 1;
    CHECK_EQ(at[0], 1);
    CHECK_EQ(munmap(at, 4 * PAGE), 0);
}

/* ---- who waits? ---- */

static uint8_t *slow;

static void read_slowly(void *arg)
{
    CHECK_EQ(slow[(uintptr_t)arg * PAGE], 1);
}

FILE_TEST(a_page_is_read_once_and_holds_up_nobody, 64 * PAGE)
{
    memset(rig.bytes, 1, 64 * PAGE);
    slow = rig_map(0, 64, RW, MAP_SHARED);
    CHECK_EQ(rig_touch(slow + 40 * PAGE, true), 0);
    rig.reads = 0;
    rig.read_takes_ns = 1000000;
    uint64_t begun = fakexen_now();
    struct thread *one = spawn(read_slowly, (void *)20), *two = spawn(read_slowly, (void *)20);

    thread_sleep_until(fakexen_now() + 1000);
    CHECK_EQ(rig.reads, 1);
    slow[40 * PAGE] = 2; /* a page that is here, while they wait for theirs */
    CHECK(fakexen_now() < begun + 1000000);
    join(one);
    join(two);
    CHECK_EQ(rig.reads, 1);
    rig.read_takes_ns = 0;
    CHECK_EQ(munmap(slow, 64 * PAGE), 0);
}

/* With a lock held, or upcalls masked, what is here is found, and nothing waits for what is not. */
FILE_TEST(where_nothing_may_wait_only_what_is_here_is_shown, 64 * PAGE)
{
    uint8_t *at = rig_map(0, 64, RW, MAP_SHARED), *other = rig_map(0, 64, RW, MAP_SHARED);
    struct mutex mutex = MUTEX_INIT;

    CHECK_EQ(rig_touch(at, false), 0);
    mutex_lock(&mutex);
    CHECK_EQ(rig_touch(other, false), 0);
    CHECK_EQ(rig_touch(other + 50 * PAGE, false), SIGSEGV);
    mutex_unlock(&mutex);
    CHECK_EQ(rig_touch(other + 50 * PAGE, false), 0);
    CHECK_EQ(munmap(at, 64 * PAGE), 0);
    CHECK_EQ(munmap(other, 64 * PAGE), 0);
}
