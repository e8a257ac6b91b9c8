/* evtchn: the real port table on the real bitmaps: nothing lost, nothing delivered under a mask. */
#include "test.h"

#include <platform/evtchn.h>
#include <platform/vcpu.h>

#include "shared_info.h"

static unsigned handled;
static evtchn_port_t handled_port;

static void on_event(evtchn_port_t port, void *arg)
{
    CHECK(arg == &handled);
    CHECK(vcpu_in_event());
    CHECK(vcpu_upcalls_masked());
    handled++;
    handled_port = port;
}

static evtchn_port_t start_with_port(void)
{
    evtchn_port_t port;

    fakexen_start(NULL);
    CHECK_EQ(evtchn_alloc_unbound(0, on_event, &handled, &port), 0);
    vcpu_restore_upcalls(false);
    return port;
}

TEST(an_event_runs_its_handler_once)
{
    evtchn_port_t port = start_with_port();

    fakexen_raise(port);
    CHECK_EQ(handled, 1);
    CHECK_EQ(handled_port, port);
    CHECK(!vcpu_in_event());
    CHECK(!vcpu_upcalls_masked());
    CHECK_EQ(evtchn_count(), 1);
    evtchn_close(port);
}

TEST(a_notification_reaches_the_peer)
{
    evtchn_port_t port = start_with_port();

    evtchn_notify(port);
    CHECK_EQ(fakexen_notified(port), 1);
    evtchn_close(port);
}

TEST(masked_upcalls_wait_for_the_unmask)
{
    evtchn_port_t port = start_with_port();

    bool was_masked = vcpu_mask_upcalls();
    CHECK(!was_masked);
    fakexen_raise(port);
    CHECK_EQ(handled, 0);
    CHECK(vcpu_mask_upcalls());
    vcpu_restore_upcalls(true);
    CHECK_EQ(handled, 0);
    vcpu_restore_upcalls(was_masked);
    CHECK_EQ(handled, 1);
    evtchn_close(port);
}

TEST(a_masked_port_keeps_its_event)
{
    evtchn_port_t port = start_with_port();

    evtchn_mask(port);
    fakexen_raise(port);
    fakexen_raise(port);
    CHECK_EQ(handled, 0);
    evtchn_unmask(port);
    CHECK_EQ(handled, 1);
    fakexen_raise(port);
    CHECK_EQ(handled, 2);
    evtchn_close(port);
}

TEST(unmasking_with_upcalls_masked_delivers_later)
{
    evtchn_port_t port = start_with_port();

    evtchn_mask(port);
    fakexen_raise(port);
    vcpu_mask_upcalls();
    evtchn_unmask(port);
    CHECK_EQ(handled, 0);
    vcpu_restore_upcalls(false);
    CHECK_EQ(handled, 1);
    evtchn_close(port);
}

TEST(events_can_be_taken_without_unmasking)
{
    evtchn_port_t port = start_with_port();

    vcpu_mask_upcalls();
    fakexen_raise(port);
    vcpu_take_events();
    CHECK_EQ(handled, 1);
    CHECK(vcpu_upcalls_masked());
    vcpu_restore_upcalls(false);
    CHECK_EQ(handled, 1);
    evtchn_close(port);
}

static unsigned more;

static void raise_again(evtchn_port_t port, void *arg)
{
    (void)arg;
    handled++;
    if (more-- > 0)
        fakexen_raise(port);
}

/* The pending bit is cleared before the handler runs, so what arrives meanwhile is not lost. */
TEST(an_event_during_its_own_handler_runs_it_again)
{
    evtchn_port_t port;

    fakexen_start(NULL);
    CHECK_EQ(evtchn_alloc_unbound(0, raise_again, NULL, &port), 0);
    vcpu_restore_upcalls(false);
    more = 1;
    fakexen_raise(port);
    CHECK_EQ(handled, 2);
    more = 100; /* more than one batch */
    fakexen_raise(port);
    CHECK_EQ(handled, 2 + 101);
    evtchn_close(port);
}

/* Every port of every word of the bitmap, all at once. */
TEST(many_ports_are_told_apart)
{
    static unsigned hits[1024];
    static evtchn_port_t ports[1024];
    size_t n = 0;

    fakexen_start(NULL);
    while (evtchn_alloc_unbound(0, on_event, &handled, &ports[n]) == 0)
        n++;
    CHECK_EQ(n, 1021); /* 1023 but for the store's and the console's */
    for (size_t i = 0; i < n; i++)
        fakexen_raise(ports[i]);
    CHECK_EQ(handled, 0);
    vcpu_restore_upcalls(false);
    CHECK_EQ(handled, n);
    for (size_t i = 0; i < n; i++) {
        fakexen_raise(ports[i]);
        hits[handled_port]++;
    }
    for (size_t i = 0; i < n; i++) {
        CHECK_EQ(hits[ports[i]], 1);
        evtchn_close(ports[i]);
    }
}

TEST(without_free_ports_xens_error_arrives)
{
    evtchn_port_t ports[1023], port = 77;
    size_t n = 0;

    fakexen_start(NULL);
    while (evtchn_alloc_unbound(0, on_event, &handled, &ports[n]) == 0)
        n++;
    CHECK_EQ(evtchn_alloc_unbound(0, on_event, &handled, &port), -ENOSPC);
    CHECK_EQ(port, 77);
    while (n > 0)
        evtchn_close(ports[--n]);
}

TEST(a_closed_port_stays_silent)
{
    evtchn_port_t port = start_with_port(), again;

    vcpu_mask_upcalls();
    fakexen_raise(port);
    evtchn_close(port);
    vcpu_restore_upcalls(false);
    CHECK_EQ(handled, 0);
    CHECK(!fakexen_port_open(port));
    /* The same number given out anew starts without the old event. */
    CHECK_EQ(evtchn_alloc_unbound(0, on_event, &handled, &again), 0);
    CHECK_EQ(again, port);
    CHECK_EQ(handled, 0);
    fakexen_raise(again);
    CHECK_EQ(handled, 1);
    evtchn_close(again);
}

TEST(binding_to_an_offered_port)
{
    evtchn_port_t port;

    fakexen_start(NULL);
    CHECK_EQ(evtchn_bind_interdomain(0, 40, on_event, &handled, &port), -EINVAL);
    fakexen_offer_port(0, 40);
    CHECK_EQ(evtchn_bind_interdomain(0, 40, on_event, &handled, &port), 0);
    vcpu_restore_upcalls(false);
    fakexen_raise(port);
    CHECK_EQ(handled, 1);
    evtchn_close(port);
}

TEST(a_virq_is_bound_once)
{
    evtchn_port_t port, second;

    fakexen_start(NULL);
    CHECK_EQ(evtchn_bind_virq(VIRQ_DEBUG, on_event, &handled, &port), 0);
    CHECK_EQ(evtchn_bind_virq(VIRQ_DEBUG, on_event, &handled, &second), -EEXIST);
    vcpu_restore_upcalls(false);
    fakexen_raise_virq(VIRQ_DEBUG);
    CHECK_EQ(handled, 1);
    evtchn_close(port);
}

TEST(a_port_beyond_our_table_is_refused)
{
    fakexen_start(NULL);
    CHECK_EQ(evtchn_bind_port(4095, on_event, &handled), -ENOSPC);
}

/* A port that nobody bound must not keep us busy. */
TEST(an_event_for_nobody_is_masked)
{
    fakexen_start(NULL);
    vcpu_restore_upcalls(false);
    shared_info_page.evtchn_mask[0] &= ~(1ul << FAKEXEN_CONSOLE_PORT);
    fakexen_raise(FAKEXEN_CONSOLE_PORT);
    CHECK_EQ(evtchn_count(), 1);
    fakexen_raise(FAKEXEN_CONSOLE_PORT);
    CHECK_EQ(evtchn_count(), 1);
}
