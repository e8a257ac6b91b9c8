/*
 * netfront with several queues, as it will be with several vCPUs: compiled with NETFRONT_QUEUES=2.
 */
#include "test.h"

#include "net_rig.h"

static uint8_t bytes[30000];

static void finish(void)
{
    netback_close(&rig.back, true);
    CHECK(rig.lost);
    netfront_release(rig.nf);
}

TEST(as_many_queues_as_both_can)
{
    rig.back.max_queues = 8;
    rig_start(0, false);
    rig_connect();
    CHECK_STR(netback_front_key("multi-queue-num-queues"), "2");
    CHECK(netback_front_key("tx-ring-ref") == NULL &&
          netback_front_key("event-channel-tx") == NULL);
    CHECK(netback_front_key("queue-0/tx-ring-ref") != NULL);
    CHECK(netback_front_key("queue-1/event-channel-rx") != NULL);
    CHECK_EQ(netfront_caps(rig.nf)->queues, 2);
    finish();
}

TEST(one_queue_has_the_plain_keys)
{
    rig.back.max_queues = 1;
    rig_start(0, false);
    rig_connect();
    CHECK(netback_front_key("multi-queue-num-queues") == NULL);
    CHECK(netback_front_key("tx-ring-ref") != NULL);
    CHECK_EQ(netfront_caps(rig.nf)->queues, 1);
    finish();
}

TEST(frames_come_in_on_every_queue)
{
    rig.back.max_queues = 2;
    rig_start(0, false);
    rig_connect();
    rig_fill(bytes, sizeof(bytes), 4);
    for (unsigned i = 0; i < 300; i++) {
        CHECK(netback_deliver(&rig.back, i % 2, bytes, sizeof(bytes), 0, 0, 0));
        CHECK_EQ(rig_poll(), 1);
        CHECK(rig.len == sizeof(bytes) && memcmp(rig.data, bytes, rig.len) == 0);
    }
    for (unsigned i = 0; i < 10; i++)
        netback_deliver(&rig.back, i % 2, bytes, 60, 0, 0, 0);
    CHECK_EQ(rig_poll(), 10);
    CHECK_EQ(rig_send(bytes, 60, NULL), 0);
    netfront_flush(rig.nf);
    CHECK_EQ(netback_take_all(&rig.back), 1);
    finish();
}

TEST(a_lie_on_one_queue_ends_all)
{
    rig.back.max_queues = 2;
    rig_start(0, false);
    rig_connect();
    netback_deliver(&rig.back, 0, bytes, 60, 0, 0, 0);
    netback_rx_next(&rig.back, 1, bytes, 60, 0, 0)->offset = 4090;
    netback_push_rx(&rig.back, 1);
    CHECK_EQ(rig_poll(), 1);
    CHECK(!rig.up);
    CHECK_EQ(rig_poll(), 0);
    finish();
}

TEST(a_number_of_queues_that_is_none)
{
    rig_start(0, false);
    fakexen_store_write(NETBACK_BACK "/multi-queue-max-queues", "-1");
    rig_connect();
    CHECK_EQ(netfront_caps(rig.nf)->queues, 1);
    finish();
}
