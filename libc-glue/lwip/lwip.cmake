# lwIP's own sources, as the guest library and the host tests compile them.
#
#   LWIP_DIR        where they lie once they are unpacked
#   LWIP_SOURCES    those that are compiled as they are
#   LWIP_INCLUDED   those that one of our files includes
#
#   LWIP_TESTS      its unit tests, and the sources that only they need
#
# The command that brings them stands in CMakeLists.txt here; others depend on target xenolith_lwip.
set(LWIP_DIR ${CMAKE_BINARY_DIR}/lwip)
set(LWIP_SOURCES
    core/def.c
    core/dns.c
    core/inet_chksum.c
    core/ip.c
    core/mem.c
    core/memp.c
    core/netif.c
    core/pbuf.c
    core/raw.c
    core/udp.c
    core/ipv4/dhcp.c
    core/ipv4/etharp.c
    core/ipv4/icmp.c
    core/ipv4/igmp.c
    core/ipv4/ip4_addr.c
    core/ipv4/ip4_frag.c
    core/ipv6/ethip6.c
    core/ipv6/icmp6.c
    core/ipv6/inet6.c
    core/ipv6/ip6_addr.c
    core/ipv6/mld6.c
    netif/ethernet.c)
set(LWIP_INCLUDED
    core/init.c
    core/ipv4/ip4.c
    core/ipv6/ip6.c
    core/ipv6/ip6_frag.c
    core/ipv6/nd6.c
    core/tcp.c
    core/tcp_in.c
    core/tcp_out.c
    core/timeouts.c)
list(TRANSFORM LWIP_SOURCES PREPEND ${LWIP_DIR}/src/)
list(TRANSFORM LWIP_INCLUDED PREPEND ${LWIP_DIR}/src/)

# The tests that tests/host compiles, and what only they need.
set(LWIP_TESTS core/test_def.c core/test_dns.c core/test_netif.c core/test_pbuf.c core/test_timers.c
    dhcp/test_dhcp.c etharp/test_etharp.c ip4/test_ip4.c ip6/test_ip6.c tcp/tcp_helper.c
    tcp/test_tcp.c tcp/test_tcp_oos.c tcp/test_tcp_state.c udp/test_udp.c)
list(TRANSFORM LWIP_TESTS PREPEND ${LWIP_DIR}/test/unit/)
list(APPEND LWIP_TESTS ${LWIP_DIR}/src/core/stats.c ${LWIP_DIR}/src/core/ipv4/acd.c)
