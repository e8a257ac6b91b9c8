/*
 * lwipopts for lwIP's own unit tests: ours, with the figures that the tests count with: statistics,
 * pools, windows, ticks. Tests of what is ours (test_net_*.c) use our options as they are.
 */
#ifndef TESTS_LWIPOPTS_H
#define TESTS_LWIPOPTS_H

#include "../../../libc-glue/lwip/lwipopts.h"

#define LWIP_TESTMODE 1

#undef LWIP_STATS
#define LWIP_STATS 1
#define MEM_STATS  1
#define MIB2_STATS 1
#define LWIP_MEM_ILLEGAL_FREE(what) /* the tests look at the counter */

/* They count what is in use in the pools. */
#undef MEM_CUSTOM_ALLOCATOR
#undef MEM_CUSTOM_MALLOC
#undef MEM_CUSTOM_CALLOC
#undef MEM_CUSTOM_FREE
#undef MEMP_MEM_MALLOC
#define MEM_SIZE             100000
#define PBUF_POOL_SIZE       400
#define MEMP_NUM_TCP_SEG     TCP_SND_QUEUELEN
#define MEMP_NUM_SYS_TIMEOUT (LWIP_NUM_SYS_TIMEOUT_INTERNAL + 8)
#define LWIP_DNS_SECURE      (LWIP_DNS_SECURE_RAND_XID | LWIP_DNS_SECURE_RAND_SRC_PORT)

/* They foresee sequence numbers. */
#undef LWIP_HOOK_FILENAME

/* They count on address conflict detection, and on one receiver of a broadcast. */
#undef LWIP_ACD
#undef LWIP_DHCP_DOES_ACD_CHECK
#undef SO_REUSE_RXTOALL

/* The tests write out what lwIP does with its own windows, segments and ticks. */
#undef TCP_MSS
#undef TCP_WND
#undef TCP_SND_BUF
#undef TCP_SND_QUEUELEN
#undef TCP_SNDLOWAT
#undef TCP_SNDQUEUELOWAT
#undef TCP_RCV_SCALE
#undef TCP_OVERSIZE
#undef TCP_TMR_INTERVAL
#undef LWIP_TCP_RTO_TIME
#undef PBUF_POOL_BUFSIZE
#define TCP_MSS              536
#define TCP_WND              (10 * TCP_MSS)
#define TCP_SND_BUF          (12 * TCP_MSS)
#define TCP_SND_QUEUELEN     40
#define TCP_RCV_SCALE        0
#define TCP_TMR_INTERVAL     250
#define LWIP_TCP_RTO_TIME    3000

#endif
