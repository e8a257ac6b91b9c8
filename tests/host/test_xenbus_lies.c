/*
 * xenbus with back ends that lie, a xenstore that fails, and devices that vanish at any moment: a
 * device breaks with one line in the log, or is gone, and nothing is left waiting.
 */
#include "test.h"

#include <sys/wait.h>
#include <unistd.h>

#include <fakedevice.h>

#include <platform/xenstore.h>

#include "xenbus_rig.h"

/* ---- back ends that lie ---- */

static void expect_broken(unsigned id, const char *why)
{
    char line[128];

    snprintf(line, sizeof(line), "toy/%u: broken: %s\n", id, why);
    CHECK_STR(log_text, line); /* one line */
    CHECK(toy_at(id)->dev.broken);
    CHECK(toy_at(id)->stopped);
    CHECK(!xenbus_discovering(&toys));
    CHECK_EQ(fakedevice_front_state("toy", id), XenbusStateClosed);
    CHECK(strstr(diary, "! ") != NULL);
}

static void with_state(const char *text)
{
    rig_start();
    rig_add(0);
    rig_run();
    fakedevice_set("toy", 0, "state", text);
    fakexen_run();
    expect_broken(0, "the back end's state is none");
    rig_end(1);
    CHECK_STR(diary, "+ 2 ! - ");
}

TEST(a_state_beyond_the_last_breaks_the_device)
{
    with_state("9");
}

TEST(a_state_that_is_no_number_breaks_the_device)
{
    with_state("four");
}

TEST(an_empty_state_breaks_the_device)
{
    with_state("");
}

TEST(a_state_of_a_thousand_bytes_breaks_the_device)
{
    char text[1001];

    memset(text, '4', 1000);
    text[1000] = '\0';
    with_state(text);
}

TEST(a_state_with_a_huge_number_breaks_the_device)
{
    with_state("1844674");
}

TEST(a_broken_device_is_left_alone_until_it_is_made_anew)
{
    rig_start();
    rig_add(0);
    rig_run();
    fakedevice_set("toy", 0, "state", "x");
    fakexen_run();
    expect_broken(0, "the back end's state is none");
    unsigned before = fakexen_store_requests();
    for (unsigned i = 0; i < 50; i++)
        rig_state(0, XenbusStateInitWait);
    CHECK_EQ(fakexen_store_requests(), before);
    CHECK_STR(diary, "+ 2 ! ");
    fakedevice_remove("toy", 0);
    rig_add(0);
    fakexen_run();
    CHECK_STR(diary, "+ 2 ! - + 2 ");
    rig_state(0, XenbusStateConnected);
    CHECK_EQ(toy_at(0)->size, 70);
    rig_end(1);
}

TEST(keys_that_lie_are_damaged)
{
    static const char *const lies[] = { "",     "-1", "1x", "0x10", "99999999999999999999",
                                        "1001", "0",  "1 ", "1\n" };
    uint64_t n;

    rig_start();
    rig_add(0);
    rig_run();
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        fakedevice_set("toy", 0, "size", lies[i]);
        rig_state(0, XenbusStateConnected);
        CHECK_EQ(toy_at(0)->size_error, -EINVAL);
    }
    char huge[2000];
    memset(huge, '0', sizeof(huge) - 1);
    huge[sizeof(huge) - 1] = '\0';
    fakedevice_set("toy", 0, "size", huge);
    rig_state(0, XenbusStateConnected);
    CHECK_EQ(toy_at(0)->size_error, -EINVAL);
    huge[64] = '\0'; /* no room for the NUL */
    fakedevice_set("toy", 0, "size", huge);
    rig_state(0, XenbusStateConnected);
    CHECK_EQ(toy_at(0)->size_error, -EINVAL);
    CHECK(xenbus_read_text(&toy_at(0)->dev, XENBUS_THEIRS, "size") == NULL);
    fakedevice_set("toy", 0, "size",
                   "000000000000000000000000000000000000000000000000000000000000017");
    rig_state(0, XenbusStateConnected);
    CHECK_EQ(toy_at(0)->size_error, 0);
    CHECK_EQ(toy_at(0)->size, 17);
    fakedevice_set("toy", 0, "size", NULL);
    rig_state(0, XenbusStateConnected);
    /* It was fetched when it was offered: that one still stands. */
    CHECK_EQ(xenbus_read_uint(&toy_at(0)->dev, XENBUS_THEIRS, "size", 0, 1000, &n), 0);
    CHECK_EQ(n, 70);
    rig_end(1);
}

static void with_front(const char *key, const char *value, const char *why)
{
    rig_start();
    rig_add(0);
    fakedevice_set_front("toy", 0, key, value);
    rig_run();
    expect_broken(0, why);
    fakexen_store_write("/local/domain/7/device/toy/0", NULL);
    fakexen_store_write(BACK "/0", NULL);
    rig_end(0);
}

TEST(a_device_without_a_back_end_is_broken)
{
    with_front("backend", NULL, "no path to a back end");
}

TEST(a_back_end_at_no_path_is_broken)
{
    with_front("backend", "backend/toy/7/0", "no path to a back end");
}

TEST(a_back_end_at_a_path_too_long_is_broken)
{
    char path[200] = "/local/domain/3/";

    memset(path + strlen(path), 'a', 110);
    with_front("backend", path, "no path to a back end");
}

TEST(a_back_end_without_a_domain_is_broken)
{
    with_front("backend-id", NULL, "no domain of a back end");
}

TEST(a_back_end_in_a_reserved_domain_is_broken)
{
    with_front("backend-id", "32752", "no domain of a back end");
}

static void break_it(struct toy *toy, enum xenbus_state state)
{
    if (state == XenbusStateConnected)
        xenbus_break(&toy->dev, "the driver says so");
}

TEST(a_driver_breaks_its_device_in_a_callback)
{
    rig_start();
    during = break_it;
    rig_add(0);
    rig_run();
    rig_state(0, XenbusStateConnected);
    expect_broken(0, "the driver says so");
    rig_end(1);
    CHECK_STR(diary, "+ 2 4 ! - ");
}

TEST(a_driver_breaks_its_device_at_any_time)
{
    rig_start();
    rig_add(0);
    rig_run();
    rig_state(0, XenbusStateConnected);
    xenbus_break(&toy_at(0)->dev, "the ring lies");
    xenbus_break(&toy_at(0)->dev, "said already");
    xenbus_publish(&toy_at(0)->dev, XenbusStateConnected);
    CHECK_EQ(xenbus_put(&toy_at(0)->dev, "a", "b"), 0);
    fakexen_run();
    expect_broken(0, "the ring lies");
    CHECK(fakedevice_front("toy", 0, "a") == NULL);
    rig_end(1);
}

TEST(a_back_end_that_says_connected_before_us_is_not_believed)
{
    rig_start();
    rig_add(0);
    hold_back = true;
    rig_run();
    rig_state(0, XenbusStateConnected);
    CHECK_STR(diary, "+ 2 ");
    CHECK(xenbus_discovering(&toys));
    rig_end(1);
}

TEST(a_back_end_that_flaps_costs_no_more_than_its_own_writes)
{
    rig_start();
    rig_add(0);
    rig_run();
    for (unsigned i = 0; i < 200; i++) {
        fakedevice_set("toy", 0, "state", i % 2 != 0 ? "4" : "2");
        fakexen_run();
    }
    CHECK(!toy_at(0)->dev.broken);
    rig_state(0, XenbusStateConnected);
    CHECK_EQ(toy_at(0)->dev.state, XenbusStateConnected);
    CHECK_EQ(toy_at(0)->dev.backend_state, XenbusStateConnected);
    rig_end(1);
}

TEST(a_storm_of_events_between_two_looks_is_one_look)
{
    rig_start();
    rig_add(0);
    rig_run();
    rig_state(0, XenbusStateConnected);
    unsigned before = fakexen_store_requests();
    fakexen_store_stop(true);
    for (unsigned i = 0; i < 500; i++)
        fakedevice_state("toy", 0, XenbusStateConnected);
    fakexen_store_stop(false);
    fakexen_run();
    CHECK(fakexen_store_requests() - before <= 6);
    CHECK_EQ(toy_at(0)->dev.backend_state, XenbusStateConnected);
    rig_end(1);
}

TEST(a_storm_in_our_own_directory_is_ignored)
{
    rig_start();
    rig_add(0);
    rig_run();
    rig_state(0, XenbusStateConnected);
    unsigned before = fakexen_store_requests();
    for (unsigned i = 0; i < 500; i++) {
        fakedevice_set_front("toy", 0, "ring-ref", "1");
        fakexen_run();
    }
    CHECK_EQ(fakexen_store_requests(), before);
    rig_end(1);
}

/* ---- xenstore fails ---- */

TEST(a_xenstore_that_takes_no_writes_breaks_the_device)
{
    rig_start();
    fakexen_store_refuse("ENOSPC");
    rig_add(0);
    rig_run();
    CHECK_STR(log_text, "toy/0: broken: xenstored takes no values from us\n");
    CHECK_STR(diary, "+ 2 ! ");
    CHECK(!xenbus_discovering(&toys));
    fakexen_store_refuse(NULL);
    rig_end(1);
}

TEST(a_back_end_that_may_not_be_read_breaks_the_device)
{
    rig_start();
    rig_add(0);
    fakexen_store_refuse_path(BACK "/0/state", "EACCES");
    rig_run();
    expect_broken(0, "cannot read the back end's state");
    rig_end(1);
}

TEST(a_back_end_that_may_not_be_watched_breaks_the_device)
{
    rig_start();
    rig_add(0);
    fakexen_store_refuse_watches("ENOSPC");
    rig_run();
    CHECK_STR(log_text, "toy/0: broken: cannot watch the back end's state\n"
                        "device/toy: cannot be watched: error 28\n");
    CHECK(toy_at(0)->dev.broken);
    CHECK_EQ(fakedevice_front_state("toy", 0), XenbusStateClosed);
    fakexen_ignore_pages(); /* nobody tells us when it goes, so it stays */
}

TEST(a_key_that_may_not_be_read_is_damaged)
{
    uint64_t n;

    rig_start();
    rig_add(0);
    fakexen_store_refuse_path(BACK "/0/size", "EACCES");
    rig_run();
    CHECK_EQ(xenbus_read_uint(&toy_at(0)->dev, XENBUS_THEIRS, "size", 0, 99, &n), -EINVAL);
    rig_end(1);
}

TEST(a_type_that_may_not_be_listed_has_no_devices)
{
    rig_start();
    rig_add(0);
    fakexen_store_refuse_path(FRONT, "EACCES");
    rig_run();
    CHECK(!xenbus_discovering(&toys));
    CHECK(strstr(log_text, "device/toy: cannot be listed: error 13") != NULL);
    fakexen_store_refuse_path(NULL, NULL);
    rig_end(1);
}

static unsigned break_ring_at;

static void say_nonsense(unsigned request)
{
    if (request == break_ring_at)
        fakexen_store()->error = XENSTORE_ERROR_COMM;
}

/* xenstored dies at its n-th request, for every n until everything is connected. */
TEST(a_xenstore_that_breaks_at_any_moment_leaves_nothing_waiting)
{
    for (unsigned n = 1; n < 20; n++) {
        pid_t child = fork();

        if (child == 0) {
            rig_start();
            rig_add(0);
            rig_add(1);
            fakexen_store()->server_features = XENSTORE_SERVER_FEATURE_ERROR;
            break_ring_at = fakexen_store_requests() + n;
            fakexen_store_set_hook(say_nonsense);
            rig_run();
            rig_state(0, XenbusStateConnected);
            rig_state(1, XenbusStateConnected);
            CHECK(!xenstore_alive());
            CHECK(!xenbus_discovering(&toys) || n > 16);
            for (struct xenbus_device *dev = toys.devices; dev != NULL; dev = dev->next)
                CHECK(dev->broken || dev->state == XenbusStateConnected);
            exit(0);
        }
        int status;
        CHECK(waitpid(child, &status, 0) == child);
        CHECK_EQ(status, 0);
    }
}

TEST(a_dead_xenstore_is_refused)
{
    rig_start();
    fakexen_store()->server_features = XENSTORE_SERVER_FEATURE_ERROR;
    fakexen_store()->error = XENSTORE_ERROR_COMM;
    fakexen_raise(FAKEXEN_STORE_PORT);
    CHECK_EQ(xenbus_register(&toys, &toy_driver), -ENODEV);
    CHECK(!xenbus_discovering(&toys));
}

TEST(a_connected_device_works_on_without_xenstore)
{
    rig_start();
    rig_add(0);
    rig_run();
    rig_state(0, XenbusStateConnected);
    fakexen_store_refuse_path(BACK "/0", "EIO");
    rig_state(0, XenbusStateConnected);
    CHECK(!toy_at(0)->dev.broken);
    CHECK_STR(diary, "+ 2 4 ");
    fakexen_store_refuse_path(NULL, NULL);
    rig_end(1);
}

static unsigned vanish_at;

static void vanish(unsigned request)
{
    if (request == vanish_at)
        fakedevice_remove("toy", 0);
    if (request == vanish_at + 3)
        rig_add(0);
}

/* The device is unplugged, and plugged in again, at every moment of its connecting. */
TEST(a_device_that_vanishes_at_any_moment_leaves_nothing)
{
    for (unsigned n = 1; n < 25; n++) {
        pid_t child = fork();

        if (child == 0) {
            rig_start();
            rig_add(0);
            vanish_at = fakexen_store_requests() + n;
            fakexen_store_set_hook(vanish);
            rig_run();
            for (unsigned i = 0; i < 8 && fakedevice_front("toy", 0, "backend") != NULL; i++)
                rig_state(0, XenbusStateConnected); /* requests, so that n is reached */
            fakexen_store_set_hook(NULL);
            if (fakexen_store_requests() < vanish_at + 3)
                rig_add(0);
            fakexen_run();
            rig_state(0, XenbusStateConnected);
            CHECK(!xenbus_discovering(&toys));
            CHECK(toy_at(0) != NULL);
            rig_end(1);
            fakexen_check_clean();
            exit(0);
        }
        int status;
        CHECK(waitpid(child, &status, 0) == child);
        if (status != 0)
            fprintf(stderr, "n = %u\n", n);
        CHECK_EQ(status, 0);
    }
}

TEST(answers_in_small_pieces_are_as_good)
{
    rig_start();
    for (unsigned id = 0; id < 6; id++)
        rig_add(id);
    fakexen_store_slow(7);
    rig_run();
    for (unsigned id = 0; id < 6; id++) {
        CHECK_EQ(fakedevice_front_state("toy", id), XenbusStateConnected);
        rig_state(id, XenbusStateConnected);
    }
    CHECK(!xenbus_discovering(&toys));
    fakexen_store_slow(0);
    rig_end(6);
}
