/*
 * main: those of lwIP's test suites that are about what we use.
 */
#include "lwip_check.h"

#include "core/test_def.h"
#include "core/test_dns.h"
#include "core/test_netif.h"
#include "core/test_pbuf.h"
#include "core/test_timers.h"
#include "dhcp/test_dhcp.h"
#include "etharp/test_etharp.h"
#include "ip4/test_ip4.h"
#include "ip6/test_ip6.h"
#include "tcp/test_tcp.h"
#include "tcp/test_tcp_oos.h"
#include "tcp/test_tcp_state.h"
#include "udp/test_udp.h"

#include <lwip/init.h>
#include <lwip/netif.h>
#include <lwip/stats.h>

Suite *create_suite(const char *name, testfunc *tests, size_t n, SFun setup, SFun teardown)
{
    Suite *suite = suite_create(name);

    for (size_t i = 0; i < n; i++) {
        TCase *test = tcase_create(name);

        if (setup != NULL || teardown != NULL)
            tcase_add_checked_fixture(test, setup, teardown);
        tcase_add_named_test(test, tests[i]);
        suite_add_tcase(suite, test);
    }
    return suite;
}

/* In use from the start: the groups of lo. */
static STAT_COUNTER at_start[MEMP_MAX];

void lwip_check_ensure_no_alloc(unsigned int skip)
{
    if ((skip & SKIP_HEAP) == 0)
        ck_assert_uint_eq(lwip_stats.mem.used, 0);
    for (unsigned i = 0; i < MEMP_MAX; i++) {
        if ((skip & SKIP_POOL(i)) == 0)
            ck_assert_msg(lwip_stats.memp[i]->used == at_start[i], "leak in pool %u", i);
    }
}

/* What loops back: with NO_SYS, whoever calls lwIP delivers it. */
int tcpip_thread_poll_one(void)
{
    struct netif *netif;

    NETIF_FOREACH(netif)
        netif_poll(netif);
    return 0;
}

int main(void)
{
    suite_getter_fn *const suites[] = {
        def_suite,    dns_suite,  netif_suite, pbuf_suite, timers_suite,  etharp_suite, ip4_suite,
        ip6_suite,    udp_suite,  dhcp_suite,  tcp_suite,  tcp_oos_suite, tcp_state_suite,
    };
    SRunner *runner = srunner_create(NULL);

    lwip_init();
    for (unsigned i = 0; i < MEMP_MAX; i++)
        at_start[i] = lwip_stats.memp[i]->used;
    for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)
        srunner_add_suite(runner, suites[i]());
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
