/* netinet/ip_icmp.h: ICMP's messages (RFC 792, RFC 1256, RFC 950). */
#ifndef _NETINET_IP_ICMP_H
#define _NETINET_IP_ICMP_H

#include <stdint.h>
#include <sys/types.h>
#include <netinet/in.h>
#include <netinet/ip.h>

#define ICMP_ECHOREPLY      0
#define ICMP_DEST_UNREACH   3
#define ICMP_SOURCE_QUENCH  4
#define ICMP_REDIRECT       5
#define ICMP_ECHO           8
#define ICMP_TIME_EXCEEDED  11
#define ICMP_PARAMETERPROB  12
#define ICMP_TIMESTAMP      13
#define ICMP_TIMESTAMPREPLY 14
#define ICMP_INFO_REQUEST   15
#define ICMP_INFO_REPLY     16
#define ICMP_ADDRESS        17
#define ICMP_ADDRESSREPLY   18

#define ICMP_UNREACH      ICMP_DEST_UNREACH
#define ICMP_SOURCEQUENCH ICMP_SOURCE_QUENCH
#define ICMP_ROUTERADVERT 9
#define ICMP_ROUTERSOLICIT 10
#define ICMP_TIMXCEED     ICMP_TIME_EXCEEDED
#define ICMP_PARAMPROB    ICMP_PARAMETERPROB
#define ICMP_TSTAMP       ICMP_TIMESTAMP
#define ICMP_TSTAMPREPLY  ICMP_TIMESTAMPREPLY
#define ICMP_MINLEN       8

/* Codes of ICMP_DEST_UNREACH */
#define ICMP_NET_UNREACH    0
#define ICMP_HOST_UNREACH   1
#define ICMP_PROT_UNREACH   2
#define ICMP_PORT_UNREACH   3
#define ICMP_FRAG_NEEDED    4
#define ICMP_SR_FAILED      5
#define ICMP_NET_UNKNOWN    6
#define ICMP_HOST_UNKNOWN   7
#define ICMP_HOST_ISOLATED  8
#define ICMP_NET_ANO        9
#define ICMP_HOST_ANO       10
#define ICMP_NET_UNR_TOS    11
#define ICMP_HOST_UNR_TOS   12
#define ICMP_PKT_FILTERED   13
#define ICMP_PREC_VIOLATION 14
#define ICMP_PREC_CUTOFF    15
#define ICMP_UNREACH_NET      ICMP_NET_UNREACH
#define ICMP_UNREACH_HOST     ICMP_HOST_UNREACH
#define ICMP_UNREACH_PROTOCOL ICMP_PROT_UNREACH
#define ICMP_UNREACH_PORT     ICMP_PORT_UNREACH
#define ICMP_UNREACH_NEEDFRAG ICMP_FRAG_NEEDED

/* Codes of ICMP_REDIRECT and ICMP_TIME_EXCEEDED */
#define ICMP_REDIR_NET     0
#define ICMP_REDIR_HOST    1
#define ICMP_EXC_TTL       0
#define ICMP_EXC_FRAGTIME  1
#define ICMP_TIMXCEED_INTRANS 0
#define ICMP_TIMXCEED_REASS   1

struct icmphdr {
    uint8_t type;
    uint8_t code;
    uint16_t checksum;
    union {
        struct {
            uint16_t id;
            uint16_t sequence;
        } echo;
        uint32_t gateway;
        struct {
            uint16_t __reserved;
            uint16_t mtu;
        } frag;
    } un;
};

/* The same with BSD's names, and what follows the first eight bytes. */
struct icmp {
    uint8_t icmp_type;
    uint8_t icmp_code;
    uint16_t icmp_cksum;
    union {
        unsigned char ih_pptr;
        struct in_addr ih_gwaddr;
        struct {
            uint16_t icd_id;
            uint16_t icd_seq;
        } ih_idseq;
        uint32_t ih_void;
        struct {
            uint16_t ipm_void;
            uint16_t ipm_nextmtu;
        } ih_pmtu;
    } icmp_hun;
    union {
        struct {
            uint32_t its_otime;
            uint32_t its_rtime;
            uint32_t its_ttime;
        } id_ts;
        struct {
            struct ip idi_ip;
        } id_ip;
        uint32_t id_mask;
        uint8_t id_data[1];
    } icmp_dun;
};
#define icmp_pptr    icmp_hun.ih_pptr
#define icmp_gwaddr  icmp_hun.ih_gwaddr
#define icmp_id      icmp_hun.ih_idseq.icd_id
#define icmp_seq     icmp_hun.ih_idseq.icd_seq
#define icmp_void    icmp_hun.ih_void
#define icmp_nextmtu icmp_hun.ih_pmtu.ipm_nextmtu
#define icmp_otime   icmp_dun.id_ts.its_otime
#define icmp_rtime   icmp_dun.id_ts.its_rtime
#define icmp_ttime   icmp_dun.id_ts.its_ttime
#define icmp_ip      icmp_dun.id_ip.idi_ip
#define icmp_mask    icmp_dun.id_mask
#define icmp_data    icmp_dun.id_data

#endif
