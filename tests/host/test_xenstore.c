/*
 * xenstore: the real client on the real ring bytes, against fakexen's server: requests of every kind,
 * payloads of every size through 1024 bytes, watches, transactions. Its lies are in
 * test_xenstore_lies.c.
 */
#include "test.h"

#include <platform/clock.h>
#include <platform/vcpu.h>
#include <platform/xenstore.h>

#include "xenstore_rig.h"

static char value[XENSTORE_PAYLOAD_MAX + 1];
static size_t len;

/* ---- the waiting forms ---- */

TEST(a_written_value_is_read_back)
{
    rig_start();
    CHECK_EQ(xenstore_write("data/a", "hello"), 0);
    CHECK_STR(fakexen_store_read(DOMAIN "data/a"), "hello");
    CHECK_EQ(xenstore_read("data/a", value, sizeof(value), &len), 0);
    CHECK_STR(value, "hello");
    CHECK_EQ(len, 5);
    CHECK(xenstore_alive());
}

TEST(an_empty_value_is_a_value)
{
    rig_start();
    CHECK_EQ(xenstore_write("data/a", ""), 0);
    CHECK_EQ(xenstore_read("data/a", value, sizeof(value), &len), 0);
    CHECK_EQ(len, 0);
    CHECK_STR(value, "");
}

TEST(what_is_missing_is_enoent)
{
    rig_start();
    CHECK_EQ(xenstore_read("nothing", value, sizeof(value), NULL), -ENOENT);
    CHECK_STR(value, "");
    CHECK_EQ(xenstore_remove("nothing"), -ENOENT);
    CHECK_EQ(xenstore_directory("nothing", value, sizeof(value), &len), -ENOENT);
}

TEST(xenstoreds_errors_have_numbers)
{
    rig_start();
    fakexen_store_refuse("ENOSPC");
    CHECK_EQ(xenstore_write("a", "b"), -ENOSPC);
    fakexen_store_refuse("EACCES");
    CHECK_EQ(xenstore_write("a", "b"), -EACCES);
    fakexen_store_refuse("EPERM");
    CHECK_EQ(xenstore_write("a", "b"), -EPERM);
    fakexen_store_refuse("EWHATEVER");
    CHECK_EQ(xenstore_write("a", "b"), -EIO);
    CHECK(xenstore_alive());
}

TEST(a_buffer_too_small_is_told_the_length)
{
    char small[4];

    rig_start();
    fakexen_store_write(DOMAIN "a", "abcd");
    CHECK_EQ(xenstore_read("a", small, sizeof(small), &len), -ERANGE);
    CHECK_EQ(len, 4);
    CHECK_STR(small, "abc");
    fakexen_store_write(DOMAIN "a", "abc");
    CHECK_EQ(xenstore_read("a", small, sizeof(small), &len), 0);
    CHECK_STR(small, "abc");
}

TEST(a_directory_lists_names)
{
    rig_start();
    fakexen_store_write(DOMAIN "device/vif/0/mac", "00:16:3e:00:00:01");
    fakexen_store_write(DOMAIN "device/vif/0/state", "1");
    fakexen_store_write(DOMAIN "device/vbd/51712/state", "1");
    CHECK_EQ(xenstore_directory("device", value, sizeof(value), &len), 0);
    CHECK_EQ(len, 8);
    CHECK(memcmp(value, "vbd\0vif", 8) == 0);
    CHECK_EQ(xenstore_directory("device/vif/0", value, sizeof(value), &len), 0);
    CHECK_EQ(len, 10);
    CHECK_EQ(xenstore_directory("device/vif/0/mac", value, sizeof(value), &len), 0);
    CHECK_EQ(len, 0);
    CHECK_EQ(xenstore_directory("device", value, 7, &len), -ERANGE);
}

TEST(removing_removes)
{
    rig_start();
    fakexen_store_write(DOMAIN "a/b", "c");
    CHECK_EQ(xenstore_remove("a"), 0);
    CHECK(fakexen_store_read(DOMAIN "a/b") == NULL);
}

TEST(numbers_are_checked)
{
    static const char *const bad[] = { "",
                                       "-1",
                                       "0x10",
                                       "12a",
                                       " 1",
                                       "1 ",
                                       "99",
                                       "18446744073709551616",
                                       "99999999999999999999999999999999999" };
    uint64_t number = 7;

    rig_start();
    fakexen_store_write(DOMAIN "n", "42");
    CHECK_EQ(xenstore_read_uint("n", 0, 98, &number), 0);
    CHECK_EQ(number, 42);
    CHECK_EQ(xenstore_read_uint("n", 43, 98, &number), -EINVAL);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        fakexen_store_write(DOMAIN "n", bad[i]);
        CHECK_EQ(xenstore_read_uint("n", 0, 98, &number), -EINVAL);
    }
    CHECK_EQ(number, 42);
    fakexen_store_write(DOMAIN "n", "18446744073709551615");
    CHECK_EQ(xenstore_read_uint("n", 0, UINT64_MAX, &number), 0);
    CHECK(number == UINT64_MAX);
    CHECK_EQ(xenstore_read_uint("missing", 0, 1, &number), -ENOENT);
}

/* ---- the ring ---- */

static char *long_text(size_t n)
{
    static char text[XENSTORE_PAYLOAD_MAX + 1];

    for (size_t i = 0; i < n; i++)
        text[i] = (char)('!' + (i * 7 + i / 94) % 94);
    text[n] = '\0';
    return text;
}

static void check_long_values(size_t slow)
{
    static const size_t sizes[] = { 1, 900, 1007, 1008, 1009, 1023, 1024, 1025, 2048, 4090 };

    fakexen_store_slow(slow);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        CHECK_EQ(xenstore_write("k", long_text(sizes[i])), 0);
        CHECK_STR(fakexen_store_read(DOMAIN "k"), long_text(sizes[i]));
        CHECK_EQ(xenstore_read("k", value, sizeof(value), &len), 0);
        CHECK_EQ(len, sizes[i]);
        CHECK_STR(value, long_text(sizes[i]));
    }
}

TEST(payloads_of_4096_bytes_pass_the_ring)
{
    rig_start();
    check_long_values(0);
}

TEST(a_server_that_handles_few_bytes_at_a_time)
{
    rig_start();
    check_long_values(7);
    check_long_values(1023);
}

TEST(a_server_that_handles_single_bytes)
{
    rig_start();
    check_long_values(1);
}

TEST(indices_wrap)
{
    rig_start_at(UINT32_MAX - 500);
    check_long_values(0);
    CHECK(fakexen_store()->req_prod < 1u << 31);
}

TEST(a_value_of_the_largest_size_is_read)
{
    rig_start();
    fakexen_store_write(DOMAIN "k", long_text(XENSTORE_PAYLOAD_MAX));
    CHECK_EQ(xenstore_read("k", value, sizeof(value), &len), 0);
    CHECK_EQ(len, XENSTORE_PAYLOAD_MAX);
}

TEST(too_long_a_request_is_refused_here)
{
    rig_start();
    CHECK_EQ(xenstore_write("k", long_text(4095)), -E2BIG);
    CHECK_EQ(fakexen_store_requests(), 0);
    struct asked a;
    memset(&a, 0, sizeof(a));
    a.req = (struct xenstore_req){ .type = XS_WRITE,
                                   .body = "k",
                                   .body_len = SIZE_MAX,
                                   .tail = "v",
                                   .tail_len = 2,
                                   .done = ask_done,
                                   .arg = &a };
    xenstore_submit(&a.req);
    CHECK_EQ(a.done, 1);
    CHECK_EQ(a.req.status, -E2BIG);
}

TEST(many_requests_are_under_way_at_once)
{
    static struct asked asked[100];
    static char path[100][16];

    rig_start();
    for (unsigned i = 0; i < 100; i++) {
        char number[16], key[64];
        snprintf(path[i], sizeof(path[i]), "n/%u", i);
        snprintf(key, sizeof(key), DOMAIN "%s", path[i]);
        snprintf(number, sizeof(number), "%u", i * i);
        fakexen_store_write(key, number);
    }
    for (unsigned i = 0; i < 100; i++)
        ask(&asked[i], XS_READ, path[i]);
    CHECK_EQ(asked[0].done, 0);
    for (unsigned i = 0; i < 100; i++) {
        ask_wait(&asked[i]);
        CHECK_EQ(asked[i].req.status, 0);
        CHECK_EQ(atoi(asked[i].reply), (int)(i * i));
    }
    for (unsigned i = 0; i < 100; i++)
        CHECK_EQ(asked[i].done, 1);
}

static struct asked chained;

static void ask_next(struct xenstore_req *req)
{
    (void)req;
    ask(&chained, XS_READ, "second");
}

TEST(a_callback_may_submit_again)
{
    struct xenstore_req first = {
        .type = XS_READ, .body = "first", .body_len = 6, .done = ask_next
    };

    rig_start();
    fakexen_store_write(DOMAIN "second", "2");
    xenstore_submit(&first);
    fakexen_run();
    CHECK_EQ(first.status, -ENOENT);
    ask_wait(&chained);
    CHECK_STR(chained.reply, "2");
}

TEST(a_request_without_a_callback_is_fine)
{
    struct xenstore_req req = {
        .type = XS_WRITE, .body = "a", .body_len = 2, .tail = "x", .tail_len = 1
    };

    rig_start();
    xenstore_submit(&req);
    fakexen_run();
    CHECK_STR(fakexen_store_read(DOMAIN "a"), "x");
}

TEST(a_domain_without_xenstore_says_so)
{
    fakexen_start(&(struct fakexen_options){ .dom0 = true });
    CHECK_EQ(xenstore_start(), -ENODEV);
    CHECK(!xenstore_alive());
    CHECK_EQ(xenstore_write("a", "b"), -EIO);
}

/* ---- transactions ---- */

TEST(a_transaction_commits)
{
    uint32_t tx = 0;

    rig_start();
    CHECK_EQ(xenstore_transaction_start(&tx), 0);
    CHECK(tx != 0);
    CHECK_EQ(xenstore_write_tx(tx, "a", "1"), 0);
    CHECK(fakexen_store_read(DOMAIN "a") == NULL);
    CHECK_EQ(xenstore_read_tx(tx, "a", value, sizeof(value), NULL), 0);
    CHECK_STR(value, "1");
    CHECK_EQ(xenstore_transaction_end(tx, true), 0);
    CHECK_STR(fakexen_store_read(DOMAIN "a"), "1");
}

TEST(a_transaction_that_is_given_up_changes_nothing)
{
    uint32_t tx;

    rig_start();
    CHECK_EQ(xenstore_transaction_start(&tx), 0);
    CHECK_EQ(xenstore_write_tx(tx, "a", "1"), 0);
    CHECK_EQ(xenstore_transaction_end(tx, false), 0);
    CHECK(fakexen_store_read(DOMAIN "a") == NULL);
}

TEST(a_conflict_is_eagain_and_the_second_try_works)
{
    uint32_t tx;

    rig_start();
    CHECK_EQ(xenstore_transaction_start(&tx), 0);
    CHECK_EQ(xenstore_write_tx(tx, "a", "1"), 0);
    fakexen_store_write(DOMAIN "b", "in between");
    CHECK_EQ(xenstore_transaction_end(tx, true), -EAGAIN);
    CHECK_EQ(xenstore_transaction_start(&tx), 0);
    CHECK_EQ(xenstore_write_tx(tx, "a", "1"), 0);
    CHECK_EQ(xenstore_transaction_end(tx, true), 0);
    CHECK_STR(fakexen_store_read(DOMAIN "a"), "1");
}

TEST(an_unknown_transaction_is_an_error)
{
    rig_start();
    CHECK_EQ(xenstore_transaction_end(99, true), -ENOENT);
    CHECK_EQ(xenstore_write_tx(99, "a", "1"), -ENOENT);
}

/* ---- watches ---- */

static void watch(struct watching *w, const char *path)
{
    memset(w, 0, sizeof(*w));
    w->watch = (struct xenstore_watch){ .path = path, .fired = watch_fired, .arg = w };
    w->asked.req = (struct xenstore_req){ .done = ask_done, .arg = &w->asked };
    xenstore_watch(&w->watch, &w->asked.req);
    ask_wait(&w->asked);
}

static void unwatch(struct watching *w)
{
    w->asked.done = 0;
    xenstore_unwatch(&w->watch, &w->asked.req);
    ask_wait(&w->asked);
    CHECK_EQ(w->asked.req.status, 0);
}

TEST(a_watch_fires_at_once_and_on_every_change)
{
    static struct watching w;

    rig_start();
    watch(&w, "device");
    CHECK_EQ(w.asked.req.status, 0);
    CHECK_EQ(w.fired, 1);
    CHECK_STR(w.last, "device");
    fakexen_store_write(DOMAIN "device/vif/0/state", "1");
    CHECK_EQ(w.fired, 2);
    CHECK_STR(w.last, "device/vif/0/state");
    fakexen_store_write(DOMAIN "other", "1");
    CHECK_EQ(w.fired, 2);
    unwatch(&w);
    fakexen_store_write(DOMAIN "device/vif/0/state", "2");
    CHECK_EQ(w.fired, 2);
}

TEST(an_absolute_path_comes_back_absolute)
{
    static struct watching w;

    rig_start();
    watch(&w, "/local/domain/0/backend/vif/7/0/state");
    fakexen_store_write("/local/domain/0/backend/vif/7/0/state", "2");
    CHECK_EQ(w.fired, 2);
    CHECK_STR(w.last, "/local/domain/0/backend/vif/7/0/state");
    unwatch(&w);
}

TEST(two_watches_of_one_path_are_two)
{
    static struct watching a, b;

    rig_start();
    watch(&a, "x");
    watch(&b, "x");
    fakexen_store_write(DOMAIN "x", "1");
    CHECK_EQ(a.fired, 2);
    CHECK_EQ(b.fired, 2);
    unwatch(&a);
    fakexen_store_write(DOMAIN "x", "2");
    CHECK_EQ(a.fired, 2);
    CHECK_EQ(b.fired, 3);
    unwatch(&b);
}

/* The event is in the ring already when we say unwatch. */
TEST(a_late_event_is_dropped)
{
    static struct watching w;

    rig_start();
    watch(&w, "x");
    vcpu_mask_upcalls();
    fakexen_store_write(DOMAIN "x", "1");
    w.asked.done = 0;
    xenstore_unwatch(&w.watch, &w.asked.req);
    vcpu_restore_upcalls(false);
    ask_wait(&w.asked);
    CHECK_EQ(w.fired, 1);
    CHECK(xenstore_alive());
}

static void unwatch_self(struct xenstore_watch *self, const char *path)
{
    struct watching *w = self->arg;

    watch_fired(self, path);
    w->asked.done = 0;
    xenstore_unwatch(self, &w->asked.req);
}

TEST(a_watch_may_unwatch_itself)
{
    static struct watching w;

    rig_start();
    watch(&w, "x");
    w.watch.fired = unwatch_self;
    fakexen_store_write(DOMAIN "x", "1");
    ask_wait(&w.asked);
    CHECK_EQ(w.fired, 2);
    fakexen_store_write(DOMAIN "x", "2");
    CHECK_EQ(w.fired, 2);
}

TEST(a_watch_that_is_refused_is_no_watch)
{
    static struct watching w;

    rig_start();
    watch(&w, long_text(3500));
    CHECK_EQ(w.asked.req.status, -EINVAL);
    watch(&w, long_text(4095));
    CHECK_EQ(w.asked.req.status, -E2BIG);
    CHECK_EQ(w.fired, 0);
}

/* Tokens, not paths: the server could send any path. */
TEST(the_token_decides_whose_event_it_is)
{
    static struct watching w;
    char message[64];
    struct xsd_sockmsg header = { .type = XS_WATCH_EVENT };

    rig_start();
    watch(&w, "x");
    int n = sprintf(message + sizeof(header), "something/else%c%s%c", '\0', w.watch.token, '\0');
    header.len = (uint32_t)n;
    memcpy(message, &header, sizeof(header));
    fakexen_store_say(message, sizeof(header) + (size_t)n);
    CHECK_EQ(w.fired, 2);
    CHECK_STR(w.last, "something/else");
    unwatch(&w);
}

/* ---- cancelling and time ---- */

TEST(a_server_that_never_answers_costs_a_timeout)
{
    rig_start();
    fakexen_store_stop(true);
    uint64_t before = fakexen_now();
    CHECK_EQ(xenstore_read("a", value, sizeof(value), &len), -ETIMEDOUT);
    CHECK_EQ(fakexen_now() - before, XENSTORE_TIMEOUT_NS);
    CHECK(xenstore_alive());
    fakexen_store_stop(false); /* the late answer finds nobody */
    fakexen_store_write(DOMAIN "a", "now");
    CHECK_EQ(xenstore_read("a", value, sizeof(value), &len), 0);
    CHECK_STR(value, "now");
}

TEST(what_is_cancelled_is_never_done)
{
    static struct asked a, b;

    rig_start();
    ask(&a, XS_READ, "a");
    ask(&b, XS_READ, "b");
    xenstore_cancel(&a.req);
    memset(&a.req, 0xee, sizeof(a.req));
    ask_wait(&b);
    CHECK_EQ(a.done, 0);
    CHECK_EQ(b.req.status, -ENOENT);
    CHECK(xenstore_alive());
}

/* A message that is half in the ring must be sent to its end, although its owner is gone. */
TEST(a_request_cancelled_half_way_leaves_the_stream_whole)
{
    static struct asked b;
    struct xenstore_req *big = malloc(sizeof(*big));
    char *text = malloc(3000);

    rig_start();
    memcpy(text, long_text(2999), 3000);
    memset(big, 0, sizeof(*big));
    big->type = XS_WRITE;
    big->body = "big";
    big->body_len = 4;
    big->tail = text;
    big->tail_len = 2999;
    xenstore_submit(big); /* 1024 bytes of it are in the ring now */
    ask(&b, XS_READ, "b");
    xenstore_cancel(big);
    free(text);
    free(big);
    ask_wait(&b);
    CHECK_EQ(b.req.status, -ENOENT);
    CHECK_STR(fakexen_store_read(DOMAIN "big"), long_text(2999));
    CHECK(xenstore_alive());
}

TEST(what_was_not_begun_is_cancelled_without_a_trace)
{
    static struct asked big, small;

    rig_start();
    ask(&big, XS_READ, long_text(3000));
    ask(&small, XS_READ, "small");
    xenstore_cancel(&small.req);
    ask_wait(&big);
    CHECK_EQ(fakexen_store_requests(), 1);
    CHECK_EQ(small.done, 0);
}

TEST(cancelling_twice_or_after_done_is_harmless)
{
    static struct asked a;

    rig_start();
    ask(&a, XS_READ, "a");
    ask_wait(&a);
    xenstore_cancel(&a.req);
    xenstore_cancel(&a.req);
    CHECK_EQ(a.done, 1);
}

/* ---- resume ---- */

TEST(after_a_resume_requests_and_watches_live_on)
{
    static struct watching a, b;
    static struct asked asked[2];

    rig_start();
    watch(&a, "x");
    watch(&b, "y");
    fakexen_store_stop(true);
    ask(&asked[0], XS_READ, "one");
    ask(&asked[1], XS_READ, "two");
    /* The other host's xenstored: a new ring, no watch, but the same tree. */
    struct xenstore_domain_interface *page = fakexen_store();
    memset(page, 0, sizeof(*page));
    page->rsp_prod = page->rsp_cons = 33;
    fakexen_store_forget_watches();
    fakexen_store_write(DOMAIN "one", "1");
    fakexen_store_write(DOMAIN "two", "2");
    CHECK_EQ(xenstore_start(), 0);
    fakexen_store_stop(false);
    ask_wait(&asked[0]);
    ask_wait(&asked[1]);
    CHECK_STR(asked[0].reply, "1");
    CHECK_STR(asked[1].reply, "2");
    fakexen_run();
    CHECK_EQ(fakexen_store_watches(), 2);
    unsigned fired = a.fired;
    fakexen_store_write(DOMAIN "x", "new");
    CHECK_EQ(a.fired, fired + 1);
    unwatch(&a);
    unwatch(&b);
}
