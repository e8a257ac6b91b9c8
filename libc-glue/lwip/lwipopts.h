/*
 * lwipopts: lwIP as Xenolith uses it. lwip/opt.h explains each option.
 *
 * Nothing is reserved: every object comes from net_heap when it is needed, so that tables and pools
 * have no size, and a guest that only listens carries a few pages. lwIP is compiled unchanged; the
 * files net_tcp_*.c include one of its sources each, with something around it.
 */
#ifndef LIBC_GLUE_LWIPOPTS_H
#define LIBC_GLUE_LWIPOPTS_H

#include <stddef.h>
#include <stdint.h>

/* The raw API under one lock (net.h): no threads of lwIP's own, no protection inside. */
#define NO_SYS              1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_NETCONN        0
#define LWIP_SOCKET         0

/* Memory: net_heap.c */
void *net_heap_get(size_t size);
void *net_heap_get_zeroed(size_t n, size_t size);
void net_heap_put(void *memory);
#define MEM_CUSTOM_ALLOCATOR 1
#define MEM_CUSTOM_MALLOC   net_heap_get
#define MEM_CUSTOM_CALLOC   net_heap_get_zeroed
#define MEM_CUSTOM_FREE     net_heap_put
#define MEMP_MEM_MALLOC     1
#define MEM_ALIGNMENT       8
#define PBUF_POOL_BUFSIZE   1600

/* One large TCP segment for the interface to cut: bytes in each piece, 0 for an ordinary one. */
#define LWIP_PBUF_CUSTOM_DATA uint16_t gso_size;
#define LWIP_PBUF_CUSTOM_DATA_INIT(p) ((p)->gso_size = 0)
#define LWIP_SUPPORT_CUSTOM_PBUF 1

/* Interfaces */
#define LWIP_ARP            1
#define LWIP_ETHERNET       1
#define LWIP_HAVE_LOOPIF    1
#define LWIP_NETIF_LOOPBACK 1
#define LWIP_LOOPBACK_MAX_PBUFS 0
#define LWIP_LOOPIF_MULTICAST 1
#define LWIP_NETIF_HOSTNAME 1
#define LWIP_NETIF_HWADDRHINT 1
#define LWIP_NETIF_STATUS_CALLBACK 0
#define LWIP_NETIF_EXT_STATUS_CALLBACK 1
#define LWIP_NETIF_LINK_CALLBACK 0
#define LWIP_CHECKSUM_CTRL_PER_NETIF 1
#define ARP_TABLE_SIZE      64
#define ARP_QUEUEING        1
#define ARP_QUEUE_LEN       64 /* a datagram of 64 KiB in its fragments */
#define ETHARP_SUPPORT_STATIC_ENTRIES 1

/* IPv4 */
#define LWIP_IPV4           1
#define IP_FORWARD          0
#define IP_REASSEMBLY       1
#define IP_REASS_MAX_PBUFS  256 /* two whole datagrams of 64 KiB, and more of smaller ones */
#define IP_FRAG             1
#define IP_DEFAULT_TTL      64
#define IP_SOF_BROADCAST    1
#define IP_SOF_BROADCAST_RECV 0
#define LWIP_ICMP           1
#define ICMP_TTL            64
#define LWIP_BROADCAST_PING 0
#define LWIP_MULTICAST_PING 0
#define LWIP_RAW            1
#define RAW_TTL             64
#define LWIP_IGMP           1
#define LWIP_MULTICAST_TX_OPTIONS 1
#define LWIP_DHCP           1
#define LWIP_DHCP_DOES_ACD_CHECK 0 /* it would cost seconds before the first address */
#define LWIP_DHCP_MAX_DNS_SERVERS DNS_MAX_SERVERS
#define LWIP_ACD            0
#define LWIP_AUTOIP         0

/* IPv6 */
#define LWIP_IPV6           1
#define LWIP_IPV6_NUM_ADDRESSES 5
#define LWIP_IPV6_FORWARD   0
#define LWIP_IPV6_FRAG      1
#define LWIP_IPV6_REASS     1
#define IPV6_FRAG_COPYHEADER 1 /* pointers do not fit into the header that lwIP would use */
#define LWIP_ICMP6          1
#define LWIP_IPV6_MLD       1
#define LWIP_IPV6_AUTOCONFIG 1
#define LWIP_IPV6_SEND_ROUTER_SOLICIT 1
#define LWIP_ND6_RDNSS_MAX_DNS_SERVERS 2
#define LWIP_ND6_NUM_NEIGHBORS 32
#define LWIP_ND6_NUM_DESTINATIONS 32
#define LWIP_ND6_NUM_PREFIXES 8
#define LWIP_ND6_NUM_ROUTERS 4
#define LWIP_IPV6_DHCP6     0

/* Names */
#define LWIP_DNS            1
#define DNS_TABLE_SIZE      16
#define DNS_MAX_NAME_LENGTH 256
#define DNS_MAX_SERVERS     3
#define LWIP_DNS_SUPPORT_MDNS_QUERIES 0

/* UDP */
#define LWIP_UDP            1
#define UDP_TTL             64
#define SO_REUSE            1
#define SO_REUSE_RXTOALL    1

/*
 * TCP. Windows are bytes of this machine's choice (net_tcp_start()); in init.c lwIP compares them
 * in the preprocessor, for which NET_CONSTANT_WINDOW gives it a number. TCP_MSS bounds what we
 * announce; an interface's MTU bounds it further.
 */
#define LWIP_TCP            1
#define TCP_TTL             64
#define LWIP_WND_SCALE      1
#define TCP_RCV_SCALE       7 /* of at most 8 MiB */
#ifdef NET_CONSTANT_WINDOW
#define TCP_WND             (64 * 1024)
#define TCP_SND_BUF         (64 * 1024)
#else
extern uint32_t net_tcp_window, net_tcp_send_buffer;
#define TCP_WND             net_tcp_window
#define TCP_SND_BUF         net_tcp_send_buffer
#endif
#define TCP_MSS             61440
#define TCP_SND_QUEUELEN    0xfff0 /* pbufs; the buffer's bytes are what limits */
#define TCP_SNDLOWAT        2048
#define TCP_SNDQUEUELOWAT   0x8000
#define TCP_OVERSIZE        1460
#define LWIP_DISABLE_TCP_SANITY_CHECKS 1
#define TCP_QUEUE_OOSEQ     1
#define LWIP_TCP_SACK_OUT   1
#define LWIP_TCP_MAX_SACK_NUM 4
#define LWIP_TCP_TIMESTAMPS 0 /* lwIP would send them, and use them for nothing */
#define TCP_LISTEN_BACKLOG  1
#define LWIP_TCP_KEEPALIVE  1
#define TCP_CALCULATE_EFF_SEND_MSS 1
#define LWIP_TCP_PCB_NUM_EXT_ARGS 3 /* net_tcp_hash.c's, net_tcp_sack.c's */

/*
 * lwIP counts in ticks of twice this; with its own 250 ms a lost segment would cost half a second,
 * and a delayed acknowledgement up to a quarter.
 */
#define TCP_TMR_INTERVAL    40
#define LWIP_TCP_RTO_TIME   1000 /* RFC 6298, 2.1 */
#define TCP_MSL             15000
#define TCP_MAXRTX          12
#define TCP_SYNMAXRTX       6

#define LWIP_TIMERS         1
#define LWIP_STATS          0
#define LWIP_HOOK_FILENAME  "net_hooks.h"

#endif
