/* netinet/udp.h: UDP's header (RFC 768). */
#ifndef _NETINET_UDP_H
#define _NETINET_UDP_H

#include <stdint.h>
#include <sys/types.h>

#define UDP_CORK 1

struct udphdr {
    __extension__ union {
        struct {
            uint16_t uh_sport;
            uint16_t uh_dport;
            uint16_t uh_ulen;
            uint16_t uh_sum;
        };
        struct {
            uint16_t source;
            uint16_t dest;
            uint16_t len;
            uint16_t check;
        };
    };
};

#endif
