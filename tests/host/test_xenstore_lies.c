/*
 * xenstore with a server that lies, or owes too many answers: the ring is broken and never touched
 * again, and whoever waits is told.
 */
#include "test.h"

#include <platform/xenstore.h>

#include "xenstore_rig.h"

/* Two requests wait; after the lie both end with -EIO, and the ring is never touched again. */
static struct asked waiting[2];

static void start_waiting(void)
{
    rig_start();
    fakexen_store_stop(true);
    ask(&waiting[0], XS_READ, "a");
    ask(&waiting[1], XS_WRITE, "b");
}

static void check_broken(const char *why)
{
    CHECK(!xenstore_alive());
    CHECK(broken_why != NULL);
    CHECK_STR(broken_why, why);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(waiting[i].done, 1);
        CHECK_EQ(waiting[i].req.status, -EIO);
    }
    struct xenstore_domain_interface before = *fakexen_store();
    unsigned notified = fakexen_notified(FAKEXEN_STORE_PORT);
    CHECK_EQ(xenstore_write("later", "x"), -EIO);
    struct asked late;
    ask(&late, XS_READ, "x");
    CHECK_EQ(late.done, 1);
    CHECK_EQ(late.req.status, -EIO);
    fakexen_raise(FAKEXEN_STORE_PORT);
    CHECK(memcmp(&before, fakexen_store(), sizeof(before)) == 0);
    CHECK_EQ(fakexen_notified(FAKEXEN_STORE_PORT), notified);
    CHECK_EQ(broken_times, 1);
}

static void say(uint32_t type, uint32_t id, uint32_t claimed_len, const void *body, size_t body_len)
{
    char message[sizeof(struct xsd_sockmsg) + 512];
    struct xsd_sockmsg header = { .type = type, .req_id = id, .len = claimed_len };

    memcpy(message, &header, sizeof(header));
    memcpy(message + sizeof(header), body, body_len);
    fakexen_store_say(message, sizeof(header) + body_len);
}

TEST(a_payload_too_long_breaks_the_ring)
{
    start_waiting();
    say(XS_READ, waiting[0].req.id, XENSTORE_PAYLOAD_MAX + 1, "", 0);
    check_broken("payload longer than 4096 bytes");
}

TEST(a_huge_payload_breaks_the_ring)
{
    start_waiting();
    say(XS_WATCH_EVENT, 0, UINT32_MAX, "x", 1);
    check_broken("payload longer than 4096 bytes");
}

TEST(an_unknown_id_breaks_the_ring)
{
    start_waiting();
    say(XS_READ, waiting[1].req.id + 1, 0, "", 0);
    check_broken("answer to nothing in flight");
}

TEST(a_second_answer_breaks_the_ring)
{
    static struct asked first;

    start_waiting();
    ask(&first, XS_READ, "c");
    say(XS_READ, first.req.id, 2, "ok", 2);
    CHECK_EQ(first.done, 1);
    CHECK_STR(first.reply, "ok");
    say(XS_READ, first.req.id, 2, "ok", 2);
    check_broken("answer to nothing in flight");
    CHECK_EQ(first.done, 1);
}

TEST(an_answer_of_another_type_breaks_the_ring)
{
    start_waiting();
    say(XS_DIRECTORY, waiting[0].req.id, 1, "x", 1);
    check_broken("answer of another type than its request");
}

TEST(an_index_that_jumps_breaks_the_ring)
{
    start_waiting();
    fakexen_store()->rsp_prod += XENSTORE_RING_SIZE + 1;
    fakexen_raise(FAKEXEN_STORE_PORT);
    check_broken("response index out of range");
}

TEST(an_index_that_goes_back_breaks_the_ring)
{
    start_waiting();
    fakexen_store()->rsp_prod--;
    fakexen_raise(FAKEXEN_STORE_PORT);
    check_broken("response index out of range");
}

TEST(reading_more_than_was_asked_breaks_the_ring)
{
    static struct asked third;

    start_waiting();
    fakexen_store()->req_cons = fakexen_store()->req_prod + 1;
    ask(&third, XS_READ, "c");
    CHECK_EQ(third.done, 1);
    CHECK_EQ(third.req.status, -EIO);
    check_broken("request index out of range");
}

TEST(an_event_without_a_token_breaks_the_ring)
{
    start_waiting();
    say(XS_WATCH_EVENT, 0, 4, "path", 4);
    check_broken("watch event without a token");
}

TEST(an_event_with_an_open_token_breaks_the_ring)
{
    start_waiting();
    say(XS_WATCH_EVENT, 0, 8, "path\0tok", 8);
    check_broken("watch event without a token");
}

TEST(an_empty_event_breaks_the_ring)
{
    start_waiting();
    say(XS_WATCH_EVENT, 0, 0, "", 0);
    check_broken("watch event without a token");
}

TEST(an_event_for_nobody_is_ignored)
{
    start_waiting();
    say(XS_WATCH_EVENT, 0, 14, "path\000deadbeef", 14);
    CHECK(xenstore_alive());
    fakexen_store_stop(false);
    ask_wait(&waiting[1]);
}

TEST(an_error_that_is_not_a_string_is_an_error)
{
    static struct asked a;

    rig_start();
    fakexen_store_stop(true);
    ask(&a, XS_READ, "a");
    say(XS_ERROR, a.req.id, 6, "ENOENT", 6);
    CHECK_EQ(a.req.status, -ENOENT);
    ask(&a, XS_READ, "a");
    say(XS_ERROR, a.req.id, 0, "", 0);
    CHECK_EQ(a.req.status, -EIO);
    CHECK(xenstore_alive());
}

TEST(a_server_that_reports_a_broken_ring_is_believed)
{
    start_waiting();
    fakexen_store()->server_features = XENSTORE_SERVER_FEATURE_ERROR;
    fakexen_raise(FAKEXEN_STORE_PORT);
    CHECK(xenstore_alive());
    fakexen_store()->error = XENSTORE_ERROR_PROTO;
    fakexen_raise(FAKEXEN_STORE_PORT);
    check_broken("xenstored found an error in the ring");
}

TEST(a_watch_does_not_outlive_its_ring)
{
    static struct watching w;

    rig_start();
    fakexen_store_stop(true);
    w.watch = (struct xenstore_watch){ .path = "x", .fired = watch_fired, .arg = &w };
    w.asked.req = (struct xenstore_req){ .done = ask_done, .arg = &w.asked };
    xenstore_watch(&w.watch, &w.asked.req);
    say(XS_READ, 12345, 0, "", 0);
    CHECK_EQ(w.asked.done, 1);
    CHECK_EQ(w.asked.req.status, -EIO);
}

static unsigned resubmitted;

static void submit_again(struct xenstore_req *req)
{
    if (++resubmitted < 10)
        xenstore_submit(req);
}

TEST(a_callback_that_asks_again_after_the_break_is_told_again)
{
    struct xenstore_req req = { .type = XS_READ, .body = "a", .body_len = 2, .done = submit_again };

    rig_start();
    fakexen_store_stop(true);
    xenstore_submit(&req);
    say(XS_READ, 12345, 0, "", 0);
    CHECK_EQ(resubmitted, 10);
    CHECK_EQ(req.status, -EIO);
}

/* It reads and never answers: what is owed an answer is remembered, but not without end. */
TEST(too_many_unanswered_requests_break_the_ring)
{
    char value[8];

    rig_start();
    fakexen_store_stop(true);
    for (int i = 0; i < 64; i++) {
        CHECK_EQ(xenstore_read("a", value, sizeof(value), NULL), -ETIMEDOUT);
        fakexen_store()->req_cons = fakexen_store()->req_prod;
    }
    CHECK(xenstore_alive());
    CHECK_EQ(xenstore_read("a", value, sizeof(value), NULL), -ETIMEDOUT);
    CHECK(!xenstore_alive());
    CHECK_STR(broken_why, "too many requests stay without an answer");
    CHECK_EQ(xenstore_read("a", value, sizeof(value), NULL), -EIO);
}
