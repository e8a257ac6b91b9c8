/* The descriptor table: lowest numbers, duplicates, limits, reservations, thousands of descriptors. */
#include "glue_test.h"

#include <fcntl.h>

#include "files/fd.h"

static int closed;

static void count_close(struct file *file)
{
    closed++;
    free(file);
}

static const struct file_ops plain_ops = { .kind = "plain", .close = count_close };

static struct file *plain(void)
{
    struct file *file = malloc(sizeof(*file));

    file_init(file, &plain_ops, O_RDWR);
    return file;
}

/* fd_start() did not run: 0, 1 and 2 are free. */
TEST(the_lowest_free_number_is_given)
{
    closed = 0;
    for (int i = 0; i < 200; i++)
        CHECK_EQ(fd_install(plain(), false), i);
    CHECK_EQ(fd_close(70), 0);
    CHECK_EQ(fd_close(3), 0);
    CHECK_EQ(fd_close(3), -EBADF);
    CHECK(fd_get(3) == NULL);
    CHECK_EQ(fd_dup(10, 4, false), 70);
    CHECK_EQ(fd_dup(10, 0, false), 3);
    CHECK_EQ(fd_dup(10, 64, false), 200);
    CHECK_EQ(fd_highest(), 200);
    for (int i = 0; i <= 200; i++)
        CHECK_EQ(fd_close(i), 0);
    CHECK_EQ(closed, 200);
    CHECK_EQ(fd_highest(), -1);
}

TEST(numbers_outside_are_bad)
{
    CHECK(fd_get(-1) == NULL);
    CHECK(fd_get(FD_MAX) == NULL);
    CHECK(fd_get(0x7fffffff) == NULL);
    CHECK_EQ(fd_close(-1), -EBADF);
    CHECK_EQ(fd_close(FD_MAX - 1), -EBADF);
    CHECK_EQ(fd_get_cloexec(5), -EBADF);
    CHECK_EQ(fd_set_cloexec(-5, true), -EBADF);
    CHECK_EQ(fd_dup(5, 0, false), -EBADF);
}

TEST(duplicates_share_one_file)
{
    struct file *file = plain();
    int one, two;

    closed = 0;
    one = fd_install(file, true);
    two = fd_dup(one, 0, false);
    CHECK_EQ(fd_get_cloexec(one), 1);
    CHECK_EQ(fd_get_cloexec(two), 0);
    CHECK_EQ(fd_set_cloexec(two, true), 0);
    CHECK_EQ(fd_get_cloexec(two), 1);
    CHECK(fd_get(one) == file);
    file_put(file);
    CHECK_EQ(fd_close(one), 0);
    CHECK_EQ(closed, 0);
    CHECK_EQ(fd_close(two), 0);
    CHECK_EQ(closed, 1);
}

TEST(duplicating_onto_a_number_closes_what_was_there)
{
    int one = fd_install(plain(), false), two = fd_install(plain(), false);

    closed = 0;
    CHECK_EQ(fd_dup_onto(one, two, true), two);
    CHECK_EQ(closed, 1);
    CHECK_EQ(fd_get_cloexec(two), 1);
    CHECK_EQ(fd_dup_onto(one, 5000, false), 5000);
    CHECK_EQ(fd_dup_onto(77, 3, false), -EBADF);
    CHECK_EQ(fd_dup_onto(one, -1, false), -EBADF);
    CHECK_EQ(fd_dup_onto(one, FD_MAX, false), -EBADF);
    CHECK_EQ(fd_close(one), 0);
    CHECK_EQ(fd_close(two), 0);
    CHECK_EQ(closed, 1);
    CHECK_EQ(fd_close(5000), 0);
    CHECK_EQ(closed, 2);
}

/* A call in progress keeps its file when another thread closes the descriptor. */
TEST(a_file_in_use_survives_close)
{
    int fd = fd_install(plain(), false);
    struct file *file = fd_get(fd);

    closed = 0;
    CHECK_EQ(fd_close(fd), 0);
    CHECK_EQ(closed, 0);
    file_put(file);
    CHECK_EQ(closed, 1);
}

TEST(a_reserved_number_is_nobodys_yet)
{
    int fd = fd_reserve(0), other;

    CHECK_EQ(fd, 0);
    CHECK(fd_get(fd) == NULL);
    CHECK_EQ(fd_close(fd), -EBADF);
    other = fd_install(plain(), false);
    CHECK_EQ(other, 1);
    CHECK_EQ(fd_dup_onto(other, fd, false), -EBUSY);
    fd_release(fd);
    CHECK_EQ(fd_reserve(0), 0);
    fd_fill(0, plain(), true);
    CHECK_EQ(fd_get_cloexec(0), 1);
    CHECK_EQ(fd_close(0), 0);
    CHECK_EQ(fd_close(1), 0);
}

TEST(the_limit_is_kept)
{
    struct file *file = plain();

    CHECK_EQ(fd_set_limit(FD_MAX + 1), -EINVAL);
    CHECK_EQ(fd_set_limit(3), 0);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(fd_install(file_ref(file), false), i);
    CHECK_EQ(fd_install(file, false), -EMFILE);
    CHECK_EQ(fd_dup(0, 0, false), -EMFILE);
    CHECK_EQ(fd_dup(0, 3, false), -EINVAL);
    CHECK_EQ(fd_dup(0, -1, false), -EINVAL);
    CHECK_EQ(fd_dup_onto(0, 3, false), -EBADF);
    CHECK_EQ(fd_set_limit(FD_MAX), 0);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(fd_close(i), 0);
    file_put(file);
}

/* The whole table: filled, full, emptied from the middle. */
TEST(all_65536_descriptors)
{
    struct file *file = plain();

    for (int i = 0; i < FD_MAX; i++)
        CHECK_EQ(fd_install(file_ref(file), false), i);
    CHECK_EQ(fd_install(file, false), -EMFILE);
    CHECK_EQ(fd_highest(), FD_MAX - 1);
    CHECK_EQ(fd_close(40000), 0);
    CHECK_EQ(fd_close(30000), 0);
    CHECK_EQ(fd_dup(1, 30001, false), 40000);
    CHECK_EQ(fd_dup(1, 1, false), 30000);
    CHECK_EQ(fd_dup(1, 0, false), -EMFILE);
    for (int i = 0; i < FD_MAX; i++)
        CHECK_EQ(fd_close(i), 0);
    file_put(file);
}
