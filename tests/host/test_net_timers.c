/* net_timers: does a timer that a call on a socket began come before what the network's thread waits for? */
#include "glue_test.h"

#include <lwip/timeouts.h>

#include "net_priv.h"

static void due(void *arg)
{
    (void)arg;
}

static int first, second;

TEST(what_was_due_already_is_no_news)
{
    sys_timeout(1000, due, &first);
    net_timers_note();
    CHECK(!net_timers_sooner());
    sys_timeout(2000, due, &second);
    CHECK(!net_timers_sooner());
    sys_untimeout(due, &first);
    CHECK(!net_timers_sooner());
    sys_untimeout(due, &second);
}

TEST(an_earlier_one_is_sooner)
{
    sys_timeout(1000, due, &first);
    net_timers_note();
    sys_timeout(999, due, &second);
    CHECK(net_timers_sooner());
    sys_untimeout(due, &second);
    CHECK(!net_timers_sooner());
    sys_untimeout(due, &first);
}

TEST(the_only_one_is_sooner_than_none)
{
    net_timers_note();
    CHECK(!net_timers_sooner());
    sys_timeout(60000, due, &first);
    CHECK(net_timers_sooner());
    net_timers_note();
    CHECK(!net_timers_sooner());
    sys_untimeout(due, &first);
    CHECK(!net_timers_sooner());
}

TEST(milliseconds_begin_anew_after_49_days)
{
    glue_monotonic_ns = (((uint64_t)1 << 32) - 500) * 1000000; /* lwIP counts them in 32 bits */
    sys_timeout(1000, due, &first); /* after the turn */
    net_timers_note();
    sys_timeout(400, due, &second); /* before it */
    CHECK(net_timers_sooner());
    sys_untimeout(due, &second);
    sys_timeout(1500, due, &second);
    CHECK(!net_timers_sooner());
    sys_untimeout(due, &first);
    sys_untimeout(due, &second);
}
