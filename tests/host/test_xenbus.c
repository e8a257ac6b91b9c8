/*
 * xenbus: a driver that keeps a diary, fakexen's xenstore, and the test as tool stack and back end.
 */
#include "test.h"

#include <sys/wait.h>
#include <unistd.h>

#include <fakedevice.h>

#include <platform/clock.h>
#include <platform/gnttab.h>
#include <platform/vcpu.h>
#include <platform/xenstore.h>
#include <runtime/log.h>
#include <runtime/pages.h>

#include <drivers/xenbus.h>

#define DIARY_MAX 4096
#define FRONT "/local/domain/7/device/toy"
#define BACK "/local/domain/3/backend/toy/7"

/* What the driver was told: + created, 2 a state, ! gone, - destroyed; of device 0 unless said. */
static char diary[DIARY_MAX];
static char log_text[DIARY_MAX];

struct toy {
    struct xenbus_device dev;
    unsigned id;
    bool stopped;
    uint64_t size;
    int size_error;
};

static struct xenbus_driver_state toys, others;
static unsigned created, destroyed, discovered;
static bool refuse_next, hold_back;
static void (*during)(struct toy *toy, enum xenbus_state state);

static void note(const struct toy *toy, const char *what)
{
    size_t len = strlen(diary);

    CHECK(vcpu_upcalls_masked());
    if (toy->id == 0)
        snprintf(diary + len, sizeof(diary) - len, "%s ", what);
    else
        snprintf(diary + len, sizeof(diary) - len, "%u:%s ", toy->id, what);
}

static struct xenbus_device *toy_create(const char *id, int *error)
{
    struct toy *toy;

    if (refuse_next) {
        *error = -ENODEV;
        return NULL;
    }
    toy = calloc(1, sizeof(*toy));
    toy->id = (unsigned)atoi(id);
    created++;
    note(toy, "+");
    return &toy->dev;
}

static struct toy *toy_of(struct xenbus_device *dev)
{
    return (struct toy *)((char *)dev - offsetof(struct toy, dev));
}

static void toy_destroy(struct xenbus_device *dev)
{
    note(toy_of(dev), "-");
    destroyed++;
    free(toy_of(dev));
}

static void toy_changed(struct xenbus_device *dev, enum xenbus_state state)
{
    struct toy *toy = toy_of(dev);
    char text[2] = { (char)('0' + state) };

    CHECK(!dev->broken);
    CHECK_EQ(dev->backend_state, state);
    note(toy, text);
    if (during != NULL)
        during(toy, state);
    if (dev->broken || hold_back)
        return;
    switch (state) {
    case XenbusStateInitWait:
        toy->stopped = false;
        CHECK_EQ(xenbus_put(dev, "ring-ref", "%u", 8 + toy->id), 0);
        CHECK_EQ(xenbus_put(dev, "queue-0/port", "%s", "5"), 0);
        xenbus_publish(dev, XenbusStateConnected);
        break;
    case XenbusStateConnected:
        toy->size_error = xenbus_read_uint(dev, XENBUS_THEIRS, "size", 1, 1000, &toy->size);
        break;
    case XenbusStateClosing:
    case XenbusStateClosed:
        toy->stopped = true;
        xenbus_publish(dev, XenbusStateClosed);
        break;
    default:
        break;
    }
}

static void toy_gone(struct xenbus_device *dev)
{
    note(toy_of(dev), "!");
    toy_of(dev)->stopped = true;
}

static void toy_resumed(struct xenbus_device *dev)
{
    note(toy_of(dev), "resumed");
}

static const struct xenbus_driver toy_driver = {
    .type = "toy",
    .frontend_keys = (const char *const[]){ "colour", NULL },
    .offered_keys = (const char *const[]){ "feature-spin", "size", "name", NULL },
    .connected_keys = (const char *const[]){ "size", NULL },
    .create = toy_create,
    .destroy = toy_destroy,
    .backend_changed = toy_changed,
    .gone = toy_gone,
    .resumed = toy_resumed,
};

static struct xenbus_driver other_driver;

static void on_timer(void)
{
}

static void on_discovered(void)
{
    discovered++;
}

static void log_keep(const char *text, size_t len)
{
    size_t have = strlen(log_text);

    if (have + len + 1 < sizeof(log_text)) {
        memcpy(log_text + have, text, len);
        log_text[have + len] = '\0';
    }
}

static struct log_sink sink = { .write = log_keep };

static void start(void)
{
    fakexen_start(NULL);
    pages_start();
    CHECK_EQ(gnttab_start(pages_get_for_table), 0);
    CHECK_EQ(clock_start(on_timer), 0);
    CHECK_EQ(xenstore_start(), 0);
    log_add_sink(&sink);
    xenbus_set_listener(on_discovered);
    vcpu_restore_upcalls(false);
    fakexen_run();
    fakexen_mark_clean();
}

static void add(unsigned id)
{
    fakedevice_add("toy", id, 3, (const char *[]){ "feature-spin", "1", "size", "70", NULL });
}

static void state(unsigned id, enum xenbus_state state)
{
    fakedevice_state("toy", id, state);
    fakexen_run();
}

static void run_driver(void)
{
    CHECK_EQ(xenbus_register(&toys, &toy_driver), 0);
    fakexen_run();
}

static struct toy *toy_at(unsigned id)
{
    for (struct xenbus_device *dev = toys.devices; dev != NULL; dev = dev->next) {
        if (toy_of(dev)->id == id)
            return toy_of(dev);
    }
    return NULL;
}

/* As `xl detach`, of what is there; then the watch of the type is all that stays. */
static void end(unsigned devices)
{
    for (unsigned id = 0; id < devices; id++)
        fakedevice_remove("toy", id);
    fakexen_run();
    CHECK(toys.devices == NULL);
    CHECK_EQ(created, destroyed);
    CHECK_EQ(fakexen_store_watches(), toys.watched + others.watched);
    struct xenstore_req req = { 0 };
    if (toys.watched)
        xenstore_unwatch(&toys.watch, &req);
    struct xenstore_req other = { 0 };
    if (others.watched)
        xenstore_unwatch(&others.watch, &other);
    fakexen_run();
}

/* ---- The plain path ---- */

TEST(a_device_that_was_there_at_boot_connects)
{
    start();
    add(0);
    CHECK_EQ(xenbus_register(&toys, &toy_driver), 0);
    CHECK(xenbus_discovering(&toys));
    fakexen_run();
    CHECK_STR(diary, "+ 2 ");
    CHECK_EQ(fakedevice_front_uint("toy", 0, "ring-ref"), 8);
    CHECK_STR(fakedevice_front("toy", 0, "queue-0/port"), "5");
    CHECK_EQ(fakedevice_front_state("toy", 0), XenbusStateConnected);
    CHECK(xenbus_discovering(&toys));
    state(0, XenbusStateConnected);
    CHECK_STR(diary, "+ 2 4 ");
    CHECK(!xenbus_discovering(&toys));
    CHECK(discovered >= 1);
    CHECK_EQ(toy_at(0)->size, 70);
    CHECK_EQ(toy_at(0)->dev.peer, 3);
    CHECK_STR(toy_at(0)->dev.name, "toy/0");
    CHECK_STR(log_text, "");
    end(1);
    CHECK_STR(diary, "+ 2 4 6 ! - ");
}

TEST(no_device_is_soon_known)
{
    start();
    run_driver();
    CHECK(!xenbus_discovering(&toys));
    CHECK_EQ(discovered, 1);
    end(0);
}

TEST(connecting_takes_few_requests)
{
    start();
    add(0);
    unsigned before = fakexen_store_requests();
    run_driver();
    /* list; backend, backend-id, colour; watch, state and three keys; two keys and the state;
     * the watch of the type and the list after it. */
    CHECK_EQ(fakexen_store_requests() - before, 1 + 3 + 5 + 3 + 2);
    before = fakexen_store_requests();
    state(0, XenbusStateConnected);
    CHECK_EQ(fakexen_store_requests() - before, 2); /* the state and one key */
    end(1);
}

TEST(devices_connect_side_by_side)
{
    start();
    for (unsigned id = 0; id < 4; id++)
        add(id);
    fakedevice_state("toy", 1, XenbusStateInitialising); /* this one is late */
    run_driver();
    CHECK_STR(diary, "+ 1:+ 2:+ 3:+ 2 1:1 2:2 3:2 ");
    state(3, XenbusStateConnected);
    state(0, XenbusStateConnected);
    state(2, XenbusStateConnected);
    CHECK(xenbus_discovering(&toys));
    state(1, XenbusStateInitWait);
    CHECK_EQ(fakedevice_front_state("toy", 1), XenbusStateConnected);
    state(1, XenbusStateConnected);
    CHECK(!xenbus_discovering(&toys));
    end(4);
}

TEST(two_drivers_have_devices_of_their_own)
{
    start();
    add(0);
    fakedevice_add("other", 0, 3, NULL);
    other_driver = toy_driver;
    other_driver.type = "other";
    run_driver();
    CHECK_EQ(xenbus_register(&others, &other_driver), 0);
    fakexen_run();
    state(0, XenbusStateConnected);
    CHECK(!xenbus_discovering(&toys));
    CHECK(xenbus_discovering(&others));
    fakedevice_remove("other", 0);
    fakexen_run();
    CHECK(!xenbus_discovering(&others));
    end(1);
}

TEST(fetched_values_are_read)
{
    uint64_t n = 5;

    start();
    fakedevice_set_front("toy", 0, "colour", "blue");
    fakedevice_add("toy", 0, 3,
                   (const char *[]){ "feature-spin", "1", "size", "12", "name", "", NULL });
    run_driver();
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
    end(1);
}

TEST(new_values_are_told_while_connected)
{
    start();
    add(0);
    run_driver();
    state(0, XenbusStateConnected);
    fakedevice_set("toy", 0, "size", "71");
    fakexen_run();
    CHECK_EQ(toy_at(0)->size, 70); /* the back end has not said so */
    state(0, XenbusStateConnected);
    CHECK_EQ(toy_at(0)->size, 71);
    CHECK_STR(diary, "+ 2 4 4 ");
    end(1);
}

/* ---- Coming and going ---- */

TEST(a_device_is_attached_and_detached_while_running)
{
    start();
    run_driver();
    for (unsigned round = 0; round < 3; round++) {
        add(5);
        fakexen_run();
        CHECK_EQ(fakedevice_front_state("toy", 5), XenbusStateConnected);
        state(5, XenbusStateConnected);
        CHECK(!xenbus_discovering(&toys)); /* boot is over */
        fakedevice_set("toy", 5, "online", "0");
        state(5, XenbusStateClosing);
        CHECK_EQ(fakedevice_front_state("toy", 5), XenbusStateClosed);
        state(5, XenbusStateClosed);
        fakedevice_remove("toy", 5);
        fakexen_run();
        CHECK_STR(diary, "5:+ 5:2 5:4 5:5 5:6 5:! 5:- ");
        diary[0] = '\0';
        CHECK(fakedevice_front("toy", 5, "state") == NULL);
    }
    end(0);
}

TEST(a_device_that_vanishes_without_a_word_is_gone)
{
    start();
    add(0);
    run_driver();
    state(0, XenbusStateConnected);
    fakexen_store_write("/local/domain/7/device", NULL); /* front end only */
    fakexen_run();
    CHECK_STR(diary, "+ 2 4 ! - ");
    fakexen_store_write(BACK "/0", NULL);
    end(0);
}

TEST(a_back_end_whose_directory_vanishes_is_closed)
{
    start();
    add(0);
    run_driver();
    state(0, XenbusStateConnected);
    fakexen_store_write(BACK "/0", NULL);
    fakexen_run();
    CHECK_STR(diary, "+ 2 4 6 ");
    CHECK_EQ(fakedevice_front_state("toy", 0), XenbusStateClosed);
    end(1);
}

TEST(a_back_end_that_comes_back_is_connected_again)
{
    start();
    add(0);
    run_driver();
    state(0, XenbusStateConnected);
    state(0, XenbusStateClosing);
    CHECK_EQ(fakedevice_front_state("toy", 0), XenbusStateClosed);
    CHECK(toy_at(0)->stopped);
    state(0, XenbusStateClosed);
    fakedevice_set("toy", 0, "size", "99");
    state(0, XenbusStateInitWait);
    CHECK_EQ(fakedevice_front_state("toy", 0), XenbusStateConnected);
    CHECK(!toy_at(0)->stopped);
    state(0, XenbusStateConnected);
    CHECK_EQ(toy_at(0)->size, 99);
    CHECK_STR(diary, "+ 2 4 5 6 2 4 ");
    end(1);
}

TEST(a_back_end_that_restarts_unseen_is_closed_first)
{
    start();
    add(0);
    run_driver();
    state(0, XenbusStateConnected);
    state(0, XenbusStateInitWait); /* Closed came and went between two looks */
    CHECK_STR(diary, "+ 2 4 6 2 ");
    CHECK_EQ(fakedevice_front_state("toy", 0), XenbusStateConnected);
    state(0, XenbusStateConnected);
    CHECK_EQ(toy_at(0)->size, 70);
    end(1);
}

TEST(a_late_back_end_is_waited_for)
{
    start();
    fakedevice_add_front("toy", 0, 3);
    run_driver();
    CHECK_STR(diary, "+ ");
    CHECK(xenbus_discovering(&toys));
    state(0, XenbusStateInitialising);
    fakedevice_set("toy", 0, "size", "8");
    state(0, XenbusStateInitWait);
    CHECK_STR(diary, "+ 1 2 ");
    state(0, XenbusStateConnected);
    CHECK_EQ(toy_at(0)->size, 8);
    end(1);
}

TEST(a_device_replaced_under_the_same_name_is_another_device)
{
    start();
    add(0);
    run_driver();
    state(0, XenbusStateConnected);
    fakexen_store_stop(true); /* all of it happens between two looks of ours */
    fakedevice_remove("toy", 0);
    add(0);
    fakexen_store_stop(false);
    fakexen_run();
    CHECK_EQ(created, 2);
    CHECK_EQ(destroyed, 1);
    CHECK_EQ(fakedevice_front_state("toy", 0), XenbusStateConnected);
    state(0, XenbusStateConnected);
    end(1);
}

TEST(a_device_moved_to_another_back_end_is_another_device)
{
    start();
    add(0);
    run_driver();
    state(0, XenbusStateConnected);
    fakexen_store_stop(true);
    fakexen_store_write(FRONT "/0", NULL);
    fakedevice_add("toy", 0, 4, NULL);
    fakexen_store_stop(false);
    fakexen_run();
    CHECK_EQ(created, 2);
    CHECK_EQ(toy_at(0)->dev.peer, 4);
    CHECK_EQ(fakedevice_front_state("toy", 0), XenbusStateConnected);
    end(1);
    fakexen_store_write(BACK "/0", NULL);
}

TEST(a_device_moved_before_it_connected_is_another_device)
{
    start();
    add(0);
    hold_back = true;
    run_driver();
    hold_back = false;
    fakexen_store_stop(true);
    fakexen_store_write(FRONT "/0", NULL);
    fakedevice_add("toy", 0, 4, NULL);
    fakexen_store_stop(false);
    fakexen_run();
    CHECK_EQ(created, 2);
    CHECK_EQ(toy_at(0)->dev.peer, 4);
    CHECK_EQ(fakedevice_front_state("toy", 0), XenbusStateConnected);
    end(1);
    fakexen_store_write(BACK "/0", NULL);
}

TEST(a_device_that_its_driver_refuses_is_left_alone)
{
    start();
    refuse_next = true;
    add(0);
    run_driver();
    CHECK(!xenbus_discovering(&toys));
    CHECK_EQ(fakedevice_front_state("toy", 0), XenbusStateInitialising);
    CHECK(strstr(log_text, "toy/0: refused: error 19") != NULL);
    end(1);
}

TEST(names_that_are_no_numbers_are_passed_over)
{
    start();
    add(0);
    fakexen_store_write(FRONT "/x", "");
    fakexen_store_write(FRONT "/12345678901", "");
    fakexen_store_write(FRONT "/-1", "");
    run_driver();
    CHECK_STR(diary, "+ 2 ");
    end(1);
    fakexen_store_write(FRONT, NULL);
}

/* ---- Lies and accidents ---- */

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
    start();
    add(0);
    run_driver();
    fakedevice_set("toy", 0, "state", text);
    fakexen_run();
    expect_broken(0, "the back end's state is none");
    end(1);
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
    start();
    add(0);
    run_driver();
    fakedevice_set("toy", 0, "state", "x");
    fakexen_run();
    expect_broken(0, "the back end's state is none");
    unsigned before = fakexen_store_requests();
    for (unsigned i = 0; i < 50; i++)
        state(0, XenbusStateInitWait);
    CHECK_EQ(fakexen_store_requests(), before);
    CHECK_STR(diary, "+ 2 ! ");
    fakedevice_remove("toy", 0);
    add(0);
    fakexen_run();
    CHECK_STR(diary, "+ 2 ! - + 2 ");
    state(0, XenbusStateConnected);
    CHECK_EQ(toy_at(0)->size, 70);
    end(1);
}

TEST(keys_that_lie_are_damaged)
{
    static const char *const lies[] = { "",     "-1", "1x", "0x10", "99999999999999999999",
                                        "1001", "0",  "1 ", "1\n" };
    uint64_t n;

    start();
    add(0);
    run_driver();
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        fakedevice_set("toy", 0, "size", lies[i]);
        state(0, XenbusStateConnected);
        CHECK_EQ(toy_at(0)->size_error, -EINVAL);
    }
    char huge[2000];
    memset(huge, '0', sizeof(huge) - 1);
    huge[sizeof(huge) - 1] = '\0';
    fakedevice_set("toy", 0, "size", huge);
    state(0, XenbusStateConnected);
    CHECK_EQ(toy_at(0)->size_error, -EINVAL);
    huge[64] = '\0'; /* no room for the NUL */
    fakedevice_set("toy", 0, "size", huge);
    state(0, XenbusStateConnected);
    CHECK_EQ(toy_at(0)->size_error, -EINVAL);
    CHECK(xenbus_read_text(&toy_at(0)->dev, XENBUS_THEIRS, "size") == NULL);
    fakedevice_set("toy", 0, "size",
                   "000000000000000000000000000000000000000000000000000000000000017");
    state(0, XenbusStateConnected);
    CHECK_EQ(toy_at(0)->size_error, 0);
    CHECK_EQ(toy_at(0)->size, 17);
    fakedevice_set("toy", 0, "size", NULL);
    state(0, XenbusStateConnected);
    /* It was fetched when it was offered: that one still stands. */
    CHECK_EQ(xenbus_read_uint(&toy_at(0)->dev, XENBUS_THEIRS, "size", 0, 1000, &n), 0);
    CHECK_EQ(n, 70);
    end(1);
}

static void with_front(const char *key, const char *value, const char *why)
{
    start();
    add(0);
    fakedevice_set_front("toy", 0, key, value);
    run_driver();
    expect_broken(0, why);
    fakexen_store_write("/local/domain/7/device/toy/0", NULL);
    fakexen_store_write(BACK "/0", NULL);
    end(0);
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
    start();
    during = break_it;
    add(0);
    run_driver();
    state(0, XenbusStateConnected);
    expect_broken(0, "the driver says so");
    end(1);
    CHECK_STR(diary, "+ 2 4 ! - ");
}

TEST(a_driver_breaks_its_device_at_any_time)
{
    start();
    add(0);
    run_driver();
    state(0, XenbusStateConnected);
    xenbus_break(&toy_at(0)->dev, "the ring lies");
    xenbus_break(&toy_at(0)->dev, "said already");
    xenbus_publish(&toy_at(0)->dev, XenbusStateConnected);
    CHECK_EQ(xenbus_put(&toy_at(0)->dev, "a", "b"), 0);
    fakexen_run();
    expect_broken(0, "the ring lies");
    CHECK(fakedevice_front("toy", 0, "a") == NULL);
    end(1);
}

TEST(a_back_end_that_says_connected_before_us_is_not_believed)
{
    start();
    add(0);
    hold_back = true;
    run_driver();
    state(0, XenbusStateConnected);
    CHECK_STR(diary, "+ 2 ");
    CHECK(xenbus_discovering(&toys));
    end(1);
}

TEST(a_back_end_that_flaps_costs_no_more_than_its_own_writes)
{
    start();
    add(0);
    run_driver();
    for (unsigned i = 0; i < 200; i++) {
        fakedevice_set("toy", 0, "state", i % 2 != 0 ? "4" : "2");
        fakexen_run();
    }
    CHECK(!toy_at(0)->dev.broken);
    state(0, XenbusStateConnected);
    CHECK_EQ(toy_at(0)->dev.state, XenbusStateConnected);
    CHECK_EQ(toy_at(0)->dev.backend_state, XenbusStateConnected);
    end(1);
}

TEST(a_storm_of_events_between_two_looks_is_one_look)
{
    start();
    add(0);
    run_driver();
    state(0, XenbusStateConnected);
    unsigned before = fakexen_store_requests();
    fakexen_store_stop(true);
    for (unsigned i = 0; i < 500; i++)
        fakedevice_state("toy", 0, XenbusStateConnected);
    fakexen_store_stop(false);
    fakexen_run();
    CHECK(fakexen_store_requests() - before <= 6);
    CHECK_EQ(toy_at(0)->dev.backend_state, XenbusStateConnected);
    end(1);
}

TEST(a_storm_in_our_own_directory_is_ignored)
{
    start();
    add(0);
    run_driver();
    state(0, XenbusStateConnected);
    unsigned before = fakexen_store_requests();
    for (unsigned i = 0; i < 500; i++) {
        fakedevice_set_front("toy", 0, "ring-ref", "1");
        fakexen_run();
    }
    CHECK_EQ(fakexen_store_requests(), before);
    end(1);
}

/* ---- xenstore fails ---- */

TEST(a_xenstore_that_takes_no_writes_breaks_the_device)
{
    start();
    fakexen_store_refuse("ENOSPC");
    add(0);
    run_driver();
    CHECK_STR(log_text, "toy/0: broken: xenstored takes no values from us\n");
    CHECK_STR(diary, "+ 2 ! ");
    CHECK(!xenbus_discovering(&toys));
    fakexen_store_refuse(NULL);
    end(1);
}

TEST(a_back_end_that_may_not_be_read_breaks_the_device)
{
    start();
    add(0);
    fakexen_store_refuse_path(BACK "/0/state", "EACCES");
    run_driver();
    expect_broken(0, "cannot read the back end's state");
    end(1);
}

TEST(a_back_end_that_may_not_be_watched_breaks_the_device)
{
    start();
    add(0);
    fakexen_store_refuse_watches("ENOSPC");
    run_driver();
    CHECK_STR(log_text, "toy/0: broken: cannot watch the back end's state\n"
                        "device/toy: cannot be watched: error 28\n");
    CHECK(toy_at(0)->dev.broken);
    CHECK_EQ(fakedevice_front_state("toy", 0), XenbusStateClosed);
    fakexen_ignore_pages(); /* nobody tells us when it goes, so it stays */
}

TEST(a_key_that_may_not_be_read_is_damaged)
{
    uint64_t n;

    start();
    add(0);
    fakexen_store_refuse_path(BACK "/0/size", "EACCES");
    run_driver();
    CHECK_EQ(xenbus_read_uint(&toy_at(0)->dev, XENBUS_THEIRS, "size", 0, 99, &n), -EINVAL);
    end(1);
}

TEST(a_type_that_may_not_be_listed_has_no_devices)
{
    start();
    add(0);
    fakexen_store_refuse_path(FRONT, "EACCES");
    run_driver();
    CHECK(!xenbus_discovering(&toys));
    CHECK(strstr(log_text, "device/toy: cannot be listed: error 13") != NULL);
    fakexen_store_refuse_path(NULL, NULL);
    end(1);
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
            start();
            add(0);
            add(1);
            fakexen_store()->server_features = XENSTORE_SERVER_FEATURE_ERROR;
            break_ring_at = fakexen_store_requests() + n;
            fakexen_store_set_hook(say_nonsense);
            run_driver();
            state(0, XenbusStateConnected);
            state(1, XenbusStateConnected);
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
    start();
    fakexen_store()->server_features = XENSTORE_SERVER_FEATURE_ERROR;
    fakexen_store()->error = XENSTORE_ERROR_COMM;
    fakexen_raise(FAKEXEN_STORE_PORT);
    CHECK_EQ(xenbus_register(&toys, &toy_driver), -ENODEV);
    CHECK(!xenbus_discovering(&toys));
}

TEST(a_connected_device_works_on_without_xenstore)
{
    start();
    add(0);
    run_driver();
    state(0, XenbusStateConnected);
    fakexen_store_refuse_path(BACK "/0", "EIO");
    state(0, XenbusStateConnected);
    CHECK(!toy_at(0)->dev.broken);
    CHECK_STR(diary, "+ 2 4 ");
    fakexen_store_refuse_path(NULL, NULL);
    end(1);
}

static unsigned vanish_at;

static void vanish(unsigned request)
{
    if (request == vanish_at)
        fakedevice_remove("toy", 0);
    if (request == vanish_at + 3)
        add(0);
}

/* The device is unplugged, and plugged in again, at every moment of its connecting. */
TEST(a_device_that_vanishes_at_any_moment_leaves_nothing)
{
    for (unsigned n = 1; n < 25; n++) {
        pid_t child = fork();

        if (child == 0) {
            start();
            add(0);
            vanish_at = fakexen_store_requests() + n;
            fakexen_store_set_hook(vanish);
            run_driver();
            for (unsigned i = 0; i < 8 && fakedevice_front("toy", 0, "backend") != NULL; i++)
                state(0, XenbusStateConnected); /* requests, so that n is reached */
            fakexen_store_set_hook(NULL);
            if (fakexen_store_requests() < vanish_at + 3)
                add(0);
            fakexen_run();
            state(0, XenbusStateConnected);
            CHECK(!xenbus_discovering(&toys));
            CHECK(toy_at(0) != NULL);
            end(1);
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
    start();
    for (unsigned id = 0; id < 6; id++)
        add(id);
    fakexen_store_slow(7);
    run_driver();
    for (unsigned id = 0; id < 6; id++) {
        CHECK_EQ(fakedevice_front_state("toy", id), XenbusStateConnected);
        state(id, XenbusStateConnected);
    }
    CHECK(!xenbus_discovering(&toys));
    fakexen_store_slow(0);
    end(6);
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
    start();
    during = put_much;
    add(0);
    run_driver();
    CHECK_EQ(fakedevice_front_uint("toy", 0, "some-key"), 23);
    CHECK_EQ(fakedevice_front_state("toy", 0), XenbusStateInitialised);
    end(1);
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
    start();
    during = put_long;
    add(0);
    run_driver();
    CHECK_EQ(strlen(fakedevice_front("toy", 0, "k")), 1200);
    end(1);
}

TEST(what_is_collected_and_never_published_is_dropped)
{
    start();
    add(0);
    hold_back = true;
    run_driver();
    CHECK_EQ(xenbus_put(&toy_at(0)->dev, "k", "v"), 0);
    end(1);
}

TEST(a_driver_publishes_at_any_time)
{
    start();
    add(0);
    hold_back = true;
    run_driver();
    CHECK_EQ(fakedevice_front_state("toy", 0), XenbusStateInitialising);
    CHECK_EQ(xenbus_put(&toy_at(0)->dev, "k", "v"), 0);
    xenbus_publish(&toy_at(0)->dev, XenbusStateInitialised);
    xenbus_publish(&toy_at(0)->dev, XenbusStateConnected);
    fakexen_run();
    CHECK_EQ(fakedevice_front_state("toy", 0), XenbusStateConnected);
    CHECK_STR(fakedevice_front("toy", 0, "k"), "v");
    end(1);
}

TEST(memory_that_is_used_up_breaks_no_more_than_the_device)
{
    void *all = NULL, *one;

    start();
    while ((one = pages_get()) != NULL) {
        *(void **)one = all;
        all = one;
    }
    add(0);
    CHECK_EQ(xenbus_register(&toys, &toy_driver), 0);
    fakexen_run();
    CHECK(!xenbus_discovering(&toys));
    while (all != NULL) {
        one = all;
        all = *(void **)one;
        pages_put(one);
    }
    fakexen_ignore_pages();
    end(1);
}

/* ---- Resume ---- */

TEST(after_a_resume_every_device_begins_anew)
{
    start();
    add(0);
    run_driver();
    state(0, XenbusStateConnected);
    /* The tool stack of the other host has made its part. */
    fakexen_store_forget_watches();
    fakexen_store_write("/local/domain/7/device/toy/0", NULL);
    fakexen_store_write(BACK "/0", NULL);
    add(0);
    bool was = vcpu_mask_upcalls();
    CHECK_EQ(xenstore_start(), 0);
    xenbus_resume();
    vcpu_restore_upcalls(was);
    fakexen_run();
    CHECK_STR(diary, "+ 2 4 resumed 2 ");
    state(0, XenbusStateConnected);
    CHECK_EQ(toy_at(0)->size, 70);
    CHECK_EQ(created, 1);
    end(1);
}
