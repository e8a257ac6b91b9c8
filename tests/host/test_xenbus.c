/*
 * xenbus: devices connect, come and go, and publish, and the domain is resumed. Their accidents are in
 * test_xenbus_lies.c.
 */
#include "test.h"

#include <fakedevice.h>

#include <platform/vcpu.h>
#include <platform/xenstore.h>
#include <runtime/pages.h>

#include "xenbus_rig.h"

static struct xenbus_driver other_driver;

/* ---- The plain path ---- */

TEST(a_device_that_was_there_at_boot_connects)
{
    rig_start();
    rig_add(0);
    CHECK_EQ(xenbus_register(&toys, &toy_driver), 0);
    CHECK(xenbus_discovering(&toys));
    fakexen_run();
    CHECK_STR(diary, "+ 2 ");
    CHECK_EQ(fakedevice_front_uint("toy", 0, "ring-ref"), 8);
    CHECK_STR(fakedevice_front("toy", 0, "queue-0/port"), "5");
    CHECK_EQ(fakedevice_front_state("toy", 0), XenbusStateConnected);
    CHECK(xenbus_discovering(&toys));
    rig_state(0, XenbusStateConnected);
    CHECK_STR(diary, "+ 2 4 ");
    CHECK(!xenbus_discovering(&toys));
    CHECK(discovered >= 1);
    CHECK_EQ(toy_at(0)->size, 70);
    CHECK_EQ(toy_at(0)->dev.peer, 3);
    CHECK_STR(toy_at(0)->dev.name, "toy/0");
    CHECK_STR(log_text, "");
    rig_rest();
    rig_end(1);
    CHECK_STR(diary, "+ 2 4 6 ! - ");
}

TEST(no_device_is_soon_known)
{
    rig_start();
    rig_run();
    CHECK(!xenbus_discovering(&toys));
    CHECK_EQ(discovered, 1);
    rig_end(0);
}

TEST(connecting_takes_few_requests)
{
    rig_start();
    rig_add(0);
    unsigned before = fakexen_store_requests();
    CHECK_EQ(xenbus_register(&toys, &toy_driver), 0);
    fakexen_run();
    /* list; backend, backend-id, colour; watch, state and three keys; two keys and the state. */
    CHECK_EQ(fakexen_store_requests() - before, 1 + 3 + 5 + 3);
    before = fakexen_store_requests();
    rig_state(0, XenbusStateConnected);
    CHECK_EQ(fakexen_store_requests() - before, 2); /* the state and one key */
    before = fakexen_store_requests();
    rig_rest();
    CHECK_EQ(fakexen_store_requests() - before, 2); /* the watch of the type and the list after it */
    rig_end(1);
}

TEST(the_type_is_watched_a_while_later)
{
    rig_start();
    rig_add(0);
    CHECK_EQ(xenbus_register(&toys, &toy_driver), 0);
    fakexen_run();
    fakexen_advance(XENBUS_QUIET_NS - 1000000);
    rig_state(0, XenbusStateConnected);
    rig_add(1); /* nobody is told of it yet */
    fakexen_run();
    CHECK_STR(diary, "+ 2 4 ");
    fakexen_advance(1000000);
    fakexen_run();
    CHECK_STR(diary, "+ 2 4 1:+ 1:2 ");
    rig_end(2);
}

TEST(a_back_end_that_is_never_calm_does_not_keep_the_others_away)
{
    rig_start();
    rig_add(0);
    CHECK_EQ(xenbus_register(&toys, &toy_driver), 0);
    fakexen_run();
    for (uint64_t ms = 0; ms < XENBUS_QUIET_NS / 1000000; ms++) {
        CHECK(!toys.watched);
        rig_state(0, XenbusStateConnected); /* the same again is a change as well */
        fakexen_advance(1000000);
    }
    CHECK(toys.watched);
    fakexen_run();
    rig_add(1);
    fakexen_run();
    CHECK(toy_at(1) != NULL);
    rig_end(2);
}

TEST(devices_connect_side_by_side)
{
    rig_start();
    for (unsigned id = 0; id < 4; id++)
        rig_add(id);
    fakedevice_state("toy", 1, XenbusStateInitialising); /* this one is late */
    rig_run();
    CHECK_STR(diary, "+ 1:+ 2:+ 3:+ 2 1:1 2:2 3:2 ");
    rig_state(3, XenbusStateConnected);
    rig_state(0, XenbusStateConnected);
    rig_state(2, XenbusStateConnected);
    CHECK(xenbus_discovering(&toys));
    rig_state(1, XenbusStateInitWait);
    CHECK_EQ(fakedevice_front_state("toy", 1), XenbusStateConnected);
    rig_state(1, XenbusStateConnected);
    CHECK(!xenbus_discovering(&toys));
    rig_end(4);
}

TEST(two_drivers_have_devices_of_their_own)
{
    rig_start();
    rig_add(0);
    fakedevice_add("other", 0, 3, NULL);
    other_driver = toy_driver;
    other_driver.type = "other";
    rig_run();
    CHECK_EQ(xenbus_register(&others, &other_driver), 0);
    rig_rest();
    rig_state(0, XenbusStateConnected);
    CHECK(!xenbus_discovering(&toys));
    CHECK(xenbus_discovering(&others));
    fakedevice_remove("other", 0);
    fakexen_run();
    CHECK(!xenbus_discovering(&others));
    rig_end(1);
}

TEST(fetched_values_are_read)
{
    uint64_t n = 5;

    rig_start();
    fakedevice_set_front("toy", 0, "colour", "blue");
    fakedevice_add("toy", 0, 3,
                   (const char *[]){ "feature-spin", "1", "size", "12", "name", "", NULL });
    rig_run();
    struct xenbus_device *dev = &toy_at(0)->dev;
    CHECK_STR(xenbus_read_text(dev, XENBUS_OURS, "colour"), "blue");
    CHECK(xenbus_read_text(dev, XENBUS_THEIRS, "colour") == NULL); /* not in those lists */
    CHECK(xenbus_read_flag(dev, XENBUS_THEIRS, "feature-spin"));
    CHECK_STR(xenbus_read_text(dev, XENBUS_THEIRS, "name"), "");
    CHECK_EQ(xenbus_read_uint(dev, XENBUS_THEIRS, "name", 0, 9, &n), -EINVAL);
    CHECK_EQ(xenbus_read_uint(dev, XENBUS_THEIRS, "size", 0, 12, &n), 0);
    CHECK_EQ(n, 12);
    CHECK_EQ(xenbus_read_uint(dev, XENBUS_THEIRS, "size", 0, 11, &n), -EINVAL);
    CHECK_EQ(xenbus_read_uint(dev, XENBUS_THEIRS, "size", 13, 20, &n), -EINVAL);
    CHECK_EQ(xenbus_read_uint(dev, XENBUS_THEIRS, "nothing", 0, 9, &n), -ENOENT);
    CHECK_EQ(n, 12);
    rig_end(1);
}

TEST(new_values_are_told_while_connected)
{
    rig_start();
    rig_add(0);
    rig_run();
    rig_state(0, XenbusStateConnected);
    fakedevice_set("toy", 0, "size", "71");
    fakexen_run();
    CHECK_EQ(toy_at(0)->size, 70); /* the back end has not said so */
    rig_state(0, XenbusStateConnected);
    CHECK_EQ(toy_at(0)->size, 71);
    CHECK_STR(diary, "+ 2 4 4 ");
    rig_end(1);
}

/* ---- Coming and going ---- */

TEST(a_device_is_attached_and_detached_while_running)
{
    rig_start();
    rig_run();
    for (unsigned round = 0; round < 3; round++) {
        rig_add(5);
        fakexen_run();
        CHECK_EQ(fakedevice_front_state("toy", 5), XenbusStateConnected);
        rig_state(5, XenbusStateConnected);
        CHECK(!xenbus_discovering(&toys)); /* boot is over */
        fakedevice_set("toy", 5, "online", "0");
        rig_state(5, XenbusStateClosing);
        CHECK_EQ(fakedevice_front_state("toy", 5), XenbusStateClosed);
        rig_state(5, XenbusStateClosed);
        fakedevice_remove("toy", 5);
        fakexen_run();
        CHECK_STR(diary, "5:+ 5:2 5:4 5:5 5:6 5:! 5:- ");
        diary[0] = '\0';
        CHECK(fakedevice_front("toy", 5, "state") == NULL);
    }
    rig_end(0);
}

TEST(a_device_that_vanishes_without_a_word_is_gone)
{
    rig_start();
    rig_add(0);
    rig_run();
    rig_state(0, XenbusStateConnected);
    fakexen_store_write("/local/domain/7/device", NULL); /* front end only */
    fakexen_run();
    CHECK_STR(diary, "+ 2 4 ! - ");
    fakexen_store_write(BACK "/0", NULL);
    rig_end(0);
}

TEST(a_back_end_whose_directory_vanishes_is_closed)
{
    rig_start();
    rig_add(0);
    rig_run();
    rig_state(0, XenbusStateConnected);
    fakexen_store_write(BACK "/0", NULL);
    fakexen_run();
    CHECK_STR(diary, "+ 2 4 6 ");
    CHECK_EQ(fakedevice_front_state("toy", 0), XenbusStateClosed);
    rig_end(1);
}

TEST(a_back_end_that_comes_back_is_connected_again)
{
    rig_start();
    rig_add(0);
    rig_run();
    rig_state(0, XenbusStateConnected);
    rig_state(0, XenbusStateClosing);
    CHECK_EQ(fakedevice_front_state("toy", 0), XenbusStateClosed);
    CHECK(toy_at(0)->stopped);
    rig_state(0, XenbusStateClosed);
    fakedevice_set("toy", 0, "size", "99");
    rig_state(0, XenbusStateInitWait);
    CHECK_EQ(fakedevice_front_state("toy", 0), XenbusStateConnected);
    CHECK(!toy_at(0)->stopped);
    rig_state(0, XenbusStateConnected);
    CHECK_EQ(toy_at(0)->size, 99);
    CHECK_STR(diary, "+ 2 4 5 6 2 4 ");
    rig_end(1);
}

TEST(a_back_end_that_restarts_unseen_is_closed_first)
{
    rig_start();
    rig_add(0);
    rig_run();
    rig_state(0, XenbusStateConnected);
    rig_state(0, XenbusStateInitWait); /* Closed came and went between two looks */
    CHECK_STR(diary, "+ 2 4 6 2 ");
    CHECK_EQ(fakedevice_front_state("toy", 0), XenbusStateConnected);
    rig_state(0, XenbusStateConnected);
    CHECK_EQ(toy_at(0)->size, 70);
    rig_end(1);
}

TEST(a_late_back_end_is_waited_for)
{
    rig_start();
    fakedevice_add_front("toy", 0, 3);
    rig_run();
    CHECK_STR(diary, "+ ");
    CHECK(xenbus_discovering(&toys));
    rig_state(0, XenbusStateInitialising);
    fakedevice_set("toy", 0, "size", "8");
    rig_state(0, XenbusStateInitWait);
    CHECK_STR(diary, "+ 1 2 ");
    rig_state(0, XenbusStateConnected);
    CHECK_EQ(toy_at(0)->size, 8);
    rig_end(1);
}

TEST(a_device_replaced_under_the_same_name_is_another_device)
{
    rig_start();
    rig_add(0);
    rig_run();
    rig_state(0, XenbusStateConnected);
    fakexen_store_stop(true); /* all of it happens between two looks of ours */
    fakedevice_remove("toy", 0);
    rig_add(0);
    fakexen_store_stop(false);
    fakexen_run();
    CHECK_EQ(created, 2);
    CHECK_EQ(destroyed, 1);
    CHECK_EQ(fakedevice_front_state("toy", 0), XenbusStateConnected);
    rig_state(0, XenbusStateConnected);
    rig_end(1);
}

TEST(a_device_moved_to_another_back_end_is_another_device)
{
    rig_start();
    rig_add(0);
    rig_run();
    rig_state(0, XenbusStateConnected);
    fakexen_store_stop(true);
    fakexen_store_write(FRONT "/0", NULL);
    fakedevice_add("toy", 0, 4, NULL);
    fakexen_store_stop(false);
    fakexen_run();
    CHECK_EQ(created, 2);
    CHECK_EQ(toy_at(0)->dev.peer, 4);
    CHECK_EQ(fakedevice_front_state("toy", 0), XenbusStateConnected);
    rig_end(1);
    fakexen_store_write(BACK "/0", NULL);
}

TEST(a_device_moved_before_it_connected_is_another_device)
{
    rig_start();
    rig_add(0);
    hold_back = true;
    rig_run();
    hold_back = false;
    fakexen_store_stop(true);
    fakexen_store_write(FRONT "/0", NULL);
    fakedevice_add("toy", 0, 4, NULL);
    fakexen_store_stop(false);
    fakexen_run();
    CHECK_EQ(created, 2);
    CHECK_EQ(toy_at(0)->dev.peer, 4);
    CHECK_EQ(fakedevice_front_state("toy", 0), XenbusStateConnected);
    rig_end(1);
    fakexen_store_write(BACK "/0", NULL);
}

TEST(a_device_that_its_driver_refuses_is_left_alone)
{
    rig_start();
    refuse_next = true;
    rig_add(0);
    rig_run();
    CHECK(!xenbus_discovering(&toys));
    CHECK_EQ(fakedevice_front_state("toy", 0), XenbusStateInitialising);
    CHECK(strstr(log_text, "toy/0: refused: error 19") != NULL);
    rig_end(1);
}

TEST(names_that_are_no_numbers_are_passed_over)
{
    rig_start();
    rig_add(0);
    fakexen_store_write(FRONT "/x", "");
    fakexen_store_write(FRONT "/12345678901", "");
    fakexen_store_write(FRONT "/-1", "");
    rig_run();
    CHECK_STR(diary, "+ 2 ");
    rig_end(1);
    fakexen_store_write(FRONT, NULL);
}

/* ---- Publishing ---- */

static void put_much(struct toy *toy, enum xenbus_state state)
{
    unsigned n = 0;

    if (state != XenbusStateInitWait)
        return;
    while (n < 100 && xenbus_put(&toy->dev, n % 2 != 0 ? "some-key" : "other/key", "%u", n) == 0)
        n++;
    CHECK_EQ(n, XENBUS_KEYS_MAX);
    CHECK_EQ(xenbus_put(&toy->dev, "k", "v"), -ENOSPC);
    hold_back = true;
    xenbus_publish(&toy->dev, XenbusStateInitialised);
}

TEST(too_many_keys_are_refused)
{
    rig_start();
    during = put_much;
    rig_add(0);
    rig_run();
    CHECK_EQ(fakedevice_front_uint("toy", 0, "some-key"), 23);
    CHECK_EQ(fakedevice_front_state("toy", 0), XenbusStateInitialised);
    rig_end(1);
}

static void put_long(struct toy *toy, enum xenbus_state state)
{
    char key[2000];

    memset(key, 'k', sizeof(key) - 1);
    key[sizeof(key) - 1] = '\0';
    if (state != XenbusStateInitWait)
        return;
    CHECK_EQ(xenbus_put(&toy->dev, key, "v"), -ENOSPC);
    CHECK_EQ(xenbus_put(&toy->dev, "k", "%s", key), -ENOSPC);
    key[1200] = '\0';
    CHECK_EQ(xenbus_put(&toy->dev, "k", "%s", key), 0);
}

TEST(values_too_long_are_refused)
{
    rig_start();
    during = put_long;
    rig_add(0);
    rig_run();
    CHECK_EQ(strlen(fakedevice_front("toy", 0, "k")), 1200);
    rig_end(1);
}

TEST(what_is_collected_and_never_published_is_dropped)
{
    rig_start();
    rig_add(0);
    hold_back = true;
    rig_run();
    CHECK_EQ(xenbus_put(&toy_at(0)->dev, "k", "v"), 0);
    rig_end(1);
}

TEST(a_driver_publishes_at_any_time)
{
    rig_start();
    rig_add(0);
    hold_back = true;
    rig_run();
    CHECK_EQ(fakedevice_front_state("toy", 0), XenbusStateInitialising);
    CHECK_EQ(xenbus_put(&toy_at(0)->dev, "k", "v"), 0);
    xenbus_publish(&toy_at(0)->dev, XenbusStateInitialised);
    xenbus_publish(&toy_at(0)->dev, XenbusStateConnected);
    fakexen_run();
    CHECK_EQ(fakedevice_front_state("toy", 0), XenbusStateConnected);
    CHECK_STR(fakedevice_front("toy", 0, "k"), "v");
    rig_end(1);
}

TEST(memory_that_is_used_up_breaks_no_more_than_the_device)
{
    void *all = NULL, *one;

    rig_start();
    while ((one = pages_get()) != NULL) {
        *(void **)one = all;
        all = one;
    }
    rig_add(0);
    CHECK_EQ(xenbus_register(&toys, &toy_driver), 0);
    fakexen_run();
    CHECK(!xenbus_discovering(&toys));
    while (all != NULL) {
        one = all;
        all = *(void **)one;
        pages_put(one);
    }
    fakexen_ignore_pages();
    rig_end(1);
}

/* ---- Resume ---- */

TEST(after_a_resume_every_device_begins_anew)
{
    rig_start();
    rig_add(0);
    rig_run();
    rig_state(0, XenbusStateConnected);
    /* The tool stack of the other host has made its part. */
    fakexen_store_forget_watches();
    fakexen_store_write("/local/domain/7/device/toy/0", NULL);
    fakexen_store_write(BACK "/0", NULL);
    rig_add(0);
    bool was = vcpu_mask_upcalls();
    CHECK_EQ(xenstore_start(), 0);
    xenbus_resume();
    vcpu_restore_upcalls(was);
    fakexen_run();
    CHECK_STR(diary, "+ 2 4 resumed 2 ");
    rig_state(0, XenbusStateConnected);
    CHECK_EQ(toy_at(0)->size, 70);
    CHECK_EQ(created, 1);
    rig_end(1);
}
